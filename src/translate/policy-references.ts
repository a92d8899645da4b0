/** Which Ingresses name a Secret or ConfigMap in an annotation: what is translated anew when it changes. */
import type { ObjectReference } from '../policies/policy.ts';
import type { IngressPlan } from './plan.ts';

export class PolicyReferences {
  readonly #plans = new Map<string, { readonly object: ObjectReference; readonly plans: Set<IngressPlan> }>();

  add(plan: IngressPlan): void {
    for (const object of plan.references) {
      const key = keyOf(object);
      const entry = this.#plans.get(key) ?? { object, plans: new Set() };
      this.#plans.set(key, entry);
      entry.plans.add(plan);
    }
  }

  remove(plan: IngressPlan): void {
    for (const object of plan.references) {
      const plans = this.#plans.get(keyOf(object))?.plans;
      plans?.delete(plan);
      if (plans?.size === 0) this.#plans.delete(keyOf(object));
    }
  }

  /** Each once. */
  *objects(): Iterable<ObjectReference> {
    for (const { object } of this.#plans.values()) yield object;
  }

  plansOf(object: ObjectReference): Iterable<IngressPlan> {
    return this.#plans.get(keyOf(object))?.plans ?? [];
  }
}

function keyOf({ kind, namespace, name }: ObjectReference): string {
  return JSON.stringify([kind, namespace, name]);
}
