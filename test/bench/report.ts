/** Medians, ratios and the table that is printed. */
import type { LoadResult } from './load.ts';
import type { Scenario } from './scenarios.ts';

/** One proxy in one round of one scenario. */
export interface Sample extends LoadResult {
  readonly scenario: string;
  readonly target: string;
  readonly round: number;
  /** CPU the proxy used meanwhile, in seconds. */
  readonly cpuSeconds: number;
}

/** One line of the report. CPU and latencies are microseconds. */
export interface Summary {
  readonly scenario: string;
  readonly target: string;
  readonly rounds: number;
  readonly cpuPerRequest: number;
  /** Median over the rounds of this proxy's CPU per request by nginx's in the same round; null without nginx. */
  readonly ratioToNginx: number | null;
  readonly requestsPerSecond: number;
  /** How busy the proxy kept its core, 1 being all of it. */
  readonly coreUse: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly errors: number;
}

/** The middle value; of an even count the mean of the two in the middle. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

function cpuPerRequest(sample: Sample): number {
  return (sample.cpuSeconds / sample.requests) * 1e6;
}

function summarize(samples: readonly Sample[], nginx: ReadonlyMap<number, Sample>): Summary | undefined {
  const [first] = samples;
  if (first === undefined) return undefined;
  const of = (value: (sample: Sample) => number): number => median(samples.map(value));
  const ratios = samples.flatMap((sample) => {
    const other = nginx.get(sample.round);
    return other === undefined ? [] : [cpuPerRequest(sample) / cpuPerRequest(other)];
  });
  return {
    scenario: first.scenario,
    target: first.target,
    rounds: samples.length,
    cpuPerRequest: of(cpuPerRequest),
    ratioToNginx: ratios.length === 0 ? null : median(ratios),
    requestsPerSecond: of((sample) => sample.requests / sample.seconds),
    coreUse: of((sample) => sample.cpuSeconds / sample.seconds),
    p50: of((sample) => sample.p50),
    p90: of((sample) => sample.p90),
    p99: of((sample) => sample.p99),
    errors: samples.reduce((sum, sample) => sum + sample.errors, 0),
  };
}

/** One summary per scenario and proxy, in the order they were first measured. */
export function summaries(samples: readonly Sample[]): Summary[] {
  const groups = Map.groupBy(samples, (sample) => JSON.stringify([sample.scenario, sample.target]));
  return [...groups.values()].flatMap((group) => {
    const { scenario } = group[0] ?? {};
    const nginx = samples.filter((sample) => sample.scenario === scenario && sample.target === 'nginx');
    return summarize(group, new Map(nginx.map((sample) => [sample.round, sample]))) ?? [];
  });
}

const COLUMNS: readonly (readonly [heading: string, cell: (summary: Summary) => string])[] = [
  ['proxy', (summary) => summary.target],
  ['CPU/request', (summary) => `${summary.cpuPerRequest.toFixed(1)} µs`],
  ['to nginx', (summary) => (summary.ratioToNginx === null ? '–' : summary.ratioToNginx.toFixed(2))],
  ['requests/s', (summary) => summary.requestsPerSecond.toFixed(0)],
  ['core used', (summary) => `${(summary.coreUse * 100).toFixed(0)} %`],
  ['p50', (summary) => `${(summary.p50 / 1000).toFixed(2)} ms`],
  ['p90', (summary) => `${(summary.p90 / 1000).toFixed(2)} ms`],
  ['p99', (summary) => `${(summary.p99 / 1000).toFixed(2)} ms`],
  ['errors', (summary) => String(summary.errors)],
];

/** The report as text: one table per scenario. */
export function reportText(rows: readonly Summary[], scenarios: readonly Scenario[]): string {
  const tables = scenarios.flatMap(({ name, title, connections }) => {
    const own = rows.filter((row) => row.scenario === name);
    if (own.length === 0) return [];
    const cells = [COLUMNS.map(([heading]) => heading), ...own.map((row) => COLUMNS.map(([, cell]) => cell(row)))];
    const widths = COLUMNS.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
    const lines = cells.map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join('  '),
    );
    return [`${name}: ${title}, ${connections} connections\n${lines.join('\n')}`];
  });
  return tables.join('\n\n');
}
