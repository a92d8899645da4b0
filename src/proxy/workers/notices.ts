/** Troubles that are told of once in a while: what goes wrong for every line or span must not fill the log. */

/** Each trouble is told at most once in so many milliseconds. */
const INTERVAL = 60_000;

/** Limits how often `tell` is called for one `what`. */
export class Notices {
  readonly #tell: (what: string, why: string) => void;
  readonly #now: () => number;
  readonly #toldAt = new Map<string, number>();

  /** `now`: milliseconds. */
  constructor(tell: (what: string, why: string) => void, now: () => number = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  /** `what`: one of few texts. */
  tell(what: string, why: string): void {
    const now = this.#now();
    if (now - (this.#toldAt.get(what) ?? -Infinity) < INTERVAL) return;
    this.#toldAt.set(what, now);
    this.#tell(what, why);
  }
}
