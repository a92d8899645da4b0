/** Which peers are believed as to who their clients are: `proxy-real-ip-cidr`. */
import { BlockList, isIP } from 'node:net';

/** One list for each family: `::/0` would match IPv4 addresses too, and is not meant to. */
interface Lists {
  readonly ipv4: BlockList;
  readonly ipv6: BlockList;
}

const compiled = new WeakMap<readonly string[], Lists>();

/** Whether an address (without IPv6's prefix for IPv4) is in one of the ranges. The list is compiled once for each array. */
export function isTrusted(address: string, ranges: readonly string[]): boolean {
  let lists = compiled.get(ranges);
  if (lists === undefined) compiled.set(ranges, (lists = compile(ranges)));
  const family = isIP(address);
  if (family === 0) return false;
  return family === 4 ? lists.ipv4.check(address, 'ipv4') : lists.ipv6.check(address, 'ipv6');
}

function compile(ranges: readonly string[]): Lists {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/');
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
    lists[family].addSubnet(address, Number(prefix ?? (family === 'ipv4' ? 32 : 128)), family);
  }
  return lists;
}
