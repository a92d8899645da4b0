/** The families whose data a route carries, each under the name of its member of `RoutePolicies`. */
import { NO_POLICIES, type RoutePolicies } from '../model/policies.ts';
import type { SnippetServer } from '../model/snippet.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { blockedClients } from './access/blocked-clients.ts';
import { externalAuth } from './external-auth/external-auth.ts';
import { passwordAuth } from './access/password-auth.ts';
import { satisfyAny } from './access/satisfy.ts';
import { sourceRanges } from './access/source-ranges.ts';
import { backendProtocol } from './backend/backend-protocol.ts';
import { cors } from './cors/cors.ts';
import { customErrors } from './errors/custom-errors.ts';
import { customHeaders } from './headers/custom-headers.ts';
import { addHeaders, hideHeaders, proxySetHeaders } from './headers/global-headers.ts';
import { proxyCookie } from './headers/proxy-cookie.ts';
import { proxyRedirect } from './headers/proxy-redirect.ts';
import { connectionProxyHeader, proxyHttpVersion } from './headers/upstream-connection.ts';
import { upstreamVhost } from './headers/upstream-vhost.ts';
import { mirror } from './mirror/mirror.ts';
import { accessLog } from './observe/access-log.ts';
import { opentelemetry } from './observe/opentelemetry.ts';
import { clientLimits } from './limits/client-limits.ts';
import { responseRate } from './limits/response-rate.ts';
import {
  annotationSource,
  type AnnotationSource,
  type ObjectReference,
  type RouteContext,
  type RoutePolicy,
} from './policy.ts';
import { appRoot } from './redirect/app-root.ts';
import { ownRedirects } from './redirect/own-redirects.ts';
import { redirect } from './redirect/redirect.ts';
import { sslRedirect } from './redirect/ssl-redirect.ts';
import { snippets, type SnippetsWish } from './snippets/reading/read.ts';
import { rewrite } from './rewrite/rewrite.ts';
import { bodySize } from './traffic/body-size.ts';
import { buffering } from './traffic/buffering.ts';
import { nextUpstream } from './traffic/next-upstream.ts';
import { timeouts } from './traffic/timeouts.ts';

/** The Secret of `proxySsl` is part of the table itself, affinity is the group's, a `wwwRedirect` is a host: `translate/` puts them in. */
type Registry = {
  readonly [K in Exclude<keyof RoutePolicies, 'proxySsl' | 'sessionCookie' | 'wwwRedirect'>]: RoutePolicy<
    NonNullable<RoutePolicies[K]>,
    unknown
  >;
};

/** All of them. */
const REGISTRY: Registry = {
  sslRedirect,
  rewrite,
  redirect,
  appRoot,
  ownRedirects,
  backendProtocol,
  cors,
  hideHeaders,
  addHeaders,
  customHeaders,
  proxySetHeaders,
  upstreamVhost,
  connectionProxyHeader,
  proxyHttpVersion,
  proxyCookie,
  proxyRedirect,
  customErrors,
  mirror,
  accessLog,
  opentelemetry,
  snippets,
  clientLimits,
  bodySize,
  buffering,
  timeouts,
  nextUpstream,
  responseRate,
  blockedClients,
  sourceRanges,
  passwordAuth,
  externalAuth,
  satisfyAny,
};

const FAMILIES = Object.entries(REGISTRY) as [keyof RoutePolicies, RoutePolicy<unknown, unknown>][];

/** The annotations that they read. */
export const ROUTE_ANNOTATIONS: readonly string[] = FAMILIES.flatMap(([, { annotations }]) => annotations);

/** What one Ingress asks of them, by family; absent: nothing. */
export type PolicyWishes = ReadonlyMap<keyof RoutePolicies, unknown>;

/** Reads what an Ingress asks for. Never throws, whatever the annotations are. */
export function readPolicies(source: AnnotationSource, settings: TranslateSettings): PolicyWishes {
  const wishes = new Map<keyof RoutePolicies, unknown>();
  for (const [name, family] of FAMILIES) {
    const wish = family.read(source, settings);
    if (wish !== undefined) wishes.set(name, wish);
  }
  return wishes;
}

/** The server-snippet among them; null: there is none. */
export function serverSnippet(wishes: PolicyWishes): SnippetServer | null {
  return (wishes.get('snippets') as SnippetsWish | undefined)?.server ?? null;
}

/** The Secrets and ConfigMaps that these name. */
export function policyReferences(wishes: PolicyWishes): readonly ObjectReference[] {
  return FAMILIES.flatMap(([name, family]) => {
    const wish = wishes.get(name);
    return wish === undefined ? [] : (family.references?.(wish) ?? []);
  });
}

/** What they come to for one route, of the families that it takes. */
export function resolvePolicies(
  wishes: PolicyWishes,
  at: RouteContext,
  takes: (family: RoutePolicy<unknown, unknown>) => boolean = () => true,
): RoutePolicies {
  let policies: Record<string, unknown> | null = null;
  for (const [name, family] of FAMILIES) {
    const wish = wishes.get(name);
    if (wish === undefined || !takes(family)) continue;
    const data = family.resolve(wish, at);
    if (data !== undefined) (policies ??= {})[name] = data;
  }
  return policies ?? NO_POLICIES;
}

/** What the settings alone ask for, where there is no Ingress. */
export function policiesEverywhere(
  at: Pick<RouteContext, 'settings' | 'host' | 'secret' | 'configMap' | 'serviceExists'>,
): RoutePolicies {
  const nothing = (): void => undefined;
  const source = annotationSource(undefined, at.settings.annotationsPrefix, nothing, '');
  const route = { namespace: '', ingress: '', path: '/', pathType: 'Prefix', service: null } as const;
  const context = {
    ...at,
    ...route,
    hostHasCertificate: false,
    aliases: [],
    aliasesCovered: null,
    report: nothing,
    deny: nothing,
  };
  return resolvePolicies(readPolicies(source, at.settings), context, ({ everywhere }) => everywhere === true);
}
