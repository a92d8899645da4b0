/** Validation of Service (k8s.io/kubernetes/pkg/apis/core/validation, v1.35). Loopback addresses are allowed: they are all there is here. */
import { isIP } from 'node:net';
import { arrayAt, isObject, numberAt, objectAt, stringAt, valueAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { duplicate, forbiddenField, invalidValue, notSupported, required } from './causes.ts';
import { validateLoadBalancerStatus } from './ingress.ts';
import { validateLabels } from './metadata.ts';
import { isPort, labelFault, portNameFaults, PORT_RANGE, qualifiedNameFault, subdomainFault } from './names.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const POLICIES = ['Cluster', 'Local'];
const IP_WORDS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

const isHeadless = (spec: unknown): boolean =>
  stringAt(spec, 'clusterIP') === 'None' || arrayAt(spec, 'clusterIPs')[0] === 'None';

export function validateService(service: StoredObject): Cause[] {
  const spec = objectAt(service, 'spec') ?? {};
  const type = stringAt(spec, 'type') ?? '';
  const ports = arrayAt(spec, 'ports').filter(isObject);
  const causes: Cause[] = [];
  if (ports.length === 0 && !isHeadless(spec) && type !== 'ExternalName') causes.push(required('spec.ports'));
  if ((type === 'LoadBalancer' || type === 'NodePort') && isHeadless(spec)) {
    causes.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${type} services`));
  }
  if (type === 'ExternalName') causes.push(...validateExternalName(spec));
  const names = new Set<string>();
  for (const [index, port] of ports.entries())
    causes.push(...validatePort(port, `spec.ports[${index}]`, ports.length > 1, names));
  causes.push(...validateLabels('spec.selector', spec['selector']), ...validateAffinity(spec), ...validateAddresses(spec));
  if (!TYPES.includes(type)) causes.push(notSupported('spec.type', type, TYPES));
  causes.push(...validateUnique(ports, type), ...validatePolicies(spec, type), ...validateLoadBalancerStatus(service));
  return causes;
}

function validateExternalName(spec: JsonObject): Cause[] {
  const causes: Cause[] = [];
  if (arrayAt(spec, 'clusterIPs').length > 0 || (stringAt(spec, 'clusterIP') ?? '') !== '') {
    causes.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'));
  }
  const name = (stringAt(spec, 'externalName') ?? '').replace(/\.$/, '');
  if (name === '') return [...causes, required('spec.externalName')];
  const fault = subdomainFault(name);
  return fault === undefined ? causes : [...causes, invalidValue('spec.externalName', name, fault)];
}

function validatePort(port: JsonObject, path: string, requireName: boolean, names: Set<string>): Cause[] {
  const causes: Cause[] = [];
  const name = stringAt(port, 'name') ?? '';
  if (name === '') {
    if (requireName) causes.push(required(`${path}.name`));
  } else {
    const fault = labelFault(name);
    if (fault !== undefined) causes.push(invalidValue(`${path}.name`, name, fault));
    if (names.has(name)) causes.push(duplicate(`${path}.name`, name));
    names.add(name);
  }
  const number = valueAt(port, 'port') ?? 0;
  if (typeof number !== 'number' || !isPort(number)) causes.push(invalidValue(`${path}.port`, number, PORT_RANGE));
  const protocol = stringAt(port, 'protocol') ?? '';
  if (!PROTOCOLS.includes(protocol)) causes.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
  const target = valueAt(port, 'targetPort');
  if (typeof target === 'number' && !isPort(target)) causes.push(invalidValue(`${path}.targetPort`, target, PORT_RANGE));
  if (typeof target === 'string') {
    for (const fault of portNameFaults(target)) causes.push(invalidValue(`${path}.targetPort`, target, fault));
  }
  const appProtocol = stringAt(port, 'appProtocol');
  const fault = appProtocol === undefined ? undefined : qualifiedNameFault(appProtocol);
  if (fault !== undefined) causes.push(invalidValue(`${path}.appProtocol`, appProtocol, fault));
  return causes;
}

function validateAffinity(spec: JsonObject): Cause[] {
  const affinity = stringAt(spec, 'sessionAffinity') ?? '';
  const field = 'spec.sessionAffinityConfig';
  switch (affinity) {
    case 'None':
      return spec['sessionAffinityConfig'] === undefined
        ? []
        : [forbiddenField(field, 'must not be set when session affinity is None')];
    case 'ClientIP': {
      const seconds = valueAt(spec, 'sessionAffinityConfig', 'clientIP', 'timeoutSeconds');
      if (typeof seconds === 'number' && seconds > 0 && seconds <= 86_400) return [];
      return [
        invalidValue(
          `${field}.clientIP.timeoutSeconds`,
          seconds ?? null,
          'must be greater than 0 and less than or equal to 86400',
        ),
      ];
    }
    default:
      return [notSupported('spec.sessionAffinity', affinity, ['ClientIP', 'None'])];
  }
}

function validateAddresses(spec: JsonObject): Cause[] {
  const causes: Cause[] = [];
  const clusterIPs = arrayAt(spec, 'clusterIPs');
  const clusterIP = stringAt(spec, 'clusterIP') ?? '';
  if (clusterIP !== '' && clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    causes.push(invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
  }
  const all = clusterIPs.length > 0 ? clusterIPs : clusterIP === '' ? [] : [clusterIP];
  for (const [index, address] of all.entries()) {
    if (address === 'None' || (typeof address === 'string' && isIP(address) !== 0)) continue;
    causes.push(invalidValue(`spec.clusterIPs[${index}]`, address, IP_WORDS));
  }
  for (const [index, address] of arrayAt(spec, 'externalIPs').entries()) {
    if (typeof address === 'string' && isIP(address) !== 0) continue;
    causes.push(invalidValue(`spec.externalIPs[${index}]`, address, IP_WORDS));
  }
  return causes;
}

/** Ports and node ports may be used once for each protocol. */
function validateUnique(ports: readonly JsonObject[], type: string): Cause[] {
  const causes: Cause[] = [];
  const nodePorts = new Set<string>();
  const seen = new Set<string>();
  for (const [index, port] of ports.entries()) {
    const protocol = stringAt(port, 'protocol') ?? '';
    const nodePort = numberAt(port, 'nodePort');
    const number = numberAt(port, 'port');
    if (nodePort !== 0 && type === 'ClusterIP') {
      causes.push(forbiddenField(`spec.ports[${index}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    }
    if (nodePort !== 0 && nodePorts.has(`${protocol} ${nodePort}`)) {
      causes.push(duplicate(`spec.ports[${index}].nodePort`, nodePort));
    }
    nodePorts.add(`${protocol} ${nodePort}`);
    if (seen.has(`${protocol} ${number}`)) causes.push(duplicate(`spec.ports[${index}]`, { port: number, protocol }));
    seen.add(`${protocol} ${number}`);
  }
  return causes;
}

function validatePolicies(spec: JsonObject, type: string): Cause[] {
  const causes: Cause[] = [];
  const external = stringAt(spec, 'externalTrafficPolicy') ?? '';
  const internal = stringAt(spec, 'internalTrafficPolicy');
  const reachable = type === 'LoadBalancer' || type === 'NodePort' || arrayAt(spec, 'externalIPs').length > 0;
  if (external !== '' && !reachable) {
    causes.push(invalidValue('spec.externalTrafficPolicy', external, 'may only be set for externally-accessible services'));
  } else if (external !== '' && !POLICIES.includes(external)) {
    causes.push(notSupported('spec.externalTrafficPolicy', external, POLICIES));
  }
  if (internal !== undefined && !POLICIES.includes(internal)) {
    causes.push(notSupported('spec.internalTrafficPolicy', internal, POLICIES));
  }
  const loadBalancerOnly = "may only be used when `type` is 'LoadBalancer'";
  for (const key of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
    if (spec[key] !== undefined && type !== 'LoadBalancer') causes.push(forbiddenField(`spec.${key}`, loadBalancerOnly));
  }
  if (arrayAt(spec, 'loadBalancerSourceRanges').length > 0 && type !== 'LoadBalancer') {
    causes.push(forbiddenField('spec.LoadBalancerSourceRanges', loadBalancerOnly));
  }
  return causes;
}

/** An address that was given stays, unless the Service becomes or was one without. */
export function validateServiceUpdate(service: StoredObject, old: StoredObject): Cause[] {
  const spec = objectAt(service, 'spec') ?? {};
  const before = objectAt(old, 'spec') ?? {};
  if (stringAt(spec, 'type') === 'ExternalName' || stringAt(before, 'type') === 'ExternalName') return [];
  const previous = stringAt(before, 'clusterIP') ?? '';
  const current = stringAt(spec, 'clusterIP') ?? '';
  if (previous === '' || previous === current) return [];
  return [
    invalidValue(
      'spec.clusterIPs[0]',
      arrayAt(spec, 'clusterIPs').length > 0 ? spec['clusterIPs'] : [current],
      'may not change once set',
    ),
  ];
}
