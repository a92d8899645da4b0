/**
 * Threat: an API server that fails in some way takes routes away, or the controller never hears of a change again.
 * Source: kubernetes-client/javascript #596, #364, #958, #1496 (watches that stop silently); ingress-nginx's informers.
 */
import { describe, expect, it } from 'vitest';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { READS, Scene } from './scene.ts';

interface Fault {
  readonly name: string;
  /** Makes it happen; what it answers takes it away again. */
  readonly strike: (cluster: EmbeddedCluster) => () => unknown;
  /** Nothing can arrive before it is taken away, which is noticed. */
  readonly cutsOff?: true;
}

/** Breaks what is open and does something to what is asked for next. */
function afterDrop(next: (cluster: EmbeddedCluster) => () => unknown): Fault['strike'] {
  return (cluster) => {
    const remove = next(cluster);
    expect(cluster.faults.dropWatches('reset')).toBeGreaterThan(0);
    return remove;
  };
}

const nothing = (): void => {};

const FAULTS: readonly Fault[] = [
  {
    name: 'A3: all watches get 410 Gone as an event',
    strike: ({ faults }) => {
      expect(faults.failWatches(410)).toBeGreaterThan(0);
      return nothing;
    },
  },
  {
    name: 'A3: new watches get 410 Gone as the history was compacted',
    strike: afterDrop(({ storage }) => {
      storage.compact();
      return nothing;
    }),
  },
  { name: 'A4: reads get no answer', strike: afterDrop(({ faults }) => faults.stall(READS)) },
  {
    name: 'A5: all watches end',
    strike: ({ faults }) => {
      expect(faults.dropWatches('end')).toBeGreaterThan(0);
      return nothing;
    },
  },
  { name: 'A5: all watches are reset', strike: afterDrop(() => nothing) },
  {
    name: 'A5: an event is cut in half',
    strike: ({ faults }) => {
      faults.garbleNextEvent('half-line', { resource: 'ingresses' });
      return nothing;
    },
  },
  {
    name: 'A5: an event is no JSON',
    strike: ({ faults }) => {
      faults.garbleNextEvent('garbage', { resource: 'ingresses' });
      return nothing;
    },
  },
  {
    name: 'A8: all watches get 500 as an event',
    strike: ({ faults }) => {
      expect(faults.failWatches(500)).toBeGreaterThan(0);
      return nothing;
    },
  },
  {
    name: 'A8: every other read gets 503',
    strike: afterDrop(({ faults }) => faults.fail({ status: 503, probability: 0.5, match: READS })),
  },
  {
    name: 'A8: reads get 429 with Retry-After',
    strike: afterDrop(({ faults }) => faults.fail({ status: 429, retryAfterSeconds: 1, match: READS })),
    cutsOff: true,
  },
  {
    name: 'A8: reads get 500',
    strike: afterDrop(({ faults }) => faults.fail({ status: 500, match: READS })),
    cutsOff: true,
  },
  {
    name: 'A9: reads get 403',
    strike: afterDrop(({ faults }) => faults.fail({ status: 403, match: READS })),
    cutsOff: true,
  },
];

/** Each with a cluster and a controller of its own: what went before would make the controller wait longer and longer. */
describe.concurrent('while the API server fails', { timeout: 60_000 }, () => {
  it.each(FAULTS)('$name: routes answer on, and changes arrive afterwards', async ({ strike, cutsOff }) => {
    await Scene.with({}, async (scene) => {
      await scene.change()();
      const heal = strike(scene.cluster);
      const arrived = scene.change();
      if (cutsOff === true) {
        await scene.connected(false);
        expect(await scene.who('http://change-1.test/')).toBe('404');
      }
      await scene.answered();
      expect((await scene.chain.ready()).status).toBe(200);
      expect(await scene.who('http://control.test/')).toBe('control');
      heal();
      await arrived();
      await scene.connected(true);
    });
  });
});
