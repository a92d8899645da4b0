/** The resources that exist before any CustomResourceDefinition does. */
import { eventConversion } from './event-conversion.ts';
import type { Conversion, ResourceType, ScalePaths } from './resources.ts';

interface Row {
  readonly api: string;
  readonly kind: string;
  readonly plural: string;
  readonly short?: readonly string[];
  /** In the category `all`, which `kubectl get all` lists. */
  readonly all?: true;
  readonly cluster?: true;
  readonly status?: true;
  readonly generation?: true;
  readonly scale?: ScalePaths;
  readonly schema: string;
  readonly fields?: readonly string[];
  readonly storageKey?: string;
  readonly conversion?: Conversion;
}

const WORKLOAD_SCALE: ScalePaths = {
  specReplicas: 'spec.replicas',
  statusReplicas: 'status.replicas',
  selector: 'spec.selector',
};

const EVENT_FIELDS = [
  'involvedObject.kind',
  'involvedObject.namespace',
  'involvedObject.name',
  'involvedObject.uid',
  'involvedObject.apiVersion',
  'involvedObject.resourceVersion',
  'involvedObject.fieldPath',
  'reason',
  'reportingComponent',
  'source',
  'type',
];

const POD_FIELDS = [
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.nominatedNodeName',
];

const ROWS: readonly Row[] = [
  { api: 'v1', kind: 'ConfigMap', plural: 'configmaps', short: ['cm'], schema: 'V1ConfigMap' },
  { api: 'v1', kind: 'Event', plural: 'events', short: ['ev'], schema: 'CoreV1Event', fields: EVENT_FIELDS },
  {
    api: 'v1',
    kind: 'Namespace',
    plural: 'namespaces',
    short: ['ns'],
    cluster: true,
    status: true,
    schema: 'V1Namespace',
    fields: ['status.phase'],
  },
  {
    api: 'v1',
    kind: 'Node',
    plural: 'nodes',
    short: ['no'],
    cluster: true,
    status: true,
    schema: 'V1Node',
    fields: ['spec.unschedulable'],
  },
  {
    api: 'v1',
    kind: 'Pod',
    plural: 'pods',
    short: ['po'],
    all: true,
    status: true,
    generation: true,
    schema: 'V1Pod',
    fields: POD_FIELDS,
  },
  { api: 'v1', kind: 'Secret', plural: 'secrets', schema: 'V1Secret', fields: ['type'] },
  {
    api: 'v1',
    kind: 'Service',
    plural: 'services',
    short: ['svc'],
    all: true,
    status: true,
    schema: 'V1Service',
    fields: ['spec.clusterIP', 'spec.type'],
  },
  { api: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts', short: ['sa'], schema: 'V1ServiceAccount' },
  {
    api: 'apps/v1',
    kind: 'Deployment',
    plural: 'deployments',
    short: ['deploy'],
    all: true,
    status: true,
    generation: true,
    scale: WORKLOAD_SCALE,
    schema: 'V1Deployment',
  },
  {
    api: 'apps/v1',
    kind: 'ReplicaSet',
    plural: 'replicasets',
    short: ['rs'],
    all: true,
    status: true,
    generation: true,
    scale: WORKLOAD_SCALE,
    schema: 'V1ReplicaSet',
    fields: ['status.replicas'],
  },
  {
    api: 'networking.k8s.io/v1',
    kind: 'Ingress',
    plural: 'ingresses',
    short: ['ing'],
    status: true,
    generation: true,
    schema: 'V1Ingress',
  },
  {
    api: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    plural: 'ingressclasses',
    cluster: true,
    generation: true,
    schema: 'V1IngressClass',
  },
  { api: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices', generation: true, schema: 'V1EndpointSlice' },
  { api: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases', schema: 'V1Lease' },
  {
    api: 'events.k8s.io/v1',
    kind: 'Event',
    plural: 'events',
    short: ['ev'],
    schema: 'EventsV1Event',
    fields: EVENT_FIELDS,
    storageKey: 'events',
    conversion: eventConversion,
  },
  {
    api: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    plural: 'clusterroles',
    cluster: true,
    schema: 'V1ClusterRole',
  },
  {
    api: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    cluster: true,
    schema: 'V1ClusterRoleBinding',
  },
  { api: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles', schema: 'V1Role' },
  { api: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', plural: 'rolebindings', schema: 'V1RoleBinding' },
  {
    api: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    plural: 'validatingwebhookconfigurations',
    cluster: true,
    generation: true,
    schema: 'V1ValidatingWebhookConfiguration',
  },
  {
    api: 'policy/v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
    short: ['pdb'],
    status: true,
    generation: true,
    schema: 'V1PodDisruptionBudget',
  },
  {
    api: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
    short: ['hpa'],
    all: true,
    status: true,
    schema: 'V2HorizontalPodAutoscaler',
  },
  {
    api: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    short: ['crd', 'crds'],
    cluster: true,
    status: true,
    generation: true,
    schema: 'V1CustomResourceDefinition',
  },
];

/** Every built-in resource. */
export function builtinResources(): ResourceType[] {
  return ROWS.map((row) => {
    const slash = row.api.indexOf('/');
    const group = slash < 0 ? '' : row.api.slice(0, slash);
    return {
      group,
      version: row.api.slice(slash + 1),
      kind: row.kind,
      plural: row.plural,
      singular: row.kind.toLowerCase(),
      shortNames: row.short ?? [],
      categories: row.all === true ? ['all'] : row.kind === 'CustomResourceDefinition' ? ['api-extensions'] : [],
      namespaced: row.cluster !== true,
      hasStatus: row.status === true,
      scale: row.scale,
      hasGeneration: row.generation === true,
      schema: row.schema,
      columns: undefined,
      selectableFields: row.fields ?? [],
      storageKey: row.storageKey ?? (group === '' ? row.plural : `${row.plural}.${group}`),
      conversion: row.conversion,
      custom: false,
    };
  });
}
