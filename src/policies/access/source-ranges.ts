/**
 * `denylist-source-range`, `allowlist-source-range`, `whitelist-source-range`: which client addresses may come; others get 403. What
 * cannot be understood denies: it never lets anybody in. ingress-nginx, internal/ingress/annotations/ipallowlist and ipdenylist.
 */
import type { SourceRanges } from '../../model/policies.ts';
import { isCidr } from '../../settings/values/values.ts';
import { page } from '../answer.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { type Check, GRANTED } from './check.ts';
import { addressSet } from '../address-set.ts';

const EXPECTED = 'a list of IP addresses and ranges such as "10.0.0.0/8", separated by commas';

/** The reading half. */
export const sourceRanges: RoutePolicy<SourceRanges> = {
  annotations: ['denylist-source-range', 'allowlist-source-range', 'whitelist-source-range'],
  read: (source, { allowedSourceRanges, deniedSourceRanges }) => {
    // The old name counts only where the new one is not used.
    const name = isGiven(source, 'allowlist-source-range') ? 'allowlist-source-range' : 'whitelist-source-range';
    const allow = readRanges(source, name, 'whitelist-source-range', allowedSourceRanges);
    const deny = readRanges(source, 'denylist-source-range', 'denylist-source-range', deniedSourceRanges);
    if (allow.length === 0 && deny.length === 0) return undefined;
    return { deny, allow: allow.length === 0 ? null : allow };
  },
  resolve: (wish) => wish,
};

function isGiven(source: AnnotationSource, name: string): boolean {
  const value = source.value(name);
  return value !== undefined && value !== null && (typeof value !== 'string' || value.trim() !== '');
}

/** `key`: of the ConfigMap, whose `fallback` holds without the annotation. */
function readRanges(source: AnnotationSource, name: string, key: string, fallback: readonly string[]): readonly string[] {
  if (!isGiven(source, name)) {
    if (fallback.every(isCidr)) return fallback;
    source.deny(name, `given, and ${key} of the ConfigMap, which holds without it, is not ${EXPECTED}`);
    return [];
  }
  const items = (source.text(name) ?? '').split(',').map((item) => item.trim());
  if (items.every(isCidr)) return items;
  source.deny(name, EXPECTED);
  return [];
}

/** Those to refuse come first, then those to let in, then everybody else is refused (ngx_http_access_module, nginx.tmpl). */
export function sourceRangesCheck({ deny, allow }: SourceRanges): Check {
  const denied = addressSet(deny);
  const allowed = allow === null ? null : addressSet(allow);
  const forbidden = page(403);
  return ({ client: { address } }) => {
    if (denied.has(address)) return forbidden;
    if (allowed === null) return null;
    return allowed.has(address) ? GRANTED : forbidden;
  };
}
