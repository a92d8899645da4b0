import { afterEach, describe, expect, it } from 'vitest';
import { stringAt } from '../../../../../src/cluster/embedded/api/json.ts';
import type { NewObject, StoredObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import { planSlices } from '../../../../../src/cluster/embedded/controllers/services/slice-plan.ts';
import { podObject, serviceObject, startBareCluster } from '../../../../support/embedded-objects.ts';
import type { BareCluster } from '../../../../support/embedded-objects.ts';
import { eventually } from '../../../../support/eventually.ts';

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

interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready: boolean; readonly serving: boolean; readonly terminating: boolean };
  readonly targetRef: { readonly name: string };
}

function slices(cluster: BareCluster): StoredObject[] {
  return cluster.list('discovery.k8s.io/v1', 'endpointslices');
}

function endpoints(cluster: BareCluster): Endpoint[] {
  return slices(cluster).flatMap((slice) => (slice['endpoints'] ?? []) as Endpoint[]);
}

function labelled(name: string, more: object = {}, annotations: Record<string, string> = {}): NewObject {
  const pod = podObject(name, annotations);
  return { ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } }, ...more };
}

const READY = { ready: true, serving: true, terminating: false };

describe('EndpointSlices', () => {
  it('list the ready Pods of a Service, with labels and owner as Kubernetes gives them', async () => {
    const cluster = start();
    const service = cluster.create(serviceObject('web'));
    cluster.create(labelled('a'));
    cluster.create(podObject('other'));
    const [endpoint] = await eventually(() => {
      const found = endpoints(cluster);
      return found.length === 1 && found[0]?.conditions.ready ? found : undefined;
    });
    const pod = cluster.get('v1', 'pods', 'a') as StoredObject;
    expect(endpoint).toEqual({
      addresses: [stringAt(pod, 'status', 'podIP')],
      conditions: READY,
      nodeName: 'embedded',
      targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: pod.metadata.uid },
    });
    const [slice] = slices(cluster);
    expect(slice?.metadata.name).toMatch(/^web-[a-z0-9]{5}$/);
    expect(slice?.metadata.labels).toEqual({
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    expect(slice?.metadata.ownerReferences).toMatchObject([{ kind: 'Service', uid: service.metadata.uid, controller: true }]);
    expect(slice).toMatchObject({ addressType: 'IPv4', ports: [{ name: '', protocol: 'TCP', port: 8080 }] });
  });

  it('follow readiness, and a terminating Pod is not ready but still serving', async () => {
    // The Pod drains until the cluster closes.
    const cluster = start({ drainDelayMs: 1e9 });
    cluster.create(serviceObject('web'));
    cluster.create(labelled('a', {}, { 'backend.sluice.dev/ready': 'false' }));
    const expectConditions = (ready: boolean, serving: boolean, terminating: boolean): Promise<boolean> =>
      eventually(() => {
        expect(endpoints(cluster).map((endpoint) => endpoint.conditions)).toEqual([{ ready, serving, terminating }]);
        return true;
      });
    expect(await expectConditions(false, false, false)).toBe(true);
    cluster.storage.resource('v1', 'pods').update('default', 'a', (pod) => {
      pod.metadata.annotations = {};
    });
    expect(await expectConditions(true, true, false)).toBe(true);
    cluster.storage.resource('v1', 'pods').delete('default', 'a', { gracePeriodSeconds: 1e6 });
    expect(await expectConditions(false, true, true)).toBe(true);
  });

  it('publish Pods that are not ready where the Service wants it', async () => {
    const cluster = start();
    cluster.create(serviceObject('web', { publishNotReadyAddresses: true, clusterIP: 'None' }));
    cluster.create(labelled('a', {}, { 'backend.sluice.dev/ready': 'false' }));
    const [endpoint] = await eventually(() => (endpoints(cluster).length === 1 ? endpoints(cluster) : undefined));
    expect(endpoint?.conditions).toEqual({ ready: true, serving: false, terminating: false });
    expect(slices(cluster)[0]?.metadata.labels).toHaveProperty(['service.kubernetes.io/headless'], '');
  });

  it('follow the selector, and go with the Service', async () => {
    const cluster = start();
    cluster.create(serviceObject('web'));
    cluster.create(labelled('a'));
    cluster.create(podObject('b'));
    await eventually(() => endpoints(cluster)[0]?.targetRef.name === 'a');
    const services = cluster.storage.resource('v1', 'services');
    services.update('default', 'web', (service) => {
      service['spec'] = { ...(service['spec'] as object), selector: { app: 'b' } };
    });
    await eventually(() => endpoints(cluster).length === 1 && endpoints(cluster)[0]?.targetRef.name === 'b');
    services.delete('default', 'web');
    await eventually(() => slices(cluster).length === 0);
    expect(cluster.get('v1', 'services', 'web')).toBeUndefined();
  });

  it('leave slices alone that others made', async () => {
    const cluster = start();
    cluster.create(serviceObject('web', { selector: {} }));
    cluster.create({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'by-hand', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }],
      ports: [{ port: 80 }],
    });
    cluster.create(serviceObject('marker'));
    await eventually(() => slices(cluster).some((slice) => slice.metadata.name.startsWith('marker-')));
    expect(slices(cluster).map((slice) => slice.metadata.labels?.['kubernetes.io/service-name'])).toEqual(['web', 'marker']);
  });
});

const pod = (uid: number, port: number): StoredObject =>
  ({
    metadata: { name: `p${uid}`, uid: `u${uid}` },
    spec: { containers: [{ ports: [{ name: 'web', containerPort: port }] }] },
    status: { podIP: `127.10.0.${uid}` },
  }) as unknown as StoredObject;

function stored(plan: ReturnType<typeof planSlices>): StoredObject[] {
  return plan.map(({ name, ports, endpoints }, index) => ({
    ...({ metadata: { name: name ?? `new${index}` } } as unknown as StoredObject),
    ports,
    endpoints,
  }));
}

const names = (plan: ReturnType<typeof planSlices>): (readonly [string | undefined, string])[] =>
  plan.map(({ name, endpoints }) => [name, endpoints.map((e) => (e['targetRef'] as { name: string }).name).join(' ')]);

describe('the plan of slices', () => {
  const service = {
    metadata: { name: 'web' },
    spec: { ports: [{ name: 'http', port: 80, targetPort: 'web', appProtocol: 'kubernetes.io/ws' }] },
  } as unknown as StoredObject;
  it('gives Pods whose named port has different numbers different slices', () => {
    const plan = planSlices(service, [pod(1, 8080), pod(2, 9090), pod(3, 8080)], [], 100);
    expect(plan.map(({ ports }) => ports)).toEqual([
      [{ name: 'http', protocol: 'TCP', port: 8080, appProtocol: 'kubernetes.io/ws' }],
      [{ name: 'http', protocol: 'TCP', port: 9090, appProtocol: 'kubernetes.io/ws' }],
    ]);
    expect(names(plan)).toEqual([
      [undefined, 'p1 p3'],
      [undefined, 'p2'],
    ]);
  });

  it('fills slices to the limit, leaves endpoints where they are, and drops a slice that became empty', () => {
    const five = [1, 2, 3, 4, 5].map((uid) => pod(uid, 80));
    const first = planSlices(service, five, [], 2);
    expect(names(first)).toEqual([
      [undefined, 'p1 p2'],
      [undefined, 'p3 p4'],
      [undefined, 'p5'],
    ]);
    const second = planSlices(service, [pod(2, 80), pod(3, 80), pod(4, 80), pod(6, 80)], stored(first), 2);
    expect(names(second)).toEqual([
      ['new0', 'p2 p6'],
      ['new1', 'p3 p4'],
    ]);
  });

  it('keeps one empty slice for a Service without endpoints', () => {
    expect(planSlices(service, [], [], 100)).toEqual([{ name: undefined, ports: [], endpoints: [] }]);
    const first = stored(planSlices(service, [pod(1, 80)], [], 100));
    expect(planSlices(service, [], first, 100)).toEqual([{ name: 'new0', ports: [], endpoints: [] }]);
  });

  it('leaves out a Pod that has no port of that name', () => {
    const other = { ...service, spec: { ports: [{ port: 80, targetPort: 'metrics' }] } };
    expect(planSlices(other, [pod(1, 80)], [], 100)[0]?.endpoints).toEqual([]);
  });
});
