/** C1: an endpoint dies, leaves the table, comes back, again and again, under load. */
import { eventually } from '../../../support/eventually.ts';
import { Load } from '../../../support/load.ts';
import { freePort } from '../../../support/ports.ts';
import { group, host, prefixRoute, rawBackend, response, table, type RawBackend } from '../../../support/proxy.ts';
import type { Stage } from '../../../support/stage.ts';

export interface FlappingOptions {
  /** Times the endpoint goes and comes back. */
  readonly rounds: number;
  readonly connections: number;
  /** Answers to the load between two changes. */
  readonly answers: number;
}

export interface FlappingResult {
  readonly answered: number;
  readonly failures: readonly string[];
  /** Requests at the address while it was out of the table and nothing from before was left. */
  readonly strays: number;
  /** Requests the endpoint had while it was there. */
  readonly served: number;
}

export async function flapping(stage: Stage, { rounds, connections, answers }: FlappingOptions): Promise<FlappingResult> {
  const stable = await Promise.all([1, 2, 3].map(() => stage.backend(() => response('stable'))));
  const port = await freePort();
  let out = false;
  let strays = 0;
  let served = 0;
  const start = (): Promise<RawBackend> =>
    rawBackend(() => {
      if (out) strays++;
      else served++;
      return response('flapping');
    }, port);
  const without = stable.map((each) => each.port);
  const proxy = await stage.proxyTo([...without, port]);
  const set = (ports: readonly number[]): void =>
    proxy.runtime.apply(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', ports)]));
  let flapper = await start();
  const load = new Load({ port: proxy.port, host: 'app.example', connections });
  const progress = (): Promise<unknown> => {
    const before = load.answered + load.failures.length;
    return eventually(() => load.answered + load.failures.length >= before + answers);
  };
  try {
    for (let i = 0; i < rounds; i++) {
      await progress();
      // Every second time it is gone before the table says so.
      const early = i % 2 === 0;
      if (early) {
        await flapper.close();
        await progress();
      }
      set(without);
      // What had been sent there before is over when every connection of the load has had further answers.
      await progress();
      out = true;
      if (early) flapper = await start();
      await progress();
      out = false;
      set([...without, port]);
    }
    await progress();
  } finally {
    await load.stop();
    await flapper.close();
  }
  return { answered: load.answered, failures: load.failures, strays, served };
}
