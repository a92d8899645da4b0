/** Validation of EndpointSlice (k8s.io/kubernetes/pkg/apis/discovery/validation, v1.35). Loopback addresses are allowed: the Pods here have no others. */
import { isIPv4, isIPv6 } from 'node:net';
import { arrayAt, equalJson, isObject, objectAt, stringAt } from '../api/json.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { duplicate, invalidValue, notSupported, required, tooMany } from './causes.ts';
import { labelFault, labelValueFault, qualifiedNameFault, subdomainFault } from './names.ts';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_HINTS = 8;

function when(fault: string | undefined, field: string, value: unknown): Cause[] {
  return fault === undefined ? [] : [invalidValue(field, value, fault)];
}

export function validateEndpointSlice(slice: StoredObject): Cause[] {
  const addressType = stringAt(slice, 'addressType') ?? '';
  const causes: Cause[] = [];
  if (addressType === '') causes.push(required('addressType'));
  else if (!ADDRESS_TYPES.includes(addressType)) causes.push(notSupported('addressType', addressType, ADDRESS_TYPES));
  causes.push(...validatePorts(arrayAt(slice, 'ports')));
  const endpoints = arrayAt(slice, 'endpoints');
  if (endpoints.length > MAX_ENDPOINTS) return [...causes, tooMany('endpoints', endpoints.length, MAX_ENDPOINTS)];
  for (const [index, endpoint] of endpoints.entries()) {
    causes.push(...validateEndpoint(endpoint, `endpoints[${index}]`, addressType));
  }
  return causes;
}

export function validateEndpointSliceUpdate(slice: StoredObject, old: StoredObject): Cause[] {
  if (equalJson(slice['addressType'], old['addressType'])) return [];
  return [invalidValue('addressType', slice['addressType'] ?? '', 'field is immutable')];
}

function validatePorts(ports: readonly unknown[]): Cause[] {
  if (ports.length > MAX_PORTS) return [tooMany('ports', ports.length, MAX_PORTS)];
  const names = new Set<string>();
  return ports.flatMap((port, index) => {
    const path = `ports[${index}]`;
    const name = stringAt(port, 'name') ?? '';
    const causes = name === '' ? [] : when(labelFault(name), `${path}.name`, name);
    if (names.has(name)) causes.push(duplicate(`${path}.name`, name));
    names.add(name);
    const protocol = stringAt(port, 'protocol') ?? '';
    if (!PROTOCOLS.includes(protocol)) causes.push(notSupported(`${path}.protocol`, protocol, PROTOCOLS));
    const appProtocol = stringAt(port, 'appProtocol');
    if (appProtocol !== undefined) causes.push(...when(qualifiedNameFault(appProtocol), `${path}.appProtocol`, appProtocol));
    return causes;
  });
}

function addressFault(address: string, type: string): string | undefined {
  switch (type) {
    case 'IPv4':
      if (isIPv4(address)) return undefined;
      return isIPv6(address) ? 'must be an IPv4 address' : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    case 'IPv6':
      if (isIPv6(address)) return undefined;
      return isIPv4(address) ? 'must be an IPv6 address' : 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    case 'FQDN': {
      const name = address.replace(/\.$/, '');
      return (
        subdomainFault(name) ??
        (name.includes('.') ? undefined : 'should be a domain with at least two segments separated by dots')
      );
    }
    default:
      return undefined;
  }
}

function validateEndpoint(endpoint: unknown, path: string, type: string): Cause[] {
  const causes: Cause[] = [];
  const addresses = arrayAt(endpoint, 'addresses');
  if (addresses.length === 0) causes.push(required(`${path}.addresses`, 'must contain at least 1 address'));
  else if (addresses.length > MAX_ADDRESSES) causes.push(tooMany(`${path}.addresses`, addresses.length, MAX_ADDRESSES));
  for (const [index, address] of addresses.entries()) {
    if (typeof address === 'string') causes.push(...when(addressFault(address, type), `${path}.addresses[${index}]`, address));
  }
  const nodeName = stringAt(endpoint, 'nodeName');
  if (nodeName !== undefined) causes.push(...when(subdomainFault(nodeName), `${path}.nodeName`, nodeName));
  const hostname = stringAt(endpoint, 'hostname');
  if (hostname !== undefined) causes.push(...when(labelFault(hostname), `${path}.hostname`, hostname));
  const zones = arrayAt(objectAt(endpoint, 'hints'), 'forZones').filter(isObject);
  if (zones.length > MAX_HINTS) return [...causes, tooMany(`${path}.hints.forZones`, zones.length, MAX_HINTS)];
  const seen = new Set<string>();
  for (const [index, zone] of zones.entries()) {
    const name = stringAt(zone, 'name') ?? '';
    const field = `${path}.hints.forZones[${index}].name`;
    if (seen.has(name)) causes.push(duplicate(field, name));
    seen.add(name);
    causes.push(...when(labelValueFault(name), field, name));
  }
  return causes;
}
