/** A13 and A14: many Ingresses, changed one by one and all at once; what the short test and the soak share. */
import { expect } from 'vitest';
import { startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress } from '../../support/manifests.ts';
import { manyObjects } from './lists.ts';
import { Scene } from './scene.ts';

export interface Many {
  /** Ingresses, each with a Service and an EndpointSlice of its own. */
  readonly objects: number;
  /** Changes, one after the other, each a new host. */
  readonly changes: number;
  /** Milliseconds from one change to the next, at least. */
  readonly interval: number;
  /** Ingresses that are deleted and made anew at once. */
  readonly burst: number;
}

/** What the changes took. */
export interface ManyTimes {
  /** Milliseconds from a change to the first request that is served accordingly, of one change in a hundred. */
  readonly effectP99: number;
  /** Milliseconds of the controller's work for one change. */
  readonly pass: number;
  /** Bytes of the whole process when the changes began, and when they had ended. */
  readonly memory: readonly [number, number];
}

const PASS = 'sluice_pass_duration_seconds';
const MEMORY = 'process_resident_memory_bytes';

export async function manyIngresses({ objects, changes, interval, burst }: Many): Promise<ManyTimes> {
  const cluster = await startCluster({ historyLimit: objects * 4 });
  let times: ManyTimes | undefined;
  await Scene.with({ cluster, flags: ['--v=3'] }, async (scene) => {
    const { chain } = scene;
    const many = manyObjects(objects, cluster.pods.backend('default', 'old')?.address ?? '');
    chain.apply(...many);
    await scene.serves(`http://many-${objects - 1}.test/`, 'old');
    const metric = async (name: string): Promise<number> => (await scene.metric(name)) ?? Number.NaN;
    const before = [await metric(`${PASS}_sum`), await metric(`${PASS}_count`), await metric(MEMORY)] as const;
    const effects: number[] = [];
    const published = (): Record<string, unknown>[] => chain.sluice.log().filter(({ message }) => message === 'published');
    const patches = published().length;
    for (let number = 0; number < changes; number++) {
      const began = performance.now();
      await scene.change()();
      effects.push(performance.now() - began);
      await eventually(() => performance.now() - began >= interval, interval + 20_000);
    }
    // One host comes and one goes, whatever else there is.
    for (const { hosts } of published().slice(patches)) expect(hosts).toBeLessThanOrEqual(2);
    const sum = (await metric(`${PASS}_sum`)) - before[0];
    const count = (await metric(`${PASS}_count`)) - before[1];
    times = {
      effectP99: effects.toSorted((a, b) => a - b)[Math.floor(effects.length * 0.99)] ?? Number.NaN,
      pass: (sum / count) * 1000,
      memory: [before[2], await metric(MEMORY)],
    };

    const versions = await metric('sluice_table_version');
    const storm = Array.from({ length: burst }, (_, index) =>
      ingress(`many-${index}`, `many-${index}.test Prefix / many-${index}\nagain-${index}.test Prefix / many-${index}`),
    );
    cluster.delete(storm);
    chain.apply(...storm);
    await scene.serves(`http://again-${burst - 1}.test/`, 'old');
    await scene.serves('http://again-0.test/', 'old');
    expect(await scene.who(`http://many-${objects - 1}.test/`)).toBe('old');
    // Gathered: far fewer patches than changes.
    expect((await metric('sluice_table_version')) - versions).toBeLessThan(burst / 2);
    // And every host of the burst is there again.
    const { hosts } = (await chain.configuration()) as unknown as { hosts: readonly { host: string }[] };
    const names = new Set(hosts.map(({ host }) => host));
    for (let index = 0; index < burst; index++) expect(names.has(`many-${index}.test`)).toBe(true);
  });
  if (times === undefined) throw new Error('the scene ended early');
  return times;
}
