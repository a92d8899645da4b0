/** What tests can make go wrong: watches that end, stall or garble, requests that fail or hang, lists of the past. */
import type { ResourceRequest, Verb } from '../http/request.ts';
import { expired, StatusError } from './status-error.ts';
import type { Watch } from '../http/watch.ts';

/** Which requests a fault is about; what is left out matches all. */
interface RequestMatch {
  readonly verb?: Verb | readonly Verb[];
  /** The plural name: `ingresses`. */
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

/** How often a fault strikes: the next `times` requests that match, or each with a probability; without either, all of them. */
interface Frequency {
  readonly times?: number;
  /** From 0 to 1. */
  readonly probability?: number;
}

/** An answer in place of the real one. */
interface Failure extends Frequency {
  readonly match?: RequestMatch;
  /** 401, 403, 410, 429, 500, 503 and so on. */
  readonly status: number;
  readonly retryAfterSeconds?: number;
  readonly message?: string;
}

/** What is done to an HTTP request before it is handled. */
type Interception =
  | { readonly kind: 'none' }
  | { readonly kind: 'fail'; readonly error: StatusError }
  | { readonly kind: 'stall' }
  | { readonly kind: 'delay'; readonly milliseconds: number };

const REASONS = new Map([
  [400, 'BadRequest'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
  [409, 'Conflict'],
  [410, 'Expired'],
  [429, 'TooManyRequests'],
  [500, 'InternalError'],
  [503, 'ServiceUnavailable'],
  [504, 'Timeout'],
]);

interface Rule {
  readonly match: RequestMatch;
  readonly frequency: Frequency;
  readonly interception: Interception;
  left: number;
}

/** What a fault is matched against. */
export type RequestSubject = Pick<ResourceRequest, 'verb' | 'plural' | 'namespace' | 'name'>;

function matches(match: RequestMatch, request: RequestSubject): boolean {
  if (match.verb !== undefined && ![match.verb].flat().includes(request.verb)) return false;
  if (match.resource !== undefined && match.resource !== request.plural) return false;
  if (match.namespace !== undefined && match.namespace !== request.namespace) return false;
  return match.name === undefined || match.name === request.name;
}

/** The faults of one API server. Each method that adds one returns the function that takes it away again. */
export class Faults {
  readonly #random: () => number;
  readonly #rules = new Set<Rule>();
  readonly #watches = new Set<Watch>();
  readonly #stalled = new Set<() => void>();
  readonly #stale = new Map<RequestMatch, number>();
  readonly #observers = new Set<(request: RequestSubject) => void>();
  #expireContinue = 0;
  #garbage: { readonly match: RequestMatch; readonly how: 'half-line' | 'garbage' } | undefined;

  /** `random` gives numbers from 0 to 1, for faults with a probability. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Tells of every request for a resource as it comes, also of those that a fault then meets. */
  observe(observer: (request: RequestSubject) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Requests that match are refused. */
  fail(failure: Failure): () => void {
    const { status, message, retryAfterSeconds } = failure;
    const details = retryAfterSeconds === undefined ? undefined : { retryAfterSeconds };
    const error = new StatusError(status, REASONS.get(status) ?? '', message ?? `injected fault: ${status}`, details);
    return this.#addRule(failure.match ?? {}, failure, { kind: 'fail', error });
  }

  /** Requests that match get no answer, until the fault is taken away: then their connections end. */
  stall(match: RequestMatch = {}, frequency: Frequency = {}): () => void {
    const remove = this.#addRule(match, frequency, { kind: 'stall' });
    return () => {
      remove();
      for (const release of this.#stalled) release();
      this.#stalled.clear();
    };
  }

  /** Requests that match are answered later. */
  delay(milliseconds: number, match: RequestMatch = {}, frequency: Frequency = {}): () => void {
    return this.#addRule(match, frequency, { kind: 'delay', milliseconds });
  }

  /** Ends the open watches that match: `end` as after a timeout, `reset` with a TCP reset, `silence` by never writing again. Returns how many. */
  dropWatches(how: 'end' | 'reset' | 'silence' = 'end', match: RequestMatch = {}): number {
    const watches = this.watches(match);
    for (const watch of watches) {
      if (how === 'silence') watch.silent = true;
      else if (how === 'reset') watch.cut(true);
      else watch.end();
    }
    return watches.length;
  }

  /** Sends an ERROR event with this status into the open watches that match, which ends them. Returns how many. */
  failWatches(status: number, match: RequestMatch = {}): number {
    const watches = this.watches(match);
    const error = new StatusError(status, REASONS.get(status) ?? '', `injected fault: ${status}`);
    for (const watch of watches) watch.fail(error);
    return watches.length;
  }

  /** The next event of a watch that matches is cut in half and the stream ends after it, or is text that is no JSON. */
  garbleNextEvent(how: 'half-line' | 'garbage', match: RequestMatch = {}): void {
    this.#garbage = { match, how };
  }

  /** Lists that match are of the past, with their old resourceVersion. */
  serveStaleLists(revision: number, match: RequestMatch = {}): () => void {
    this.#stale.set(match, revision);
    return () => this.#stale.delete(match);
  }

  /** The next requests with a continue token get 410. */
  expireContinue(times = 1): void {
    this.#expireContinue = times;
  }

  /** The open watches that match. */
  watches(match: RequestMatch = {}): Watch[] {
    return [...this.#watches].filter((watch) => matches(match, watch.request));
  }

  /** Takes away every fault; watches that were silenced stay so. */
  clear(): void {
    this.#rules.clear();
    this.#stale.clear();
    this.#expireContinue = 0;
    this.#garbage = undefined;
    for (const release of this.#stalled) release();
    this.#stalled.clear();
  }

  /** What happens to a request. Counts it against the faults it meets. */
  intercept(request: ResourceRequest): Interception {
    for (const observer of this.#observers) observer(request);
    for (const rule of this.#rules) {
      if (!matches(rule.match, request)) continue;
      const { probability } = rule.frequency;
      if (probability !== undefined && this.#random() >= probability) continue;
      rule.left--;
      if (rule.left <= 0) this.#rules.delete(rule);
      return rule.interception;
    }
    return { kind: 'none' };
  }

  /** Whether a request would be refused with 401 or 403. */
  denies(request: RequestSubject): boolean {
    for (const { match, interception } of this.#rules) {
      if (interception.kind !== 'fail' || ![401, 403].includes(interception.error.code)) continue;
      if (matches(match, request)) return true;
    }
    return false;
  }

  /** Keeps a connection waiting; `release` ends it. */
  hold(release: () => void): void {
    this.#stalled.add(release);
  }

  /** The revision that a list is to be of, when it is not the current one. */
  listRevision(request: ResourceRequest): number | undefined {
    for (const [match, revision] of this.#stale) if (matches(match, request)) return revision;
    return undefined;
  }

  /** Throws 410 when continue tokens are made to expire. */
  checkContinue(): void {
    if (this.#expireContinue <= 0) return;
    this.#expireContinue--;
    throw expired(
      'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
    );
  }

  remember(watch: Watch): void {
    this.#watches.add(watch);
  }

  forget(watch: Watch): void {
    this.#watches.delete(watch);
  }

  /** The text of an event, or what a fault makes of it. */
  garble(watch: Watch, text: string): string {
    const fault = this.#garbage;
    if (fault === undefined || !matches(fault.match, watch.request)) return text;
    this.#garbage = undefined;
    if (fault.how === 'garbage') return '\u0000{]not JSON\n';
    setImmediate(() => {
      watch.end();
    });
    return text.slice(0, text.length >> 1);
  }

  #addRule(match: RequestMatch, frequency: Frequency, interception: Interception): () => void {
    const rule: Rule = { match, frequency, interception, left: frequency.times ?? Infinity };
    this.#rules.add(rule);
    return () => this.#rules.delete(rule);
  }
}
