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

/** What has one title happens one after the other, to one controller. */
const FAULTS: readonly { readonly title: string; readonly faults: readonly Fault[] }[] = [
  {
    title: 'A3+A5: watches end, are reset, get 410, half an event or garbage',
    faults: [
      {
        name: 'they end',
        strike: ({ faults }) => {
          expect(faults.dropWatches('end')).toBeGreaterThan(0);
          return nothing;
        },
      },
      { name: 'they are reset', strike: afterDrop(() => nothing) },
      {
        name: 'they get 410 Gone as an event',
        strike: ({ faults }) => {
          expect(faults.failWatches(410)).toBeGreaterThan(0);
          return nothing;
        },
      },
      {
        name: 'new ones get 410 Gone, as the history was compacted',
        strike: afterDrop(({ storage }) => {
          storage.compact();
          return nothing;
        }),
      },
      {
        name: 'an event is cut in half',
        strike: ({ faults }) => {
          faults.garbleNextEvent('half-line', { resource: 'ingresses' });
          return nothing;
        },
      },
      {
        name: 'an event is no JSON',
        strike: ({ faults }) => {
          faults.garbleNextEvent('garbage', { resource: 'ingresses' });
          return nothing;
        },
      },
    ],
  },
  {
    title: 'A4: reads get no answer',
    faults: [{ name: 'all of them', strike: afterDrop(({ faults }) => faults.stall(READS)) }],
  },
  {
    title: 'A8: watches get 500, then every other read gets 503',
    faults: [
      {
        name: '500 as an event',
        strike: ({ faults }) => {
          expect(faults.failWatches(500)).toBeGreaterThan(0);
          return nothing;
        },
      },
      {
        name: 'every other read gets 503',
        strike: afterDrop(({ faults }) => faults.fail({ status: 503, probability: 0.5, match: READS })),
      },
    ],
  },
  {
    title: 'A8: reads get 500',
    faults: [
      { name: 'all of them', strike: afterDrop(({ faults }) => faults.fail({ status: 500, match: READS })), cutsOff: true },
    ],
  },
  {
    title: 'A9: reads get 403',
    faults: [
      { name: 'all of them', strike: afterDrop(({ faults }) => faults.fail({ status: 403, match: READS })), cutsOff: true },
    ],
  },
];

/** Each with a cluster and a controller of its own: what went before would make the controller wait longer and longer. */
describe.concurrent('while the API server fails', { timeout: 60_000 }, () => {
  it.each(FAULTS)('$title: routes answer on, and changes arrive afterwards', async ({ faults }) => {
    await Scene.with({}, async (scene) => {
      await scene.change()();
      for (const [index, { name, strike, cutsOff }] of faults.entries()) {
        const heal = strike(scene.cluster);
        const arrived = scene.change();
        if (cutsOff === true) {
          await scene.connected(false);
          expect(await scene.who(`http://change-${index + 1}.test/`)).toBe('404');
        }
        await scene.answered();
        expect((await scene.chain.ready()).status).toBe(200);
        expect([name, await scene.who('http://control.test/')]).toEqual([name, 'control']);
        heal();
        await arrived();
        await scene.connected(true);
      }
    });
  });
});
