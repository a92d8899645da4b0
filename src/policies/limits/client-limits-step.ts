/**
 * How `limit-rps`, `limit-rpm` and `limit-connections` act. In nginx's order: limit_req comes before limit_conn, so that a request refused
 * for the latter counts for the former (both are of the preaccess phase, whose handlers run from the last module to the first).
 */
import type { ClientLimits } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { page } from '../answer.ts';
import { addressSet } from '../address-set.ts';
import type { ClientCounts, RequestRate } from './client-counts.ts';
import type { HashKey } from './keyed-hash.ts';

/** The keys of what is counted, for the memory of one worker. */
interface Zones {
  readonly counts: ClientCounts;
  readonly perSecond: HashKey;
  readonly perMinute: HashKey;
  readonly connections: HashKey;
}

export function clientLimitsStep({ policies }: Route): RequestStep | null {
  const { clientLimits: limits } = policies;
  if (limits === undefined) return null;
  const exempt = limits.exempt.length === 0 ? null : addressSet(limits.exempt);
  const perSecond = rateOf(limits.perSecond, 1);
  const perMinute = rateOf(limits.perMinute, 60);
  const { connections = 0 } = limits;
  let zones: Zones | null = null;
  return (passage) => {
    const { counts, now, settings } = passage;
    const { address } = passage.client;
    if (exempt?.has(address) === true) return null;
    if (zones === null || zones.counts !== counts) zones = zonesOf(limits, counts);
    const client = oneSpelling(address);
    if (perSecond !== null && !counts.request(zones.perSecond, client, perSecond, now)) return page(settings.limitReqStatus);
    if (perMinute !== null && !counts.request(zones.perMinute, client, perMinute, now)) {
      // Counted by all or none, as in nginx.
      if (perSecond !== null) counts.unrequest(zones.perSecond, client);
      return page(settings.limitReqStatus);
    }
    if (connections === 0) return null;
    const place = counts.enter(zones.connections, client, connections, now);
    if (place < 0) return page(settings.limitConnStatus);
    passage.onDone(() => counts.leave(place));
    return null;
  };
}

/** nginx keeps rates as whole thousandths of requests a second, rounded down (ngx_http_limit_req_zone). */
function rateOf(wanted: ClientLimits['perSecond'], seconds: number): RequestRate | null {
  if (wanted === undefined) return null;
  return { rate: Math.floor((wanted.limit * 1000) / seconds), burst: wanted.burst * 1000 };
}

function zonesOf({ zone }: ClientLimits, counts: ClientCounts): Zones {
  return {
    counts,
    perSecond: counts.zone(`${zone}/second`),
    perMinute: counts.zone(`${zone}/minute`),
    connections: counts.zone(`${zone}/connections`),
  };
}

/** Proxies in front of us may write an address of IPv6 in many ways; it stays one client. */
function oneSpelling(address: string): string {
  return address.includes(':') && URL.canParse(`http://[${address}]`) ? new URL(`http://[${address}]`).hostname : address;
}
