/**
 * When a request may be sent again (RFC 9110 §9.2.2, RFC 9112 §9.3.1; nginx's proxy_next_upstream). What was
 * sent once and is sent again to another endpoint is load, and has a budget; what never left, or met a connection that its
 * upstream had just closed, is not (docs/decisions/retries.md).
 */
import type { ProxySettings } from '../../settings/settings.ts';
import { ERRORS, type ProxyError } from '../errors.ts';

/**
 * The methods that IANA's registry calls idempotent. Of others nobody knows, and they are not sent twice (RFC 9110 §9.2.2);
 * nginx has a list of those that must not be (POST, LOCK, PATCH), and repeats what it has never heard of.
 */
const IDEMPOTENT: ReadonlySet<string> = new Set(
  (
    'GET HEAD PUT DELETE OPTIONS TRACE QUERY PROPFIND PROPPATCH MKCOL COPY MOVE UNLOCK SEARCH REPORT ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT ' +
    'LABEL LINK MERGE MKACTIVITY MKCALENDAR MKREDIRECTREF MKWORKSPACE ORDERPATCH REBIND UNBIND UNCHECKOUT UNLINK UPDATE UPDATEREDIRECTREF ' +
    'VERSION-CONTROL'
  ).split(' '),
);

const NOTHING_SENT: ReadonlySet<ProxyError> = new Set([
  ERRORS.connectFailed,
  ERRORS.connectTimeout,
  ERRORS.resolveFailed,
  ERRORS.tlsFailed,
  ERRORS.streamRefused,
  ERRORS.upstreamClosed,
]);

/** Which word of `proxy-next-upstream` is about which failure. */
const CONDITIONS: ReadonlyMap<ProxyError, string> = new Map([
  [ERRORS.connectFailed, 'error'],
  [ERRORS.resolveFailed, 'error'],
  [ERRORS.tlsFailed, 'error'],
  [ERRORS.streamRefused, 'error'],
  [ERRORS.upstreamClosed, 'error'],
  [ERRORS.upstreamReset, 'error'],
  [ERRORS.connectTimeout, 'timeout'],
  [ERRORS.upstreamTimeout, 'timeout'],
  [ERRORS.upstreamSendTimeout, 'timeout'],
  [ERRORS.badResponse, 'invalid_header'],
  [ERRORS.responseHeadTooLarge, 'invalid_header'],
]);

/** And about which status of a response. */
const STATUS_CONDITIONS: ReadonlyMap<number, string> = new Map(
  [403, 404, 429, 500, 502, 503, 504].map((status) => [status, `http_${status}`]),
);

/** What was tried so far. */
export interface Attempt {
  readonly method: string;
  /** Tries that count, this one included. */
  readonly tries: number;
  /** The connection had served a request before. */
  readonly reused: boolean;
  /** All of the request body that was sent is at hand. */
  readonly replayable: boolean;
  /** Milliseconds since the request began. */
  readonly spent: number;
  /** The group's. Asked last, so that only a retry that takes place is counted. */
  readonly budget: { readonly spend: () => boolean };
}

/** `fresh`: again to the same endpoint on a new connection, which is not counted as a try. `next`: to another endpoint. */
export type RetryDecision = 'no' | 'fresh' | 'next';

/** The upstream closed the idle connection just as we wrote: not its failure. */
export function isStale(error: ProxyError, reused: boolean): boolean {
  return reused && (error === ERRORS.upstreamReset || error === ERRORS.upstreamClosed || error === ERRORS.streamRefused);
}

/**
 * Decides after a failure before the first byte of the response. What never left over a connection that was just being closed is sent once
 * more whatever `proxy-next-upstream` says: nobody has seen it.
 */
export function decideRetry(error: ProxyError, attempt: Attempt, settings: ProxySettings): RetryDecision {
  if (error.retry === 'never' || !attempt.replayable) return 'no';
  // When nothing was sent, any method may be tried elsewhere.
  const sent = !NOTHING_SENT.has(error);
  if (sent && !repeatable(attempt, settings)) return 'no';
  const wanted = settings.nextUpstream.includes(CONDITIONS.get(error) ?? '');
  if (isStale(error, attempt.reused) && (wanted || !sent)) return 'fresh';
  if (!wanted || exhausted(attempt, settings)) return 'no';
  return sent && !attempt.budget.spend() ? 'no' : 'next';
}

/** Whether a response with this status is to be had from another endpoint, if there is one (ngx_http_upstream_test_next). */
export function passesOver(status: number, attempt: Omit<Attempt, 'budget'>, settings: ProxySettings): boolean {
  const condition = STATUS_CONDITIONS.get(status);
  if (condition === undefined || !settings.nextUpstream.includes(condition)) return false;
  return attempt.replayable && repeatable(attempt, settings) && !exhausted(attempt, settings);
}

/** What was sent may be sent again. */
function repeatable({ method }: Pick<Attempt, 'method'>, { retryNonIdempotent, nextUpstream }: ProxySettings): boolean {
  return IDEMPOTENT.has(method) || retryNonIdempotent || nextUpstream.includes('non_idempotent');
}

/** There were tries enough, or they took long enough. */
function exhausted({ tries, spent }: Pick<Attempt, 'tries' | 'spent'>, settings: ProxySettings): boolean {
  const { upstreamTries, upstreamTriesTimeout } = settings;
  return (upstreamTries > 0 && tries >= upstreamTries) || (upstreamTriesTimeout > 0 && spent >= upstreamTriesTimeout);
}
