import type { Clock } from '../../src/controller/loop.ts';

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that moves only when told to. */
export class FakeClock implements Clock {
  #now = 1_000_000;
  #timers: Timer[] = [];

  readonly now = (): number => this.#now;

  readonly after = (delay: number, callback: () => void): (() => void) => {
    const timer = { due: this.#now + Math.max(0, delay), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  /** Moves on by `milliseconds`, calling what becomes due on the way, in order. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = end;
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#timers.length;
  }
}
