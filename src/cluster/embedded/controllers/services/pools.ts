/** IPAddressPools of MetalLB: which addresses a Service may get. Source: https://metallb.universe.tf/configuration/. */
import { arrayAt, isObject, objectAt, stringAt, valueAt } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import { formatIPv4, inRange, parseIPv4, parseRange } from './ip-ranges.ts';
import type { IpRange } from './ip-ranges.ts';
import { matchesLabels } from '../pod-state.ts';

/** What a pool's object says. */
export interface Pool {
  readonly name: string;
  readonly ranges: readonly IpRange[];
  readonly autoAssign: boolean;
  readonly avoidBuggyIPs: boolean;
  /** 1 goes first; 0 and none go last. */
  readonly priority: number;
  /** Undefined: for every Service. */
  readonly serves: ((service: StoredObject) => boolean) | undefined;
  /** What is wrong with its addresses, each as a field and a sentence. */
  readonly errors: readonly string[];
}

export function readPool(object: StoredObject): Pool {
  const ranges: IpRange[] = [];
  const errors: string[] = [];
  arrayAt(object, 'spec', 'addresses').forEach((text, index) => {
    const range = typeof text === 'string' ? parseRange(text) : `${JSON.stringify(text)} is not a string`;
    if (typeof range === 'string') errors.push(`spec.addresses[${index}]: ${range}`);
    else if (range) ranges.push(range);
  });
  const allocation = objectAt(object, 'spec', 'serviceAllocation');
  const namespaces = arrayAt(allocation, 'namespaces');
  const selectors = arrayAt(allocation, 'serviceSelectors').filter(isObject);
  const priority = valueAt(allocation, 'priority');
  const restricted = namespaces.length > 0 || selectors.length > 0;
  return {
    name: object.metadata.name,
    ranges,
    autoAssign: valueAt(object, 'spec', 'autoAssign') !== false,
    avoidBuggyIPs: valueAt(object, 'spec', 'avoidBuggyIPs') === true,
    priority: typeof priority === 'number' && priority > 0 ? priority : Number.MAX_SAFE_INTEGER,
    serves: restricted
      ? (service) =>
          (namespaces.length === 0 || namespaces.includes(service.metadata.namespace)) &&
          (selectors.length === 0 ||
            selectors.some((selector) => matchesLabels(objectAt(selector, 'matchLabels'), service.metadata.labels)))
      : undefined,
    errors,
  };
}

function offers(pool: Pool, address: number): boolean {
  // Old routers take addresses that end in .0 or .255 for the network's or the broadcast's.
  if (pool.avoidBuggyIPs && (address % 256 === 0 || address % 256 === 255)) return false;
  return pool.ranges.some((range) => inRange(range, address));
}

/** What a Service asks for: annotations first, then the deprecated field of its spec. */
function requestOf(service: StoredObject): { readonly pool: string | undefined; readonly addresses: readonly string[] } {
  const annotations = service.metadata.annotations ?? {};
  const text = annotations['metallb.io/loadBalancerIPs'] ?? annotations['metallb.universe.tf/loadBalancerIPs'];
  const asked = text ?? stringAt(service, 'spec', 'loadBalancerIP') ?? '';
  return {
    pool: annotations['metallb.io/address-pool'] ?? annotations['metallb.universe.tf/address-pool'],
    addresses: asked
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  };
}

/** An address for a Service with the pool it comes from, or why there is none. */
type Allocation = { readonly address: string; readonly pool: string } | { readonly problem: string };

/**
 * Chooses the address of a Service. `current` is kept when it is still allowed; `isUsed` says what other Services have.
 * A pool that is made for some Services goes before one for all, a lower priority number before a higher one, then by name.
 */
export function allocate(
  service: StoredObject,
  pools: readonly Pool[],
  current: string | undefined,
  isUsed: (address: string) => boolean,
): Allocation {
  const request = requestOf(service);
  if (request.pool !== undefined && !pools.some((pool) => pool.name === request.pool)) {
    return { problem: `unknown pool "${request.pool}"` };
  }
  const asksForIt = request.pool !== undefined || request.addresses.length > 0;
  const allowed = pools
    .filter((pool) => (request.pool === undefined ? asksForIt || pool.autoAssign : pool.name === request.pool))
    .filter((pool) => pool.serves?.(service) ?? true)
    .sort(
      (a, b) =>
        Number(a.serves === undefined) - Number(b.serves === undefined) ||
        a.priority - b.priority ||
        (a.name < b.name ? -1 : Number(a.name > b.name)),
    );
  const poolOf = (text: string): Pool | undefined => {
    const address = parseIPv4(text);
    return address === undefined ? undefined : allowed.find((pool) => offers(pool, address));
  };
  if (request.addresses.length > 0) {
    const [address = '', ...more] = request.addresses;
    if (more.length > 0 || parseIPv4(address) === undefined) {
      return { problem: `"${request.addresses.join(',')}" is not one IPv4 address, which this Service can have` };
    }
    const pool = poolOf(address);
    if (!pool) return { problem: `["${address}"] is not allowed in config: no pool that serves this Service has it` };
    if (isUsed(address)) return { problem: `can't change sharing key: address ${address} is in use by another Service` };
    return { address, pool: pool.name };
  }
  const kept = current === undefined || isUsed(current) ? undefined : poolOf(current);
  if (current !== undefined && kept) return { address: current, pool: kept.name };
  for (const pool of allowed) {
    for (const range of pool.ranges) {
      for (let address = range.first; address <= range.last; address += 1) {
        const text = formatIPv4(address);
        if (offers(pool, address) && !isUsed(text)) return { address: text, pool: pool.name };
      }
    }
  }
  return { problem: allowed.length === 0 ? 'no IPAddressPool serves this Service' : 'no available IPs' };
}
