/** `allow` and `deny` (ngx_http_access_module): the first rule that an address falls under decides. */
import { BlockList, isIP } from 'node:net';
import type { AccessRule } from '../../../model/snippet.ts';

/** Whether an address (without IPv6's prefix for IPv4) is denied. No rule: it is not. */
export function compileAccess(rules: readonly AccessRule[]): (address: string) => boolean {
  const list = rules.map(({ allows, range }) => {
    if (range === null) return { allows, version: 0, block: null };
    const [address = '', length] = range.split('/');
    const block = new BlockList();
    const version = isIP(address);
    block.addSubnet(address, Number(length), version === 4 ? 'ipv4' : 'ipv6');
    return { allows, version, block };
  });
  return (address) => {
    const version = isIP(address);
    for (const rule of list) {
      const holds =
        rule.block === null || (rule.version === version && rule.block.check(address, version === 4 ? 'ipv4' : 'ipv6'));
      if (holds) return !rule.allows;
    }
    return false;
  };
}
