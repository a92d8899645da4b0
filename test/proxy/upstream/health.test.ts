/** Which endpoints are left out, for how long, and that never too many are. */
import { beforeEach, describe, expect, it } from 'vitest';
import { EndpointHealth, GroupHealth, isFailure, type HealthLimits } from '../../../src/proxy/upstream/health.ts';

const LIMITS: HealthLimits = { upstreamEjectFailures: 5, upstreamEjectTime: 30_000, upstreamEjectPercent: 50 };

let clock: { now: number };
let limits: HealthLimits;
let ejections: number;
let group: GroupHealth;

beforeEach(() => {
  clock = { now: 1_000_000 };
  limits = LIMITS;
  ejections = 0;
  group = new GroupHealth({ deadlines: clock, healthLimits: () => limits, onEjected: () => ejections++ });
});

function members(count: number): EndpointHealth[] {
  const all = Array.from({ length: count }, () => new EndpointHealth(group));
  group.set(all);
  return all;
}

function fail(member: EndpointHealth, times = 5): void {
  for (let i = 0; i < times; i++) member.failed();
}

function usable(all: readonly EndpointHealth[]): boolean[] {
  return all.map((member) => group.usable(member));
}

/** Lets the time of an ejection pass, and has the request that shows fail. Returns how long the time was. */
function failProbe(member: EndpointHealth): number {
  const before = clock.now;
  while (!group.usable(member)) clock.now += 1000;
  member.failed();
  return clock.now - before;
}

describe('an endpoint', () => {
  it('is left out after 5 failures in a row, not after 4', () => {
    const [one, two] = members(2);
    fail(one!, 4);
    expect(group.ejected).toBe(0);
    one!.failed();
    expect([group.ejected, ejections, ...usable([one!, two!])]).toEqual([1, 1, false, true]);
  });

  it('that succeeds in between begins anew', () => {
    const [one] = members(2);
    for (let i = 0; i < 10; i++) {
      fail(one!, 4);
      one!.succeeded();
    }
    expect(group.ejected).toBe(0);
  });

  it('is left out for the time, then tried by one request alone; when that is answered well, used again', () => {
    const [one] = members(2);
    fail(one!);
    clock.now += 29_999;
    expect(usable([one!, one!])).toEqual([false, false]);
    clock.now += 1;
    expect(usable([one!, one!, one!])).toEqual([true, false, false]);
    one!.answering();
    expect([group.ejected, ...usable([one!, one!])]).toEqual([0, true, true]);
  });

  it('whose one request is never answered is tried again after the time', () => {
    const [one] = members(2);
    fail(one!);
    clock.now += 30_000;
    expect(usable([one!, one!])).toEqual([true, false]);
    clock.now += 30_000;
    expect(usable([one!, one!])).toEqual([true, false]);
  });

  it('that fails again is left out for longer each time, at most for ten times as long', () => {
    const [one] = members(2);
    fail(one!);
    const times = Array.from({ length: 12 }, () => failProbe(one!) / 1000);
    expect(times).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
    expect(ejections).toBe(13);
  });

  it('that served well for some time is forgiven as many ejections', () => {
    const [one] = members(2);
    fail(one!);
    for (let i = 0; i < 3; i++) failProbe(one!);
    // The fourth time would have been over after 120 s.
    clock.now += 120_000;
    expect(group.usable(one!)).toBe(true);
    one!.answering();
    one!.succeeded();
    clock.now += 60_000;
    fail(one!);
    expect(failProbe(one!)).toBe(90_000);
  });

  it('that was used again, and fails before it has completed a response, is left out at once', () => {
    const [one] = members(2);
    fail(one!);
    clock.now += 30_000;
    group.usable(one!);
    one!.answering();
    one!.failed();
    expect(group.usable(one!)).toBe(false);
    expect(failProbe(one!)).toBe(60_000);
  });

  it('is not readmitted by what it answers to a request from before', () => {
    const [one] = members(2);
    fail(one!);
    one!.answering();
    one!.succeeded();
    expect(group.usable(one!)).toBe(false);
    expect(failProbe(one!)).toBe(30_000);
    expect(group.usable(one!)).toBe(false);
  });

  it('that fails requests from before is not left out for longer', () => {
    const [one] = members(2);
    fail(one!, 50);
    expect([ejections, failProbe(one!)]).toEqual([1, 30_000]);
  });
});

describe('a group', () => {
  it('with one endpoint never leaves it out', () => {
    const [one] = members(1);
    fail(one!, 100);
    expect([group.ejected, group.usable(one!)]).toEqual([0, true]);
  });

  it.each([
    [2, 50, 1],
    [3, 50, 1],
    [4, 50, 2],
    [9, 50, 4],
    [10, 50, 5],
    [10, 20, 2],
    [10, 10, 1],
    [3, 10, 1],
    [10, 1, 1],
  ])('of %i, with %i percent, leaves out at most %i', (count, upstreamEjectPercent, most) => {
    limits = { ...LIMITS, upstreamEjectPercent };
    const all = members(count);
    for (const member of all.slice(1)) fail(member);
    expect(group.ejected).toBe(most);
    expect(usable(all).filter((each) => !each)).toHaveLength(most);
  });

  it('leaves out the next when one is used again', () => {
    const [one, two] = members(3);
    fail(one!);
    fail(two!, 7);
    clock.now += 30_000;
    expect(usable([one!, two!])).toEqual([true, true]);
    one!.answering();
    one!.succeeded();
    two!.failed();
    expect(usable([one!, two!])).toEqual([true, false]);
  });

  it.each([2, 3, 10])('of %i that all fail uses all, until one of them is well', (count) => {
    const all = members(count);
    for (const member of all) fail(member);
    expect([group.ejected, ...usable(all)]).toEqual([0, ...all.map(() => true)]);
    for (const member of all) fail(member, 20);
    expect(group.ejected).toBe(0);
    all[0]!.succeeded();
    all[1]!.failed();
    expect(usable(all).slice(0, 2)).toEqual([true, false]);
  });

  it('that does not count failures leaves none out, nor keeps out those that were', () => {
    const [one, two] = members(2);
    fail(one!);
    limits = { ...LIMITS, upstreamEjectFailures: 0 };
    fail(two!, 100);
    expect(usable([one!, two!])).toEqual([true, true]);
    expect(group.ejected).toBe(0);
  });
});

describe('a change of endpoints', () => {
  it('keeps the health of those that stay', () => {
    const [one, two, three] = members(3);
    fail(one!);
    fail(two!, 4);
    group.set([one!, two!, three!, new EndpointHealth(group)]);
    expect(usable([one!, two!])).toEqual([false, true]);
    two!.failed();
    expect(usable([one!, two!])).toEqual([false, false]);
  });

  it('lets those return first that would next, when too many are left out of what remains', () => {
    const all = members(6);
    for (const member of all.slice(0, 3)) {
      fail(member);
      clock.now += 1000;
    }
    expect(group.ejected).toBe(3);
    group.set(all.slice(0, 4));
    expect(usable(all.slice(0, 4))).toEqual([true, false, false, true]);
    group.set(all.slice(1, 3));
    expect(group.ejected).toBe(0);
    group.set(all.slice(2, 3));
    expect([group.ejected, group.usable(all[2]!)]).toEqual([0, true]);
    group.set([]);
    expect(group.ejected).toBe(0);
  });

  it('makes nothing of what becomes of the last exchanges of those that left', () => {
    const [one, two, three] = members(3);
    group.set([two!, three!]);
    fail(one!, 50);
    one!.succeeded();
    fail(two!);
    expect([group.ejected, ejections, ...usable([two!, three!])]).toEqual([1, 1, false, true]);
  });
});

it.each([
  [200, false],
  [101, false],
  [404, false],
  [429, false],
  [499, false],
  [500, true],
  [501, false],
  [502, true],
  [503, true],
  [504, true],
  [505, false],
  [599, true],
])('the status %i is a failure: %s', (status, failure) => expect(isFailure(status)).toBe(failure));
