/** What is there when a cluster starts: namespaces, one node, and MetalLB's definitions. */
import { timestamp } from '../objects/server-metadata.ts';
import type { MemoryStorage } from './memory-storage.ts';
import type { NewObject } from './storage.ts';

/** The name of the only node. */
export const NODE_NAME = 'embedded';

function node(now: string): NewObject {
  const capacity = { cpu: '2', memory: '4Gi', pods: '1000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: NODE_NAME,
      labels: {
        'kubernetes.io/hostname': NODE_NAME,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': process.arch === 'x64' ? 'amd64' : process.arch,
        'node-role.kubernetes.io/control-plane': '',
      },
    },
    spec: {},
    status: {
      capacity,
      allocatable: capacity,
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: NODE_NAME },
      ],
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: 'the embedded cluster is up',
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        },
      ],
      nodeInfo: {
        architecture: process.arch === 'x64' ? 'amd64' : process.arch,
        bootID: '',
        containerRuntimeVersion: `node://${process.versions.node}`,
        kernelVersion: '',
        kubeProxyVersion: '',
        kubeletVersion: 'v1.35.0',
        machineID: '',
        operatingSystem: 'linux',
        osImage: 'Sluice embedded cluster',
        systemUUID: '',
      },
    },
  };
}

interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly spec: object;
  readonly columns: readonly object[];
}

const LIST_OF_STRINGS = { type: 'array', items: { type: 'string' } };
const SELECTORS = { type: 'array', items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };

/** As far as they are used here; https://metallb.io/apis/ has the whole of them. */
const METALLB: readonly Definition[] = [
  {
    kind: 'IPAddressPool',
    plural: 'ipaddresspools',
    spec: {
      type: 'object',
      required: ['addresses'],
      properties: {
        addresses: LIST_OF_STRINGS,
        autoAssign: { type: 'boolean', default: true },
        avoidBuggyIPs: { type: 'boolean', default: false },
        serviceAllocation: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      },
    },
    columns: [
      { name: 'Auto Assign', type: 'boolean', jsonPath: '.spec.autoAssign' },
      { name: 'Avoid Buggy IPs', type: 'boolean', jsonPath: '.spec.avoidBuggyIPs' },
      { name: 'Addresses', type: 'string', jsonPath: '.spec.addresses' },
    ],
  },
  {
    kind: 'L2Advertisement',
    plural: 'l2advertisements',
    spec: {
      type: 'object',
      properties: {
        ipAddressPools: LIST_OF_STRINGS,
        ipAddressPoolSelectors: SELECTORS,
        nodeSelectors: SELECTORS,
        interfaces: LIST_OF_STRINGS,
      },
    },
    columns: [
      { name: 'IPAddressPools', type: 'string', jsonPath: '.spec.ipAddressPools' },
      { name: 'Interfaces', type: 'string', priority: 10, jsonPath: '.spec.interfaces' },
    ],
  },
];

function definition({ kind, plural, spec, columns }: Definition): NewObject {
  const properties = { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.metallb.io` },
    spec: {
      group: 'metallb.io',
      scope: 'Namespaced',
      names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: 'v1beta1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', required: ['spec'], properties } },
          subresources: { status: {} },
          additionalPrinterColumns: columns,
        },
      ],
    },
  };
}

/** The Service `kubernetes` of the namespace `default`, which every cluster has. */
export function apiService(clusterIP: string): NewObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { clusterIP, ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }] },
  };
}

/** Puts the first objects into an empty storage. `now` in milliseconds since the epoch. */
export function addFirstObjects(storage: MemoryStorage, now: () => number): void {
  const namespaces = storage.resource('v1', 'namespaces');
  for (const name of ['default', 'kube-system']) {
    namespaces.create('', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const first = node(timestamp(now()));
  const nodes = storage.resource('v1', 'nodes');
  nodes.create('', first);
  nodes.update(
    '',
    NODE_NAME,
    (object) => {
      object['status'] = first['status'];
    },
    'status',
  );
  const definitions = storage.resource('apiextensions.k8s.io/v1', 'customresourcedefinitions');
  for (const each of METALLB) definitions.create('', definition(each));
}
