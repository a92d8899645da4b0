/** Times of endpoints and what follows from them: the cases of ingress-nginx's rootfs/etc/nginx/lua/test/balancer/ewma_test.lua. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ewma } from '../../../../src/proxy/upstream/balance/ewma.ts';
import { Groups, type Target } from '../../../../src/proxy/upstream/group.ts';
import { counted, seeded } from '../../../support/balance.ts';
import { group } from '../../../support/proxy.ts';
import { testUpstreams, type TestUpstreams } from '../../../support/upstream.ts';

let upstreams: TestUpstreams;
let groups: Groups;
let now = 0;

beforeEach(() => {
  upstreams = testUpstreams();
  groups = new Groups(upstreams.context, () => 0);
  now = 1_000_000;
});
afterEach(() => upstreams.close());

function targetsOf(...ports: number[]): readonly Target[] {
  groups.set(group('app', ports));
  return groups.get(group('app', []).id).targets;
}

function ewma(): Ewma {
  return new Ewma(() => now);
}

describe('the score of an endpoint', () => {
  it('is 0 while nothing is known, and then its first time', () => {
    const [target] = targetsOf(1);
    const scores = ewma();
    expect(scores.score(target!.pool)).toBe(0);
    scores.observe(target!.pool, 250);
    expect(scores.score(target!.pool)).toBe(250);
  });

  it('decays by e in ten seconds', () => {
    const [target] = targetsOf(1);
    const scores = ewma();
    scores.observe(target!.pool, 1000);
    now += 10_000;
    expect(scores.score(target!.pool)).toBeCloseTo(1000 / Math.E, 6);
    now += 10_000;
    expect(scores.score(target!.pool)).toBeCloseTo(1000 / Math.E / Math.E, 6);
  });

  it('moves towards a new time the more the longer the last is ago', () => {
    const [target] = targetsOf(1);
    const scores = ewma();
    scores.observe(target!.pool, 100);
    // At the same moment: the new one counts for nothing.
    scores.observe(target!.pool, 900);
    expect(scores.score(target!.pool)).toBeCloseTo(100, 6);
    now += 10_000;
    scores.observe(target!.pool, 900);
    expect(scores.score(target!.pool)).toBeCloseTo(100 / Math.E + 900 * (1 - 1 / Math.E), 6);
  });
});

describe('endpoints that come and go', () => {
  it('begin with the average of those that stay; these keep theirs', () => {
    const scores = ewma();
    const [one, two, three] = targetsOf(1, 2, 3);
    scores.observe(one!.pool, 200);
    scores.observe(two!.pool, 300);
    scores.observe(three!.pool, 1200);
    const after = targetsOf(1, 3, 4, 5);
    scores.sync(after);
    expect(after.map(({ pool }) => scores.score(pool))).toEqual([200, 1200, 700, 700]);
    // The one that was gone has nothing of before.
    scores.sync(targetsOf(4, 5));
    const back = targetsOf(2, 4, 5);
    scores.sync(back);
    expect(scores.score(back[0]!.pool)).toBe(700);
  });

  it('begin with nothing while nothing is known of any', () => {
    const scores = ewma();
    scores.sync(targetsOf(1, 2));
    expect(targetsOf(1, 2).map(({ pool }) => scores.score(pool))).toEqual([0, 0]);
  });
});

describe('the choice', () => {
  it('is the faster of two that chance names', () => {
    const scores = ewma();
    const targets = targetsOf(1, 2, 3, 4);
    for (const [index, { pool }] of targets.entries()) scores.observe(pool, 100 * (index + 1));
    const random = seeded(7);
    const picks = counted(Array.from({ length: 6000 }, () => String(scores.pick(targets, random)?.endpoint.port)));
    // Of the six pairs, the fastest is in three, the next wins two, then one; the slowest wins none.
    expect(picks['4']).toBeUndefined();
    for (const [port, share] of [
      ['1', 3000],
      ['2', 2000],
      ['3', 1000],
    ] as const) {
      expect(Math.abs(picks[port]! - share)).toBeLessThan(150);
    }
  });

  it('is any of those that are alike', () => {
    const scores = ewma();
    const targets = targetsOf(1, 2, 3);
    const random = seeded(1);
    const picks = counted(Array.from({ length: 3000 }, () => String(scores.pick(targets, random)?.endpoint.port)));
    for (const port of ['1', '2', '3']) expect(Math.abs(picks[port]! - 1000)).toBeLessThan(100);
  });

  it('of one is that one, of none nothing', () => {
    const [only] = targetsOf(1);
    expect(ewma().pick([only!], () => 0.9)).toBe(only);
    expect(ewma().pick([], () => 0.9)).toBeNull();
  });
});
