/** Conditions in a status, as the Kubernetes API conventions want them. */
import { equalJson, isObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';

/** A condition without its times. */
interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason?: string;
  readonly message?: string;
}

/**
 * Sets one condition of a status that is being changed. `lastTransitionTime` moves when the status of the condition changes;
 * with `withUpdateTime` (Deployments have it) `lastUpdateTime` moves when anything of it does, or when `touch` is set.
 */
export function setCondition(
  status: JsonObject,
  condition: Condition,
  time: string,
  options: { readonly withUpdateTime?: boolean; readonly touch?: boolean } = {},
): void {
  const conditions = Array.isArray(status['conditions']) ? (status['conditions'] as unknown[]).filter(isObject) : [];
  const index = conditions.findIndex((other) => other['type'] === condition.type);
  const old = conditions[index];
  const moved = old?.['status'] !== condition.status;
  const next: JsonObject = { ...condition, lastTransitionTime: moved ? time : old['lastTransitionTime'] };
  if (options.withUpdateTime) {
    next['lastUpdateTime'] = old?.['lastUpdateTime'] ?? time;
    if (options.touch || !equalJson(old, next)) next['lastUpdateTime'] = time;
  }
  if (index < 0) conditions.push(next);
  else conditions[index] = next;
  status['conditions'] = conditions;
}
