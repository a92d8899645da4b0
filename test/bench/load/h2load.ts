/** Full load of requests over HTTP/2: h2load, of nghttp2. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LOAD_CORE, type ProcessGroup } from '../processes.ts';
import type { Scenario } from '../scenarios.ts';
import { type LoadResult, percentiles } from './result.ts';

/** Requests in flight on one connection. */
const STREAMS = 8;

/** What h2load prints and logs: latencies come from the log, a line per request with its start, status and microseconds. */
export function h2loadResult(output: string, log: string): LoadResult {
  const seconds = Number(/finished in ([\d.]+)(m?s)/.exec(output)?.[1]);
  const counts = /(\d+) done, /.exec(output);
  const statuses = /status codes: (\d+) 2xx, (\d+) 3xx/.exec(output);
  if (Number.isNaN(seconds) || counts === null || statuses === null)
    throw new Error(`the load generator gave no result: ${output}`);
  const unit = /finished in [\d.]+ms/.test(output) ? 1000 : 1;
  const done = Number(counts[1]);
  const durations = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split('\t')[2]) / 1000);
  return {
    requests: done,
    seconds: seconds / unit,
    ...percentiles(Float64Array.from(durations)),
    // Answers with another status are "failed" too.
    errors: done - Number(statuses[1]) - Number(statuses[2]),
  };
}

/** The command line for a scenario. The SNI is the host of the URL, and the address another (as of nghttp2 1.44). */
export function h2loadCommand(scenario: Scenario, port: number, seconds: number, log: string): readonly string[] {
  const { connections, headers, host, path } = scenario;
  const fields = headers.flatMap(([name, value]) => ['-H', `${name.toLowerCase()}: ${value}`]);
  return [
    'h2load',
    '-t1',
    `-c${connections}`,
    `-m${STREAMS}`,
    `-D${seconds}`,
    `--connect-to=127.0.0.1:${port}`,
    `--log-file=${log}`,
    ...fields,
    `https://${host}${path}`,
  ];
}

/** Loads a port with a scenario for some seconds. */
export async function runH2load(
  scenario: Scenario,
  port: number,
  seconds: number,
  processes: ProcessGroup,
): Promise<LoadResult> {
  const log = join(processes.logDirectory, `h2load-${port}`);
  rmSync(log, { force: true });
  const output = await processes.run(LOAD_CORE, h2loadCommand(scenario, port, seconds, log));
  return h2loadResult(output, readFileSync(log, 'latin1'));
}
