/** Ranges of IPv4 addresses, as IPAddressPools and ClusterIP ranges are written. */
import { isIPv4, isIPv6 } from 'node:net';

/** Both ends belong to it. */
export interface IpRange {
  readonly first: number;
  readonly last: number;
}

/** An IPv4 address as a number. Undefined when the text is not one. */
export function parseIPv4(text: string): number | undefined {
  if (!isIPv4(text)) return undefined;
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatIPv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/**
 * Reads `192.0.2.0/24` or `192.0.2.10-192.0.2.20`. Answers undefined for an IPv6 range, from which nothing can be given as every
 * Service here is of IPv4, and a sentence for what is neither.
 */
export function parseRange(text: string): IpRange | undefined | string {
  const slash = text.indexOf('/');
  if (slash >= 0) {
    const address = text.slice(0, slash).trim();
    const bits = /^\d{1,3}$/.test(text.slice(slash + 1).trim()) ? Number(text.slice(slash + 1)) : Number.NaN;
    if (isIPv6(address) && bits <= 128) return undefined;
    const base = parseIPv4(address);
    if (base === undefined || !(bits <= 32)) return `"${text}" is not a CIDR such as 192.0.2.0/24`;
    const size = 2 ** (32 - bits);
    const first = Math.floor(base / size) * size;
    return { first, last: first + size - 1 };
  }
  const [from = '', to = '', ...rest] = text.split('-').map((part) => part.trim());
  if (rest.length === 0 && isIPv6(from) && isIPv6(to)) return undefined;
  const first = parseIPv4(from);
  const last = parseIPv4(to);
  if (rest.length > 0 || first === undefined || last === undefined || first > last) {
    return `"${text}" is not a range such as 192.0.2.10-192.0.2.20 or 192.0.2.0/24`;
  }
  return { first, last };
}

export function inRange(range: IpRange, address: number): boolean {
  return address >= range.first && address <= range.last;
}
