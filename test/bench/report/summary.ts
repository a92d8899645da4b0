/** What the samples of full load come to. */
import type { Sample } from '../measure/throughput.ts';
import type { Scenario } from '../scenarios.ts';
import { median, medianRatio } from './median.ts';

/** One proxy in one scenario. CPU and latencies are microseconds. */
export interface Summary {
  readonly scenario: string;
  readonly log: boolean;
  readonly target: string;
  readonly rounds: number;
  readonly cpuPerRequest: number;
  /** Medians of the ratios of CPU per request within each round; null without nginx, or Caddy. */
  readonly ratioToNginx: number | null;
  readonly ratioToCaddy: number | null;
  readonly requestsPerSecond: number;
  /** How busy the proxy kept its core, 1 being all of it. */
  readonly coreUse: number;
  /** How much of it something else used. */
  readonly otherUse: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly errors: number;
  /** The share of TLS sessions that were resumed; null where that is not looked at. */
  readonly resumed: number | null;
}

/** CPU time in microseconds. */
export function cpuPerRequest(sample: Sample): number {
  return (sample.cpuSeconds / sample.requests) * 1e6;
}

function summarize(samples: readonly Sample[], row: readonly Sample[]): Summary | undefined {
  const [first] = samples;
  if (first === undefined) return undefined;
  const of = (value: (sample: Sample) => number): number => median(samples.map(value));
  const ratioTo = (name: string): number | null =>
    medianRatio(
      samples,
      row.filter(({ target }) => target === name),
      cpuPerRequest,
    );
  return {
    scenario: first.scenario,
    log: first.log,
    target: first.target,
    rounds: samples.length,
    cpuPerRequest: of(cpuPerRequest),
    ratioToNginx: ratioTo('nginx'),
    ratioToCaddy: ratioTo('caddy'),
    requestsPerSecond: of((sample) => sample.requests / sample.seconds),
    coreUse: of((sample) => sample.cpuSeconds / sample.seconds),
    otherUse: of((sample) => sample.otherSeconds / sample.seconds),
    p50: of((sample) => sample.p50),
    p90: of((sample) => sample.p90),
    p99: of((sample) => sample.p99),
    errors: samples.reduce((sum, sample) => sum + sample.errors, 0),
    resumed: first.resumed === undefined ? null : of((sample) => (sample.resumed ?? 0) / sample.requests),
  };
}

/** One summary per scenario, log and proxy, in the order they were first measured. */
export function summaries(samples: readonly Sample[]): Summary[] {
  const rows = Map.groupBy(samples, ({ scenario, log }) => JSON.stringify([scenario, log]));
  return [...rows.values()].flatMap((row) =>
    [...Map.groupBy(row, ({ target }) => target).values()].flatMap((group) => summarize(group, row) ?? []),
  );
}

/** What is asked of Sluice, and whether it is so. */
export interface Verdict {
  readonly what: string;
  readonly value: number;
  readonly goal: number;
  readonly met: boolean;
}

/** Compares to the two decimals that are printed. */
export function verdict(what: string, value: number, goal: number): Verdict {
  return { what, value, goal, met: Math.round(value * 100) / 100 <= goal };
}

/** The share of Caddy's cost that Sluice may have where connections are kept alive. */
const THIRD = 0.33;

/** How Sluice meets the goals of a scenario: to nginx, to Caddy. Empty where nothing is asked, or the other is missing. */
export function verdicts({ goal, keepAlive }: Scenario, { ratioToNginx, ratioToCaddy }: Summary): Verdict[] {
  return [
    ...(goal === null || ratioToNginx === null ? [] : [verdict('to nginx', ratioToNginx, goal)]),
    ...(!keepAlive || ratioToCaddy === null ? [] : [verdict('to caddy', ratioToCaddy, THIRD)]),
  ];
}
