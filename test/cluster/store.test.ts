import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/cluster/cluster.ts';
import { ObjectStore } from '../../src/cluster/store.ts';
import { keepingLog } from '../support/scripted-api.ts';

function newStore(selective = false) {
  const log = keepingLog();
  const store = new ObjectStore({ log, selective });
  const changes: string[] = [];
  store.onChange(({ kind, before, after }: Change) => {
    const sign = before && after ? '~' : after ? '+' : '-';
    changes.push(`${sign}${kind} ${(after ?? before)?.metadata.namespace ?? ''}/${(after ?? before)?.metadata.name}`);
  });
  return { store, changes, log };
}

const ingress = (version: string, more: object = {}, metadata: object = {}) => ({
  metadata: { namespace: 'a', name: 'x', resourceVersion: version, ...metadata },
  spec: {
    rules: [
      {
        host: 'h',
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] },
      },
    ],
  },
  ...more,
});

const stampedSlice = (stamp: string, ready: boolean) => ({
  metadata: {
    namespace: 'a',
    name: 's-1',
    labels: { 'kubernetes.io/service-name': 's', 'endpointslice.kubernetes.io/managed-by': stamp },
    annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': stamp },
  },
  endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready }, nodeName: stamp }],
});

describe('changes', () => {
  it('are told with what was before and after', () => {
    const { store } = newStore();
    const seen: Change[] = [];
    const unsubscribe = store.onChange((change) => seen.push(change));
    store.put('Service', { metadata: { namespace: 'a', name: 's' }, spec: { clusterIP: '10.0.0.1' } });
    store.put('Service', { metadata: { namespace: 'a', name: 's' }, spec: { clusterIP: '10.0.0.2' } });
    store.remove('Service', 'a', 's');
    store.remove('Service', 'a', 's');
    unsubscribe();
    store.put('Service', { metadata: { namespace: 'a', name: 's' } });
    expect(seen).toHaveLength(3);
    expect(seen.map(({ before }) => before?.metadata.name)).toEqual([undefined, 's', 's']);
    expect(seen[1]).toMatchObject({ before: { spec: { clusterIP: '10.0.0.1' } }, after: { spec: { clusterIP: '10.0.0.2' } } });
    expect(seen[2]?.after).toBeUndefined();
  });

  it('end in the store when nothing we read is different, but the newest object is kept', () => {
    const { store, changes } = newStore();
    store.put('Ingress', ingress('1'));
    store.put('Ingress', ingress('2', {}, { generation: 7, managedFields: [{ manager: 'x' }] }));
    store.put(
      'Ingress',
      ingress('3', {}, { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' }, generation: 8 }),
    );
    expect(changes).toEqual(['+Ingress a/x', '~Ingress a/x']);
    store.put('Ingress', ingress('4', { status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } } }, { annotations: {} }));
    expect(changes).toHaveLength(2);
    expect(store.get('Ingress', 'a', 'x')).toMatchObject({
      metadata: { resourceVersion: '4' },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
    });
  });

  it('of the status of a Service are told', () => {
    const { store, changes } = newStore();
    store.put('Service', { metadata: { namespace: 'a', name: 's' } });
    store.put('Service', {
      metadata: { namespace: 'a', name: 's' },
      status: { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } },
    });
    expect(changes).toEqual(['+Service a/s', '~Service a/s']);
  });

  it('of the stamp on an EndpointSlice are not told', () => {
    const { store, changes } = newStore();
    store.put('EndpointSlice', stampedSlice('1', true));
    store.put('EndpointSlice', stampedSlice('2', true));
    store.put('EndpointSlice', stampedSlice('2', false));
    expect(changes).toEqual(['+EndpointSlice a/s-1', '~EndpointSlice a/s-1']);
  });

  it('reach the other listeners when one throws', () => {
    const { store, log } = newStore();
    const seen: string[] = [];
    store.onChange(() => {
      throw new Error('broken');
    });
    store.onChange(({ kind }) => seen.push(kind));
    store.put('Ingress', ingress('1'));
    expect(seen).toEqual(['Ingress']);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });
});

const slice = (name: string, service: string) => ({
  metadata: { namespace: 'a', name, labels: { 'kubernetes.io/service-name': service } },
});

describe('lookups', () => {
  it('find EndpointSlices by their Service, also when the label moves', () => {
    const { store } = newStore();
    const of = (service: string): string[] => store.endpointSlicesOf('a', service).map(({ metadata }) => metadata.name);
    store.put('EndpointSlice', slice('1', 's'));
    store.put('EndpointSlice', slice('2', 's'));
    store.put('EndpointSlice', slice('3', 't'));
    expect(of('s')).toEqual(['1', '2']);
    store.put('EndpointSlice', slice('2', 't'));
    expect([of('s'), of('t')]).toEqual([['1'], ['3', '2']]);
    store.remove('EndpointSlice', 'a', '1');
    expect(of('s')).toEqual([]);
    expect(store.endpointSlicesOf('b', 't')).toEqual([]);
  });

  it('do not confuse namespaces and names, whatever they are', () => {
    const { store } = newStore();
    store.put('Secret', { metadata: { namespace: 'a/b', name: 'c' }, type: '1' });
    store.put('Secret', { metadata: { namespace: 'a', name: 'b/c' }, type: '2' });
    store.put('Secret', { metadata: { namespace: '__proto__', name: 'constructor' }, type: '3' });
    expect(store.get('Secret', 'a/b', 'c')?.type).toBe('1');
    expect(store.get('Secret', 'a', 'b/c')?.type).toBe('2');
    expect(store.get('Secret', '__proto__', 'constructor')?.type).toBe('3');
    expect([...store.list('Secret')]).toHaveLength(3);
  });

  it('give frozen objects', () => {
    const { store } = newStore();
    store.put('Ingress', ingress('1'));
    const found = store.get('Ingress', 'a', 'x');
    expect(Object.isFrozen(found)).toBe(true);
    expect(Object.isFrozen(found?.spec?.rules?.[0]?.http?.paths?.[0]?.backend?.service)).toBe(true);
  });
});

describe('selected namespaces', () => {
  it('show and hide Ingresses, as changes', () => {
    const { store, changes } = newStore(true);
    store.put('Ingress', ingress('1'));
    store.put('Service', { metadata: { namespace: 'a', name: 's' } });
    expect(changes).toEqual(['+Service a/s']);
    expect(store.get('Ingress', 'a', 'x')).toBeUndefined();
    store.select('a', true);
    store.select('a', true);
    expect([...store.list('Ingress')]).toHaveLength(1);
    store.select('a', false);
    expect([...store.list('Ingress')]).toHaveLength(0);
    store.remove('Ingress', 'a', 'x');
    expect(changes).toEqual(['+Service a/s', '+Ingress a/x', '-Ingress a/x']);
  });
});

describe('malformed objects', () => {
  it('lose only what is malformed, and say so until they are mended', () => {
    const { store } = newStore();
    const broken = {
      metadata: { namespace: 'a', name: 'x', labels: { good: 'yes', bad: 5 } },
      spec: {
        ingressClassName: ['nginx'],
        rules: [
          { host: 7, http: { paths: [{ path: '/', backend: { service: { port: { number: 80 } } } }] } },
          'nonsense',
          { host: 'good.example.com', http: { paths: null } },
        ],
        tls: {},
      },
      status: 'odd',
    };
    store.put('Ingress', broken);
    expect(store.get('Ingress', 'a', 'x')).toEqual({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { namespace: 'a', name: 'x', labels: { good: 'yes' } },
      spec: { rules: [{ http: { paths: [{ path: '/', backend: {} }] } }, { host: 'good.example.com', http: {} }] },
    });
    expect([...store.malformed()]).toEqual([
      {
        kind: 'Ingress',
        namespace: 'a',
        name: 'x',
        problems: [
          '.metadata.labels["bad"] is not a string',
          '.spec.ingressClassName is not a string',
          '.spec.rules[0].host is not a string',
          '.spec.rules[0].http.paths[0].backend.service.name is not there',
          '.spec.rules[1] is not an object',
          '.spec.tls is not an array',
          '.status is not an object',
        ],
      },
    ]);
    store.put('Ingress', ingress('2'));
    expect([...store.malformed()]).toEqual([]);
  });

  it.each([null, 5, 'text', [], {}, { metadata: null }, { metadata: { name: 5 } }, { metadata: {} }])(
    'without a name are left out: %j',
    (raw) => {
      const { store, changes, log } = newStore();
      store.put('Secret', raw);
      expect(changes).toEqual([]);
      expect(log.lines).toHaveLength(1);
    },
  );
});
