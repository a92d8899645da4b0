/** How requests are spread, with chance and time in the test's hands. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Affinity, Balancing, CanaryRules, SessionCookie } from '../../../../src/model/balancing.ts';
import type { UpstreamGroup } from '../../../../src/model/table.ts';
import type { BalanceRequest, Choice } from '../../../../src/proxy/upstream/balance/choices.ts';
import { Groups, type LiveGroup } from '../../../../src/proxy/upstream/group.ts';
import type { Pool } from '../../../../src/proxy/upstream/pool.ts';
import { counted, seeded } from '../../../support/balance.ts';
import { group } from '../../../support/proxy.ts';
import { testUpstreams, type TestUpstreams } from '../../../support/upstream.ts';

let upstreams: TestUpstreams;
let groups: Groups;

beforeEach(() => {
  upstreams = testUpstreams();
  groups = new Groups(upstreams.context, seeded(1), () => 1_700_000_000_000);
});
afterEach(() => upstreams.close());

function set(name: string, ports: readonly number[], balancing?: Balancing): LiveGroup {
  const model: UpstreamGroup = { ...group(name, ports), ...(balancing !== undefined && { balancing }) };
  groups.set(model);
  return groups.get(model.id);
}

interface Sent {
  readonly cookie?: string;
  readonly key?: string;
  readonly header?: string;
}

function request({ cookie = '', key = '', header = '' }: Sent = {}): BalanceRequest {
  const fields: Readonly<Record<string, string>> = { cookie, 'x-canary': header };
  return { field: (name) => fields[name] ?? '', cookie: () => '', variable: () => key, tls: false, cookiePath: '/' };
}

function choose(live: LiveGroup, sent: Sent = {}): Choice {
  return live.balance!.begin(live, request(sent));
}

/** The port of the endpoint that a request goes to first. */
function portOf(live: LiveGroup, sent: Sent = {}): number | undefined {
  return choose(live, sent).pick([])?.endpoint.port;
}

/** What a client gets that has no cookie, and what it sends from then on. */
function newClient(live: LiveGroup): { readonly port: number; readonly cookie: string } {
  const choice = choose(live);
  const target = choice.pick([])!;
  return { port: target.endpoint.port, cookie: choice.cookie.split(';')[0]! };
}

function eject(live: LiveGroup, port: number): void {
  const { health } = live.targets.find(({ endpoint }) => endpoint.port === port)!;
  for (let i = 0; i < 5; i++) health.failed();
}

const PORTS = [1, 2, 3, 4, 5];
const COOKIE: SessionCookie = {
  name: 'c',
  path: null,
  domain: null,
  expires: null,
  maxAge: null,
  sameSite: null,
  conditionalSameSiteNone: false,
  secure: false,
  changeOnFailure: false,
};
const balancedBy = (cookie: Partial<SessionCookie> = {}, mode: Affinity['mode'] = 'balanced'): Balancing => ({
  affinity: { mode, cookie: { ...COOKIE, ...cookie } },
});
const HASHED: Balancing = { hashBy: { key: [{ variable: 'key' }], subsetSize: null } };
const SUBSET: Balancing = { hashBy: { key: [{ variable: 'key' }], subsetSize: 2 } };
const EWMA: Balancing = { algorithm: 'ewma' };
const KINDS: readonly [string, Balancing][] = [
  ['hashing', HASHED],
  ['a subset', SUBSET],
  ['ewma', EWMA],
  ['affinity', balancedBy({ changeOnFailure: true })],
  ['persistent affinity', balancedBy({ changeOnFailure: true }, 'persistent')],
];

describe.each(KINDS)('%s', (_, balancing) => {
  it('never returns to an endpoint that was tried, and tries all before it gives up', () => {
    const live = set('app', PORTS, balancing);
    fc.assert(
      fc.property(fc.string(), fc.subarray(PORTS, { maxLength: 2 }), (key, out) => {
        for (const port of out) eject(live, port);
        const choice = choose(live, { key, cookie: `c=${key}|x` });
        const tried: Pool[] = [];
        for (let target = choice.pick(tried); target !== null; target = choice.pick(tried)) {
          expect(tried).not.toContain(target.pool);
          tried.push(target.pool);
        }
        expect(tried).toHaveLength(PORTS.length);
      }),
      { numRuns: 60 },
    );
  });

  it('passes by endpoints that are left out, unless there is no other', () => {
    const live = set('app', [1, 2], balancing);
    eject(live, 1);
    const alive = live.targets[1]!;
    for (let i = 0; i < 40; i++) expect(portOf(live, { key: String(i) })).toBe(2);
    expect(choose(live).pick([alive.pool])?.endpoint.port).toBe(1);
  });

  it('lets one request show whether an endpoint is well, once its time is over', () => {
    const live = set('app', [1, 2, 3], balancing);
    eject(live, 1);
    upstreams.advance(60_000);
    const first = Array.from({ length: 200 }, (_none, i) => portOf(live, { key: String(i), cookie: `c=${i}|x` }));
    expect(first.filter((port) => port === 1)).toHaveLength(1);
    live.targets[0]!.health.answering();
    const then = Array.from({ length: 200 }, (_none, i) => portOf(live, { key: String(i), cookie: `c=${i}|x` }));
    expect(then.filter((port) => port === 1).length).toBeGreaterThan(20);
  });

  it('takes up endpoints that come, and leaves those that go', () => {
    const live = set('app', [1, 2], balancing);
    portOf(live);
    set('app', [2, 3], balancing);
    const ports = Array.from({ length: 200 }, (_none, i) => String(portOf(live, { key: String(i) })));
    expect(Object.keys(counted(ports))).toEqual(['2', '3']);
  });

  it('counts a request once for the budget of retries, however often it is tried', () => {
    const live = set('app', PORTS, balancing);
    let counts = 0;
    live.retryBudget.count = () => void counts++;
    const choice = choose(live);
    const tried: Pool[] = [];
    for (let target = choice.pick(tried); target !== null; target = choice.pick(tried)) tried.push(target.pool);
    expect(counts).toBe(1);
  });

  it('without endpoints gives nothing', () => {
    expect(portOf(set('app', [], balancing))).toBeUndefined();
  });
});

describe('hashing', () => {
  it('of n endpoints one that comes or goes moves a share of 1/n of the keys', () => {
    const keys = Array.from({ length: 3000 }, (_, index) => String(index));
    const of = (ports: readonly number[]): (number | undefined)[] => {
      const live = set('app', ports, HASHED);
      return keys.map((key) => portOf(live, { key }));
    };
    const before = of(PORTS);
    const after = of([...PORTS, 6]);
    const moved = keys.filter((_, index) => before[index] !== after[index]);
    expect(Math.abs(moved.length - 500)).toBeLessThan(150);
    expect(new Set(moved.map((key) => after[Number(key)]))).toEqual(new Set([6]));
    expect(of(PORTS)).toEqual(before);
  });

  it('a subset is the same for all requests of a key, and shared evenly', () => {
    const live = set('app', [1, 2, 3, 4], SUBSET);
    for (const key of ['a', 'b', 'c']) {
      const picks = counted(Array.from({ length: 400 }, () => String(portOf(live, { key }))));
      expect(Object.keys(picks)).toHaveLength(2);
      for (const count of Object.values(picks)) expect(Math.abs(count - 200)).toBeLessThan(50);
      // Endpoints are in subsets by their order.
      expect([
        ['1', '2'],
        ['3', '4'],
      ]).toContainEqual(Object.keys(picks));
    }
  });

  it('the last subset is filled up with the first endpoints', () => {
    const live = set('app', [1, 2, 3], SUBSET);
    const subsets = new Set<string>();
    for (let key = 0; key < 20; key++) {
      const picks = counted(Array.from({ length: 40 }, () => String(portOf(live, { key: `key ${key}` }))));
      subsets.add(Object.keys(picks).join());
    }
    expect(subsets).toEqual(new Set(['1,2', '1,3']));
  });
});

describe('affinity', () => {
  it.each(['balanced', 'persistent'] as const)('%s: the cookie leads back to the endpoint it was given with', (mode) => {
    const live = set('app', PORTS, balancedBy({}, mode));
    const other = set('app', PORTS, balancedBy({}, mode));
    for (let i = 0; i < 200; i++) {
      const { port, cookie } = newClient(live);
      expect(portOf(other, { cookie })).toBe(port);
      expect(choose(live, { cookie }).cookie).toBe('');
    }
  });

  it.each(['balanced', 'persistent'] as const)('%s: new clients are spread over all endpoints', (mode) => {
    const live = set('app', PORTS, balancedBy({}, mode));
    const picks = counted(Array.from({ length: 2000 }, () => String(newClient(live).port)));
    for (const port of PORTS) expect(Math.abs(picks[port]! - 400)).toBeLessThan(100);
  });

  it('balanced: an endpoint that comes takes over a share of the clients; persistent: none', () => {
    for (const [mode, least, most] of [
      ['balanced', 50, 150],
      ['persistent', 0, 0],
    ] as const) {
      const clients = Array.from({ length: 600 }, () => newClient(set('app', PORTS, balancedBy({}, mode))));
      const live = set('app', [...PORTS, 6], balancedBy({}, mode));
      const moved = clients.filter(({ port, cookie }) => portOf(live, { cookie }) !== port).length;
      expect(moved).toBeGreaterThanOrEqual(least);
      expect(moved).toBeLessThanOrEqual(most);
    }
  });

  it('a client stays with an endpoint that is left out: its session is nowhere else', () => {
    const live = set('app', PORTS, balancedBy());
    const { port, cookie } = newClient(live);
    eject(live, port);
    const choice = choose(live, { cookie });
    const target = choice.pick([]);
    expect([target?.endpoint.port, choice.cookie]).toEqual([port, '']);
    expect(choice.pick([target!.pool])).toBeNull();
  });

  it('with change on failure it moves for good, as soon as the endpoint is left out', () => {
    for (const mode of ['balanced', 'persistent'] as const) {
      const live = set(mode, PORTS, balancedBy({ changeOnFailure: true }, mode));
      const { port, cookie } = newClient(live);
      eject(live, port);
      const choice = choose(live, { cookie });
      const moved = choice.pick([])?.endpoint.port;
      expect(moved).not.toBe(port);
      expect(portOf(live, { cookie: choice.cookie.split(';')[0]! })).toBe(moved);
    }
  });

  it('of several tries the last cookie counts', () => {
    const live = set('app', PORTS, balancedBy({ changeOnFailure: true }));
    const choice = choose(live);
    const first = choice.pick([])!;
    const before = choice.cookie;
    const second = choice.pick([first.pool])!;
    expect(choice.cookie).not.toBe(before);
    expect(portOf(live, { cookie: choice.cookie.split(';')[0]! })).toBe(second.endpoint.port);
  });

  it('without luck with keys the client is served all the same, and gets no cookie', () => {
    // Chance that always says the same finds one endpoint only.
    groups = new Groups(
      upstreams.context,
      () => 0.5,
      () => 0,
    );
    const live = set('app', PORTS, balancedBy());
    const choice = choose(live);
    const first = choice.pick([])!;
    expect(choice.cookie).not.toBe('');
    expect(choice.pick([first.pool])).not.toBeNull();
    expect(choice.cookie).toBe('');
  });
});

describe('a canary', () => {
  const RULES: CanaryRules = { header: '', headerValue: '', headerPattern: '', cookie: '', weight: 0, weightTotal: 100 };
  const nextId = group('next', []).id;

  function withCanary(rules: Partial<CanaryRules>, sticky = true, own: Balancing = {}, canary: Balancing = {}): LiveGroup {
    set('next', [11, 12], { ...canary, canary: { ...RULES, ...rules } });
    return set('app', [1, 2], { ...own, alternative: { group: nextId, sticky } });
  }

  it.each([
    [10, 100],
    [1, 100],
    [50, 100],
    [99, 100],
    [5, 1000],
    [333, 1000],
  ])('with weight %i of %i takes that share', (weight, weightTotal) => {
    const live = withCanary({ weight, weightTotal });
    const taken = Array.from({ length: 20_000 }, () => choose(live).isCanary).filter(Boolean).length;
    const share = (20_000 * weight) / weightTotal;
    // Four standard deviations, of numbers that are always the same.
    expect(Math.abs(taken - share)).toBeLessThan(4 * Math.sqrt(share * (1 - weight / weightTotal)) + 1);
  });

  it('is spread as it asks itself, but for affinity, which is that of the other', () => {
    const kinds = (own: Balancing, canary: Balancing, sticky = true): string =>
      choose(withCanary({ weight: 100 }, sticky, own, canary)).constructor.name;
    expect(kinds({}, {})).toBe('InTurn');
    expect(kinds({}, EWMA)).toBe('Fastest');
    expect(kinds(HASHED, {})).toBe('InTurn');
    expect(kinds({}, HASHED)).toBe('Hashed');
    expect(kinds(balancedBy(), HASHED)).toBe('Sticky');
    expect(kinds(balancedBy(), HASHED, false)).toBe('Hashed');
    expect(kinds({}, balancedBy())).toBe('InTurn');
    expect(kinds({}, balancedBy(), false)).toBe('Sticky');
  });

  it('that comes, changes and goes is heeded at once', () => {
    const live = set('app', [1], {});
    expect(choose(live).isCanary).toBe(false);
    set('app', [1], { alternative: { group: nextId, sticky: true } });
    expect(choose(live).isCanary).toBe(false);
    set('next', [11], { canary: { ...RULES, weight: 100 } });
    expect(choose(live).group.name).toBe('default-next-80');
    set('next', [], { canary: { ...RULES, weight: 100 } });
    expect(choose(live).isCanary).toBe(false);
    set('next', [11], { canary: RULES });
    expect(choose(live).isCanary).toBe(false);
    set('next', [11]);
    expect(choose(live).isCanary).toBe(false);
    set('next', [11], { canary: { ...RULES, weight: 100 } });
    groups.delete(nextId);
    expect(choose(live).isCanary).toBe(false);
    set('app', [1]);
    expect(live.balance).toBeNull();
  });

  it('is spoken to as the other is, and let go with it', () => {
    set('next', [11], { canary: { ...RULES, weight: 100 } });
    set('app', [1], { alternative: { group: nextId, sticky: true } });
    const tls = { protocol: 'HTTPS', tls: null } as const;
    const live = groups.get(group('app', []).id, tls);
    live.users++;
    const canary = choose(live).group;
    expect(canary).not.toBe(groups.get(nextId));
    expect(canary.wish).toEqual(tls);
    expect(canary.targets[0]?.pool.transport.tls).not.toBeNull();
    const { pool } = canary.targets[0]!;
    groups.sweep();
    expect(pool.users).toBe(1);
    live.users--;
    groups.sweep();
    expect(pool.users).toBe(0);
    expect(groups.get(group('app', []).id).balance?.alternative?.users).toBe(1);
  });

  it('stands beside the group that stands in for one without endpoints', () => {
    set('next', [11], { canary: { ...RULES, header: 'x-canary' } });
    const live = set('app', [], { alternative: { group: nextId, sticky: true } });
    const fallback = set('other', [21]);
    expect(live.balance!.begin(fallback, request({})).group).toBe(fallback);
    expect(live.balance!.begin(fallback, request({ header: 'always' })).isCanary).toBe(true);
    expect(choose(live, { header: 'always' }).isCanary).toBe(false);
  });
});
