/** What happens to the fields of a Service that the cluster allocates, when it is updated (k8s.io/kubernetes/pkg/registry/core/service/strategy.go). */
import { arrayAt, equalJson, isObject, objectAt, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { StoredObject } from '../api/storage.ts';

const ADDRESS_FIELDS = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy'] as const;

/** Keeps what was allocated and is left out, and drops what the new type cannot have and the client did not touch. */
export function prepareServiceUpdate(service: StoredObject, old: StoredObject): void {
  const spec = objectAt(service, 'spec');
  const before = objectAt(old, 'spec');
  if (spec === undefined || before === undefined) return;
  if (stringAt(spec, 'type') !== 'ExternalName' && stringAt(before, 'type') !== 'ExternalName') keepAddress(spec, before);
  if (hasNodePorts(spec) && hasNodePorts(before)) keepNodePorts(spec, before);
  if (stringAt(spec, 'type') !== stringAt(before, 'type')) dropDependent(spec, before);
}

const hasNodePorts = (spec: JsonObject): boolean => ['NodePort', 'LoadBalancer'].includes(stringAt(spec, 'type') ?? '');

function keepAddress(spec: JsonObject, before: JsonObject): void {
  for (const key of ADDRESS_FIELDS) {
    const given = spec[key];
    const missing = given === undefined || given === null || given === '' || (Array.isArray(given) && given.length === 0);
    if (missing && before[key] !== undefined) spec[key] = before[key];
  }
}

function keepNodePorts(spec: JsonObject, before: JsonObject): void {
  const old = arrayAt(before, 'ports').filter(isObject);
  for (const port of arrayAt(spec, 'ports').filter(isObject)) {
    if (port['nodePort'] !== undefined && port['nodePort'] !== 0) continue;
    const same = old.find((other) => other['port'] === port['port'] && other['protocol'] === (port['protocol'] ?? 'TCP'));
    if (same?.['nodePort'] !== undefined) port['nodePort'] = same['nodePort'];
  }
}

function dropDependent(spec: JsonObject, before: JsonObject): void {
  const drop = (key: string): void => {
    if (equalJson(spec[key], before[key])) delete spec[key];
  };
  const type = stringAt(spec, 'type');
  if (type === 'ExternalName') for (const key of [...ADDRESS_FIELDS, 'internalTrafficPolicy']) drop(key);
  if (type !== 'LoadBalancer') for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass']) drop(key);
  if (!hasNodePorts(spec)) {
    drop('externalTrafficPolicy');
    const old = arrayAt(before, 'ports').filter(isObject);
    for (const port of arrayAt(spec, 'ports').filter(isObject)) {
      if (old.some((other) => other['port'] === port['port'] && other['nodePort'] === port['nodePort']))
        delete port['nodePort'];
    }
  }
}
