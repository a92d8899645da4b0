/** A set of addresses and ranges, asked about one address however many they are: of IPv4 in some 0.05 µs, of IPv6 in 0.4. */
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
  const ipv4: Range[] = [];
  // Not for IPv4: "::/0" in a BlockList takes its addresses too, which nginx's does not.
  const ipv6 = new BlockList();
  for (const range of ranges) {
    const [address = '', prefixText] = range.split('/');
    const family = isIP(address);
    // Clients of IPv4 are known by their address alone.
    const mapped = MAPPED.exec(address)?.[1];
    const prefix = Number(prefixText ?? (family === 4 ? 32 : 128));
    if (mapped !== undefined && prefix >= 96) ipv4.push(rangeOf(mapped, prefix - 96));
    else if (family === 4) ipv4.push(rangeOf(address, prefix));
    else ipv6.addSubnet(address, prefix, 'ipv6');
  }
  const sorted = merged(ipv4);
  return {
    has: (address) => {
      const number = numberOf(address);
      return number < 0 ? isIP(address) === 6 && ipv6.check(address, 'ipv6') : contains(sorted, number);
    },
  };
}

/** First and last address of it, as numbers. */
interface Range {
  readonly first: number;
  readonly last: number;
}

function rangeOf(address: string, prefix: number): Range {
  const size = 2 ** (32 - prefix);
  const first = Math.floor(numberOf(address) / size) * size;
  return { first, last: first + size - 1 };
}

/** Sorted, and without those that lie in others. */
function merged(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = result.at(-1);
    if (before !== undefined && range.first <= before.last + 1)
      result[result.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
    else result.push(range);
  }
  return result;
}

function contains(ranges: readonly Range[], number: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.last < number) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.first <= number;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** An IPv4 address as a number; -1: it is none. As strict as `isIP`: four decimals without leading zeros. */
function numberOf(address: string): number {
  if (address.length < 7 || address.length > 15) return -1;
  let number = 0;
  let part = -1;
  let dots = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === DOT) {
      if (part < 0 || ++dots > 3) return -1;
      number = number * 256 + part;
      part = -1;
    } else {
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || part === 0) return -1;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return -1;
    }
  }
  return part < 0 || dots !== 3 ? -1 : number * 256 + part;
}
