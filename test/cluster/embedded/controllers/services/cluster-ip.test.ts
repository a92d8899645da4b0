import { describe, expect, it } from 'vitest';
import { MemoryStorage } from '../../../../../src/cluster/embedded/api/memory-storage.ts';
import type { NewObject, ResourceStorage, StoredObject } from '../../../../../src/cluster/embedded/api/storage.ts';
import { createServiceAdmission } from '../../../../../src/cluster/embedded/controllers/services/cluster-ip.ts';
import { serviceObject } from '../../../../support/embedded-objects.ts';

function services(serviceCidr?: string): ResourceStorage {
  const storage: MemoryStorage = new MemoryStorage({
    admission: [
      (type, object, old) => {
        if (type.storageKey === 'services') admit(object, old);
      },
    ],
  });
  const admit = createServiceAdmission({
    services: () => storage.resource('v1', 'services').list(),
    ...(serviceCidr === undefined ? {} : { serviceCidr }),
  });
  storage.resource('v1', 'namespaces').create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return storage.resource('v1', 'services');
}

interface Spec {
  readonly clusterIP?: string;
  readonly clusterIPs?: readonly string[];
  readonly ports: readonly { readonly nodePort?: number }[];
  readonly healthCheckNodePort?: number;
}

function specOf(service: StoredObject | undefined): Spec {
  return service?.['spec'] as Spec;
}

function setSpec(resource: ResourceStorage, name: string, more: object): Spec {
  const updated = resource.update('default', name, (service) => {
    service['spec'] = { ...(service['spec'] as object), ...more };
  });
  return specOf(updated);
}

describe('ClusterIPs', () => {
  it('are in the answer to a create, each another, and stay on update', () => {
    const resource = services();
    const a = specOf(resource.create('default', serviceObject('a')));
    const b = specOf(resource.create('default', serviceObject('b')));
    expect(a.clusterIP).toMatch(/^10\.96\./);
    expect(a.clusterIPs).toEqual([a.clusterIP]);
    expect(b.clusterIP).not.toBe(a.clusterIP);
    expect(setSpec(resource, 'a', { sessionAffinity: 'ClientIP' }).clusterIP).toBe(a.clusterIP);
    expect(setSpec(resource, 'a', { clusterIP: undefined, clusterIPs: undefined }).clusterIP).toBe(a.clusterIP);
  });

  it('are none for a headless and an ExternalName Service', () => {
    const resource = services();
    const headless = specOf(resource.create('default', serviceObject('a', { clusterIP: 'None' })));
    expect([headless.clusterIP, headless.clusterIPs]).toEqual(['None', ['None']]);
    const external = serviceObject('b', { type: 'ExternalName', externalName: 'example.com' });
    expect(specOf(resource.create('default', external)).clusterIP).toBeUndefined();
  });

  it('can be asked for, are refused when taken or out of range, and are free after deletion', () => {
    const resource = services();
    expect(specOf(resource.create('default', serviceObject('a', { clusterIP: '10.96.0.9' }))).clusterIP).toBe('10.96.0.9');
    const again = serviceObject('b', { clusterIP: '10.96.0.9' });
    expect(() => resource.create('default', again)).toThrow(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.9"]: failed to allocate IP 10.96.0.9: provided IP is already allocated',
    );
    expect(() => resource.create('default', serviceObject('c', { clusterIP: '10.0.0.1' }))).toThrow(
      'the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/12',
    );
    resource.delete('default', 'a');
    expect(specOf(resource.create('default', again)).clusterIP).toBe('10.96.0.9');
  });

  it('end with the range', () => {
    const resource = services('10.0.0.0/30');
    const first = specOf(resource.create('default', serviceObject('a'))).clusterIP;
    const second = specOf(resource.create('default', serviceObject('b'))).clusterIP;
    expect(new Set([first, second])).toEqual(new Set(['10.0.0.1', '10.0.0.2']));
    expect(() => resource.create('default', serviceObject('c'))).toThrow('range 10.0.0.0/30 is full');
    resource.delete('default', 'a');
    expect(specOf(resource.create('default', serviceObject('c'))).clusterIP).toBe(first);
  });

  it('refuse a range that is none', () => {
    expect(() => services('10.0.0.0')).toThrow('must be an IPv4 CIDR, not "10.0.0.0"');
  });
});

function asking(name: string, nodePort: number, protocol = 'TCP'): NewObject {
  return serviceObject(name, { type: 'NodePort', ports: [{ port: 80, nodePort, protocol }] });
}

describe('node ports', () => {
  it('are given to types that have them and taken back from others', () => {
    const resource = services();
    const spec = specOf(resource.create('default', serviceObject('a', { type: 'NodePort' })));
    expect(spec.ports[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
    expect(setSpec(resource, 'a', { type: 'ClusterIP' }).ports[0]).not.toHaveProperty('nodePort');
    const local = specOf(
      resource.create('default', serviceObject('b', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })),
    );
    expect(local.healthCheckNodePort).toBeGreaterThanOrEqual(30_000);
    expect(local.healthCheckNodePort).not.toBe(local.ports[0]?.nodePort);
    const without = serviceObject('c', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false });
    expect(specOf(resource.create('default', without)).ports[0]).not.toHaveProperty('nodePort');
  });

  it('can be asked for, and are refused when taken or out of range', () => {
    const resource = services();
    resource.create('default', asking('a', 30_100));
    expect(() => resource.create('default', asking('b', 30_100))).toThrow(
      'spec.ports[0].nodePort: Invalid value: 30100: provided port is already allocated',
    );
    expect(specOf(resource.create('default', asking('b', 30_100, 'UDP'))).ports[0]?.nodePort).toBe(30_100);
    expect(() => resource.create('default', asking('c', 80))).toThrow('The range of valid ports is 30000-32767');
  });
});
