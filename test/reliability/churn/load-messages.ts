/** What the churn tests and their load thread tell each other. */

/** What the certificate for clients without SNI is for. */
export const DEFAULT_NAME = 'default.test';
/** `/passing-0` and so on: routes of the loaded host that come and go. */
export const PASSING_PATHS = 7;

/** What happened since the last report. */
export interface LoadReport {
  /** Requests that were answered rightly, by kind. */
  readonly answered: Record<string, number>;
  /** One line for each request or WebSocket that failed. */
  readonly failures: string[];
  /** Milliseconds from a plain GET to its answer. */
  readonly latencies: number[];
  /** WebSockets whose backend said that it goes away, and which were opened anew. */
  goneAway: number;
  /** Messages of WebSockets that came back. */
  messages: number;
  /** Serial numbers of the certificates that were served, each once. */
  readonly certificates: string[];
}

export type ToLoad =
  | { readonly type: 'start'; readonly http: number; readonly https: number }
  | { readonly type: 'report' | 'stop' };

export type FromLoad =
  | { readonly type: 'backends'; readonly ports: readonly number[] }
  | { readonly type: 'report'; readonly report: LoadReport };
