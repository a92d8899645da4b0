import { afterEach, describe, expect, it } from 'vitest';
import { objectAt, valueAt } from '../../../../../src/cluster/embedded/api/json.ts';
import { StatusError } from '../../../../../src/cluster/embedded/api/status-error.ts';
import type { StoredObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import { isReady } from '../../../../../src/cluster/embedded/controllers/pod-state.ts';
import { deploymentObject, startBareCluster } from '../../../../support/embedded-objects.ts';
import type { BareCluster } from '../../../../support/embedded-objects.ts';
import { eventually } from '../../../../support/eventually.ts';

const clusters: BareCluster[] = [];

function start(): BareCluster {
  const cluster = startBareCluster();
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.close();
    if (cluster.failures.length > 0) throw new Error(cluster.failures.join('\n'));
  }
});

const deployment = (cluster: BareCluster): StoredObject => {
  const found = cluster.get('apps/v1', 'deployments', 'web');
  if (!found) throw new Error('no Deployment');
  return found;
};

const pods = (cluster: BareCluster): StoredObject[] => cluster.list('v1', 'pods');

function condition(object: StoredObject, type: string): Record<string, unknown> | undefined {
  const conditions = (objectAt(object, 'status')?.['conditions'] ?? []) as Record<string, unknown>[];
  return conditions.find((other) => other['type'] === type);
}

async function complete(cluster: BareCluster, replicas: number): Promise<StoredObject> {
  return eventually(() => {
    const object = deployment(cluster);
    expect(object['status']).toMatchObject({ observedGeneration: object.metadata.generation });
    const status = objectAt(object, 'status');
    expect([status?.['replicas'] ?? 0, status?.['updatedReplicas'] ?? 0, status?.['availableReplicas'] ?? 0]).toEqual([
      replicas,
      replicas,
      replicas,
    ]);
    expect(pods(cluster)).toHaveLength(replicas);
    return object;
  });
}

function edit(cluster: BareCluster, change: (spec: Record<string, unknown>) => void): void {
  cluster.storage
    .resource('apps/v1', 'deployments')
    .update('default', 'web', (object) => change(object['spec'] as Record<string, unknown>));
}

function setImage(cluster: BareCluster, image: string): void {
  edit(cluster, (spec) => {
    const [container] = valueAt(spec, 'template', 'spec', 'containers') as Record<string, unknown>[];
    if (container) container['image'] = image;
  });
}

function images(cluster: BareCluster): string[] {
  return pods(cluster).map((pod) => (pod['spec'] as { containers: { image: string }[] }).containers[0]?.image ?? '');
}

describe('a Deployment', () => {
  it('gets its Pods through a ReplicaSet, with names, labels and owners as Kubernetes gives them', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 3));
    const done = await complete(cluster, 3);
    expect(condition(done, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    expect(condition(done, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    expect(done.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '1' });
    const [set, ...more] = cluster.list('apps/v1', 'replicasets');
    expect(more).toEqual([]);
    const hash = set?.metadata.labels?.['pod-template-hash'] ?? '';
    expect(set?.metadata.name).toBe(`web-${hash}`);
    expect(set?.metadata.ownerReferences).toMatchObject([
      { kind: 'Deployment', name: 'web', uid: done.metadata.uid, controller: true },
    ]);
    for (const pod of pods(cluster)) {
      expect(pod.metadata.name).toMatch(new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
      expect(pod.metadata.labels).toEqual({ app: 'web', 'pod-template-hash': hash });
      expect(pod.metadata.ownerReferences).toMatchObject([{ kind: 'ReplicaSet', uid: set?.metadata.uid }]);
    }
  });

  it('scales up and down, and to nought', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 1));
    await complete(cluster, 1);
    for (const replicas of [4, 2, 0]) {
      edit(cluster, (spec) => void (spec['replicas'] = replicas));
      await complete(cluster, replicas);
    }
    expect(cluster.list('apps/v1', 'replicasets')).toHaveLength(1);
  });

  it('replaces a Pod that was deleted', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 2));
    await complete(cluster, 2);
    const victim = pods(cluster)[0]?.metadata.name ?? '';
    cluster.storage.resource('v1', 'pods').delete('default', victim);
    await eventually(() => !cluster.get('v1', 'pods', victim));
    await complete(cluster, 2);
    expect(pods(cluster).map((pod) => pod.metadata.name)).not.toContain(victim);
  });

  it('rolls a new template out within maxSurge and maxUnavailable, and keeps the old ReplicaSet', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 4));
    await complete(cluster, 4);
    let least = 4;
    let most = 0;
    cluster.storage.resource('v1', 'pods').watch(() => {
      const active = pods(cluster).filter((pod) => pod.metadata.deletionTimestamp === undefined);
      most = Math.max(most, active.length);
      least = Math.min(least, active.filter(isReady).length);
    });
    setImage(cluster, 'backend:2');
    await eventually(() => images(cluster).every((image) => image === 'backend:2'));
    const done = await complete(cluster, 4);
    expect(least).toBeGreaterThanOrEqual(3);
    expect(most).toBeLessThanOrEqual(5);
    expect(done.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '2' });
    const sets = cluster.list('apps/v1', 'replicasets').map((set) => valueAt(set, 'spec', 'replicas'));
    expect(new Set(sets)).toEqual(new Set([0, 4]));
  });

  it('goes back to the old ReplicaSet when the template does', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 1));
    await complete(cluster, 1);
    const first = cluster.list('apps/v1', 'replicasets')[0]?.metadata.name;
    setImage(cluster, 'backend:2');
    await eventually(() => images(cluster).join() === 'backend:2');
    await complete(cluster, 1);
    setImage(cluster, 'backend:1');
    await eventually(() => images(cluster).join() === 'backend:1');
    const done = await complete(cluster, 1);
    expect(pods(cluster)[0]?.metadata.ownerReferences?.[0]?.name).toBe(first);
    expect(done.metadata.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': '3' });
  });

  it('stops a rollout whose Pods do not become ready, and says that it is not complete', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 4));
    await complete(cluster, 4);
    edit(cluster, (spec) => {
      const template = objectAt(spec, 'template', 'metadata');
      if (template) template['annotations'] = { 'backend.sluice.dev/ready': 'false' };
    });
    const stuck = await eventually(() => {
      const object = deployment(cluster);
      expect(object['status']).toMatchObject({ updatedReplicas: 2, availableReplicas: 3, replicas: 5 });
      expect(pods(cluster)).toHaveLength(5);
      return object;
    });
    expect(condition(stuck, 'Progressing')).toMatchObject({ status: 'True', reason: 'ReplicaSetUpdated' });
    expect(condition(stuck, 'Available')).toMatchObject({ status: 'True' });
  });

  it('with strategy Recreate starts no new Pod before the old ones are gone', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 2, { strategy: { type: 'Recreate' } }));
    await complete(cluster, 2);
    let mixed = false;
    cluster.storage.resource('v1', 'pods').watch(() => {
      mixed ||= new Set(images(cluster)).size > 1;
    });
    setImage(cluster, 'backend:2');
    await eventually(() => images(cluster).length === 2 && images(cluster).every((image) => image === 'backend:2'));
    await complete(cluster, 2);
    expect(mixed).toBe(false);
  });

  it('takes its ReplicaSets and Pods with it', async () => {
    const cluster = start();
    cluster.create(deploymentObject('web', 2));
    await complete(cluster, 2);
    cluster.storage.resource('apps/v1', 'deployments').delete('default', 'web');
    await eventually(() => pods(cluster).length === 0);
    expect(cluster.list('apps/v1', 'replicasets')).toEqual([]);
  });

  it('says why its Pods cannot be made, and makes them when they can', async () => {
    let full = true;
    const reported: string[] = [];
    const cluster = startBareCluster({
      report: (message) => reported.push(message),
      admission: (type) => {
        if (full && type.storageKey === 'pods') throw new StatusError(403, 'Forbidden', 'exceeded quota');
      },
    });
    clusters.push(cluster);
    cluster.create(deploymentObject('web', 1));
    const event = await eventually(() => cluster.list('v1', 'events').find((each) => each['reason'] === 'FailedCreate'));
    expect(event['message']).toBe('Error creating: exceeded quota');
    expect(condition(cluster.list('apps/v1', 'replicasets')[0] as StoredObject, 'ReplicaFailure')).toMatchObject({
      status: 'True',
    });
    full = false;
    await complete(cluster, 1);
    expect(reported[0]).toMatch(/^controller replica-sets: default\/web-/);
    expect(cluster.list('apps/v1', 'replicasets')[0]?.['status']).not.toHaveProperty('conditions');
  });

  it('goes with its namespace, Pods and all', async () => {
    const cluster = start();
    cluster.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    cluster.create({ ...deploymentObject('web', 2), metadata: { name: 'web', namespace: 'shop' } });
    const inShop = (): StoredObject[] => cluster.storage.resource('v1', 'pods').list('shop');
    await eventually(() => inShop().filter(isReady).length === 2);
    const namespaces = cluster.storage.resource('v1', 'namespaces');
    namespaces.delete('', 'shop');
    await eventually(() => namespaces.get('', 'shop') === undefined);
    expect(inShop()).toEqual([]);
  });
});
