/**
 * When the controller works: the first change after a quiet moment at once, a storm of changes gathered into one pass, a
 * pass that threw again after a while. What a pass does is handed in.
 */

/** Time, handed in. Milliseconds. */
export interface Clock {
  /** Monotonic. */
  readonly now: () => number;
  /** Calls back once, after at least `delay`; 0 means after what is already on the event loop. Returns a cancel function. */
  readonly after: (delay: number, callback: () => void) => () => void;
}

/** The clock of this process. Its timers do not keep the process alive. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after: (delay, callback) => {
    if (delay <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, delay).unref();
    return () => clearTimeout(timer);
  },
};

interface LoopOptions<T> {
  /**
   * One pass over the changes since the last one; null asks for everything anew (the first pass, after a pass that threw,
   * and when too many changes are waiting to list them).
   */
  readonly pass: (changes: readonly T[] | null) => void;
  /** A pass threw; it is tried again in `retryIn` milliseconds, or earlier with the next change. */
  readonly failed: (error: unknown, retryIn: number) => void;
  readonly clock: Clock;
}

/** A pass waits until no change came for so long… */
export const GATHER_MS = 5;
/** …but no longer than this after the first change. */
export const GATHER_LIMIT_MS = 50;
/** The first retry of a pass that threw; doubled with each failure in a row. */
export const RETRY_MIN_MS = 100;
export const RETRY_MAX_MS = 30_000;
/** More changes than this in one pass and everything is looked at anew: listing them would cost more. */
const CHANGES_LIMIT = 10_000;

/** Runs passes. Changes added before `start` only make the first pass, which is over everything. */
export class Loop<T> {
  readonly #options: LoopOptions<T>;
  #state: 'idle' | 'started' | 'stopped' = 'idle';
  #changes: T[] = [];
  #everything = true;
  #firstChange = 0;
  #lastChange = 0;
  #quietSince = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #cancel: (() => void) | null = null;
  /** The timer that is armed waits for a retry, which a new change may bring forward. */
  #waitingForRetry = false;

  constructor(options: LoopOptions<T>) {
    this.#options = options;
  }

  /** Runs the first pass, now and over everything, and takes changes from here on. */
  start(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'started';
    this.#run();
  }

  /** Notes a change and sees to it that a pass follows. */
  add(change: T): void {
    if (this.#state !== 'started') return;
    if (!this.#everything) this.#changes.push(change);
    if (this.#changes.length > CHANGES_LIMIT) {
      this.#everything = true;
      this.#changes = [];
    }
    this.#wake();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#disarm();
    this.#changes = [];
  }

  #wake(): void {
    const now = this.#options.clock.now();
    this.#lastChange = now;
    if (this.#cancel !== null && !this.#waitingForRetry) return;
    this.#disarm();
    this.#firstChange = now;
    const quiet = now - this.#quietSince >= GATHER_MS;
    this.#arm(quiet ? 0 : GATHER_MS, quiet ? this.#run : this.#gathered);
  }

  /** The gathering time is over, unless changes kept coming. */
  readonly #gathered = (): void => {
    const now = this.#options.clock.now();
    const due = Math.min(this.#lastChange + GATHER_MS, this.#firstChange + GATHER_LIMIT_MS);
    if (now >= due) this.#run();
    else this.#arm(due - now, this.#gathered);
  };

  readonly #run = (): void => {
    this.#disarm();
    const changes = this.#everything ? null : this.#changes;
    this.#changes = [];
    this.#everything = false;
    try {
      this.#options.pass(changes);
      this.#failures = 0;
    } catch (error) {
      // Half a pass may have been remembered somewhere: the next one starts from nothing.
      this.#everything = true;
      this.#changes = [];
      const retryIn = Math.min(RETRY_MIN_MS * 2 ** this.#failures, RETRY_MAX_MS);
      this.#failures += 1;
      this.#options.failed(error, retryIn);
      this.#disarm();
      this.#arm(retryIn, this.#run);
      this.#waitingForRetry = true;
    }
    this.#quietSince = this.#options.clock.now();
  };

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#waitingForRetry = false;
  }

  #arm(delay: number, callback: () => void): void {
    if (this.#state !== 'started') return;
    this.#cancel = this.#options.clock.after(delay, callback);
  }
}
