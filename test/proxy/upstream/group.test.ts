/** Whose turn it is, and which pools live. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamGroup } from '../../../src/model/table.ts';
import { Groups, type LiveGroup } from '../../../src/proxy/upstream/group.ts';
import type { EndpointPool } from '../../../src/proxy/upstream/pool.ts';
import { group, rawBackend, response } from '../../support/proxy.ts';
import { ask, testUpstreams, type TestUpstreams } from '../../support/upstream.ts';

const open: { close: () => Promise<void> | void }[] = [];
let upstreams: TestUpstreams;
let groups: Groups;

beforeEach(() => {
  upstreams = testUpstreams();
  open.push(upstreams);
  groups = new Groups(upstreams.context, () => 0);
});

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

function set(model: UpstreamGroup): LiveGroup {
  groups.set(model);
  return groups.get(model.id);
}

function ports(live: LiveGroup, picks: number): (number | undefined)[] {
  return Array.from({ length: picks }, () => live.pick([])?.endpoint.port);
}

describe('a group', () => {
  it('gives its endpoints in turn, each as often as the others', () => {
    const live = set(group('app', [1, 2, 3]));
    const picked = ports(live, 9);
    expect(picked.slice(0, 3).sort()).toEqual([1, 2, 3]);
    expect(picked.slice(3, 6)).toEqual(picked.slice(0, 3));
    expect(picked.slice(6)).toEqual(picked.slice(0, 3));
  });

  it('begins where chance says, so that replicas do not all begin with the same endpoint', () => {
    const first = [0, 0.25, 0.5, 0.75].map((random) => {
      const some = new Groups(upstreams.context, () => random + 0.00002 * random);
      some.set(group('app', [1, 2, 3, 4, 5]));
      return some.get(group('app', []).id).pick([])?.endpoint.port;
    });
    expect(new Set(first).size).toBeGreaterThan(1);
  });

  it('gives none that was tried; nothing when all were', () => {
    const live = set(group('app', [1, 2, 3]));
    const [one, two, three] = live.targets.map(({ pool }) => pool);
    for (let i = 0; i < 4; i++) {
      expect(live.pick([one!, two!])?.pool).toBe(three);
      expect(live.pick([three!, one!])?.pool).toBe(two);
    }
    expect(live.pick([one!, two!, three!])).toBeNull();
  });

  it('without endpoints gives nothing, and takes them up when they come', () => {
    const live = groups.get(group('app', []).id);
    expect(live.pick([])).toBeNull();
    expect(set(group('app', [1]))).toBe(live);
    expect(ports(live, 2)).toEqual([1, 1]);
  });

  it('gives added endpoints their turn, removed ones no more', () => {
    const live = set(group('app', [1, 2, 3]));
    ports(live, 2);
    set(group('app', [2, 3, 4, 5]));
    expect(ports(live, 4).sort()).toEqual([2, 3, 4, 5]);
    set(group('app', [5]));
    expect(ports(live, 2)).toEqual([5, 5]);
    groups.delete(live.id);
    expect(live.pick([])).toBeNull();
    expect([...groups.ids()]).toEqual([]);
  });
});

describe('an endpoint that fails repeatedly', () => {
  function eject(live: LiveGroup, port: number): void {
    const { health } = live.targets.find(({ endpoint }) => endpoint.port === port)!;
    for (let i = 0; i < 5; i++) health.failed();
  }

  it('has no turn; the others have as many as each other', () => {
    const live = set(group('app', [1, 2, 3, 4]));
    eject(live, 2);
    const picked = ports(live, 9);
    expect(picked.slice(0, 3).sort()).toEqual([1, 3, 4]);
    expect(picked.slice(3)).toEqual([...picked.slice(0, 3), ...picked.slice(0, 3)]);
  });

  it('is the last resort of a request that has tried the others', () => {
    const live = set(group('app', [1, 2]));
    eject(live, 1);
    const [one, two] = live.targets;
    expect(live.pick([two!.pool])).toBe(one);
    expect(live.pick([one!.pool, two!.pool])).toBeNull();
  });

  it('stays out when others come and go, and begins anew when it was gone itself', () => {
    const live = set(group('app', [1, 2, 3]));
    eject(live, 2);
    set(group('app', [1, 2, 4]));
    expect(ports(live, 20)).not.toContain(2);
    set(group('app', [1, 4]));
    set(group('app', [1, 2, 4]));
    expect(ports(live, 3)).toContain(2);
  });

  it('is not left out of another group for that', () => {
    const live = set(group('app', [1, 2]));
    const other = set(group('other', [1, 2]));
    eject(live, 1);
    expect([ports(live, 2), ports(other, 2).sort()]).toEqual([
      [2, 2],
      [1, 2],
    ]);
  });
});

describe('the pools of groups', () => {
  it('are kept for endpoints that stay', () => {
    const live = set(group('app', [1, 2]));
    const before = live.targets[1]!.pool;
    set(group('app', [2, 3]));
    expect(live.targets[0]!.pool).toBe(before);
    expect(before.users).toBe(1);
  });

  it('are shared, and live with their connections until the last group lets go', async () => {
    const upstream = await rawBackend(() => response('x'));
    open.push(upstream);
    const one = set(group('one', [upstream.port]));
    const two = set(group('two', [upstream.port]));
    const pool = one.targets[0]!.pool as EndpointPool;
    expect(two.targets[0]!.pool).toBe(pool);
    const connection = pool.take('127.0.0.1', false);
    await ask(connection).body;
    expect(groups.openConnections()).toBe(1);
    set(group('one', [1]));
    expect([connection.closed, pool.idleSize]).toEqual([false, 1]);
    set(group('one', [upstream.port]));
    expect(one.targets[0]!.pool).toBe(pool);
    groups.delete(one.id);
    expect([connection.closed, pool.idleSize]).toEqual([false, 1]);
    groups.delete(two.id);
    expect([connection.closed, pool.idleSize, pool.users]).toEqual([true, 0, 0]);
    expect(groups.openConnections()).toBe(0);
    expect(set(group('two', [upstream.port])).targets[0]!.pool).not.toBe(pool);
  });

  it('keep their connections when the same endpoints are set again', async () => {
    const upstream = await rawBackend(() => response('x'));
    open.push(upstream);
    const live = set(group('app', [upstream.port]));
    const connection = (live.targets[0]!.pool as EndpointPool).take('127.0.0.1', false);
    await ask(connection).body;
    set(group('app', [upstream.port]));
    expect(connection.closed).toBe(false);
    expect(live.targets[0]!.pool.take('127.0.0.1', false)).toBe(connection);
    connection.destroy();
  });
});
