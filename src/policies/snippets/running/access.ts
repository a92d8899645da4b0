/** `allow` and `deny` (ngx_http_access_module): the first rule that an address falls under decides. */
import type { AccessRule } from '../../../model/snippet.ts';
import { addressSet } from '../../address-set.ts';

/** Whether an address (without IPv6's prefix for IPv4) is denied. No rule: it is not. */
export function compileAccess(rules: readonly AccessRule[]): (address: string) => boolean {
  const list = rules.map(({ allows, range }) => ({ allows, set: range === null ? null : addressSet([range]) }));
  return (address) => {
    const rule = list.find(({ set }) => set === null || set.has(address));
    return rule !== undefined && !rule.allows;
  };
}
