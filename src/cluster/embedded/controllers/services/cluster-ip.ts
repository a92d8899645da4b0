/**
 * The ClusterIP and the node ports of Services, given on admission as Kubernetes gives them, so that the answer to a create has
 * them: https://kubernetes.io/docs/concepts/services-networking/cluster-ip-allocation/.
 */
import { arrayAt, equalJson, isObject, objectAt, stringAt, valueAt } from '../../api/json.ts';
import type { JsonObject } from '../../api/json.ts';
import { invalid } from '../../api/status-error.ts';
import type { StoredObject } from '../../api/storage.ts';
import { formatIPv4, inRange, parseIPv4, parseRange } from './ip-ranges.ts';

/** The range of ClusterIPs where none is given. */
export const SERVICE_CIDR = '10.96.0.0/12';

/** Where Services get their numbers from. */
interface ServiceRanges {
  /** A CIDR; `10.96.0.0/12` when it is left out. */
  readonly serviceCidr?: string;
  /** The services there are. */
  readonly services: () => Iterable<StoredObject>;
}

const NAMED = { group: '', plural: 'services', kind: 'Service' };
const NODE_PORTS = { first: 30_000, last: 32_767 };
/** Dynamic allocation begins above the part that is best requested by hand. */
const STATIC_ADDRESSES = 256;
const STATIC_PORTS = 86;

function refuse(service: StoredObject, field: string, value: unknown, why: string): never {
  const shown = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
  const message = `Invalid value: ${shown}: ${why}`;
  throw invalid(NAMED, service.metadata.name, [{ reason: 'FieldValueInvalid', field, message }]);
}

/** Counts through a range, beginning `skip` after its first, and starts over at its end. */
function counter(range: { readonly first: number; readonly last: number }, skip: number) {
  let next = range.first + Math.min(skip, range.last - range.first);
  return (isUsed: (value: number) => boolean): number | undefined => {
    for (let tried = range.first; tried <= range.last; tried += 1) {
      const value = next;
      next = next === range.last ? range.first : next + 1;
      if (!isUsed(value)) return value;
    }
    return undefined;
  };
}

function portsOf(service: StoredObject): JsonObject[] {
  return arrayAt(service, 'spec', 'ports').filter(isObject);
}

function hasNodePorts(spec: JsonObject): boolean {
  return spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
}

/**
 * Makes the admission step for Services: called with each Service before it is stored, it puts the numbers in. It keeps no
 * account of its own: what the stored Services hold is taken, so a dry run takes nothing and a deletion frees.
 * Throws a StatusError (422) for an address or port that is taken or out of range.
 */
export function createServiceAdmission(ranges: ServiceRanges): (service: StoredObject, old: StoredObject | undefined) => void {
  const cidr = ranges.serviceCidr ?? SERVICE_CIDR;
  const range = parseRange(cidr);
  if (typeof range !== 'object') throw new Error(`the range of Service addresses must be an IPv4 CIDR, not "${cidr}"`);
  // Neither the network's address nor the broadcast's.
  const addresses = { first: range.first + 1, last: range.last - 1 };
  const nextAddress = counter(addresses, STATIC_ADDRESSES);
  const nextPort = counter(NODE_PORTS, STATIC_PORTS);

  const others = (service: StoredObject): StoredObject[] =>
    [...ranges.services()].filter((other) => other.metadata.uid !== service.metadata.uid);

  const giveAddress = (service: StoredObject, spec: JsonObject, old: StoredObject | undefined): void => {
    const wanted = stringAt(spec, 'clusterIP') || stringAt({ ips: arrayAt(spec, 'clusterIPs')[0] }, 'ips') || '';
    if (wanted === 'None') {
      spec['clusterIP'] = 'None';
      spec['clusterIPs'] = ['None'];
      return;
    }
    if (wanted !== '' && wanted === stringAt(old, 'spec', 'clusterIP')) {
      spec['clusterIP'] = wanted;
      spec['clusterIPs'] ??= [wanted];
      return;
    }
    const used = new Set(others(service).map((other) => stringAt(other, 'spec', 'clusterIP')));
    if (wanted === '') {
      const address = nextAddress((candidate) => used.has(formatIPv4(candidate)));
      if (address === undefined)
        refuse(service, 'spec.clusterIPs', [], `failed to allocate a serviceIP: range ${cidr} is full`);
      spec['clusterIP'] = formatIPv4(address);
    } else {
      const number = parseIPv4(wanted);
      const failed = `failed to allocate IP ${wanted}`;
      if (number === undefined) refuse(service, 'spec.clusterIPs[0]', wanted, 'must be a valid IPv4 address');
      if (!inRange(addresses, number)) {
        const why = `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${cidr}`;
        refuse(service, 'spec.clusterIPs', [wanted], `${failed}: ${why}`);
      }
      if (used.has(wanted)) refuse(service, 'spec.clusterIPs', [wanted], `${failed}: provided IP is already allocated`);
      spec['clusterIP'] = wanted;
    }
    spec['clusterIPs'] = [spec['clusterIP']];
  };

  const givePorts = (service: StoredObject, spec: JsonObject): void => {
    const ports = portsOf(service);
    const usedBy = new Map<number, Set<string>>();
    const note = (port: JsonObject): void => {
      const number = port['nodePort'];
      if (typeof number !== 'number') return;
      usedBy.set(number, (usedBy.get(number) ?? new Set()).add(stringAt(port, 'protocol') ?? 'TCP'));
    };
    for (const other of others(service)) {
      for (const port of portsOf(other)) note(port);
      note({ nodePort: valueAt(other, 'spec', 'healthCheckNodePort'), protocol: 'TCP' });
    }
    ports.forEach((port, index) => {
      const number = port['nodePort'];
      if (typeof number !== 'number' || number === 0) return;
      const field = `spec.ports[${index}].nodePort`;
      if (!inRange(NODE_PORTS, number)) {
        refuse(service, field, number, 'provided port is not in the valid range. The range of valid ports is 30000-32767');
      }
      if (usedBy.get(number)?.has(stringAt(port, 'protocol') ?? 'TCP')) {
        refuse(service, field, number, 'provided port is already allocated');
      }
      note(port);
    });
    const take = (): number => {
      const number = nextPort((candidate) => usedBy.has(candidate));
      if (number === undefined) refuse(service, 'spec.ports', [], 'failed to allocate a nodePort: range is full');
      note({ nodePort: number });
      return number;
    };
    const wanted = spec['type'] === 'NodePort' || spec['allocateLoadBalancerNodePorts'] !== false;
    for (const port of ports) if (wanted && !port['nodePort']) port['nodePort'] = take();
    const local = spec['type'] === 'LoadBalancer' && spec['externalTrafficPolicy'] === 'Local';
    if (local && !spec['healthCheckNodePort']) spec['healthCheckNodePort'] = take();
    if (!local) delete spec['healthCheckNodePort'];
  };

  return (service, old) => {
    const spec = objectAt(service, 'spec');
    if (!spec || (old && equalJson(spec, old['spec']))) return;
    if (spec['type'] === 'ExternalName') {
      delete spec['clusterIP'];
      delete spec['clusterIPs'];
    } else {
      giveAddress(service, spec, old);
    }
    if (hasNodePorts(spec)) {
      givePorts(service, spec);
    } else {
      // A type without node ports gives them back (service strategy's dropTypeDependentFields).
      for (const port of portsOf(service)) delete port['nodePort'];
      delete spec['healthCheckNodePort'];
    }
  };
}
