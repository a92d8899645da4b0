/** A clock that a test moves by hand. */
import type { Timing } from '../../src/cluster/timing.ts';

/** Timing whose time passes only by `advance`. */
export class ManualTiming implements Timing {
  #now = 0;
  #next = 1;
  readonly #timers = new Map<number, { readonly at: number; readonly callback: () => void }>();
  /** What `random` gives. */
  randomness = 0.5;
  /** Shifts `date` only: a wall clock that is wrong. */
  skew = 0;

  readonly now = (): number => this.#now;
  readonly date = (): number => Date.UTC(2026, 0, 1) + this.#now + this.skew;
  readonly random = (): number => this.randomness;
  readonly after = (milliseconds: number, callback: () => void): (() => void) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + milliseconds, callback });
    return () => {
      this.#timers.delete(id);
    };
  };

  /** When the timers are due, in milliseconds from now, soonest first. */
  due(): number[] {
    return [...this.#timers.values()].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Lets time pass without calling anybody, as while the process is suspended. */
  suspend(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Lets time pass and calls back what falls due, in order. */
  advance(milliseconds: number): void {
    const until = this.#now + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at);
      if (!next) {
        break;
      }
      const [id, { at, callback }] = next;
      this.#timers.delete(id);
      this.#now = Math.max(this.#now, at);
      callback();
    }
    this.#now = until;
  }
}
