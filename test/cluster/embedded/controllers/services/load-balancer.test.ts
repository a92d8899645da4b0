import { afterEach, describe, expect, it } from 'vitest';
import type { NewObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import { serviceObject, startBareCluster } from '../../../../support/embedded-objects.ts';
import type { BareCluster } from '../../../../support/embedded-objects.ts';
import { eventually } from '../../../../support/eventually.ts';

const clusters: BareCluster[] = [];

const CRD: NewObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'ipaddresspools.metallb.io' },
  spec: {
    group: 'metallb.io',
    scope: 'Namespaced',
    names: { kind: 'IPAddressPool', plural: 'ipaddresspools' },
    versions: [{ name: 'v1beta1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
};

function start(...pools: readonly NewObject[]): BareCluster {
  const cluster = startBareCluster();
  clusters.push(cluster);
  cluster.create(CRD);
  for (const object of pools) cluster.create(object);
  return cluster;
}

afterEach(async () => {
  for (const cluster of clusters.splice(0)) {
    await cluster.close();
    if (cluster.failures.length > 0) throw new Error(cluster.failures.join('\n'));
  }
});

function pool(name: string, addresses: readonly string[], more: object = {}): NewObject {
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name, namespace: 'metallb-system' },
    spec: { addresses, ...more },
  };
}

function balanced(name: string, annotations: Record<string, string> = {}, more: object = {}): NewObject {
  const service = serviceObject(name, { type: 'LoadBalancer', ...more });
  return { ...service, metadata: { ...service.metadata, annotations } };
}

function ingressOf(cluster: BareCluster, name: string): unknown {
  const service = cluster.get('v1', 'services', name);
  return (service?.['status'] as { loadBalancer?: { ingress?: unknown } } | undefined)?.loadBalancer?.ingress;
}

function address(cluster: BareCluster, name: string): string | undefined {
  return (ingressOf(cluster, name) as { ip: string }[] | undefined)?.[0]?.ip;
}

async function events(cluster: BareCluster, reason: string, count: number): Promise<unknown[]> {
  return eventually(() => {
    const found = cluster.storage
      .resource('v1', 'events')
      .list()
      .filter((event) => event['reason'] === reason);
    expect(found).toHaveLength(count);
    return found.map((event) => event['message']);
  });
}

describe('the load balancer', () => {
  it('gives an address of a pool, each Service another, and says so', async () => {
    const cluster = start(pool('main', ['192.0.2.10-192.0.2.11', '198.51.100.4/31']));
    for (const name of ['a', 'b', 'c', 'd']) cluster.create(balanced(name));
    await eventually(() => address(cluster, 'd'));
    expect(['a', 'b', 'c', 'd'].map((name) => address(cluster, name))).toEqual([
      '192.0.2.10',
      '192.0.2.11',
      '198.51.100.4',
      '198.51.100.5',
    ]);
    expect(ingressOf(cluster, 'a')).toEqual([{ ip: '192.0.2.10', ipMode: 'VIP' }]);
    expect(cluster.get('v1', 'services', 'a')?.metadata.annotations).toEqual({ 'metallb.io/ip-allocated-from-pool': 'main' });
    expect(await events(cluster, 'IPAllocated', 4)).toContain('Assigned IP ["192.0.2.10"]');
  });

  it('serves Services that were there before the pool, and before its definition', async () => {
    const cluster = startBareCluster();
    clusters.push(cluster);
    cluster.create(balanced('a'));
    const [problem] = await events(cluster, 'AllocationFailed', 1);
    expect(problem).toBe('Failed to allocate IP for "default/a": no IPAddressPool serves this Service');
    cluster.create(CRD);
    cluster.create(pool('main', ['192.0.2.0/24'], { avoidBuggyIPs: true }));
    expect(await eventually(() => address(cluster, 'a'))).toBe('192.0.2.1');
  });

  it('warns when the pool is exhausted, and gives a freed address to who waits', async () => {
    const cluster = start(pool('main', ['192.0.2.7/32']));
    cluster.create(balanced('a'));
    await eventually(() => address(cluster, 'a'));
    cluster.create(balanced('b'));
    expect(await events(cluster, 'AllocationFailed', 1)).toEqual(['Failed to allocate IP for "default/b": no available IPs']);
    cluster.storage.resource('v1', 'services').update('default', 'a', (service) => {
      service['spec'] = { ...(service['spec'] as object), type: 'ClusterIP' };
    });
    await eventually(() => address(cluster, 'b') === '192.0.2.7');
    expect(ingressOf(cluster, 'a')).toBeUndefined();
    expect(cluster.get('v1', 'services', 'a')?.metadata.annotations ?? {}).toEqual({});
    cluster.create(balanced('c'));
    await events(cluster, 'AllocationFailed', 2);
    cluster.storage.resource('v1', 'services').delete('default', 'b');
    await eventually(() => address(cluster, 'c') === '192.0.2.7');
  });

  it('gives the address or the pool that is asked for', async () => {
    const cluster = start(pool('main', ['192.0.2.0/24']), pool('extra', ['203.0.113.0/28'], { autoAssign: false }));
    cluster.create(balanced('a', { 'metallb.io/loadBalancerIPs': '192.0.2.77' }));
    cluster.create(balanced('b', { 'metallb.io/address-pool': 'extra' }));
    cluster.create(balanced('c', {}, { loadBalancerIP: '203.0.113.9' }));
    cluster.create(balanced('d'));
    await eventually(() => address(cluster, 'd'));
    expect(['a', 'b', 'c', 'd'].map((name) => address(cluster, name))).toEqual([
      '192.0.2.77',
      '203.0.113.0',
      '203.0.113.9',
      '192.0.2.0',
    ]);
  });

  it.each([
    [{ 'metallb.io/loadBalancerIPs': '192.0.2.1' }, 'address 192.0.2.1 is in use by another Service'],
    [{ 'metallb.io/loadBalancerIPs': '10.0.0.1' }, '["10.0.0.1"] is not allowed in config'],
    [{ 'metallb.io/loadBalancerIPs': 'ten' }, '"ten" is not one IPv4 address'],
    [{ 'metallb.io/address-pool': 'none' }, 'unknown pool "none"'],
  ])('refuses %j with an Event, and serves it once it is right', async (annotations, problem) => {
    const cluster = start(pool('main', ['192.0.2.1-192.0.2.9']));
    cluster.create(balanced('first'));
    await eventually(() => address(cluster, 'first'));
    cluster.create(balanced('a', annotations));
    const [message] = await events(cluster, 'AllocationFailed', 1);
    expect(message).toContain(problem);
    cluster.storage.resource('v1', 'services').update('default', 'a', (service) => {
      service.metadata.annotations = {};
    });
    await eventually(() => address(cluster, 'a') === '192.0.2.2');
  });

  it('prefers a pool made for the Service, then the lower priority number', async () => {
    const forShop = { serviceAllocation: { serviceSelectors: [{ matchLabels: { tier: 'shop' } }] } };
    const cluster = start(
      pool('all', ['192.0.2.0/24']),
      pool('first', ['198.51.100.0/24'], { serviceAllocation: { priority: 10 } }),
      pool('shop', ['203.0.113.0/24'], forShop),
    );
    cluster.create(balanced('a'));
    const shop = balanced('b');
    cluster.create({ ...shop, metadata: { ...shop.metadata, labels: { tier: 'shop' } } });
    await eventually(() => address(cluster, 'b'));
    expect([address(cluster, 'a'), address(cluster, 'b')]).toEqual(['198.51.100.0', '203.0.113.0']);
  });

  it('takes an address back when its pool no longer has it', async () => {
    const cluster = start(pool('main', ['192.0.2.1/32']));
    cluster.create(balanced('a'));
    await eventually(() => address(cluster, 'a') === '192.0.2.1');
    cluster.storage.resource('metallb.io/v1beta1', 'ipaddresspools').update('metallb-system', 'main', (object) => {
      object['spec'] = { addresses: ['192.0.2.2/32'] };
    });
    expect(await eventually(() => address(cluster, 'a') === '192.0.2.2')).toBe(true);
  });

  it('warns of a range it cannot read and uses the others', async () => {
    const cluster = start(pool('main', ['192.0.2.9-192.0.2.1', '2001:db8::/64', '192.0.2.5/32']));
    cluster.create(balanced('a'));
    expect(await eventually(() => address(cluster, 'a'))).toBe('192.0.2.5');
    const [message, ...more] = await events(cluster, 'InvalidAddresses', 1);
    expect(more).toEqual([]);
    expect(message).toMatch(/^spec\.addresses\[0\]: "192\.0\.2\.9-192\.0\.2\.1" is not a range/);
  });

  it('leaves Services of another class of load balancer alone', async () => {
    const cluster = start(pool('main', ['192.0.2.1/32']));
    cluster.create(balanced('a', {}, { loadBalancerClass: 'example.com/other' }));
    cluster.create(balanced('b'));
    await eventually(() => address(cluster, 'b'));
    expect(ingressOf(cluster, 'a')).toBeUndefined();
  });
});
