import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, configMap, INGRESSES, namesOf, TestApi } from '../../../support/embedded-api.ts';
import { stringAt } from '../../../../src/cluster/embedded/api/json.ts';

let api: TestApi;
let chance = 0;
beforeEach(async () => {
  api = await TestApi.start({ random: () => chance });
});
afterEach(() => api.close());

const watchUrl = (): string => `${CONFIG_MAPS}?watch=true&resourceVersion=${api.server.storage.revision}`;

describe('requests', () => {
  it('fail as often as is said, and only those that match', async () => {
    api.server.faults.fail({ status: 429, retryAfterSeconds: 7, times: 2, match: { verb: 'list', resource: 'configmaps' } });
    const first = await api.get(CONFIG_MAPS);
    expect(first).toMatchObject({ status: 429, body: { reason: 'TooManyRequests', details: { retryAfterSeconds: 7 } } });
    expect(first.headers.get('retry-after')).toBe('7');
    expect((await api.get(INGRESSES)).status).toBe(200);
    expect((await api.get(CONFIG_MAPS)).status).toBe(429);
    expect((await api.get(CONFIG_MAPS)).status).toBe(200);
  });

  it('fail with a probability', async () => {
    const remove = api.server.faults.fail({ status: 503, probability: 0.3 });
    chance = 0.2;
    expect((await api.get(CONFIG_MAPS)).status).toBe(503);
    chance = 0.4;
    expect((await api.get(CONFIG_MAPS)).status).toBe(200);
    chance = 0.2;
    remove();
    expect((await api.get(CONFIG_MAPS)).status).toBe(200);
  });

  it('are denied, and access reviews say so', async () => {
    api.server.faults.fail({ status: 403, match: { resource: 'secrets' } });
    expect((await api.get('/api/v1/namespaces/default/secrets')).body).toMatchObject({ reason: 'Forbidden', code: 403 });
    const ask = async (resource: string): Promise<unknown> => {
      const body = { spec: { resourceAttributes: { verb: 'get', resource, namespace: 'default' } } };
      const answer = await api.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body });
      return answer.body['status'];
    };
    expect(await ask('secrets')).toMatchObject({ allowed: false });
    expect(await ask('pods')).toMatchObject({ allowed: true });
  });

  it('stall until the fault is taken away', async () => {
    const release = api.server.faults.stall({ resource: 'configmaps' });
    const stalled = api.get(CONFIG_MAPS).then(
      () => 'answered',
      () => 'cut',
    );
    expect((await api.get(INGRESSES)).status).toBe(200);
    release();
    expect(await stalled).toBe('cut');
    expect((await api.get(CONFIG_MAPS)).status).toBe(200);
  });

  it('are answered late', async () => {
    api.server.faults.delay(1, { verb: 'list' }, { times: 1 });
    expect((await api.get(CONFIG_MAPS)).status).toBe(200);
  });

  it('with a continue token expire', async () => {
    await api.create(CONFIG_MAPS, configMap('a'));
    await api.create(CONFIG_MAPS, configMap('b'));
    const page = (await api.get(`${CONFIG_MAPS}?limit=1`)).body;
    const next = `${CONFIG_MAPS}?limit=1&continue=${stringAt(page, 'metadata', 'continue') ?? ''}`;
    api.server.faults.expireContinue();
    expect((await api.get(next)).status).toBe(410);
    expect((await api.get(next)).status).toBe(200);
  });

  it('get lists of the past', async () => {
    await api.create(CONFIG_MAPS, configMap('old'));
    const past = api.server.storage.revision;
    await api.create(CONFIG_MAPS, configMap('new'));
    const remove = api.server.faults.serveStaleLists(past, { resource: 'configmaps' });
    const stale = (await api.get(CONFIG_MAPS)).body;
    expect(namesOf(stale)).toEqual(['old']);
    expect(stringAt(stale, 'metadata', 'resourceVersion')).toBe(String(past));
    remove();
    expect(namesOf((await api.get(CONFIG_MAPS)).body)).toEqual(['new', 'old']);
  });
});

describe('watches', () => {
  it('end', async () => {
    const watch = await api.watch(watchUrl());
    expect(api.server.faults.dropWatches('end', { resource: 'secrets' })).toBe(0);
    expect(api.server.faults.dropWatches('end', { resource: 'configmaps' })).toBe(1);
    expect(await watch.rest()).toEqual([]);
  });

  it('are reset', async () => {
    const watch = await api.watch(watchUrl());
    api.server.faults.dropWatches('reset');
    await expect(watch.rest()).rejects.toThrow('terminated');
  });

  it('fall silent without an end', async () => {
    const silenced = await api.watch(watchUrl());
    api.server.faults.dropWatches('silence');
    const fresh = await api.watch(watchUrl());
    await api.create(CONFIG_MAPS, configMap('unseen'));
    expect((await fresh.next()).type).toBe('ADDED');
    const winner = await Promise.race([silenced.next().then(() => 'silenced'), api.get(CONFIG_MAPS).then(() => 'list')]);
    expect(winner).toBe('list');
  });

  it('get an ERROR event', async () => {
    const watch = await api.watch(watchUrl());
    api.server.faults.failWatches(410);
    expect(await watch.rest()).toMatchObject([{ type: 'ERROR', object: { code: 410, reason: 'Expired' } }]);
  });

  it.each([
    ['half-line', 'JSON at position'],
    ['garbage', 'is not valid JSON'],
  ] as const)('get %s', async (how, message) => {
    const watch = await api.watch(watchUrl());
    api.server.faults.garbleNextEvent(how, { resource: 'configmaps' });
    await api.create(CONFIG_MAPS, configMap('garbled'));
    await expect(watch.next()).rejects.toThrow(message);
  });
});

describe('the server', () => {
  it('goes away and comes back on the same port, with its objects', async () => {
    await api.create(CONFIG_MAPS, configMap('kept'));
    const revision = api.server.storage.revision;
    const watch = await api.watch(watchUrl());
    await api.server.goAway();
    await expect(watch.rest()).rejects.toThrow('terminated');
    await expect(api.get(CONFIG_MAPS)).rejects.toThrow('fetch failed');
    api.server.storage.resource('v1', 'configmaps').create('default', configMap('meanwhile') as never);
    await api.server.comeBack();
    const again = await api.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${revision}`);
    expect((await again.next()).object).toMatchObject({ metadata: { name: 'meanwhile' } });
  });

  it('comes back without its history', async () => {
    const revision = api.server.storage.revision;
    await api.server.goAway();
    await api.server.comeBack({ historyLost: true });
    const watch = await api.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${revision}`);
    expect(await watch.rest()).toMatchObject([{ type: 'ERROR', object: { code: 410 } }]);
    const list = await api.get(CONFIG_MAPS);
    expect(Number(stringAt(list.body, 'metadata', 'resourceVersion'))).toBeGreaterThan(revision);
  });
});
