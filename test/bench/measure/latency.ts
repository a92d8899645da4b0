/** Latency at half of what the slower of Sluice and nginx can do. */
import { type Instance, type Instances, PLAIN } from '../instances.ts';
import { runRestlessClient } from '../load/clients.ts';
import type { RateOptions, RateResult } from '../load/constant-rate.ts';
import { requestText } from '../load/request.ts';
import { runWrk } from '../load/wrk.ts';
import { SCENARIOS } from '../scenarios.ts';
import type { Target } from '../targets/target.ts';
import type { MeasureOptions } from './options.ts';
import { type Usage, withUsage } from './usage.ts';

/** One proxy in one round. */
export interface LatencySample extends RateResult, Usage {
  readonly target: string;
  readonly round: number;
  /** Requests a second. */
  readonly rate: number;
}

/** So many that a pause of some milliseconds leaves connections for the requests that fall into it. */
const CONNECTIONS = 256;

/** A percentile that high is nothing but pauses, the machine's too: it takes more rounds than a mean. */
const REPETITIONS = 5;

/** Plain GETs without access log: full load once, which also warms up, then half of it round by round. */
export async function measureLatency(
  targets: readonly Target[],
  instances: Instances,
  { processes, rounds, seconds, say }: MeasureOptions,
): Promise<LatencySample[]> {
  const get = SCENARIOS.find(({ name }) => name === 'get')!;
  say('latency: looking for the maximum');
  const started: Instance[] = [];
  let maximum = Infinity;
  for (const target of targets.filter(({ beside }) => !beside)) {
    const instance = await instances.get(target, PLAIN);
    const load = await runWrk(get, instance.httpPort, seconds, processes);
    maximum = Math.min(maximum, load.requests / load.seconds);
    started.push(instance);
  }
  const rate = Math.round(maximum / 2);
  const repetitions = rounds * REPETITIONS;
  const samples: LatencySample[] = [];
  // Round 0 is for warming up: at this load other code is hot than at full load.
  for (let round = 0; round <= repetitions; round++) {
    say(`latency: round ${round} of ${repetitions}`);
    for (const { target, running, httpPort: port } of started) {
      const options: RateOptions = { port, request: requestText(get), rate, connections: CONNECTIONS, seconds };
      const result = await withUsage(
        running,
        async () => (await runRestlessClient('constant-rate.ts', options, processes)) as RateResult,
      );
      if (round > 0) samples.push({ ...result, target: target.name, round, rate });
    }
  }
  return samples;
}
