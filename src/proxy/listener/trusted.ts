/** Which peers are believed as to who their clients are: `proxy-real-ip-cidr`. */
import { AddressRanges } from '../../policies/ranges.ts';

const compiled = new WeakMap<readonly string[], AddressRanges>();

/** Whether an address (without IPv6's prefix for IPv4) is in one of the ranges. The list is compiled once for each array. */
export function isTrusted(address: string, ranges: readonly string[]): boolean {
  let list = compiled.get(ranges);
  if (list === undefined) compiled.set(ranges, (list = new AddressRanges(ranges)));
  return list.has(address);
}
