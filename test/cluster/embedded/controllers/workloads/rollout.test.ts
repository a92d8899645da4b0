import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import { nextNew, nextOld, rollingLimits } from '../../../../../src/cluster/embedded/controllers/workloads/rollout.ts';

function limitsOf(replicas: number, rollingUpdate: object) {
  return rollingLimits({ spec: { strategy: { rollingUpdate } } } as unknown as StoredObject, replicas);
}

describe('rolling limits', () => {
  it.each([
    [4, {}, { maxSurge: 1, maxUnavailable: 1 }],
    [10, {}, { maxSurge: 3, maxUnavailable: 2 }],
    [1, {}, { maxSurge: 1, maxUnavailable: 0 }],
    [3, { maxSurge: 0, maxUnavailable: '10%' }, { maxSurge: 0, maxUnavailable: 1 }],
    [3, { maxSurge: 2, maxUnavailable: 5 }, { maxSurge: 2, maxUnavailable: 3 }],
  ])('of %i replicas with %j', (replicas, strategy, expected) => {
    expect(limitsOf(replicas, strategy)).toEqual(expected);
  });
});

describe('a rolling update', () => {
  it('takes unhealthy old Pods away first', () => {
    const limits = { maxSurge: 1, maxUnavailable: 1 };
    const old = [
      { replicas: 2, available: 2 },
      { replicas: 2, available: 0 },
    ];
    expect(nextOld({ replicas: 1, available: 0 }, old, 4, limits)).toEqual([2, 1]);
  });

  it('never exceeds the surge, never falls below the minimum, and ends', () => {
    const inputs = fc.record({
      replicas: fc.integer({ min: 1, max: 12 }),
      old: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
      maxSurge: fc.integer({ min: 0, max: 4 }),
      maxUnavailable: fc.integer({ min: 0, max: 4 }),
    });
    fc.assert(
      fc.property(inputs, ({ replicas, old, ...asked }) => {
        const limits = limitsOf(replicas, asked);
        let current = { replicas: 0, available: 0 };
        let scales = old.map((count) => ({ replicas: count, available: count }));
        const total = (): number => current.replicas + scales.reduce((sum, scale) => sum + scale.replicas, 0);
        const most = Math.max(total(), replicas + limits.maxSurge);
        const least = Math.min(total(), replicas - limits.maxUnavailable);
        for (let step = 0; step < 100; step += 1) {
          current = { ...current, replicas: nextNew(current, scales, replicas, limits) };
          expect(total()).toBeLessThanOrEqual(most);
          scales = nextOld(current, scales, replicas, limits).map((count) => ({ replicas: count, available: count }));
          const available = current.available + scales.reduce((sum, scale) => sum + scale.available, 0);
          expect(available).toBeGreaterThanOrEqual(least);
          // One new Pod becomes ready at a time.
          if (current.available < current.replicas) current = { ...current, available: current.available + 1 };
        }
        expect([current.available, total()]).toEqual([replicas, replicas]);
      }),
      { numRuns: 300 },
    );
  });
});
