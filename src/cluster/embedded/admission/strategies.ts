/** The strategy of every kind that has one of its own. */
import { isObject, objectAt, stringAt } from '../api/json.ts';
import type { ResourceType } from '../resources/resources.ts';
import type { StoredObject } from '../api/storage.ts';
import {
  autoscalerDefaults,
  bindingDefaults,
  deploymentDefaults,
  endpointSliceDefaults,
  podSpecDefaults,
  replicaSetDefaults,
  secretDefaults,
  serviceDefaults,
  webhookDefaults,
} from './defaults.ts';
import { definitionStrategy } from './definition.ts';
import type { Strategy } from './strategy.ts';

const serviceStrategy: Strategy = {
  nameRule: 'dns-1035-label',
  prepareCreate: (service) => {
    service['status'] = { loadBalancer: {} };
  },
  prepareUpdate: keepClusterAddress,
  setDefaults: serviceDefaults,
};

const namespaceStrategy: Strategy = {
  nameRule: 'dns-label',
  prepareCreate: (namespace) => {
    namespace['spec'] = { finalizers: ['kubernetes'] };
    namespace['status'] = { phase: 'Active' };
    namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name };
  },
  setDefaults: (namespace) => {
    namespace.metadata.labels = { ...namespace.metadata.labels, 'kubernetes.io/metadata.name': namespace.metadata.name };
  },
};

const STRATEGIES: ReadonlyMap<string, Strategy> = new Map<string, Strategy>([
  ['namespaces', namespaceStrategy],
  ['services', serviceStrategy],
  ['secrets', { setDefaults: secretDefaults }],
  [
    'pods',
    {
      prepareCreate: (pod) => {
        pod['status'] = { phase: 'Pending', qosClass: 'BestEffort' };
      },
      setDefaults: (pod) => podSpecDefaults(objectAt(pod, 'spec')),
    },
  ],
  ['deployments.apps', { setDefaults: deploymentDefaults, prepareCreate: emptyStatus }],
  ['replicasets.apps', { setDefaults: replicaSetDefaults, prepareCreate: (set) => (set['status'] = { replicas: 0 }) }],
  ['endpointslices.discovery.k8s.io', { setDefaults: endpointSliceDefaults }],
  ['ingresses.networking.k8s.io', { prepareCreate: (ingress) => (ingress['status'] = { loadBalancer: {} }) }],
  ['validatingwebhookconfigurations.admissionregistration.k8s.io', { setDefaults: webhookDefaults }],
  ['clusterroles.rbac.authorization.k8s.io', { nameRule: 'path-segment' }],
  ['roles.rbac.authorization.k8s.io', { nameRule: 'path-segment' }],
  ['clusterrolebindings.rbac.authorization.k8s.io', { nameRule: 'path-segment', setDefaults: bindingDefaults }],
  ['rolebindings.rbac.authorization.k8s.io', { nameRule: 'path-segment', setDefaults: bindingDefaults }],
  ['horizontalpodautoscalers.autoscaling', { setDefaults: autoscalerDefaults, prepareCreate: emptyStatus }],
  ['poddisruptionbudgets.policy', { prepareCreate: emptyStatus }],
  ['customresourcedefinitions.apiextensions.k8s.io', definitionStrategy],
]);

const NONE: Strategy = {};

/** The strategy of a resource; kinds with nothing particular share an empty one. */
export function strategyFor(type: ResourceType): Strategy {
  return STRATEGIES.get(type.storageKey) ?? NONE;
}

function emptyStatus(object: StoredObject): void {
  object['status'] = {};
}

/** An update that leaves the allocated address out keeps it, unless the Service becomes one without (service strategy's patchAllocatedValues). */
function keepClusterAddress(service: StoredObject, old: StoredObject): void {
  const spec = objectAt(service, 'spec');
  const before = objectAt(old, 'spec');
  if (spec === undefined || before === undefined || stringAt(spec, 'type') === 'ExternalName') return;
  if (stringAt(before, 'type') === 'ExternalName') return;
  for (const key of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) {
    const given = spec[key];
    if ((given === undefined || given === '' || given === null) && before[key] !== undefined) spec[key] = before[key];
  }
  if (stringAt(spec, 'type') !== 'ClusterIP') keepNodePorts(spec, before);
}

function keepNodePorts(spec: Record<string, unknown>, before: Record<string, unknown>): void {
  const old = Array.isArray(before['ports']) ? before['ports'].filter(isObject) : [];
  for (const port of Array.isArray(spec['ports']) ? spec['ports'].filter(isObject) : []) {
    if (port['nodePort'] !== undefined && port['nodePort'] !== 0) continue;
    const same = old.find((other) => other['port'] === port['port'] && other['protocol'] === port['protocol']);
    if (same?.['nodePort'] !== undefined) port['nodePort'] = same['nodePort'];
  }
}
