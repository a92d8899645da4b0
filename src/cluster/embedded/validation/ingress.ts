/** Validation of Ingress (k8s.io/kubernetes/pkg/apis/networking/validation, v1.35). */
import { isIP } from 'node:net';
import { arrayAt, isObject, objectAt, stringAt, valueAt } from '../api/json.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { invalidValue, notSupported, required } from './causes.ts';
import { isPort, labelFault, pathSegmentFault, portNameFaults, PORT_RANGE, subdomainFault, wildcardFault } from './names.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const INVALID_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const INVALID_SUFFIXES = ['/..', '/.'];

/** A cause when there is a fault. */
function when(fault: string | undefined, field: string, value: unknown): Cause[] {
  return fault === undefined ? [] : [invalidValue(field, value, fault)];
}

export function validateIngress(ingress: StoredObject): Cause[] {
  const spec = objectAt(ingress, 'spec');
  const rules = arrayAt(spec, 'rules');
  const defaultBackend = objectAt(spec, 'defaultBackend');
  const causes: Cause[] = [];
  if (rules.length === 0 && defaultBackend === undefined) {
    causes.push(invalidValue('spec', arrayOrNull(spec), 'either `defaultBackend` or `rules` must be specified'));
  }
  if (defaultBackend !== undefined) causes.push(...validateBackend(defaultBackend, 'spec.defaultBackend'));
  for (const [index, rule] of rules.entries()) causes.push(...validateRule(rule, `spec.rules[${index}]`));
  for (const [index, tls] of arrayAt(spec, 'tls').entries()) causes.push(...validateTls(tls, `spec.tls[${index}]`));
  const ingressClass = stringAt(spec, 'ingressClassName');
  if (ingressClass !== undefined) causes.push(...when(subdomainFault(ingressClass), 'spec.ingressClassName', ingressClass));
  return causes;
}

function arrayOrNull(spec: unknown): unknown {
  return valueAt(spec, 'rules') ?? null;
}

/** What is only looked at when an Ingress is created. */
export function validateIngressCreate(ingress: StoredObject): Cause[] {
  const annotation = ingress.metadata.annotations?.[CLASS_ANNOTATION];
  const ingressClass = stringAt(ingress, 'spec', 'ingressClassName');
  if (annotation === undefined || ingressClass === undefined || annotation === ingressClass) return [];
  const detail = 'must match `ingressClassName` when both are specified';
  return [invalidValue(`annotations.${CLASS_ANNOTATION}`, annotation, detail)];
}

function validateRule(rule: unknown, path: string): Cause[] {
  const host = stringAt(rule, 'host') ?? '';
  const causes: Cause[] = [];
  if (host !== '') {
    if (isIP(host) !== 0) causes.push(invalidValue(`${path}.host`, host, 'must be a DNS name, not an IP address'));
    causes.push(...when(host.includes('*') ? wildcardFault(host) : subdomainFault(host), `${path}.host`, host));
  }
  const http = objectAt(rule, 'http');
  if (http === undefined) return causes;
  const paths = arrayAt(http, 'paths');
  if (paths.length === 0) causes.push(required(`${path}.http.paths`));
  for (const [index, item] of paths.entries()) causes.push(...validatePath(item, `${path}.http.paths[${index}]`));
  return causes;
}

function validatePath(item: unknown, at: string): Cause[] {
  const pathType = stringAt(item, 'pathType');
  if (pathType === undefined) return [required(`${at}.pathType`, 'pathType must be specified')];
  const path = stringAt(item, 'path') ?? '';
  const causes: Cause[] = [];
  switch (pathType) {
    case 'Exact':
    case 'Prefix':
      if (!path.startsWith('/')) causes.push(invalidValue(`${at}.path`, path, 'must be an absolute path'));
      for (const sequence of INVALID_SEQUENCES) {
        if (path.includes(sequence)) causes.push(invalidValue(`${at}.path`, path, `must not contain '${sequence}'`));
      }
      for (const suffix of INVALID_SUFFIXES) {
        if (path.endsWith(suffix)) causes.push(invalidValue(`${at}.path`, path, `cannot end with '${suffix}'`));
      }
      break;
    case 'ImplementationSpecific':
      if (path !== '' && !path.startsWith('/')) causes.push(invalidValue(`${at}.path`, path, 'must be an absolute path'));
      break;
    default:
      causes.push(notSupported(`${at}.pathType`, pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  }
  return [...causes, ...validateBackend(objectAt(item, 'backend') ?? {}, `${at}.backend`)];
}

function validateBackend(backend: Record<string, unknown>, path: string): Cause[] {
  const service = objectAt(backend, 'service');
  const resource = objectAt(backend, 'resource');
  if (service !== undefined && resource !== undefined) {
    return [invalidValue(path, '', 'cannot set both resource and service backends')];
  }
  if (resource !== undefined) return validateResource(resource, `${path}.resource`);
  if (service === undefined) return [invalidValue(path, '', 'resource or service backend is required')];
  const causes: Cause[] = [];
  const name = stringAt(service, 'name') ?? '';
  if (name === '') causes.push(required(`${path}.service.name`));
  else causes.push(...when(labelFault(name), `${path}.service.name`, name));
  const portName = stringAt(service, 'port', 'name') ?? '';
  const portNumber = valueAt(service, 'port', 'number') ?? 0;
  if (portName !== '' && portNumber !== 0) causes.push(invalidValue(path, '', 'cannot set both port name & port number'));
  else if (portName !== '') {
    for (const fault of portNameFaults(portName)) causes.push(invalidValue(`${path}.service.port.name`, portName, fault));
  } else if (portNumber === 0) causes.push(required(path, 'port name or number is required'));
  else if (typeof portNumber !== 'number' || !isPort(portNumber)) {
    causes.push(invalidValue(`${path}.service.port.number`, portNumber, PORT_RANGE));
  }
  return causes;
}

function validateResource(resource: Record<string, unknown>, path: string): Cause[] {
  const causes: Cause[] = [];
  const group = stringAt(resource, 'apiGroup');
  if (group !== undefined) causes.push(...when(subdomainFault(group), `${path}.apiGroup`, group));
  for (const key of ['kind', 'name']) {
    const value = stringAt(resource, key) ?? '';
    if (value === '') causes.push(required(`${path}.${key}`));
    else causes.push(...when(pathSegmentFault(value), `${path}.${key}`, value));
  }
  return causes;
}

function validateTls(tls: unknown, path: string): Cause[] {
  const causes: Cause[] = [];
  for (const [index, host] of arrayAt(tls, 'hosts').entries()) {
    if (typeof host !== 'string') continue;
    causes.push(...when(host.includes('*') ? wildcardFault(host) : subdomainFault(host), `${path}.hosts[${index}]`, host));
  }
  const secret = stringAt(tls, 'secretName') ?? '';
  if (secret !== '') causes.push(...when(subdomainFault(secret), `${path}.secretName`, secret));
  return causes;
}

/** The addresses of `status.loadBalancer`. */
export function validateLoadBalancerStatus(object: StoredObject): Cause[] {
  const causes: Cause[] = [];
  for (const [index, item] of arrayAt(object, 'status', 'loadBalancer', 'ingress').entries()) {
    if (!isObject(item)) continue;
    const path = `status.loadBalancer.ingress[${index}]`;
    const ip = stringAt(item, 'ip') ?? '';
    const hostname = stringAt(item, 'hostname') ?? '';
    if (ip !== '' && isIP(ip) === 0) {
      causes.push(invalidValue(`${path}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    }
    if (hostname === '') continue;
    causes.push(...when(subdomainFault(hostname), `${path}.hostname`, hostname));
    if (isIP(hostname) !== 0) causes.push(invalidValue(`${path}.hostname`, hostname, 'must be a DNS name, not an IP address'));
  }
  return causes;
}
