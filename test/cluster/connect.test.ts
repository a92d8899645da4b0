import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Cluster, ObjectKey } from '../../src/cluster/cluster.ts';
import { createCluster } from '../../src/cluster/connect.ts';
import type { ClusterOptions } from '../../src/cluster/connect.ts';
import { SYSTEM_TIMING } from '../../src/cluster/timing.ts';
import type { Timing } from '../../src/cluster/timing.ts';
import { ScriptedApi, clientOf, failing, keepingLog, listOf, until, watchOf } from '../support/scripted-api.ts';
import type { Match } from '../support/scripted-api.ts';

const EAGER: Timing = { ...SYSTEM_TIMING, random: () => 0 };
const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
const SECRETS = '/api/v1/namespaces/default/secrets';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const SERVICES = '/api/v1/namespaces/default/services';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

async function scene(
  options: Partial<ClusterOptions> = {},
): Promise<{ api: ScriptedApi; cluster: Cluster; changes: string[] }> {
  const api = await ScriptedApi.start();
  const client = clientOf(api.url, EAGER);
  const cluster = createCluster({
    client,
    log: keepingLog(),
    watchNamespace: '',
    watchNamespaceSelector: '',
    timing: EAGER,
    tuning: { relistDelay: 1 },
    ...options,
  });
  const changes: string[] = [];
  cluster.onChange(({ kind, before, after }) => {
    const sign = before && after ? '~' : after ? '+' : '-';
    changes.push(`${sign}${kind} ${(after ?? before)?.metadata.name}`);
  });
  cleanups.push(async () => {
    await cluster.stop();
    await client.close();
    await api.close();
  });
  return { api, cluster, changes };
}

const keys = (...names: string[]): ObjectKey[] => names.map((name) => ({ namespace: 'default', name }));
const getOf =
  (path: string): Match =>
  (request) =>
    request.method === 'GET' && request.path === path;
const secret = (name: string, value: string) => ({ metadata: { name }, type: 'Opaque', data: { value } });

describe('synced', () => {
  it('comes after every kind was listed, with all that was referenced meanwhile', async () => {
    const { api, cluster, changes } = await scene();
    api.put(INGRESSES, { metadata: { name: 'i' }, spec: { tls: [{ secretName: 's' }] } });
    api.put(SERVICES, { metadata: { name: 'svc' } });
    api.put(SECRETS, secret('s', 'djE='));
    api.put(SECRETS, secret('other', 'djE='));
    cluster.onChange(({ kind }) => {
      if (kind === 'Ingress') {
        cluster.referenceSecrets(keys('s', 'missing'));
      }
    });
    expect(cluster.connected()).toBe(false);
    cluster.start();
    await cluster.synced;
    expect(cluster.cache.get('Secret', 'default', 's')?.data).toEqual({ value: 'djE=' });
    expect([...cluster.cache.list('Secret')]).toHaveLength(1);
    expect(changes.toSorted()).toEqual(['+Ingress i', '+Secret s', '+Service svc']);
    // The list brought it: nothing was asked for one by one.
    expect(api.count(({ path }) => path.startsWith(`${SECRETS}/`))).toBe(0);
    await until(() => cluster.connected());
    expect(cluster.stats().map(({ kind, objects }) => `${kind} ${objects}`)).toContain('Secret 2');
  });

  it('waits for an API server that comes late', async () => {
    const { api, cluster } = await scene();
    const recover = api.always(() => true, failing(503, 'ServiceUnavailable'));
    const synced = vi.fn<() => void>();
    void cluster.synced.then(synced);
    cluster.start();
    await until(() => api.requests.length > 20);
    expect(synced).not.toHaveBeenCalled();
    expect(cluster.connected()).toBe(false);
    recover();
    await cluster.synced;
  });

  it('does not wait for what it may not read and can do without, and recovers when it may', async () => {
    const { api, cluster } = await scene();
    api.put(INGRESSES, { metadata: { name: 'i' } });
    api.put(SECRETS, secret('s', 'djE='));
    const forbidden = failing(403, 'Forbidden');
    const allow = api.always(({ path }) => path.includes('/secrets'), forbidden);
    api.always(({ path }) => path.includes('/ingressclasses'), forbidden);
    cluster.referenceSecrets(keys('s'));
    cluster.start();
    await cluster.synced;
    expect(cluster.cache.get('Ingress', 'default', 'i')).toBeDefined();
    expect(cluster.cache.get('Secret', 'default', 's')).toBeUndefined();
    const state = (kind: string) => cluster.stats().find((stats) => stats.kind === kind)?.state;
    expect([state('Secret'), state('IngressClass'), state('Ingress')]).toEqual(['denied', 'denied', 'watching']);
    expect(cluster.connected()).toBe(true);
    allow();
    await until(() => cluster.cache.get('Secret', 'default', 's') !== undefined);
  });

  it('keeps Secrets that may no longer be read, and follows them again when they may', async () => {
    const { api, cluster } = await scene();
    api.put(SECRETS, secret('s', 'djE='));
    api.put(INGRESSES, { metadata: { name: 'i' } });
    cluster.referenceSecrets(keys('s'));
    cluster.start();
    await cluster.synced;
    await until(() => api.watching('secrets') === 1);
    const allow = api.always(({ path }) => path.includes('/secrets'), failing(403, 'Forbidden'));
    api.drop('secrets', 'reset');
    const state = () => cluster.stats().find(({ kind }) => kind === 'Secret')?.state;
    await until(() => state() === 'denied');
    api.put(SECRETS, secret('s', 'djI='));
    api.put(INGRESSES, { metadata: { name: 'j' } });
    await until(() => cluster.cache.get('Ingress', 'default', 'j') !== undefined);
    expect(cluster.cache.get('Secret', 'default', 's')?.data).toEqual({ value: 'djE=' });
    expect(cluster.connected()).toBe(true);
    allow();
    await until(() => cluster.cache.get('Secret', 'default', 's')?.data?.['value'] === 'djI=');
    expect(state()).toBe('watching');
  });

  it('waits for Ingresses it may not read', async () => {
    const { api, cluster } = await scene();
    const allow = api.always(listOf('ingresses'), failing(403, 'Forbidden'));
    const synced = vi.fn<() => void>();
    void cluster.synced.then(synced);
    cluster.start();
    await until(() => api.count(listOf('ingresses')) > 3 && api.watching('secrets') === 1);
    expect(synced).not.toHaveBeenCalled();
    allow();
    await cluster.synced;
  });
});

describe('references', () => {
  it('made later are fetched; changes follow; dropped ones leave the cache', async () => {
    const { api, cluster, changes } = await scene();
    api.put(SECRETS, secret('s', 'djE='));
    api.put(SECRETS, secret('t', 'djE='));
    cluster.start();
    await cluster.synced;
    cluster.referenceSecrets(keys('s', 'missing'));
    await cluster.referencesSettled();
    expect(changes).toEqual(['+Secret s']);
    expect(api.count(getOf(`${SECRETS}/s`))).toBe(1);
    // The watch knows that it does not exist.
    expect(api.count(getOf(`${SECRETS}/missing`))).toBe(0);
    api.put(SECRETS, secret('t', 'djI='));
    api.put(SECRETS, secret('s', 'djI='));
    api.put(SECRETS, secret('missing', 'djI='));
    await until(() => changes.length === 3);
    expect(changes).toEqual(['+Secret s', '~Secret s', '+Secret missing']);
    cluster.referenceSecrets(keys('missing'));
    expect(changes.at(-1)).toBe('-Secret s');
    expect([...cluster.cache.list('Secret')].map(({ metadata }) => metadata.name)).toEqual(['missing']);
    api.remove(SECRETS, 'missing');
    await until(() => changes.at(-1) === '-Secret missing');
  });

  it('may be set anew by a listener that hears of a removal', async () => {
    const { api, cluster } = await scene();
    api.put(SECRETS, secret('s', 'djE='));
    api.put(SECRETS, secret('t', 'djE='));
    cluster.referenceSecrets(keys('s', 't'));
    cluster.start();
    await cluster.synced;
    const unsubscribe = cluster.onChange(({ before }) => {
      if (before?.metadata.name === 's') {
        unsubscribe();
        cluster.referenceSecrets(keys('t'));
      }
    });
    cluster.referenceSecrets([]);
    await cluster.referencesSettled();
    expect([...cluster.cache.list('Secret')].map(({ metadata }) => metadata.name)).toEqual(['t']);
  });

  it('to ConfigMaps work the same', async () => {
    const { api, cluster } = await scene();
    api.put(CONFIG_MAPS, { metadata: { name: 'c' }, data: { 'ssl-redirect': 'false' } });
    cluster.referenceConfigMaps(keys('c'));
    cluster.start();
    await cluster.synced;
    expect(cluster.cache.get('ConfigMap', 'default', 'c')?.data?.['ssl-redirect']).toBe('false');
  });

  it('are tried again when the API server fails, and only then settled', async () => {
    const { api, cluster } = await scene();
    api.put(SECRETS, secret('s', 'djE='));
    cluster.start();
    await cluster.synced;
    api.script(getOf(`${SECRETS}/s`), failing(500, 'InternalError'), failing(429, 'TooManyRequests'));
    cluster.referenceSecrets(keys('s'));
    await cluster.referencesSettled();
    expect(cluster.cache.get('Secret', 'default', 's')).toBeDefined();
    expect(api.count(getOf(`${SECRETS}/s`))).toBe(3);
  });

  it('that were refused are tried again with the next list', async () => {
    // The retry by time, which would come to the same, never comes.
    const after: Timing['after'] = (milliseconds, callback) =>
      milliseconds >= 10_000 ? () => {} : EAGER.after(milliseconds, callback);
    const { api, cluster } = await scene({ timing: { ...EAGER, after } });
    api.put(SECRETS, secret('s', 'djE='));
    cluster.start();
    await cluster.synced;
    await until(() => api.watching('secrets') === 1);
    api.script(getOf(`${SECRETS}/s`), failing(403, 'Forbidden'));
    cluster.referenceSecrets(keys('s'));
    await cluster.referencesSettled();
    expect(cluster.cache.get('Secret', 'default', 's')).toBeUndefined();
    api.send('secrets', 'ERROR', { code: 410 });
    await until(() => api.count(getOf(`${SECRETS}/s`)) === 2);
    await cluster.referencesSettled();
    expect(cluster.cache.get('Secret', 'default', 's')).toBeDefined();
  });

  it('that would lead out of the collection are not followed', async () => {
    const { api, cluster } = await scene();
    api.put(SECRETS, secret('s', 'djE='));
    api.always(listOf('secrets'), failing(403, 'Forbidden'));
    cluster.referenceSecrets(keys('s', '.', '..', '../configmaps/c'));
    cluster.start();
    await cluster.synced;
    await cluster.referencesSettled();
    expect(cluster.cache.get('Secret', 'default', 's')).toBeDefined();
    const gets = api.requests.filter(({ method, path }) => method === 'GET' && path.startsWith('/api/v1/namespaces/'));
    expect(gets.map(({ path }) => path).toSorted()).toEqual([`${SECRETS}/..%2Fconfigmaps%2Fc`, `${SECRETS}/s`]);
  });

  it('never bring back what was deleted while it was fetched', async () => {
    const { api, cluster, changes } = await scene();
    api.put(SECRETS, secret('s', 'djE='));
    cluster.start();
    await cluster.synced;
    await until(() => api.watching('secrets') === 1);
    const old = api.get(`${SECRETS}/s`);
    let answer: (() => void) | undefined;
    api.script(getOf(`${SECRETS}/s`), (_request, response) => {
      answer = () => response.end(JSON.stringify(old));
    });
    cluster.referenceSecrets(keys('s'));
    await until(() => api.count(getOf(`${SECRETS}/s`)) === 1);
    api.remove(SECRETS, 's');
    await until(() => cluster.stats().find(({ kind }) => kind === 'Secret')?.objects === 0);
    answer?.();
    await cluster.referencesSettled();
    expect(cluster.cache.get('Secret', 'default', 's')).toBeUndefined();
    expect(changes).toEqual([]);
  });
});

describe('namespaces', () => {
  it('are limited by --watch-namespace, but for the objects of the settings', async () => {
    const { api, cluster } = await scene({
      watchNamespace: 'default',
      outside: [
        { kind: 'ConfigMap', namespace: 'system', name: 'settings' },
        { kind: 'Service', namespace: 'system', name: 'lb' },
        { kind: 'Service', namespace: 'default', name: 'inside' },
      ],
    });
    api.put(SERVICES, { metadata: { name: 'inside' } });
    api.put('/api/v1/namespaces/system/services', { metadata: { name: 'lb' } });
    api.put('/api/v1/namespaces/system/services', { metadata: { name: 'other' } });
    api.put('/api/v1/namespaces/system/configmaps', { metadata: { name: 'settings' }, data: { a: 'b' } });
    cluster.referenceConfigMaps([{ namespace: 'system', name: 'settings' }]);
    cluster.start();
    await cluster.synced;
    expect([...cluster.cache.list('Service')].map(({ metadata }) => metadata.name).toSorted()).toEqual(['inside', 'lb']);
    expect(cluster.cache.get('ConfigMap', 'system', 'settings')?.data).toEqual({ a: 'b' });
    const lists = api.requests.filter(({ query }) => query.get('limit') !== null);
    const wide = lists.filter(({ path }) => !path.includes('/namespaces/'));
    expect(wide.map(({ path }) => path)).toEqual(['/apis/networking.k8s.io/v1/ingressclasses']);
  });

  it('are chosen by --watch-namespace-selector, also when their labels change', async () => {
    const { api, cluster, changes } = await scene({ watchNamespaceSelector: 'team=a' });
    api.put('/api/v1/namespaces', { metadata: { name: 'default', labels: { team: 'b' } } });
    api.put(INGRESSES, { metadata: { name: 'i' } });
    cluster.start();
    await cluster.synced;
    expect([...cluster.cache.list('Ingress')]).toEqual([]);
    api.put('/api/v1/namespaces', { metadata: { name: 'default', labels: { team: 'a' } } });
    await until(() => changes.includes('+Ingress i'));
    api.put('/api/v1/namespaces', { metadata: { name: 'default', labels: {} } });
    await until(() => changes.includes('-Ingress i'));
    expect([...cluster.cache.list('Ingress')]).toEqual([]);
  });

  it('with a selector that cannot be read are refused at once', async () => {
    await expect(scene({ watchNamespaceSelector: 'a b' })).rejects.toThrow('label selector');
  });
});

describe('a large cluster', () => {
  it('is listed in pages, and kept through 410 and resets', async () => {
    const { api, cluster } = await scene();
    for (let index = 0; index < 3000; index += 1) {
      api.put(INGRESSES, { metadata: { name: `i${index}` }, spec: { rules: [{ host: `h${index}.example.com` }] } });
    }
    cluster.start();
    await cluster.synced;
    await until(() => api.watching('ingresses') === 1);
    expect([...cluster.cache.list('Ingress')]).toHaveLength(3000);
    expect(api.count(listOf('ingresses'))).toBe(6);
    api.put(INGRESSES, { metadata: { name: 'new' } }, { silent: true });
    api.compact();
    api.drop('ingresses', 'reset');
    await until(() => api.count(watchOf('ingresses')) >= 2);
    expect([...cluster.cache.list('Ingress')].length).toBeGreaterThanOrEqual(3000);
    await until(() => cluster.cache.get('Ingress', 'default', 'new') !== undefined);
  });

  it('stops', async () => {
    const { api, cluster } = await scene();
    cluster.start();
    await cluster.synced;
    await cluster.stop();
    await until(() => api.watching('ingresses') === 0);
    const requests = api.requests.length;
    api.put(INGRESSES, { metadata: { name: 'late' } });
    expect(cluster.cache.get('Ingress', 'default', 'late')).toBeUndefined();
    expect(api.requests).toHaveLength(requests);
  });
});
