/** The strategy of every kind that has one of its own. */
import { objectAt } from '../api/json.ts';
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
import { prepareServiceUpdate } from './service-update.ts';
import type { Strategy } from './strategy.ts';
import { validateEndpointSlice, validateEndpointSliceUpdate } from '../validation/endpoint-slice.ts';
import { validateIngress, validateIngressCreate, validateLoadBalancerStatus } from '../validation/ingress.ts';
import { validateConfigMap, validateConfigMapUpdate, validateSecret, validateSecretUpdate } from '../validation/secret.ts';
import { validateService, validateServiceUpdate } from '../validation/service.ts';
import { validateDeployment, validatePod, validateSelectorUpdate, validateWorkload } from '../validation/workload.ts';

const serviceStrategy: Strategy = {
  nameRule: 'dns-1035-label',
  prepareCreate: (service) => {
    service['status'] = { loadBalancer: {} };
  },
  prepareUpdate: prepareServiceUpdate,
  setDefaults: serviceDefaults,
  validate: validateService,
  validateUpdate: validateServiceUpdate,
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
  ['secrets', { setDefaults: secretDefaults, validate: validateSecret, validateUpdate: validateSecretUpdate }],
  ['configmaps', { validate: validateConfigMap, validateUpdate: validateConfigMapUpdate }],
  [
    'pods',
    {
      prepareCreate: (pod) => {
        pod['status'] = { phase: 'Pending', qosClass: 'BestEffort' };
      },
      setDefaults: (pod) => podSpecDefaults(objectAt(pod, 'spec')),
      validateCreate: validatePod,
    },
  ],
  [
    'deployments.apps',
    {
      setDefaults: deploymentDefaults,
      prepareCreate: emptyStatus,
      validate: validateDeployment,
      validateUpdate: validateSelectorUpdate,
    },
  ],
  [
    'replicasets.apps',
    {
      setDefaults: replicaSetDefaults,
      prepareCreate: (set) => {
        set['status'] = { replicas: 0 };
      },
      validate: (set) => validateWorkload(set, 'replicaset'),
      validateUpdate: validateSelectorUpdate,
    },
  ],
  [
    'endpointslices.discovery.k8s.io',
    { setDefaults: endpointSliceDefaults, validate: validateEndpointSlice, validateUpdate: validateEndpointSliceUpdate },
  ],
  [
    'ingresses.networking.k8s.io',
    {
      prepareCreate: (ingress) => {
        ingress['status'] = { loadBalancer: {} };
      },
      validate: (ingress) => [...validateIngress(ingress), ...validateLoadBalancerStatus(ingress)],
      validateCreate: validateIngressCreate,
    },
  ],
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
