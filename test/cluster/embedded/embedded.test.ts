import { afterEach, describe, expect, it } from 'vitest';
import { stringAt } from '../../../src/cluster/embedded/api/json.ts';
import { startEmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import type { EmbeddedCluster, EmbeddedClusterOptions } from '../../../src/cluster/embedded/embedded.ts';
import { deploymentObject, serviceObject } from '../../support/embedded-objects.ts';
import { eventually } from '../../support/eventually.ts';

const clusters: EmbeddedCluster[] = [];

async function start(options: Partial<EmbeddedClusterOptions> = {}): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({ apiPort: 0, defaultPort: 0, drainDelayMs: 0, ...options });
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.close()));
});

async function read(cluster: EmbeddedCluster, path: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${cluster.url}${path}`);
  return (await response.json()) as Record<string, unknown>;
}

const POOL = {
  apiVersion: 'metallb.io/v1beta1',
  kind: 'IPAddressPool',
  metadata: { name: 'main', namespace: 'metallb-system' },
  spec: { addresses: ['192.0.2.10-192.0.2.20'] },
};

describe('the embedded cluster', () => {
  it('brings a Deployment behind a Service up, all to be seen over HTTP', async () => {
    const cluster = await start();
    const { errors } = cluster.apply([
      serviceObject('web', { type: 'LoadBalancer' }),
      deploymentObject('web', 2),
      POOL,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'metallb-system' } },
    ]);
    expect(errors).toEqual([]);
    await eventually(async () => {
      const slices = await read(cluster, '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices');
      const ready = JSON.stringify(slices).match(/"ready":true/g);
      return ready?.length === 2;
    });
    const service = await read(cluster, '/api/v1/namespaces/default/services/web');
    expect(service).toMatchObject({
      spec: { clusterIP: expect.stringMatching(/^10\.96\./) as string },
      status: { loadBalancer: { ingress: [{ ip: '192.0.2.10' }] } },
    });
    const deployment = await read(cluster, '/apis/apps/v1/namespaces/default/deployments/web');
    expect(deployment['status']).toMatchObject({ readyReplicas: 2, observedGeneration: 1 });
    expect(cluster.kubeconfig()).toContain(cluster.url);
  });

  it('gives a ClusterIP in the answer to a POST', async () => {
    const cluster = await start({ serviceCidr: '10.0.0.0/24' });
    const response = await fetch(`${cluster.url}/api/v1/namespaces/default/services`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(serviceObject('web')),
    });
    expect(response.status).toBe(201);
    const { spec } = (await response.json()) as { spec: { clusterIP: string } };
    expect(spec.clusterIP).toMatch(/^10\.0\.0\.\d+$/);
  });

  it('has the Service "kubernetes" from the start, at the first address of the range', async () => {
    const cluster = await start({ serviceCidr: '10.0.0.0/24' });
    expect(await read(cluster, '/api/v1/namespaces/default/services/kubernetes')).toMatchObject({
      spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP' }] },
    });
  });

  it('applies again: what changed changes, what is gone from the object goes, what controllers wrote stays', async () => {
    const cluster = await start();
    cluster.apply([serviceObject('web', { internalTrafficPolicy: 'Local' })]);
    const before = cluster.storage.resource('v1', 'services').get('default', 'web');
    const { errors } = cluster.apply([serviceObject('web', { ports: [{ port: 81, targetPort: 8080 }] })]);
    expect(errors).toEqual([]);
    const after = cluster.storage.resource('v1', 'services').get('default', 'web');
    expect(after?.metadata.uid).toBe(before?.metadata.uid);
    expect(after?.['spec']).toMatchObject({
      ports: [{ port: 81 }],
      internalTrafficPolicy: 'Cluster',
      clusterIP: stringAt(before, 'spec', 'clusterIP'),
    });
    const again = cluster.apply([serviceObject('web', { ports: [{ port: 81, targetPort: 8080 }] })]);
    expect(again.applied[0]?.metadata.resourceVersion).toBe(after?.metadata.resourceVersion);
  });

  it('names object and field of what it refuses, and applies the rest', async () => {
    const cluster = await start();
    const { applied, errors } = cluster.apply([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'good' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Bad_Name' } },
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'typo' }, dta: {} },
      { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'a' } },
      serviceObject('taken', { clusterIP: '1.2.3.4' }),
    ]);
    expect(applied.map((object) => object.metadata.name)).toEqual(['good']);
    const found = new Map(errors.map((error) => [error.name, error]));
    expect(found.get('Bad_Name')).toMatchObject({ kind: 'ConfigMap', fields: ['metadata.name'] });
    expect(found.get('typo')?.message).toContain('unknown field "dta"');
    expect(found.get('a')?.message).toBe('no matches for kind "Thing" in version "example.com/v1"');
    expect(found.get('taken')).toMatchObject({ fields: ['spec.clusterIPs'] });
  });

  it('deletes what it is told to, and takes no offence at what is gone', async () => {
    const cluster = await start();
    cluster.apply([serviceObject('web')]);
    expect(cluster.delete([serviceObject('web'), serviceObject('never')])).toEqual([]);
    expect(cluster.storage.resource('v1', 'services').get('default', 'web')).toBeUndefined();
  });

  it('closes with everything: no Pod answers afterwards', async () => {
    const cluster = await start();
    cluster.apply([deploymentObject('web', 1)]);
    const pod = await eventually(() => {
      const [first] = cluster.storage.resource('v1', 'pods').list('default');
      return first && cluster.pods.backend('default', first.metadata.name);
    });
    const url = `http://${pod.address}:${pod.ports[0]}/`;
    expect((await fetch(url)).status).toBe(200);
    await cluster.close();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
    await expect(fetch(cluster.url)).rejects.toThrow('fetch failed');
  });
});
