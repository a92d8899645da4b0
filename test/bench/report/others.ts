/** The goals that are not a ratio of CPU time at full load. */
import type { LatencySample } from '../measure/latency.ts';
import type { MemorySample } from '../measure/memory.ts';
import { median, medianRatio } from './median.ts';
import { type Summary, type Verdict, verdict } from './summary.ts';

/** One of them, or what belongs beside it. */
export interface Other {
  readonly name: string;
  readonly what: string;
  /** What was measured of each proxy, as text. */
  readonly values: string;
  /** Null where nothing is asked. */
  readonly verdict: Verdict | null;
}

const MIB = 1_048_576;
const mib = (bytes: number): string => (bytes / MIB).toFixed(0);

/** A request among many routes costs what it costs with one, but for what two runs of the same differ by. */
const SAME = 1.05;

function routes(all: readonly Summary[]): Other[] {
  return [false, true].flatMap((log) => {
    const cost = (scenario: string, target: string): number | undefined =>
      all.find((each) => each.scenario === scenario && each.log === log && each.target === target)?.cpuPerRequest;
    const ratio = (target: string): number | null => {
      const [many, one] = [cost('routes', target), cost('get', target)];
      return many === undefined || one === undefined ? null : many / one;
    };
    const [ours, nginx] = [ratio('sluice'), ratio('nginx')];
    if (ours === null) return [];
    const name = `routes, log ${log ? 'on' : 'off'}`;
    const values = nginx === null ? '' : `nginx ${nginx.toFixed(2)}`;
    return [{ name, what: 'CPU with 10,000 routes by CPU with one', values, verdict: verdict(name, ours, SAME) }];
  });
}

function latency(samples: readonly LatencySample[]): Other[] {
  const [first] = samples;
  if (first === undefined) return [];
  const of = (target: string): readonly LatencySample[] => samples.filter((sample) => sample.target === target);
  const ratio = medianRatio(of('sluice'), of('nginx'), ({ p99 }) => p99);
  const names = [...new Set(samples.map(({ target }) => target))];
  const ms = (target: string, value: (sample: LatencySample) => number): string =>
    (median(of(target).map(value)) / 1000).toFixed(2);
  const values = names.map((name) => {
    const sum = (value: (sample: LatencySample) => number): number => of(name).reduce((all, sample) => all + value(sample), 0);
    const leftOut = (sum(({ disturbed }) => disturbed) / sum(({ requests }) => requests)) * 100;
    const errors = sum((sample) => sample.errors);
    const other = (sum(({ otherSeconds }) => otherSeconds) / sum((sample) => sample.seconds)) * 100;
    return `${name} p50 ${ms(name, ({ p50 }) => p50)} p99 ${ms(name, ({ p99 }) => p99)} ms (${leftOut.toFixed(0)} % left out, others on the core ${other.toFixed(0)} %, ${errors} errors)`;
  });
  return [
    {
      name: 'latency',
      what: `p99 at ${first.rate} requests a second, by nginx's`,
      values: values.join(', '),
      verdict: ratio === null ? null : verdict('p99', ratio, 1.5),
    },
  ];
}

function memory(
  name: string,
  what: string,
  samples: readonly MemorySample[],
  goal: number,
  value: (sample: MemorySample) => number,
): Other[] {
  const values = [...Map.groupBy(samples, ({ target }) => target)].map(([target, own]) => {
    const [before, after] = [median(own.map((each) => each.before.rss)), median(own.map((each) => each.after.rss))];
    return `${target} ${mib(before)} → ${mib(after)}`;
  });
  const ours = samples.filter(({ target }) => target === 'sluice').map(value);
  if (values.length === 0) return [];
  return [
    { name, what, values: values.join(', '), verdict: ours.length === 0 ? null : verdict(name, median(ours) / MIB, goal) },
  ];
}

/** All of them that were measured. Memory is MiB resident, processes that share pages counted each. */
export function others(
  all: readonly Summary[],
  latencySamples: readonly LatencySample[],
  idle: readonly MemorySample[],
  worker: readonly MemorySample[],
): Other[] {
  return [
    ...routes(all),
    ...latency(latencySamples),
    ...memory('idle', 'MiB with 10,000 idle connections', idle, 120, ({ after }) => after.rss),
    ...memory('worker', 'MiB of a worker at rest', worker, 60, ({ before, after }) => after.rss - before.rss),
  ];
}
