/**
 * When a request may be sent again (RFC 9110 §9.2.2, RFC 9112 §9.3.1; nginx's proxy_next_upstream "error timeout"). What was
 * sent once and is sent again to another endpoint is load, and has a budget; what never left, or met a connection that its
 * upstream had just closed, is not (docs/decisions/retries.md).
 */
import type { ProxySettings } from '../../settings/settings.ts';
import { ERRORS, type ProxyError } from '../errors.ts';

/** nginx's list of methods that must not be sent twice. */
const NOT_IDEMPOTENT = new Set(['POST', 'LOCK', 'PATCH']);

const NOTHING_SENT: ReadonlySet<ProxyError> = new Set([
  ERRORS.connectFailed,
  ERRORS.connectTimeout,
  ERRORS.resolveFailed,
  ERRORS.upstreamClosed,
]);

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
  return reused && (error === ERRORS.upstreamReset || error === ERRORS.upstreamClosed);
}

/** Decides after a failure before the first byte of the response. */
export function decideRetry(error: ProxyError, attempt: Attempt, settings: ProxySettings): RetryDecision {
  if (error.retry === 'never' || !attempt.replayable) return 'no';
  // When nothing was sent, any method may be tried elsewhere.
  const sent = !NOTHING_SENT.has(error);
  if (sent && NOT_IDEMPOTENT.has(attempt.method) && !settings.retryNonIdempotent) return 'no';
  if (isStale(error, attempt.reused)) return 'fresh';
  if (settings.upstreamTries > 0 && attempt.tries >= settings.upstreamTries) return 'no';
  if (settings.upstreamTriesTimeout > 0 && attempt.spent >= settings.upstreamTriesTimeout) return 'no';
  return sent && !attempt.budget.spend() ? 'no' : 'next';
}
