/** `ssl-redirect`, `force-ssl-redirect`, `preserve-trailing-slash`: plain HTTP is sent to https. */
import type { RoutePolicies } from '../model/table.ts';
import type { TranslateSettings } from '../settings/settings.ts';
import type { PolicyReader } from './policy.ts';

/** What the annotations of one Ingress, or the ConfigMap in their absence, ask for. */
export interface SslRedirectWish {
  /** Redirect where the host has a certificate. */
  readonly redirect: boolean;
  /** Redirect also where it has none. */
  readonly force: boolean;
  readonly preserveTrailingSlash: boolean;
}

/** Reads the wish of an Ingress. */
export const sslRedirect: PolicyReader<SslRedirectWish> = {
  annotations: ['ssl-redirect', 'force-ssl-redirect', 'preserve-trailing-slash'],
  read: (source, settings) => ({
    redirect: source.bool('ssl-redirect', settings.sslRedirect),
    force: source.bool('force-ssl-redirect', settings.forceSslRedirect),
    preserveTrailingSlash: source.bool('preserve-trailing-slash', settings.preserveTrailingSlash),
  }),
};

/**
 * The policy of one route. `path` is the path the Ingress writes: ConfigMap `no-tls-redirect-locations` are prefixes of it, not of
 * the URL, which is what lets an HTTP-01 solver's Ingress through.
 */
export function sslRedirectOf(
  wish: SslRedirectWish,
  hostHasCertificate: boolean,
  path: string,
  settings: TranslateSettings,
): RoutePolicies['sslRedirect'] {
  if (settings.noTlsRedirectLocations.some((prefix) => prefix !== '' && path.startsWith(prefix))) return null;
  if (!wish.force && !(wish.redirect && hostHasCertificate)) return null;
  return { code: settings.httpRedirectCode, preserveTrailingSlash: wish.preserveTrailingSlash };
}

/** What the acting half looks at. */
export interface SslRedirectRequest {
  /** Of the client's connection, or of a trusted X-Forwarded-Proto. */
  readonly scheme: string;
  /** As the client wrote it, perhaps with a port. */
  readonly host: string;
  /** The request target, in origin form. */
  readonly target: string;
  /** The https port that clients see; 0 or 443: not written. */
  readonly httpsPort: number;
}

/**
 * Where a request is sent; null: it is https already. ingress-nginx drops one final "/" of the target, so that "/" becomes
 * nothing (rootfs/etc/nginx/lua/lua_ingress.lua).
 */
export function sslRedirectLocation(
  { preserveTrailingSlash }: NonNullable<RoutePolicies['sslRedirect']>,
  { scheme, host, target, httpsPort }: SslRedirectRequest,
): string | null {
  if (scheme === 'https') return null;
  const name = host.replace(/:\d*$/, '');
  const port = httpsPort === 0 || httpsPort === 443 ? '' : `:${httpsPort}`;
  const path = !preserveTrailingSlash && target.endsWith('/') ? target.slice(0, -1) : target;
  return `https://${name}${port}${path}`;
}
