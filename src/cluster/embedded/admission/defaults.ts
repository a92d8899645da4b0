/** The documented defaults of the built-in kinds (k8s.io/kubernetes/pkg/apis: defaults.go of core, apps, discovery, rbac, autoscaling). */
import { arrayAt, isObject, objectAt, setKey, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { StoredObject } from '../api/storage.ts';

function setDefault(object: JsonObject, key: string, value: unknown): void {
  if (object[key] === undefined || object[key] === null || object[key] === '') object[key] = value;
}

function objectsAt(value: unknown, ...path: readonly string[]): JsonObject[] {
  return arrayAt(value, ...path).filter(isObject);
}

export function serviceDefaults(service: StoredObject): void {
  const spec = objectAt(service, 'spec');
  if (spec === undefined) return;
  setDefault(spec, 'type', 'ClusterIP');
  setDefault(spec, 'sessionAffinity', 'None');
  if (spec['sessionAffinity'] === 'ClientIP' && spec['sessionAffinityConfig'] === undefined) {
    spec['sessionAffinityConfig'] = { clientIP: { timeoutSeconds: 10_800 } };
  }
  const type = spec['type'];
  for (const port of objectsAt(spec, 'ports')) {
    setDefault(port, 'protocol', 'TCP');
    if (port['targetPort'] === undefined || port['targetPort'] === 0 || port['targetPort'] === '')
      port['targetPort'] = port['port'];
  }
  if (type !== 'ExternalName') {
    setDefault(spec, 'internalTrafficPolicy', 'Cluster');
    // Either address is taken for the other, as the API server does for clients that know only one of them.
    if (spec['clusterIP'] !== undefined && spec['clusterIP'] !== '' && arrayAt(spec, 'clusterIPs').length === 0) {
      spec['clusterIPs'] = [spec['clusterIP']];
    } else if ((spec['clusterIP'] ?? '') === '' && arrayAt(spec, 'clusterIPs').length > 0) {
      [spec['clusterIP']] = arrayAt(spec, 'clusterIPs');
    }
    setDefault(spec, 'ipFamilies', ['IPv4']);
    setDefault(spec, 'ipFamilyPolicy', 'SingleStack');
  }
  if (type === 'NodePort' || type === 'LoadBalancer') setDefault(spec, 'externalTrafficPolicy', 'Cluster');
  if (type === 'LoadBalancer') setDefault(spec, 'allocateLoadBalancerNodePorts', true);
}

export function endpointSliceDefaults(slice: StoredObject): void {
  for (const port of objectsAt(slice, 'ports')) {
    if (port['name'] === undefined || port['name'] === null) port['name'] = '';
    setDefault(port, 'protocol', 'TCP');
  }
}

/** `stringData` is written to `data`, in base64, and never stored. */
export function secretDefaults(secret: StoredObject): void {
  setDefault(secret, 'type', 'Opaque');
  const plain = secret['stringData'];
  delete secret['stringData'];
  if (!isObject(plain)) return;
  const data: JsonObject = isObject(secret['data']) ? secret['data'] : {};
  for (const [key, value] of Object.entries(plain)) setKey(data, key, Buffer.from(String(value)).toString('base64'));
  secret['data'] = data;
}

function probeDefaults(container: JsonObject): void {
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = objectAt(container, name);
    if (probe === undefined) continue;
    setDefault(probe, 'timeoutSeconds', 1);
    setDefault(probe, 'periodSeconds', 10);
    setDefault(probe, 'successThreshold', 1);
    setDefault(probe, 'failureThreshold', 3);
    const http = objectAt(probe, 'httpGet');
    if (http !== undefined) {
      setDefault(http, 'path', '/');
      setDefault(http, 'scheme', 'HTTP');
    }
  }
}

/** Defaults of a Pod's spec, as it is in a Pod or in a template. */
export function podSpecDefaults(spec: JsonObject | undefined): void {
  if (spec === undefined) return;
  setDefault(spec, 'restartPolicy', 'Always');
  setDefault(spec, 'terminationGracePeriodSeconds', 30);
  setDefault(spec, 'dnsPolicy', 'ClusterFirst');
  setDefault(spec, 'schedulerName', 'default-scheduler');
  setDefault(spec, 'securityContext', {});
  if (stringAt(spec, 'serviceAccountName') !== undefined) setDefault(spec, 'serviceAccount', spec['serviceAccountName']);
  for (const container of [...objectsAt(spec, 'containers'), ...objectsAt(spec, 'initContainers')]) {
    setDefault(container, 'terminationMessagePath', '/dev/termination-log');
    setDefault(container, 'terminationMessagePolicy', 'File');
    setDefault(container, 'resources', {});
    const image = stringAt(container, 'image') ?? '';
    const tagged = image.includes('@') || /:[^/]+$/.test(image);
    setDefault(container, 'imagePullPolicy', tagged && !image.endsWith(':latest') ? 'IfNotPresent' : 'Always');
    for (const port of objectsAt(container, 'ports')) setDefault(port, 'protocol', 'TCP');
    for (const variable of objectsAt(container, 'env')) {
      const reference = objectAt(variable, 'valueFrom', 'fieldRef');
      if (reference !== undefined) setDefault(reference, 'apiVersion', 'v1');
    }
    probeDefaults(container);
  }
  for (const volume of objectsAt(spec, 'volumes')) {
    for (const name of ['secret', 'configMap', 'projected', 'downwardAPI']) {
      const source = objectAt(volume, name);
      if (source !== undefined) setDefault(source, 'defaultMode', 0o644);
    }
  }
}

function replicas(spec: JsonObject): void {
  if (spec['replicas'] === undefined || spec['replicas'] === null) spec['replicas'] = 1;
}

export function deploymentDefaults(deployment: StoredObject): void {
  const spec = objectAt(deployment, 'spec');
  if (spec === undefined) return;
  replicas(spec);
  setDefault(spec, 'strategy', {});
  const strategy = objectAt(spec, 'strategy') ?? {};
  setDefault(strategy, 'type', 'RollingUpdate');
  if (strategy['type'] === 'RollingUpdate') {
    setDefault(strategy, 'rollingUpdate', {});
    const rolling = objectAt(strategy, 'rollingUpdate') ?? {};
    setDefault(rolling, 'maxUnavailable', '25%');
    setDefault(rolling, 'maxSurge', '25%');
  }
  if (spec['revisionHistoryLimit'] === undefined) spec['revisionHistoryLimit'] = 10;
  if (spec['progressDeadlineSeconds'] === undefined) spec['progressDeadlineSeconds'] = 600;
  podSpecDefaults(objectAt(spec, 'template', 'spec'));
}

export function replicaSetDefaults(replicaSet: StoredObject): void {
  const spec = objectAt(replicaSet, 'spec');
  if (spec === undefined) return;
  replicas(spec);
  podSpecDefaults(objectAt(spec, 'template', 'spec'));
}

export function webhookDefaults(configuration: StoredObject): void {
  for (const webhook of objectsAt(configuration, 'webhooks')) {
    setDefault(webhook, 'failurePolicy', 'Fail');
    setDefault(webhook, 'matchPolicy', 'Equivalent');
    setDefault(webhook, 'namespaceSelector', {});
    setDefault(webhook, 'objectSelector', {});
    setDefault(webhook, 'timeoutSeconds', 10);
    for (const rule of objectsAt(webhook, 'rules')) setDefault(rule, 'scope', '*');
    const service = objectAt(webhook, 'clientConfig', 'service');
    if (service !== undefined) setDefault(service, 'port', 443);
  }
}

/** `apiGroup` of subjects and role references of RBAC bindings. */
export function bindingDefaults(binding: StoredObject): void {
  for (const subject of objectsAt(binding, 'subjects')) {
    if (subject['kind'] !== 'ServiceAccount') setDefault(subject, 'apiGroup', 'rbac.authorization.k8s.io');
  }
  const role = objectAt(binding, 'roleRef');
  if (role !== undefined) setDefault(role, 'apiGroup', 'rbac.authorization.k8s.io');
}

export function autoscalerDefaults(autoscaler: StoredObject): void {
  const spec = objectAt(autoscaler, 'spec');
  if (spec !== undefined && spec['minReplicas'] === undefined) spec['minReplicas'] = 1;
}
