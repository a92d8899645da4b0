/** A7: lists of many objects in slow pages, one of which comes too late; what the short test and the soak share. */
import { expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { startCluster } from '../../support/chain.ts';
import { ingress, service } from '../../support/manifests.ts';
import { Scene } from './scene.ts';

export interface Lists {
  /** Ingresses, Services and EndpointSlices, of each. Several pages of 500. */
  readonly objects: number;
  /** Milliseconds until a page is answered. */
  readonly pageDelay: number;
}

/** Of the whole process: controller and worker. */
const MEMORY_BYTES = 600 * 1024 * 1024;

export function manyObjects(count: number, address: string): object[] {
  return Array.from({ length: count }, (_, index) => {
    const name = `many-${index}`;
    return [
      // Without an address of its own: looking for a free one takes longer the more there are.
      service(name, { clusterIP: 'None' }),
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [address], conditions: { ready: true } }],
        ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
      },
      ingress(name, `${name}.test Prefix / ${name}`),
    ];
  }).flat();
}

export async function slowLists({ objects, pageDelay }: Lists): Promise<void> {
  const cluster = await startCluster({ historyLimit: objects * 4 });
  await Scene.with({ cluster }, async (scene) => {
    const { chain } = scene;
    chain.apply(...manyObjects(objects, cluster.pods.backend('default', 'old')?.address ?? ''));
    const sample = [0, Math.floor(objects / 2), objects - 1].map((index) => `http://many-${index}.test/`);
    const allServed = async (): Promise<void> => {
      for (const url of sample) expect([url, await scene.who(url)]).toEqual([url, 'old']);
    };
    await scene.serves(sample.at(-1) ?? '', 'old');
    await allServed();
    await scene.change()();

    const faster = cluster.faults.delay(pageDelay, { verb: 'list' });
    // In the middle of a list, twice: the third time it is asked for in one piece.
    cluster.faults.expireContinue(2);
    scene.asked.clear();
    cluster.faults.failWatches(410);
    const arrived = scene.change();
    await eventually(async () => {
      await allServed();
      return (scene.asked.get('list ingresses') ?? 0) >= 2;
    }, 120_000);
    await allServed();
    expect((await chain.ready()).status).toBe(200);
    await scene.connected(true);
    await arrived();
    await allServed();
    faster();
    const resident = (await scene.metric('process_resident_memory_bytes')) ?? Number.NaN;
    expect(resident).toBeLessThan(MEMORY_BYTES);
  });
}
