/** The columns of the built-in kinds (k8s.io/kubernetes/pkg/printers/internalversion/printers.go). Name and age are on every table. */
import { arrayAt, isObject, numberAt, objectAt, stringAt, textAt, valueAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { Column } from '../resources/columns.ts';
import { AGE, age } from './age.ts';
import { podColumns } from './pod-columns.ts';

const text = (name: string, value: (object: JsonObject, now: number) => unknown, priority = 0): Column => ({
  name,
  type: 'string',
  value,
  priority,
});
const count = (name: string, value: (object: JsonObject) => unknown): Column => ({ name, type: 'integer', value });

const keysAt = (object: unknown, ...path: readonly string[]): number => Object.keys(objectAt(object, ...path) ?? {}).length;
const orNone = (value: string | undefined): string => (value === undefined || value === '' ? '<none>' : value);

function joined(values: readonly (string | undefined)[]): string {
  return orNone(values.filter((value) => value !== undefined && value !== '').join(','));
}

function moreThan(values: readonly string[], limit: number): string {
  if (values.length <= limit) return orNone(values.join(','));
  return `${values.slice(0, limit).join(',')} + ${values.length - limit} more...`;
}

function labelsText(labels: JsonObject | undefined): string {
  return joined(
    Object.entries(labels ?? {})
      .map(([key, value]) => `${key}=${String(value)}`)
      .sort(),
  );
}

/** A label selector as text. */
function selectorText(selector: JsonObject | undefined): string {
  const exact = Object.entries(objectAt(selector, 'matchLabels') ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  const sets = arrayAt(selector, 'matchExpressions')
    .filter(isObject)
    .map((term) => {
      const key = stringAt(term, 'key') ?? '';
      const values = arrayAt(term, 'values').join(',');
      switch (stringAt(term, 'operator') ?? '') {
        case 'Exists':
          return key;
        case 'DoesNotExist':
          return `!${key}`;
        case 'NotIn':
          return `${key} notin (${values})`;
        default:
          return `${key} in (${values})`;
      }
    });
  return orNone([...exact, ...sets].sort().join(','));
}

function addresses(object: JsonObject): string[] {
  return arrayAt(object, 'status', 'loadBalancer', 'ingress')
    .map((item) => stringAt(item, 'ip') ?? stringAt(item, 'hostname') ?? '')
    .filter((item) => item !== '');
}

function ingressHosts(ingress: JsonObject): string {
  const hosts = arrayAt(ingress, 'spec', 'rules').map((rule) => stringAt(rule, 'host') ?? '');
  const named = hosts.filter((host) => host !== '');
  if (named.length === 0) return '*';
  return moreThan(named, 3);
}

function externalAddress(service: JsonObject): string {
  const external = arrayAt(service, 'spec', 'externalIPs').map(String);
  switch (stringAt(service, 'spec', 'type') ?? '') {
    case 'ExternalName':
      return orNone(stringAt(service, 'spec', 'externalName'));
    case 'LoadBalancer': {
      const all = [...addresses(service), ...external];
      return all.length === 0 ? '<pending>' : all.join(',');
    }
    default:
      return joined(external);
  }
}

function servicePorts(service: JsonObject): string {
  const ports = arrayAt(service, 'spec', 'ports').filter(isObject);
  return joined(
    ports.map((port) => {
      const node = numberAt(port, 'nodePort');
      return `${numberAt(port, 'port')}${node > 0 ? `:${node}` : ''}/${stringAt(port, 'protocol') ?? 'TCP'}`;
    }),
  );
}

function containers(object: JsonObject, key: 'name' | 'image'): string {
  return arrayAt(object, 'spec', 'template', 'spec', 'containers')
    .map((container) => stringAt(container, key) ?? '')
    .join(',');
}

function nodeStatus(node: JsonObject): string {
  const ready = arrayAt(node, 'status', 'conditions').find((condition) => stringAt(condition, 'type') === 'Ready');
  const state = ready === undefined ? 'Unknown' : stringAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady';
  return valueAt(node, 'spec', 'unschedulable') === true ? `${state},SchedulingDisabled` : state;
}

function nodeRoles(node: JsonObject): string {
  const prefix = 'node-role.kubernetes.io/';
  const labels = Object.keys(objectAt(node, 'metadata', 'labels') ?? {});
  return joined(labels.filter((label) => label.startsWith(prefix)).map((label) => label.slice(prefix.length)));
}

function nodeAddress(node: JsonObject, type: string): string {
  const found = arrayAt(node, 'status', 'addresses').find((address) => stringAt(address, 'type') === type);
  return orNone(stringAt(found, 'address'));
}

function slicePorts(slice: JsonObject): string {
  const ports = arrayAt(slice, 'ports').map((port) => numberAt(port, 'port'));
  return ports.length === 0 ? '<unset>' : moreThan(ports.map(String), 3);
}

function sliceEndpoints(slice: JsonObject): string {
  const all = arrayAt(slice, 'endpoints').flatMap((endpoint) => arrayAt(endpoint, 'addresses').map(String));
  return all.length === 0 ? '<unset>' : moreThan(all, 3);
}

function eventLastSeen(event: JsonObject, now: number): string {
  const last = stringAt(event, 'series', 'lastObservedTime') ?? stringAt(event, 'lastTimestamp');
  return age(last ?? stringAt(event, 'eventTime') ?? stringAt(event, 'metadata', 'creationTimestamp'), now);
}

function eventObject(event: JsonObject): string {
  const object = objectAt(event, 'involvedObject') ?? objectAt(event, 'regarding');
  const kind = (stringAt(object, 'kind') ?? '').toLowerCase();
  return `${kind}/${stringAt(object, 'name') ?? ''}`;
}

const EVENT_COLUMNS: readonly Column[] = [
  text('Last Seen', eventLastSeen),
  text('Type', (event) => stringAt(event, 'type') ?? ''),
  text('Reason', (event) => stringAt(event, 'reason') ?? ''),
  text('Object', eventObject),
  text('Message', (event) => (stringAt(event, 'message') ?? stringAt(event, 'note') ?? '').trim()),
];

const REPLICAS = [
  count('Desired', (set) => numberAt(set, 'spec', 'replicas')),
  count('Current', (set) => numberAt(set, 'status', 'replicas')),
  count('Ready', (set) => numberAt(set, 'status', 'readyReplicas')),
];

const TEMPLATE = [
  text('Containers', (object) => containers(object, 'name'), 1),
  text('Images', (object) => containers(object, 'image'), 1),
  text('Selector', (object) => selectorText(objectAt(object, 'spec', 'selector')), 1),
];

const ROLE = text(
  'Role',
  (binding) => `${stringAt(binding, 'roleRef', 'kind') ?? ''}/${stringAt(binding, 'roleRef', 'name') ?? ''}`,
);

function subjects(kind: string): (binding: JsonObject) => string {
  return (binding) =>
    arrayAt(binding, 'subjects')
      .filter((subject) => stringAt(subject, 'kind') === kind)
      .map(
        (subject) =>
          (kind === 'ServiceAccount' ? `${stringAt(subject, 'namespace') ?? ''}/` : '') + (stringAt(subject, 'name') ?? ''),
      )
      .join(', ');
}

const BINDING = [
  ROLE,
  text('Users', subjects('User'), 1),
  text('Groups', subjects('Group'), 1),
  text('ServiceAccounts', subjects('ServiceAccount'), 1),
];

const CREATED_AT = text('Created At', (object) => stringAt(object, 'metadata', 'creationTimestamp') ?? '');

/** By storage key. */
export const BUILTIN_COLUMNS: ReadonlyMap<string, readonly Column[]> = new Map<string, readonly Column[]>([
  ['namespaces', [text('Status', (namespace) => stringAt(namespace, 'status', 'phase') ?? '')]],
  ['configmaps', [count('Data', (map) => keysAt(map, 'data') + keysAt(map, 'binaryData'))]],
  ['secrets', [text('Type', (secret) => stringAt(secret, 'type') ?? ''), count('Data', (secret) => keysAt(secret, 'data'))]],
  ['serviceaccounts', [count('Secrets', (account) => arrayAt(account, 'secrets').length)]],
  ['pods', podColumns],
  ['events', EVENT_COLUMNS],
  [
    'nodes',
    [
      text('Status', nodeStatus),
      text('Roles', nodeRoles),
      AGE,
      text('Version', (node) => stringAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? ''),
      text('Internal-IP', (node) => nodeAddress(node, 'InternalIP'), 1),
      text('External-IP', (node) => nodeAddress(node, 'ExternalIP'), 1),
      text('OS-Image', (node) => stringAt(node, 'status', 'nodeInfo', 'osImage') ?? '<unknown>', 1),
      text('Kernel-Version', (node) => stringAt(node, 'status', 'nodeInfo', 'kernelVersion') ?? '<unknown>', 1),
      text('Container-Runtime', (node) => stringAt(node, 'status', 'nodeInfo', 'containerRuntimeVersion') ?? '<unknown>', 1),
    ],
  ],
  [
    'services',
    [
      text('Type', (service) => stringAt(service, 'spec', 'type') ?? ''),
      text('Cluster-IP', (service) => orNone(stringAt(service, 'spec', 'clusterIP'))),
      text('External-IP', externalAddress),
      text('Port(s)', servicePorts),
      text('Selector', (service) => labelsText(objectAt(service, 'spec', 'selector')), 1),
    ],
  ],
  [
    'deployments.apps',
    [
      text(
        'Ready',
        (deployment) => `${numberAt(deployment, 'status', 'readyReplicas')}/${numberAt(deployment, 'spec', 'replicas')}`,
      ),
      count('Up-to-date', (deployment) => numberAt(deployment, 'status', 'updatedReplicas')),
      count('Available', (deployment) => numberAt(deployment, 'status', 'availableReplicas')),
      ...TEMPLATE,
    ],
  ],
  ['replicasets.apps', [...REPLICAS, ...TEMPLATE]],
  [
    'ingresses.networking.k8s.io',
    [
      text('Class', (ingress) => orNone(stringAt(ingress, 'spec', 'ingressClassName'))),
      text('Hosts', ingressHosts),
      text('Address', (ingress) => addresses(ingress).join(',')),
      text('Ports', (ingress) => (arrayAt(ingress, 'spec', 'tls').length > 0 ? '80, 443' : '80')),
    ],
  ],
  [
    'ingressclasses.networking.k8s.io',
    [
      text('Controller', (ingressClass) => stringAt(ingressClass, 'spec', 'controller') ?? ''),
      text('Parameters', (ingressClass) => {
        const parameters = objectAt(ingressClass, 'spec', 'parameters');
        if (parameters === undefined) return '<none>';
        const group = stringAt(parameters, 'apiGroup');
        return `${stringAt(parameters, 'kind') ?? ''}${group === undefined ? '' : `.${group}`}/${stringAt(parameters, 'name') ?? ''}`;
      }),
    ],
  ],
  [
    'endpointslices.discovery.k8s.io',
    [
      text('AddressType', (slice) => stringAt(slice, 'addressType') ?? ''),
      text('Ports', slicePorts),
      text('Endpoints', sliceEndpoints),
    ],
  ],
  ['leases.coordination.k8s.io', [text('Holder', (lease) => stringAt(lease, 'spec', 'holderIdentity') ?? '')]],
  ['rolebindings.rbac.authorization.k8s.io', BINDING],
  ['clusterrolebindings.rbac.authorization.k8s.io', BINDING],
  [
    'validatingwebhookconfigurations.admissionregistration.k8s.io',
    [count('Webhooks', (configuration) => arrayAt(configuration, 'webhooks').length)],
  ],
  [
    'poddisruptionbudgets.policy',
    [
      text('Min Available', (budget) => textAt(budget, 'spec', 'minAvailable') ?? 'N/A'),
      text('Max Unavailable', (budget) => textAt(budget, 'spec', 'maxUnavailable') ?? 'N/A'),
      count('Allowed Disruptions', (budget) => numberAt(budget, 'status', 'disruptionsAllowed')),
    ],
  ],
  [
    'horizontalpodautoscalers.autoscaling',
    [
      text('Reference', (scaler) => {
        const target = objectAt(scaler, 'spec', 'scaleTargetRef');
        return `${stringAt(target, 'kind') ?? ''}/${stringAt(target, 'name') ?? ''}`;
      }),
      text('MinPods', (scaler) => textAt(scaler, 'spec', 'minReplicas') ?? '<unset>'),
      count('MaxPods', (scaler) => numberAt(scaler, 'spec', 'maxReplicas')),
      count('Replicas', (scaler) => numberAt(scaler, 'status', 'currentReplicas')),
    ],
  ],
  ['customresourcedefinitions.apiextensions.k8s.io', [CREATED_AT]],
  ['clusterroles.rbac.authorization.k8s.io', [CREATED_AT]],
  ['roles.rbac.authorization.k8s.io', [CREATED_AT]],
]);
