/** What a run of load saw, as the load generators print it. */

/** Latencies are microseconds. */
export interface LoadResult {
  /** Answers, handshakes with their answer, or echoed messages. */
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  /** Connections that failed, time-outs, answers other than 2xx and 3xx. */
  readonly errors: number;
  /** TLS sessions resumed among `requests`, where that is looked at. */
  readonly resumed?: number;
}

/** The result in what a load generator prints. Throws, with the output, when there is none. */
export function parseResult(output: string): unknown {
  const json = /^RESULT (\{.*\})$/m.exec(output)?.[1];
  if (json === undefined) throw new Error(`the load generator gave no result: ${output}`);
  return JSON.parse(json);
}

/** Prints a result so that `parseResult` finds it. */
export function printResult(result: object): void {
  process.stdout.write(`RESULT ${JSON.stringify(result)}\n`);
}

/** Percentiles of durations in milliseconds, as microseconds. Sorts them. */
export function percentiles(durations: Float64Array): Pick<LoadResult, 'p50' | 'p90' | 'p99'> {
  durations.sort();
  // The smallest value that so many are not above (nearest rank).
  const at = (share: number): number => (durations[Math.max(0, Math.ceil(durations.length * share) - 1)] ?? 0) * 1000;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}
