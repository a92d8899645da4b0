/**
 * How much of the load of a group may be requests sent again: when all its endpoints fail, retries would multiply the load just
 * when it hurts most (docs/decisions/retries.md). Counted by each worker for itself.
 */

/** What a budget needs of its worker. */
export interface RetryBudgetContext {
  /** Milliseconds, monotonic. Cheap to read; may be a little behind. */
  readonly deadlines: { readonly now: number };
  /** Retries in percent of the recent requests. 0: no limit. */
  readonly retryBudget: () => number;
  /** A retry was denied. */
  readonly onRetryDenied: () => void;
}

/** Recent are the current and the previous of such periods, in milliseconds. */
const PERIOD = 5000;
/** So many retries are allowed however few the requests are: Envoy's min_retry_concurrency. */
const ALWAYS = 3;

export class RetryBudget {
  readonly #context: RetryBudgetContext;
  #requests = 0;
  #retries = 0;
  #requestsBefore = 0;
  #retriesBefore = 0;
  #periodEnd = 0;

  constructor(context: RetryBudgetContext) {
    this.#context = context;
  }

  /** A request begins. */
  count(): void {
    if (this.#context.deadlines.now >= this.#periodEnd) this.#turn();
    this.#requests++;
  }

  /** Whether a request may be sent again; if so, it is counted. */
  spend(): boolean {
    if (this.#context.deadlines.now >= this.#periodEnd) this.#turn();
    const percent = this.#context.retryBudget();
    const allowed = Math.max(ALWAYS, ((this.#requests + this.#requestsBefore) * percent) / 100);
    if (percent > 0 && this.#retries + this.#retriesBefore >= allowed) {
      this.#context.onRetryDenied();
      return false;
    }
    this.#retries++;
    return true;
  }

  #turn(): void {
    const { now } = this.#context.deadlines;
    const adjacent = now < this.#periodEnd + PERIOD;
    this.#requestsBefore = adjacent ? this.#requests : 0;
    this.#retriesBefore = adjacent ? this.#retries : 0;
    this.#requests = this.#retries = 0;
    this.#periodEnd = now + PERIOD;
  }
}
