import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { objectAt, stringAt } from '../../../../../src/cluster/embedded/api/json.ts';
import type { NewObject, StoredObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import { createPodAddresses } from '../../../../../src/cluster/embedded/backends/addresses.ts';
import { isReady, podCondition } from '../../../../../src/cluster/embedded/controllers/pod-state.ts';
import { podObject, startBareCluster } from '../../../../support/embedded-objects.ts';
import type { BareCluster } from '../../../../support/embedded-objects.ts';
import { eventually } from '../../../../support/eventually.ts';
import { freePort } from '../../../../support/ports.ts';

const clusters: BareCluster[] = [];

function start(options: Parameters<typeof startBareCluster>[0] = {}): BareCluster {
  const cluster = startBareCluster(options);
  clusters.push(cluster);
  return cluster;
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.close();
    if (cluster.failures.length > 0) throw new Error(cluster.failures.join('\n'));
  }
});

async function running(cluster: BareCluster, name: string): Promise<StoredObject> {
  return eventually(() => {
    const pod = cluster.get('v1', 'pods', name);
    return pod && stringAt(pod, 'status', 'phase') === 'Running' ? pod : undefined;
  });
}

async function ask(cluster: BareCluster, name: string): Promise<Record<string, unknown>> {
  const backend = cluster.controllers.pods.backend('default', name);
  const response = await fetch(`http://${backend?.address}:${backend?.ports[0]}/`);
  return (await response.json()) as Record<string, unknown>;
}

function annotate(cluster: BareCluster, name: string, key: string, value: string): void {
  cluster.storage.resource('v1', 'pods').update('default', name, (pod) => {
    pod.metadata.annotations = { ...pod.metadata.annotations, [`backend.sluice.dev/${key}`]: value };
  });
}

function messages(cluster: BareCluster, reason: string): unknown[] {
  return cluster.list('v1', 'events').flatMap((event) => (event['reason'] === reason ? [event['message']] : []));
}

function serviceObject(name: string, app: string, ports: readonly object[]): NewObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app }, ports } };
}

describe('a Pod', () => {
  it('gets an address of its own, a backend that answers there, and the status of a running Pod', async () => {
    const cluster = start();
    cluster.create(podObject('a'));
    cluster.create(podObject('b'));
    const [a, b] = [await running(cluster, 'a'), await running(cluster, 'b')];
    const [ipA, ipB] = [stringAt(a, 'status', 'podIP'), stringAt(b, 'status', 'podIP')];
    expect(ipA).toMatch(/^127\.10\./);
    expect(ipB).not.toBe(ipA);
    expect(await ask(cluster, 'a')).toMatchObject({ pod: 'a', namespace: 'default', ip: ipA });
    expect(isReady(a)).toBe(true);
    expect(a['status']).toMatchObject({
      hostIP: '127.0.0.1',
      podIPs: [{ ip: ipA }],
      containerStatuses: [{ name: 'web', image: 'backend', ready: true, restartCount: 0 }],
    });
    expect(stringAt(a, 'spec', 'nodeName')).toBe('embedded');
  });

  it('is not ready while its annotation says so, and serves all the same', async () => {
    const cluster = start();
    cluster.create(podObject('a', { 'backend.sluice.dev/ready': 'false' }));
    const pod = await running(cluster, 'a');
    expect(podCondition(pod, 'Ready')).toMatchObject({ status: 'False', reason: 'ContainersNotReady' });
    expect(await ask(cluster, 'a')).toMatchObject({ pod: 'a' });
    annotate(cluster, 'a', 'ready', 'true');
    await eventually(() => isReady(cluster.get('v1', 'pods', 'a') as StoredObject));
  });

  it('becomes ready after the time its annotation says', async () => {
    let clock = 1e12;
    const cluster = start({ now: () => clock });
    cluster.create(podObject('a', { 'backend.sluice.dev/ready-after': '20ms' }));
    expect(isReady(await running(cluster, 'a'))).toBe(false);
    clock += 20;
    await eventually(() => isReady(cluster.get('v1', 'pods', 'a') as StoredObject));
  });

  it('behaves as its annotations say, also when they change, and warns of one it cannot read', async () => {
    const cluster = start();
    cluster.create(podObject('a', { 'backend.sluice.dev/status': '503', 'backend.sluice.dev/delay': 'soon' }));
    await running(cluster, 'a');
    const backend = cluster.controllers.pods.backend('default', 'a');
    const status = async (): Promise<number> => (await fetch(`http://${backend?.address}:${backend?.ports[0]}/`)).status;
    expect(await status()).toBe(503);
    expect(messages(cluster, 'InvalidAnnotation')).toEqual([
      'metadata.annotations: cannot understand backend.sluice.dev/delay=soon',
    ]);
    annotate(cluster, 'a', 'status', '201');
    await eventually(async () => (await status()) === 201);
  });

  it('listens where its Services expect it when it declares no port, whichever comes first', async () => {
    const cluster = start();
    const [first, second] = [await freePort(), await freePort()];
    cluster.create(serviceObject('before', 'a', [{ name: 'x', port: 80, targetPort: first }]));
    cluster.create(podObject('a'));
    await running(cluster, 'a');
    const address = cluster.controllers.pods.backend('default', 'a')?.address;
    const answers = async (port: number): Promise<unknown> => (await fetch(`http://${address}:${port}/`)).json();
    expect(await answers(first)).toMatchObject({ pod: 'a', port: first });
    const ports = [
      { name: 'x', port: second },
      { name: 'y', port: 81, targetPort: 'named' },
      { name: 'z', port: 82, targetPort: await freePort(), protocol: 'UDP' },
    ];
    cluster.create(serviceObject('after', 'a', ports));
    await eventually(() => cluster.controllers.pods.backend('default', 'a')?.ports.includes(second) === true);
    expect(await answers(second)).toMatchObject({ pod: 'a', port: second });
    expect(cluster.controllers.pods.backend('default', 'a')?.ports).toHaveLength(3);
    // A Pod that does declare ports has those alone.
    cluster.create(podObject('b', {}, [{ containerPort: await freePort() }]));
    cluster.create(serviceObject('other', 'b', [{ name: 'x', port: 80, targetPort: await freePort() }]));
    await running(cluster, 'b');
    expect(cluster.controllers.pods.backend('default', 'b')?.ports).toHaveLength(1);
  });

  it('says which Service expects it on a port that cannot be had', async () => {
    const address = '127.10.255.77';
    const holder = createServer().listen(0, address);
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const cluster = start({ addresses: { allocate: () => address, release: () => {} } });
    cluster.create(serviceObject('web', 'a', [{ name: 'x', port: 80, targetPort: port }]));
    cluster.create(podObject('a'));
    await running(cluster, 'a');
    expect(messages(cluster, 'Failed')).toEqual([
      expect.stringContaining(`cannot listen on ${address}, port ${port}, the target port of the Service web`),
    ]);
    holder.close();
    await eventually(() => cluster.controllers.pods.backend('default', 'a')?.ports.includes(port) === true);
  });

  it('finishes its requests when it is deleted, then its object goes', async () => {
    const cluster = start();
    cluster.create(podObject('a'));
    await running(cluster, 'a');
    const backend = cluster.controllers.pods.backend('default', 'a');
    const socket = connect({ host: backend?.address ?? '', port: backend?.ports[0] ?? 0 });
    await once(socket, 'connect');
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab');
    await eventually(() => backend?.requests === 1);
    cluster.storage.resource('v1', 'pods').delete('default', 'a');
    await eventually(() => messages(cluster, 'Killing').length === 1);
    expect(cluster.get('v1', 'pods', 'a')?.metadata.deletionTimestamp).toBeDefined();
    // It does not accept connections any more, so it is not ready.
    await eventually(() => !isReady(cluster.get('v1', 'pods', 'a') as StoredObject));
    socket.write('cd');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200[^]*Connection: close[^]*"bodyLength":4/);
    await eventually(() => !cluster.get('v1', 'pods', 'a'));
  });

  it('goes on accepting for the drain delay that its preStop hook names', async () => {
    const cluster = start();
    const pod = podObject('a');
    const container = { name: 'web', image: 'backend', lifecycle: { preStop: { sleep: { seconds: 1000 } } } };
    cluster.create({ ...pod, spec: { terminationGracePeriodSeconds: 2000, containers: [container] } });
    await running(cluster, 'a');
    cluster.storage.resource('v1', 'pods').delete('default', 'a');
    await eventually(() => messages(cluster, 'Killing').length === 1);
    expect(await ask(cluster, 'a')).toMatchObject({ pod: 'a' });
    expect(isReady(cluster.get('v1', 'pods', 'a') as StoredObject)).toBe(true);
    cluster.storage.resource('v1', 'pods').delete('default', 'a', { gracePeriodSeconds: 0 });
    await eventually(() => !cluster.get('v1', 'pods', 'a') && !cluster.controllers.pods.backend('default', 'a'));
  });

  it('that has a new one of its name behind it is ended, and the new one runs', async () => {
    const cluster = start();
    cluster.create(podObject('a'));
    const before = await running(cluster, 'a');
    cluster.storage.resource('v1', 'pods').delete('default', 'a', { gracePeriodSeconds: 0 });
    cluster.create(podObject('a'));
    const after = await running(cluster, 'a');
    expect(stringAt(after, 'status', 'podIP')).not.toBe(stringAt(before, 'status', 'podIP'));
    expect(await ask(cluster, 'a')).toMatchObject({ pod: 'a' });
  });

  it('says in its status and in an Event why it cannot listen', async () => {
    // A wildcard listener has the port on every address.
    const other = createServer().listen(0, '0.0.0.0');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const cluster = start();
    cluster.create(podObject('a', {}, [{ containerPort: port }]));
    const pod = await eventually(() => {
      const object = cluster.get('v1', 'pods', 'a');
      return object && objectAt(object, 'status')?.['containerStatuses'] !== undefined ? object : undefined;
    });
    expect(stringAt(pod, 'status', 'phase')).toBe('Pending');
    expect(JSON.stringify(pod['status'])).toContain('another program has this port on every address');
    expect(messages(cluster, 'Failed')).toHaveLength(1);
    other.close();
  });

  it('takes another address when another cluster on this machine has the first', async () => {
    const first = start({ addresses: createPodAddresses(60_000) });
    first.create(podObject('a', {}, [{ containerPort: 28_080 }]));
    const a = await running(first, 'a');
    const second = start({ addresses: createPodAddresses(60_000) });
    second.create(podObject('b', {}, [{ containerPort: 28_080 }]));
    const b = await running(second, 'b');
    expect(stringAt(b, 'status', 'podIP')).not.toBe(stringAt(a, 'status', 'podIP'));
  });
});
