/** What a request to the API server can fail with: one type, whether or not there was an answer. */

/** A request that failed. Its message never holds credentials. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** The HTTP status; 0 when there was no (whole) answer. */
  readonly status: number;
  /** The `reason` of the Status object, for example `NotFound` or `Conflict`; for status 0 one of `Unreachable`, `Timeout`, `Aborted`, `Credentials`, `BadResponse`. */
  readonly reason: string;
  /** What Retry-After asked for, in milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(status: number, reason: string, message: string, retryAfter?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

/** Any thrown thing as an ApiError. */
export function toApiError(error: unknown, what: string): ApiError {
  if (error instanceof ApiError) {
    return error;
  }
  const text = error instanceof Error ? error.message || codeOf(error) : String(error);
  return new ApiError(0, 'Unreachable', `${what}: ${text}`, undefined, error);
}

/** The label under which a failure is counted: the status, or the reason when there was no answer. */
export function errorCode(error: ApiError): string {
  return error.status === 0 ? error.reason : String(error.status);
}

/** Milliseconds asked for by a Retry-After header (RFC 9110 section 10.2.3): seconds or a date. At most an hour is believed. */
export function parseRetryAfter(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string' || value.trim() === '') {
    return undefined;
  }
  const text = value.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), 3_600_000);
}

function codeOf(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' ? code : error.name;
}
