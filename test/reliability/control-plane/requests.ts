/** A8: an API server that refuses most of what it is asked; what the short test and the soak share. */
import { expect } from 'vitest';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { READS, Scene } from './scene.ts';

export interface Refusals {
  readonly name: string;
  readonly strike: (cluster: EmbeddedCluster) => () => unknown;
  /** Requests for one kind at once: the first attempts come soon after each other. */
  readonly burst: number;
}

export const REFUSALS: readonly Refusals[] = [
  {
    name: '429 with Retry-After: 1',
    strike: ({ faults }) => faults.fail({ status: 429, retryAfterSeconds: 1, match: READS }),
    burst: 2,
  },
  {
    name: 'every other answer 500',
    strike: ({ faults }) => faults.fail({ status: 500, probability: 0.5, match: READS }),
    burst: 12,
  },
];

/** No kind is asked for more than once a second, however often its watch ends. */
export async function refusals({ strike, burst }: Refusals, milliseconds: number): Promise<void> {
  await Scene.with({}, async (scene) => {
    const { faults } = scene.cluster;
    await scene.change()();
    const heal = strike(scene.cluster);
    const arrived = scene.change();
    scene.asked.clear();
    const breaking = setInterval(() => faults.dropWatches('reset', { resource: 'ingresses' }), 50);
    try {
      faults.dropWatches('reset');
      const until = performance.now() + milliseconds;
      while (performance.now() < until) await scene.answered();
      const reads = [...scene.asked].filter(([key]) => /^(list|watch) /u.test(key));
      expect(reads.map(([key]) => key)).toContain('watch ingresses');
      for (const [key, count] of reads) expect([key, count <= burst + milliseconds / 1000]).toEqual([key, true]);
    } finally {
      clearInterval(breaking);
    }
    heal();
    await arrived();
    await scene.connected(true);
  });
}
