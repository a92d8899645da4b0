/** The command line of the benchmark. */
import { parseArgs } from 'node:util';

/** What to measure and where to write it. */
export interface BenchOptions {
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly targets: readonly string[];
  readonly scenarios: readonly string[];
  /** Whether the proxies write an access log: measured one after the other. */
  readonly logs: readonly boolean[];
  /** Print throughput and latencies at full load, too. */
  readonly details: boolean;
  /** Null: a file in test/bench/results named after the date. */
  readonly json: string | null;
}

function names(option: string, given: string | undefined, known: readonly string[]): readonly string[] {
  if (given === undefined) return known;
  const asked = given.split(',').map((name) => name.trim());
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`--${option}: "${unknown}" is not one of ${known.join(', ')}`);
  return known.filter((name) => asked.includes(name));
}

const LOGS: Readonly<Record<string, readonly boolean[]>> = { off: [false], on: [true], both: [false, true] };

function logs(given: string): readonly boolean[] {
  const chosen = LOGS[given];
  if (chosen === undefined) throw new Error(`--log: "${given}" is not one of ${Object.keys(LOGS).join(', ')}`);
  return chosen;
}

function count(option: string, given: string, max: number): number {
  const value = Number(given);
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new Error(`--${option}: "${given}" is not a number from 1 to ${max}`);
  return value;
}

/** Reads the command line. Throws for what it does not know, with what it does. */
export function parseBenchOptions(
  argv: readonly string[],
  targets: readonly string[],
  scenarios: readonly string[],
): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string' },
      scenario: { type: 'string' },
      log: { type: 'string', default: 'both' },
      details: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  return {
    rounds: count('rounds', values.rounds, 1000),
    seconds: count('seconds', values.seconds, 3600),
    targets: names('only', values.only, targets),
    scenarios: names('scenario', values.scenario, scenarios),
    logs: logs(values.log),
    details: values.details,
    json: values.json ?? null,
  };
}
