/** Randomness that a seed repeats. */

/** A generator of the mulberry32 family: fast, and good enough to choose inputs. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, bound). */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  }

  /** True once in `n` calls. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of `usual`; once in thirty times one of `odd`. */
  mostly<T>(usual: readonly T[], odd: readonly T[]): T {
    return this.pick(this.oneIn(30) ? odd : usual);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }
}
