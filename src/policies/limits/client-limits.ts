/**
 * `limit-rps`, `limit-rpm`, `limit-connections`: how much one client may ask of an Ingress (nginx's ngx_http_limit_req and
 * ngx_http_limit_conn, as ingress-nginx sets them up: counted by address and Ingress, with `nodelay`).
 */
import { isIP } from 'node:net';
import { isCidr } from '../../settings/values/values.ts';
import type { ClientLimits } from '../../model/policies.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { parseInteger } from '../values.ts';

/** More than one replica can answer: no limit any more, but a number that is easy to count with. */
const MOST = 1_000_000;
const DEFAULT_MULTIPLIER = 5;

type LimitsWish = Omit<ClientLimits, 'zone'>;

export const clientLimits: RoutePolicy<ClientLimits, LimitsWish> = {
  annotations: ['limit-rps', 'limit-rpm', 'limit-connections', 'limit-burst-multiplier', 'limit-allowlist', 'limit-whitelist'],
  read: (source) => {
    const rps = limitOf(source, 'limit-rps');
    const rpm = limitOf(source, 'limit-rpm');
    const connections = limitOf(source, 'limit-connections');
    const multiplier = multiplierOf(source);
    const exempt = exemptOf(source);
    if (rps === 0 && rpm === 0 && connections === 0) return undefined;
    const zone = (limit: number) => ({ limit, burst: Math.min(limit * multiplier, MOST) });
    return {
      ...(rps > 0 && { perSecond: zone(rps) }),
      ...(rpm > 0 && { perMinute: zone(rpm) }),
      ...(connections > 0 && { connections }),
      exempt,
    };
  },
  resolve: (wish, { namespace, ingress }) => ({ zone: `${namespace}/${ingress}`, ...wish }),
};

/** 0: no limit. ingress-nginx takes what is no number for none; here that denies, for nothing would be limited. */
function limitOf(source: AnnotationSource, name: string): number {
  const value = source.value(name);
  if (value === undefined || value === null) return 0;
  const text = typeof value === 'string' ? source.text(name) : '';
  if (text === undefined) return 0;
  const limit = parseInteger(text.trim());
  if (limit === undefined) source.deny(name, 'a whole number');
  return Math.min(Math.max(limit ?? 0, 0), MOST);
}

function multiplierOf(source: AnnotationSource): number {
  const text = source.text('limit-burst-multiplier');
  if (text === undefined) return DEFAULT_MULTIPLIER;
  const value = parseInteger(text.trim());
  if (value !== undefined && value > 0) return Math.min(value, MOST);
  source.invalid('limit-burst-multiplier', 'a whole number from 1', `The default, ${DEFAULT_MULTIPLIER}, is used.`);
  return DEFAULT_MULTIPLIER;
}

/** With one address that is none nobody is exempt: whom the others would let pass, nobody can say. */
function exemptOf(source: AnnotationSource): readonly string[] {
  const name = source.text('limit-allowlist') === undefined ? 'limit-whitelist' : 'limit-allowlist';
  const text = source.text(name);
  if (text === undefined) return [];
  const ranges = text.split(',').map((range) => range.trim());
  if (ranges.every((range) => isCidr(range) && isIP(range.split('/', 1)[0]!) !== 0)) return [...new Set(ranges)].sort();
  source.invalid(name, 'a list of addresses and ranges such as "10.0.0.0/8,192.0.2.1"', 'The limits hold for every client.');
  return [];
}
