/** Memory: of ten thousand connections that do nothing, and of a worker. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Instance, type Instances, PLAIN } from '../instances.ts';
import { clientCommand } from '../load/clients.ts';
import type { IdleOptions } from '../load/idle.ts';
import { requestText } from '../load/request.ts';
import { descriptorLimit, type Memory, memoryOf } from '../memory.ts';
import { LOAD_CORE } from '../processes.ts';
import { SCENARIOS } from '../scenarios.ts';
import { SLUICE, startSluice } from '../targets/node.ts';
import type { Target } from '../targets/target.ts';
import type { MeasureOptions } from './options.ts';

/** One proxy, started for the purpose, before and after. */
export interface MemorySample {
  readonly target: string;
  readonly round: number;
  readonly before: Memory;
  readonly after: Memory;
}

/** What the issue of memory is measured with. */
export const IDLE_CONNECTIONS = 10_000;
/** A program's other files, and connections to the backend. */
const OTHER_DESCRIPTORS = 1000;
/** Milliseconds after which a program that is left alone is at rest. */
const REST = 2000;
/** Memory hardly differs from one time to the next. */
const MAX_ROUNDS = 3;

async function atRest({ running }: Instance): Promise<Memory> {
  await delay(REST);
  return memoryOf(running.pid);
}

/** Connections on a fresh proxy, each with one request behind it. */
async function measureIdle(
  target: Target,
  instances: Instances,
  { processes }: MeasureOptions,
): Promise<Pick<MemorySample, 'before' | 'after'>> {
  const instance = await instances.fresh(target, PLAIN);
  const before = await atRest(instance);
  const get = SCENARIOS.find(({ name }) => name === 'get')!;
  const options: IdleOptions = { port: instance.httpPort, request: requestText(get), connections: IDLE_CONNECTIONS };
  const client = await processes.start('the connections', LOAD_CORE, clientCommand('idle.ts', options), []);
  try {
    while (!client.output().includes('READY')) {
      if (client.ended()) throw new Error(`${target.name} does not keep ${IDLE_CONNECTIONS} connections: ${client.output()}`);
      await delay(50);
    }
    const after = await atRest(instance);
    if (client.ended()) throw new Error(`${target.name} closed a connection: ${client.output()}`);
    return { before, after };
  } finally {
    await client.stop();
    await instance.running.stop();
  }
}

/** Ten thousand idle connections, for each proxy. */
export async function measureIdleConnections(
  targets: readonly Target[],
  instances: Instances,
  options: MeasureOptions,
): Promise<MemorySample[]> {
  const limit = descriptorLimit();
  if (limit < IDLE_CONNECTIONS + OTHER_DESCRIPTORS) {
    options.say(`idle: left out, a program may have ${limit} open files only (ulimit -n) and needs 11000`);
    return [];
  }
  const samples: MemorySample[] = [];
  const rounds = Math.min(options.rounds, MAX_ROUNDS);
  for (let round = 1; round <= rounds; round++) {
    for (const target of targets.filter(({ beside }) => round === 1 || !beside)) {
      options.say(`idle: ${target.name}, round ${round} of ${rounds}`);
      samples.push({ target: target.name, round, ...(await measureIdle(target, instances, options)) });
    }
  }
  return samples;
}

/** Sluice at rest: before with one worker, after with two, so that the difference is a worker's. */
export async function measureWorker(instances: Instances, options: MeasureOptions): Promise<MemorySample[]> {
  const withWorkers = async (workers: number): Promise<Memory> => {
    const instance = await instances.fresh(SLUICE, PLAIN, (setup) => startSluice(setup, workers));
    try {
      return await atRest(instance);
    } finally {
      await instance.running.stop();
    }
  };
  const samples: MemorySample[] = [];
  const rounds = Math.min(options.rounds, MAX_ROUNDS);
  for (let round = 1; round <= rounds; round++) {
    options.say(`worker: round ${round} of ${rounds}`);
    samples.push({ target: SLUICE.name, round, before: await withWorkers(1), after: await withWorkers(2) });
  }
  return samples;
}
