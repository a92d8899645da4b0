/**
 * How the lists and maps of the Kubernetes types merge: what the Go sources say in `patchStrategy`, `patchMergeKey`, `listType`,
 * `listMapKey` and `mapType` tags (k8s.io/api; https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy).
 * A list that is not here is replaced as a whole.
 */

/** `patchKey` is for strategic merge patches, `mapKeys` for server-side apply; the two may differ. */
interface ListMerge {
  /** Elements are merged by this key; undefined with strategy `merge` for lists of plain values. */
  readonly patchKey?: string;
  readonly patchMerge: boolean;
  readonly retainKeys?: true;
  /** Server-side apply: a map by these keys, a set of plain values, or one atomic value. */
  readonly apply: { readonly as: 'map'; readonly keys: readonly string[] } | { readonly as: 'set' } | { readonly as: 'atomic' };
}

function byKey(key: string, ...keys: readonly string[]): ListMerge {
  return { patchKey: key, patchMerge: true, apply: { as: 'map', keys: keys.length === 0 ? [key] : keys } };
}

const CONDITIONS = byKey('type');
const SET: ListMerge = { patchMerge: true, apply: { as: 'set' } };
const APPLY_CONDITIONS: ListMerge = { patchMerge: false, apply: { as: 'map', keys: ['type'] } };

/** `Type.field` of the generated client's types. */
const LISTS: ReadonlyMap<string, ListMerge> = new Map<string, ListMerge>([
  ['V1ObjectMeta.ownerReferences', byKey('uid')],
  ['V1ObjectMeta.finalizers', SET],
  ['V1PodSpec.containers', byKey('name')],
  ['V1PodSpec.initContainers', byKey('name')],
  ['V1PodSpec.ephemeralContainers', byKey('name')],
  ['V1PodSpec.volumes', { ...byKey('name'), retainKeys: true }],
  ['V1PodSpec.imagePullSecrets', byKey('name')],
  ['V1PodSpec.hostAliases', byKey('ip')],
  ['V1PodSpec.topologySpreadConstraints', byKey('topologyKey', 'topologyKey', 'whenUnsatisfiable')],
  ['V1PodSpec.schedulingGates', byKey('name')],
  ['V1PodSpec.resourceClaims', { ...byKey('name'), retainKeys: true }],
  ['V1PodStatus.conditions', CONDITIONS],
  ['V1PodStatus.podIPs', byKey('ip')],
  ['V1PodStatus.hostIPs', { patchKey: 'ip', patchMerge: true, apply: { as: 'atomic' } }],
  ['V1Container.ports', byKey('containerPort', 'containerPort', 'protocol')],
  ['V1Container.env', byKey('name')],
  ['V1Container.volumeMounts', byKey('mountPath')],
  ['V1Container.volumeDevices', byKey('devicePath')],
  ['V1EphemeralContainer.ports', byKey('containerPort', 'containerPort', 'protocol')],
  ['V1EphemeralContainer.env', byKey('name')],
  ['V1EphemeralContainer.volumeMounts', byKey('mountPath')],
  ['V1EphemeralContainer.volumeDevices', byKey('devicePath')],
  ['V1PodStatus.resourceClaimStatuses', { ...byKey('name'), retainKeys: true }],
  ['V1ContainerStatus.volumeMounts', byKey('mountPath')],
  ['V1ContainerStatus.allocatedResourcesStatus', byKey('name')],
  ['V1Endpoint.addresses', { patchMerge: false, apply: { as: 'set' } }],
  ['V1ResourceRequirements.claims', { patchMerge: false, apply: { as: 'map', keys: ['name'] } }],
  ['V1DeploymentStatus.conditions', CONDITIONS],
  ['V1ReplicaSetStatus.conditions', CONDITIONS],
  ['V1ServiceSpec.ports', byKey('port', 'port', 'protocol')],
  ['V1ServiceStatus.conditions', CONDITIONS],
  ['V1NamespaceStatus.conditions', CONDITIONS],
  ['V1NodeSpec.podCIDRs', SET],
  ['V1NodeStatus.conditions', CONDITIONS],
  ['V1NodeStatus.addresses', byKey('type')],
  ['V1ServiceAccount.secrets', byKey('name')],
  ['V1PodDisruptionBudgetStatus.conditions', CONDITIONS],
  ['V2HorizontalPodAutoscalerStatus.conditions', CONDITIONS],
  ['V1ValidatingWebhookConfiguration.webhooks', byKey('name')],
  ['V1ValidatingWebhook.matchConditions', byKey('name')],
  ['V1CustomResourceDefinitionStatus.conditions', APPLY_CONDITIONS],
]);

const REPLACED: ListMerge = { patchMerge: false, apply: { as: 'atomic' } };

/** How a list field merges. */
export function listMerge(type: string | undefined, field: string): ListMerge {
  return (type === undefined ? undefined : LISTS.get(`${type}.${field}`)) ?? REPLACED;
}

/** Objects that server-side apply takes as one value. */
const ATOMIC_TYPES = new Set([
  'V1LabelSelector',
  'V1ObjectReference',
  'CoreV1ObjectReference',
  'V1LocalObjectReference',
  'V1TypedLocalObjectReference',
  'V1SecretKeySelector',
  'V1ConfigMapKeySelector',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ServiceBackendPort',
  'V1RoleRef',
  'V1OwnerReference',
  'RbacV1Subject',
]);

/** Fields of a map type that server-side apply takes as one value. */
const ATOMIC_FIELDS = new Set(['V1ServiceSpec.selector', 'V1PodSpec.nodeSelector']);

/** Whether server-side apply takes an object field as one value. */
export function isAtomicObject(type: string | undefined, field: string, fieldType: string | undefined): boolean {
  return (
    (fieldType !== undefined && ATOMIC_TYPES.has(fieldType)) || (type !== undefined && ATOMIC_FIELDS.has(`${type}.${field}`))
  );
}

/** Types whose present keys are the only ones to stay in a strategic merge patch with `$retainKeys`. */
const RETAIN_KEYS = new Set(['V1DeploymentSpec.strategy']);

/** Whether kubectl sends `$retainKeys` for a field; told in the OpenAPI document. */
export function retainsKeys(type: string, field: string): boolean {
  return RETAIN_KEYS.has(`${type}.${field}`);
}
