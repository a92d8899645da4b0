/** The tries of a request that came to nothing, for those who write down what happened: nginx's `$upstream_…` lists them all. */
import type { ProxyError } from '../errors.ts';

/** A try that failed before a response began. Times are seconds. */
export interface FailedTry {
  /** What nginx takes it for: 502, or 504 for one that was late. */
  readonly status: number;
  /** Null: there was no connection. */
  readonly connectTime: number | null;
  readonly responseTime: number;
}

/** Of most requests: none. */
export const NO_FAILED_TRIES: readonly FailedTry[] = [];

/** `startedAt`, `connectedAt` (0: not), `endedAt`: milliseconds of the worker's deadlines. */
export function failedTry({ status }: ProxyError, startedAt: number, connectedAt: number, endedAt: number): FailedTry {
  return {
    status: status === 504 ? 504 : 502,
    connectTime: connectedAt === 0 ? null : (connectedAt - startedAt) / 1000,
    responseTime: (endedAt - startedAt) / 1000,
  };
}
