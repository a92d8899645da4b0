/**
 * ConfigMap `block-cidrs`, `block-user-agents`, `block-referers`: clients that get 403 on every host. Unlike in nginx, where a location's
 * own ranges replace them (ngx_http_access_merge_loc_conf), blocked addresses are blocked everywhere, and before any redirect.
 */
import { NO_POLICIES, type BlockedClients, type RoutePolicies } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { mapMatcher } from '../../settings/values/nginx-map.ts';
import type { RequestStep } from '../acting.ts';
import { page } from '../answer.ts';
import type { RoutePolicy } from '../policy.ts';
import { addressSet } from '../address-set.ts';

/** The reading half: of the settings alone. */
export const blockedClients: RoutePolicy<BlockedClients> = {
  annotations: [],
  read: (_, settings) => blockedBy(settings),
  resolve: (wish) => wish,
};

/** Of a route that is no Ingress's. */
export function policiesOfNobody(settings: TranslateSettings): RoutePolicies {
  const blocked = blockedBy(settings);
  return blocked === undefined ? NO_POLICIES : { blockedClients: blocked };
}

const known = new WeakMap<TranslateSettings, BlockedClients>();

/** One object for all routes. */
function blockedBy(settings: TranslateSettings): BlockedClients | undefined {
  const { blockedCidrs: cidrs, blockedUserAgents: userAgents, blockedReferers: referers } = settings;
  if (cidrs.length + userAgents.length + referers.length === 0) return undefined;
  let blocked = known.get(settings);
  if (blocked === undefined) known.set(settings, (blocked = { cidrs, userAgents, referers }));
  return blocked;
}

const steps = new WeakMap<BlockedClients, RequestStep>();

/** In the server rewrite phase. Compiled once for all routes of a patch. */
export function blockedClientsStep({ policies: { blockedClients: blocked } }: Route): RequestStep | null {
  if (blocked === undefined) return null;
  let step = steps.get(blocked);
  if (step === undefined) steps.set(blocked, (step = compile(blocked)));
  return step;
}

function compile({ cidrs, userAgents, referers }: BlockedClients): RequestStep {
  const addresses = addressSet(cidrs);
  const agents = mapMatcher(userAgents);
  const sources = mapMatcher(referers);
  const forbidden = page(403);
  return ({ client, request }) => {
    if (cidrs.length > 0 && addresses.has(client.address)) return forbidden;
    if (agents !== null && agents(request.field('user-agent'))) return forbidden;
    return sources !== null && sources(request.field('referer')) ? forbidden : null;
  };
}
