/** Time and randomness as they are handed in to everything in this folder, so that tests own them. */

/** Clock, timers and randomness. */
export interface Timing {
  /** Milliseconds of a clock that never goes back; its zero means nothing. */
  readonly now: () => number;
  /** Milliseconds since 1970, for what is written into objects only: no decision is made on it. */
  readonly date: () => number;
  /** Calls back once after so many milliseconds; returns the function that prevents it. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** At least 0, less than 1. */
  readonly random: () => number;
}

/** The machine's own clock and timers. Whoever sets a timer cancels it when stopped; until then it keeps the process alive. */
export const SYSTEM_TIMING: Timing = {
  now: () => performance.now(),
  date: () => Date.now(),
  after: (milliseconds, callback) => {
    const timer = setTimeout(callback, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
  random: () => Math.random(),
};

/** Resolves after so many milliseconds, or at once when the signal aborts. Never rejects. */
export function pause(timing: Timing, milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      cancel();
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = timing.after(milliseconds, finish);
    signal.addEventListener('abort', finish, { once: true });
  });
}

/** Delays between attempts that fail in a row. */
export interface Backoff {
  /** The next delay in milliseconds: full jitter (uniform below a bound that doubles), never less than `atLeast`. */
  readonly next: (atLeast?: number) => number;
  readonly reset: () => void;
}

/** Exponential back-off with full jitter. `first` and `most` bound the doubling, in milliseconds. */
export function createBackoff(timing: Timing, first = 200, most = 30_000): Backoff {
  let bound = first;
  return {
    next: (atLeast = 0) => {
      const delay = timing.random() * bound;
      bound = Math.min(most, bound * 2);
      return Math.max(atLeast, delay);
    },
    reset: () => {
      bound = first;
    },
  };
}
