import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../../../../src/cluster/embedded/api/memory-storage.ts';
import type { StorageOptions } from '../../../../src/cluster/embedded/api/memory-storage.ts';
import { StatusError } from '../../../../src/cluster/embedded/api/status-error.ts';
import type { NewObject, StoredObject } from '../../../../src/cluster/embedded/api/storage.ts';

function storageWithDefault(options: StorageOptions = {}): MemoryStorage {
  const storage = new MemoryStorage(options);
  storage.resource('v1', 'namespaces').create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return storage;
}

function configMap(name: string, data: Record<string, string> = {}): NewObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

function statusOf(run: () => unknown): StatusError {
  try {
    run();
  } catch (error) {
    if (error instanceof StatusError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const containers = [{ name: 'web', image: 'web:1' }];

function pod(name: string, spec: object): NewObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers, ...spec } };
}

const deployment: NewObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers } },
  },
};

describe('creating', () => {
  it('gives an object its uid, creationTimestamp, resourceVersion and namespace', () => {
    const storage = storageWithDefault({ now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 678) });
    const created = storage.resource('v1', 'configmaps').create('default', configMap('one'));
    expect(created.metadata).toMatchObject({ name: 'one', namespace: 'default', creationTimestamp: '2026-01-02T03:04:05Z' });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number(created.metadata.resourceVersion)).toBe(storage.revision);
  });

  it('makes names out of generateName', () => {
    const pods = storageWithDefault().resource('v1', 'pods');
    const names = Array.from({ length: 50 }, () => {
      const input = { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'web-' }, spec: { containers } };
      return pods.create('default', input).metadata.name;
    });
    expect(new Set(names).size).toBe(50);
    expect(names[0]).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('refuses a second object of the name', () => {
    const maps = storageWithDefault().resource('v1', 'configmaps');
    maps.create('default', configMap('one'));
    const error = statusOf(() => maps.create('default', configMap('one')));
    expect(error).toMatchObject({ code: 409, reason: 'AlreadyExists', message: 'configmaps "one" already exists' });
  });

  it('refuses a namespace that is not there', () => {
    const maps = storageWithDefault().resource('v1', 'configmaps');
    const error = statusOf(() => maps.create('nowhere', configMap('one')));
    expect(error).toMatchObject({ code: 404, message: 'namespaces "nowhere" not found' });
  });

  it('hands out objects that cannot be changed, and takes copies', () => {
    const maps = storageWithDefault().resource('v1', 'configmaps');
    const input = configMap('one', { key: 'before' });
    const created = maps.create('default', input);
    (input['data'] as Record<string, string>)['key'] = 'after';
    expect(created['data']).toEqual({ key: 'before' });
    expect(() => {
      created.metadata.name = 'two';
    }).toThrow(TypeError);
  });

  it('ignores a status that a client brings', () => {
    const storage = storageWithDefault();
    const created = storage.resource('apps/v1', 'deployments').create('default', { ...deployment, status: { replicas: 7 } });
    expect(created['status']).toEqual({});
  });
});

describe('updating', () => {
  it('does nothing when nothing changed', () => {
    const storage = storageWithDefault();
    const maps = storage.resource('v1', 'configmaps');
    const created = maps.create('default', configMap('one', { a: '1' }));
    let events = 0;
    maps.watch(() => events++);
    const updated = maps.update('default', 'one', (object) => {
      object['data'] = { a: '1' };
    });
    expect(updated).toBe(created);
    expect(events).toBe(0);
  });

  it('counts generation for the spec only', () => {
    const deployments = storageWithDefault().resource('apps/v1', 'deployments');
    deployments.create('default', deployment);
    const labelled = deployments.update('default', 'web', (object) => {
      object.metadata.labels = { tier: 'front' };
    });
    expect(labelled?.metadata.generation).toBe(1);
    const scaled = deployments.update('default', 'web', (object) => {
      (object['spec'] as { replicas: number }).replicas = 3;
    });
    expect(scaled?.metadata.generation).toBe(2);
    const reported = deployments.update(
      'default',
      'web',
      (object) => {
        object['status'] = { replicas: 3 };
        (object['spec'] as { replicas: number }).replicas = 9;
      },
      'status',
    );
    expect(reported).toMatchObject({ metadata: { generation: 2 }, spec: { replicas: 3 }, status: { replicas: 3 } });
  });

  it('leaves the status alone outside of the status subresource', () => {
    const deployments = storageWithDefault().resource('apps/v1', 'deployments');
    deployments.create('default', deployment);
    const updated = deployments.update('default', 'web', (object) => {
      object['status'] = { replicas: 3 };
    });
    expect(updated?.['status']).toEqual({});
  });

  it('refuses an older resourceVersion', () => {
    const maps = storageWithDefault().resource('v1', 'configmaps');
    const first = maps.create('default', configMap('one'));
    maps.update('default', 'one', (object) => {
      object['data'] = { a: '1' };
    });
    const error = statusOf(() =>
      maps.update('default', 'one', (object) => {
        object.metadata.resourceVersion = first.metadata.resourceVersion;
        object['data'] = { a: '2' };
      }),
    );
    expect(error).toMatchObject({ code: 409, reason: 'Conflict' });
    expect(maps.get('default', 'one')?.['data']).toEqual({ a: '1' });
  });

  it('is undefined for an object that is gone', () => {
    expect(
      storageWithDefault()
        .resource('v1', 'configmaps')
        .update('default', 'one', () => undefined),
    ).toBeUndefined();
  });
});

describe('deleting', () => {
  it('waits for finalizers, and refuses new ones', () => {
    const maps = storageWithDefault().resource('v1', 'configmaps');
    maps.create('default', { ...configMap('one'), metadata: { name: 'one', finalizers: ['example.com/hold'] } });
    maps.delete('default', 'one');
    expect(maps.get('default', 'one')?.metadata.deletionTimestamp).toBeDefined();
    const error = statusOf(() =>
      maps.update('default', 'one', (object) => {
        object.metadata.finalizers = ['example.com/hold', 'example.com/more'];
      }),
    );
    expect(error.details?.causes).toMatchObject([{ reason: 'FieldValueForbidden', field: 'metadata.finalizers' }]);
    maps.update('default', 'one', (object) => {
      object.metadata.finalizers = [];
    });
    expect(maps.get('default', 'one')).toBeUndefined();
  });

  it('gives a Pod on a node its grace period, and one without a node none', () => {
    const pods = storageWithDefault().resource('v1', 'pods');
    pods.create('default', pod('running', { nodeName: 'embedded' }));
    pods.create('default', pod('pending', {}));
    pods.delete('default', 'running');
    pods.delete('default', 'pending');
    expect(pods.get('default', 'pending')).toBeUndefined();
    expect(pods.get('default', 'running')?.metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
    pods.delete('default', 'running', { gracePeriodSeconds: 0 });
    expect(pods.get('default', 'running')).toBeUndefined();
  });

  it('takes dependents along, when the last owner goes', () => {
    const storage = storageWithDefault();
    const maps = storage.resource('v1', 'configmaps');
    const owners = ['a', 'b'].map((name) => maps.create('default', configMap(name)));
    const ownerReferences = owners.map(({ metadata }) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      name: metadata.name,
      uid: metadata.uid,
    }));
    maps.create('default', { ...configMap('child'), metadata: { name: 'child', ownerReferences } });
    maps.delete('default', 'a');
    expect(maps.get('default', 'child')).toBeDefined();
    maps.delete('default', 'b');
    expect(maps.get('default', 'child')).toBeUndefined();
  });

  it('empties a namespace, and keeps it until it is empty', () => {
    const storage = storageWithDefault();
    const namespaces = storage.resource('v1', 'namespaces');
    const maps = storage.resource('v1', 'configmaps');
    namespaces.create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    maps.create('shop', configMap('plain'));
    maps.create('shop', { ...configMap('held'), metadata: { name: 'held', finalizers: ['example.com/hold'] } });
    namespaces.delete('', 'shop');
    expect(maps.get('shop', 'plain')).toBeUndefined();
    expect(namespaces.get('', 'shop')?.['status']).toEqual({ phase: 'Terminating' });
    expect(statusOf(() => maps.create('shop', configMap('late')))).toMatchObject({ code: 403, reason: 'Forbidden' });
    maps.update('shop', 'held', (object) => {
      delete object.metadata.finalizers;
    });
    expect(namespaces.get('', 'shop')).toBeUndefined();
  });
});

describe('watching', () => {
  it('tells every listener of changes in the order in which they were made, also of those a listener makes', () => {
    const maps = storageWithDefault().resource('v1', 'configmaps');
    maps.watch((event) => {
      if (event.type === 'ADDED') {
        maps.update('default', event.object.metadata.name, (object) => {
          object['data'] = { seen: 'yes' };
        });
      }
    });
    const seen: [string, StoredObject | undefined][] = [];
    maps.watch((event) => seen.push([event.type, event.previous]));
    const created = maps.create('default', configMap('one'));
    expect(created['data']).toEqual({ seen: 'yes' });
    expect(seen.map(([type]) => type)).toEqual(['ADDED', 'MODIFIED']);
    expect(seen[1]?.[1]?.['data']).toEqual({});
  });

  it('shows the past until it is compacted', () => {
    const storage = storageWithDefault();
    const maps = storage.resource('v1', 'configmaps');
    maps.create('default', configMap('a', { n: '1' }));
    maps.create('default', configMap('b'));
    const past = storage.revision;
    maps.update('default', 'a', (object) => {
      object['data'] = { n: '2' };
    });
    maps.delete('default', 'b');
    maps.create('default', configMap('c'));
    const collection = storage.collection('configmaps');
    expect(collection.listAt(past).map((object) => [object.metadata.name, object['data']])).toEqual([
      ['a', { n: '1' }],
      ['b', {}],
    ]);
    expect(collection.since(past).map((change) => change.type)).toEqual(['MODIFIED', 'DELETED', 'ADDED']);
    storage.compact();
    expect(statusOf(() => collection.since(past))).toMatchObject({ code: 410, reason: 'Expired' });
    expect(collection.since(storage.revision)).toEqual([]);
  });

  it('forgets the oldest changes by itself', () => {
    const storage = storageWithDefault({ historyLimit: 10 });
    const maps = storage.resource('v1', 'configmaps');
    const start = storage.revision;
    for (let index = 0; index < 30; index++) maps.create('default', configMap(`map-${index}`));
    expect(statusOf(() => storage.collection('configmaps').since(start)).code).toBe(410);
    expect(storage.collection('configmaps').since(storage.revision - 10)).toHaveLength(10);
  });
});

describe('events', () => {
  it('are forgotten when there are too many, the oldest first', () => {
    const events = storageWithDefault().resource('v1', 'events');
    for (let index = 0; index < 5002; index++) {
      events.create('default', { apiVersion: 'v1', kind: 'Event', metadata: { name: `e${index}` }, involvedObject: {} });
    }
    expect(events.list()).toHaveLength(5000);
    expect(events.get('default', 'e1')).toBeUndefined();
    expect(events.get('default', 'e2')).toBeDefined();
  });

  it('are the same in core/v1 and events.k8s.io/v1', () => {
    const storage = storageWithDefault();
    storage.resource('events.k8s.io/v1', 'events').create('default', {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'one' },
      note: 'hello',
      regarding: { kind: 'Pod', name: 'web' },
    });
    expect(storage.resource('v1', 'events').get('default', 'one')).toMatchObject({
      apiVersion: 'v1',
      message: 'hello',
      involvedObject: { name: 'web' },
    });
  });
});
