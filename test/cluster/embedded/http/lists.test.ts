import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, configMap, ingress, INGRESSES, namesOf, TestApi } from '../../../support/embedded-api.ts';
import type { JsonObject } from '../../../../src/cluster/embedded/api/json.ts';
import { stringAt } from '../../../../src/cluster/embedded/api/json.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());

function continueOf(list: JsonObject): string {
  return encodeURIComponent(stringAt(list, 'metadata', 'continue') ?? '');
}

const secret = (name: string): JsonObject => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } });

describe('pages', () => {
  const secrets = '/api/v1/namespaces/default/secrets';

  it('are of one snapshot, whatever is written between them', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await api.create(secrets, secret(name));
    const first = (await api.get(`${secrets}?limit=2`)).body;
    expect(namesOf(first)).toEqual(['a', 'b']);
    expect(first).toMatchObject({ metadata: { remainingItemCount: 3 } });
    await api.call('DELETE', `${secrets}/c`);
    await api.create(secrets, secret('ba'));
    const second = (await api.get(`${secrets}?limit=2&continue=${continueOf(first)}`)).body;
    expect(namesOf(second)).toEqual(['c', 'd']);
    const third = (await api.get(`${secrets}?limit=2&continue=${continueOf(second)}`)).body;
    expect(namesOf(third)).toEqual(['e']);
    expect(third['metadata']).toEqual({ resourceVersion: stringAt(first, 'metadata', 'resourceVersion') });
    expect(namesOf((await api.get(secrets)).body)).toEqual(['a', 'b', 'ba', 'd', 'e']);
  });

  it('expire with the history', async () => {
    const first = (await api.get(`${secrets}?limit=1`)).body;
    await api.create(secrets, secret('later'));
    api.server.storage.compact();
    const next = await api.get(`${secrets}?limit=1&continue=${continueOf(first)}`);
    expect(next).toMatchObject({ status: 410, body: { reason: 'Expired', code: 410 } });
  });

  it('of the past are served while it is remembered', async () => {
    const before = (await api.get(secrets)).body;
    await api.create(secrets, secret('newest'));
    const version = stringAt(before, 'metadata', 'resourceVersion') ?? '';
    const exact = await api.get(`${secrets}?resourceVersion=${version}&resourceVersionMatch=Exact`);
    expect(namesOf(exact.body)).toEqual(namesOf(before));
  });
});

describe('selectors', () => {
  beforeAll(async () => {
    await api.create(CONFIG_MAPS, configMap('red-big', {}, { color: 'red', size: '10' }));
    await api.create(CONFIG_MAPS, configMap('red-small', {}, { color: 'red', size: '2' }));
    await api.create(CONFIG_MAPS, configMap('blue', {}, { color: 'blue' }));
    await api.create(CONFIG_MAPS, configMap('plain'));
  });

  it.each([
    ['color=red', ['red-big', 'red-small']],
    ['color==red,size=2', ['red-small']],
    ['color!=red', ['blue', 'plain']],
    ['color', ['blue', 'red-big', 'red-small']],
    ['!color', ['plain']],
    ['color in (red, blue)', ['blue', 'red-big', 'red-small']],
    ['color notin (red)', ['blue', 'plain']],
    ['color in (blue),size', []],
    ['size>5', ['red-big']],
    ['size<5', ['red-small']],
  ])('by labels: %s', async (selector, names) => {
    const list = await api.get(`${CONFIG_MAPS}?labelSelector=${encodeURIComponent(selector)}`);
    expect(namesOf(list.body)).toEqual(names);
  });

  it.each([
    [CONFIG_MAPS, 'metadata.name=blue', ['blue']],
    [CONFIG_MAPS, 'metadata.name!=blue,metadata.namespace=default', ['plain', 'red-big', 'red-small']],
    ['/api/v1/namespaces', 'status.phase=Active', ['default', 'kube-system']],
    ['/api/v1/nodes', 'spec.unschedulable=false', ['embedded']],
  ])('by fields: %s %s', async (path, selector, names) => {
    const list = await api.get(`${path}?fieldSelector=${encodeURIComponent(selector)}`);
    expect(namesOf(list.body)).toEqual(names);
  });

  it('by the type of a Secret and the object of an Event', async () => {
    const data = { 'tls.crt': '', 'tls.key': '' };
    const secrets = '/api/v1/namespaces/kube-system/secrets';
    await api.create(secrets, { metadata: { name: 'tls' }, type: 'kubernetes.io/tls', data });
    await api.create(secrets, { metadata: { name: 'plain' } });
    expect(namesOf((await api.get(`${secrets}?fieldSelector=type%3Dkubernetes.io/tls`)).body)).toEqual(['tls']);
    const events = '/api/v1/namespaces/default/events';
    for (const name of ['one', 'two']) {
      await api.create(events, {
        metadata: { name },
        involvedObject: { kind: 'Ingress', name },
        reason: 'Sync',
        type: 'Normal',
      });
    }
    const selector = encodeURIComponent('involvedObject.name=two,reason=Sync');
    expect(namesOf((await api.get(`${events}?fieldSelector=${selector}`)).body)).toEqual(['two']);
  });
});

describe('many objects', () => {
  it('are all in the list, each once, in the order of their keys', async () => {
    const ingresses = api.server.storage.resource('networking.k8s.io/v1', 'ingresses');
    for (let index = 0; index < 10_000; index++) ingresses.create('default', ingress(`many-${index}`) as never);
    const whole = namesOf((await api.get(INGRESSES)).body);
    expect(whole).toHaveLength(10_000);
    expect(whole).toEqual([...whole].sort());
    const paged: string[] = [];
    let token = '';
    do {
      const page = (await api.get(`${INGRESSES}?limit=900&continue=${token}`)).body;
      paged.push(...namesOf(page));
      token = continueOf(page);
    } while (token !== '');
    expect(paged).toEqual(whole);
  });
});
