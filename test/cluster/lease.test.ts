import { afterEach, describe, expect, it } from 'vitest';
import { startElection } from '../../src/cluster/lease.ts';
import type { Election } from '../../src/cluster/lease.ts';
import { ManualTiming } from '../support/manual-timing.ts';
import { ScriptedApi, clientOf, failing, keepingLog, until } from '../support/scripted-api.ts';

const LEASES = '/apis/coordination.k8s.io/v1/namespaces/sluice/leases';
const LEASE = `${LEASES}/leader`;
const TTL = 15_000;
const RETRY = 2000;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

async function server(): Promise<ScriptedApi> {
  const api = await ScriptedApi.start();
  cleanups.push(() => api.close());
  return api;
}

interface Candidate {
  readonly election: Election;
  readonly timing: ManualTiming;
  readonly told: string[];
}

function candidate(api: ScriptedApi, identity: string, timing = new ManualTiming()): Candidate {
  const client = clientOf(api.url, timing);
  const told: string[] = [];
  const election = startElection({
    client,
    timing,
    log: keepingLog(),
    namespace: 'sluice',
    name: 'leader',
    identity,
    ttl: TTL,
    onElected: () => told.push('elected'),
    onLost: () => told.push('lost'),
  });
  cleanups.push(async () => {
    await election.stop();
    await client.close();
  });
  return { election, timing, told };
}

const spec = (api: ScriptedApi): Record<string, unknown> => api.get(LEASE)?.['spec'] as Record<string, unknown>;
const requests = (api: ScriptedApi): number => api.requests.length;
/** Lets so much time pass for a candidate, in steps of its retry period, with the requests these cause. */
async function pass({ timing }: Candidate, api: ScriptedApi, milliseconds: number): Promise<void> {
  for (let passed = 0; passed < milliseconds; passed += RETRY) {
    const before = requests(api);
    timing.advance(RETRY * 1.6);
    await until(() => requests(api) > before);
    await settle(timing);
  }
}
/** Until the candidate waits for nothing but time. */
const settle = (timing: ManualTiming): Promise<void> =>
  until(() => timing.due().length > 0 && timing.due().every((due) => due !== TTL / 3));

describe('the election', () => {
  it('creates the Lease, and renews it while time passes', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    expect(spec(api)).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(spec(api)['renewTime']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const acquired = spec(api)['acquireTime'];
    for (let renewal = 1; renewal <= 20; renewal += 1) {
      const version = api.get(LEASE)?.metadata.resourceVersion;
      await settle(one.timing);
      one.timing.advance(RETRY);
      await until(() => api.get(LEASE)?.metadata.resourceVersion !== version);
    }
    await settle(one.timing);
    expect(one.election.isLeader()).toBe(true);
    expect(one.told).toEqual(['elected']);
    expect(spec(api)['acquireTime']).toBe(acquired);
  });

  it('leaves a lease alone until it has not changed for its duration by the own clock, however wrong the times in it are', async () => {
    const api = await server();
    api.put(LEASES, {
      metadata: { name: 'leader' },
      spec: { holderIdentity: 'two', leaseDurationSeconds: 15, renewTime: '1999-01-01T00:00:00.000000Z', leaseTransitions: 3 },
    });
    const one = candidate(api, 'one');
    one.timing.skew = 600_000;
    await until(() => requests(api) === 1);
    await settle(one.timing);
    await pass(one, api, 6000);
    // The holder renews: the time begins anew.
    const held = api.get(LEASE);
    if (held) {
      api.put(LEASES, held);
    }
    await pass(one, api, 8000);
    expect(one.election.isLeader()).toBe(false);
    expect(spec(api)['holderIdentity']).toBe('two');
    while (!one.election.isLeader()) {
      one.timing.advance(RETRY);
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    expect(spec(api)).toMatchObject({ holderIdentity: 'one', leaseTransitions: 4 });
  });

  it.each([
    ['longer', 60, 24_000],
    ['shorter', 1, 8000],
  ])('does not rob a holder whose lease is for a %s time than its own before both are over', async (_, seconds, time) => {
    const api = await server();
    const held = { holderIdentity: 'two', leaseDurationSeconds: seconds, leaseTransitions: 3 };
    api.put(LEASES, { metadata: { name: 'leader' }, spec: held });
    const one = candidate(api, 'one');
    await until(() => requests(api) === 1);
    await settle(one.timing);
    await pass(one, api, time);
    expect(one.election.isLeader()).toBe(false);
    expect(spec(api)).toMatchObject(held);
  });

  it('has one winner when two grasp for a free lease at once', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    const two = candidate(api, 'two');
    await until(() => requests(api) >= 4);
    await settle(one.timing);
    await settle(two.timing);
    await until(() => one.election.isLeader() || two.election.isLeader());
    expect([one, two].filter(({ election }) => election.isLeader())).toHaveLength(1);
  });

  it('is lost, by the own clock, before anyone else may take the lease', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    await settle(one.timing);
    api.always(() => true, failing(500, 'InternalError'));
    one.timing.advance(9999);
    expect(one.election.isLeader()).toBe(true);
    one.timing.advance(1);
    expect(one.election.isLeader()).toBe(false);
    expect(one.told).toEqual(['elected', 'lost']);
  });

  it('is lost for a process that was suspended, before it has noticed anything', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    one.timing.suspend(9999);
    expect(one.election.isLeader()).toBe(true);
    one.timing.suspend(1);
    expect(one.election.isLeader()).toBe(false);
  });

  it('is lost at once when another holds the lease, and won back when that one gives it up', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    await settle(one.timing);
    const held = { metadata: { name: 'leader' }, spec: { holderIdentity: 'two', leaseDurationSeconds: 15 } };
    api.put(LEASES, held);
    one.timing.advance(RETRY);
    await until(() => one.told.includes('lost'));
    await settle(one.timing);
    api.put(LEASES, { ...held, spec: { ...held.spec, holderIdentity: '' } });
    one.timing.advance(RETRY * 2.2);
    await until(() => one.election.isLeader());
    expect(one.told).toEqual(['elected', 'lost', 'elected']);
  });

  it('survives the deletion of the lease while leading', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    await settle(one.timing);
    api.remove(LEASES, 'leader');
    one.timing.advance(RETRY);
    await until(() => api.get(LEASE) !== undefined);
    expect(one.told).toEqual(['elected']);
  });

  it('gives the lease back when stopped', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    await settle(one.timing);
    await one.election.stop();
    expect(spec(api)).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    expect(one.told).toEqual(['elected', 'lost']);
    const two = candidate(api, 'two');
    await until(() => two.election.isLeader());
    expect(spec(api)).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  it('gives the lease back though a renewal it has not heard of came between', async () => {
    const api = await server();
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    await settle(one.timing);
    const held = api.get(LEASE);
    api.put(LEASES, { metadata: { name: 'leader' }, spec: held?.['spec'] });
    await one.election.stop();
    expect(spec(api)['holderIdentity']).toBe('');
  });

  it('takes a lease that is nonsense', async () => {
    const api = await server();
    api.put(LEASES, {
      metadata: { name: 'leader' },
      spec: { holderIdentity: 7, leaseDurationSeconds: 'long', leaseTransitions: null },
    });
    const one = candidate(api, 'one');
    await until(() => one.election.isLeader());
    expect(spec(api)).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15 });
  });
});
