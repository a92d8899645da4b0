import { describe, expect, it } from 'vitest';
import type { NodeObject, Pod, Service } from '../../src/model/objects.ts';
import { isReady, sameAddresses, statusAddresses } from '../../src/cluster/status-addresses.ts';
import type { AddressSettings } from '../../src/cluster/status-addresses.ts';

const SETTINGS: AddressSettings = { publishStatusAddress: [], publishService: null, reportNodeInternalIpAddress: false };
const LB = { namespace: 'sluice', name: 'lb' };

function of(settings: Partial<AddressSettings>, objects: { service?: Service; nodes?: NodeObject[]; pods?: Pod[] } = {}) {
  return statusAddresses(
    { ...SETTINGS, ...settings },
    {
      service: (namespace, name) => (namespace === 'sluice' && name === 'lb' ? objects.service : undefined),
      node: (name) => objects.nodes?.find(({ metadata }) => metadata.name === name),
      pods: () => objects.pods ?? [],
    },
  );
}
const service = (spec: NonNullable<Service['spec']>, ...ingress: { ip?: string; hostname?: string }[]): Service => ({
  metadata: LB,
  spec,
  status: { loadBalancer: { ingress } },
});

const pod = (name: string, node: string, ready = 'True', phase = 'Running'): Pod => ({
  metadata: { name },
  spec: { nodeName: node },
  status: { phase, conditions: [{ type: 'Ready', status: ready }] },
});

const node = (name: string, ...addresses: [string, string][]): NodeObject => ({
  metadata: { name },
  status: { addresses: addresses.map(([type, address]) => ({ type, address })) },
});

describe('statusAddresses', () => {
  it('takes the given addresses before all else, as IP or as host name', () => {
    const settings = {
      publishStatusAddress: ['lb.example.com', ' 10.0.0.2', '2001:db8::1', '', '10.0.0.2'],
      publishService: LB,
    };
    expect(of(settings, { service: service({ type: 'LoadBalancer' }, { ip: '9.9.9.9' }) })).toEqual([
      { ip: '10.0.0.2' },
      { ip: '2001:db8::1' },
      { hostname: 'lb.example.com' },
    ]);
  });

  it.each([
    ['LoadBalancer', service({ type: 'LoadBalancer', clusterIP: '10.1.1.1' }, { ip: '1.2.3.4' }), [{ ip: '1.2.3.4' }]],
    [
      'LoadBalancer with external IPs',
      service({ type: 'LoadBalancer', externalIPs: ['5.5.5.5', '1.2.3.4'] }, { hostname: 'h' }, { ip: '1.2.3.4' }),
      [{ ip: '1.2.3.4' }, { ip: '5.5.5.5' }, { hostname: 'h' }],
    ],
    ['LoadBalancer still without an address', service({ type: 'LoadBalancer', clusterIP: '10.1.1.1' }), []],
    ['NodePort', service({ type: 'NodePort', clusterIP: '10.1.1.1' }), [{ ip: '10.1.1.1' }]],
    [
      'NodePort with external IPs',
      service({ type: 'NodePort', clusterIP: '10.1.1.1', externalIPs: ['5.5.5.5'] }),
      [{ ip: '5.5.5.5' }],
    ],
    ['ClusterIP', service({ type: 'ClusterIP', clusterIP: '10.1.1.1', externalIPs: ['5.5.5.5'] }), [{ ip: '10.1.1.1' }]],
    ['no type', service({ clusterIP: '10.1.1.1' }), [{ ip: '10.1.1.1' }]],
    ['headless', service({ clusterIP: 'None' }), []],
    ['ExternalName', service({ type: 'ExternalName', externalName: 'lb.example.com' }), [{ hostname: 'lb.example.com' }]],
  ])('takes a published Service: %s', (_what, published, expected) => {
    expect(of({ publishService: LB }, { service: published })).toEqual(expected);
  });

  it('says nothing while the published Service does not exist', () => {
    expect(of({ publishService: LB })).toBeUndefined();
  });

  const nodes = [
    node('n1', ['InternalIP', '10.0.0.1'], ['ExternalIP', '1.1.1.1']),
    node('n2', ['Hostname', 'n2'], ['InternalIP', '10.0.0.2']),
    node('n3', ['InternalIP', '10.0.0.3'], ['ExternalIP', '3.3.3.3']),
  ];
  const pods = [
    pod('a', 'n1'),
    pod('b', 'n2'),
    pod('c', 'n1'),
    pod('d', 'n3', 'False'),
    pod('e', 'n3', 'True', 'Failed'),
    pod('f', 'gone'),
  ];

  it('takes the external addresses of nodes with a ready Pod, the internal one where there is no other', () => {
    expect(of({}, { nodes, pods })).toEqual([{ ip: '1.1.1.1' }, { ip: '10.0.0.2' }]);
  });

  it('takes the internal addresses when told so', () => {
    expect(of({ reportNodeInternalIpAddress: true }, { nodes, pods })).toEqual([{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }]);
  });

  it('does not take a Pod without conditions for ready', () => {
    expect(isReady({ metadata: { name: 'x' }, status: { phase: 'Running' } })).toBe(false);
  });
});

describe('sameAddresses', () => {
  it('does not mind the order', () => {
    expect(sameAddresses([{ ip: '1.1.1.1' }, { hostname: 'h' }], [{ hostname: 'h' }, { ip: '1.1.1.1' }])).toBe(true);
    expect(sameAddresses([{ ip: '1.1.1.1' }], [{ ip: '1.1.1.1' }, { hostname: 'h' }])).toBe(false);
    expect(sameAddresses([{ ip: 'h' }], [{ hostname: 'h' }])).toBe(false);
    expect(sameAddresses([], [])).toBe(true);
  });
});
