/** The counts of clients that all workers share, as the supervisor has them. */
import {
  ClientCounts,
  countsMemory,
  heldCounts,
  type CountsMemory,
  type HeldCounts,
} from '../../policies/limits/client-counts.ts';
import type { WorkerData } from './messages.ts';

export class SharedCounts {
  readonly #memory: CountsMemory;
  readonly #counts: ClientCounts;
  readonly #held = new Map<number, HeldCounts>();

  /** Counts of so many bytes, for workers with the numbers up to `workers`. */
  constructor(bytes: number, workers: number) {
    this.#memory = countsMemory(bytes);
    this.#counts = new ClientCounts(this.#memory, heldCounts(this.#memory), workers);
  }

  /** What a worker starts with. */
  of(worker: number): WorkerData['counts'] {
    let held = this.#held.get(worker);
    if (held === undefined) this.#held.set(worker, (held = heldCounts(this.#memory)));
    return { memory: this.#memory, held, worker };
  }

  /** The thread of a worker has ended, and with it its requests. */
  ended(worker: number): void {
    const held = this.#held.get(worker);
    if (held !== undefined) this.#counts.giveBack(held);
  }
}
