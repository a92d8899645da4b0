/** The endpoints of a group by what hashing and cookies say of them. Made when the first request asks, anew when endpoints change. */
import { backendKey, endpointKey } from '../../../policies/balance/session-cookie.ts';
import type { Target } from '../group.ts';
import { Ring } from './ring.ts';

export class EndpointIndex {
  readonly #targets: readonly Target[];
  /** `namespace-service-port`. */
  readonly #name: string;
  #ring: Ring | null = null;
  #pinned: Map<string, Target> | null = null;
  #backendKey: string | null = null;
  /** The ring of the last size asked for: a group has one. */
  #subsets: { readonly size: number; readonly ring: Ring } | null = null;

  constructor(name: string, targets: readonly Target[]) {
    this.#name = name;
    this.#targets = targets;
  }

  /** Of the indices of the endpoints. */
  get ring(): Ring {
    return (this.#ring ??= new Ring(this.#targets.map(({ pool }) => pool.label)));
  }

  /** What a session cookie of this group ends with. */
  get backendKey(): string {
    return (this.#backendKey ??= backendKey(this.#name));
  }

  /** Of the indices of subsets of so many endpoints, the first of them first. */
  subsets(size: number): Ring {
    if (this.#subsets?.size !== size) {
      const count = Math.ceil(this.#targets.length / size);
      this.#subsets = { size, ring: new Ring(Array.from({ length: count }, (_, index) => `set${index + 1}`)) };
    }
    return this.#subsets.ring;
  }

  /** The endpoint that a session cookie pins; null: there is none of that key (any more). */
  pinned(key: string): Target | null {
    this.#pinned ??= new Map(this.#targets.map((target) => [this.keyOf(target), target]));
    return this.#pinned.get(key) ?? null;
  }

  keyOf({ pool }: Target): string {
    return endpointKey(this.#name, pool.label);
  }
}
