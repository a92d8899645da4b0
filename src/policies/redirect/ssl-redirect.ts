/** `ssl-redirect`, `force-ssl-redirect`, `preserve-trailing-slash`: plain HTTP is sent to https. */
import type { SslRedirect } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { redirect } from '../answer.ts';
import type { RoutePolicy } from '../policy.ts';

/** What the annotations of one Ingress, or the ConfigMap in their absence, ask for. */
interface SslRedirectWish {
  /** Redirect also where the host has no certificate. */
  readonly force: boolean;
  readonly preserveTrailingSlash: boolean;
}

/**
 * ConfigMap `no-tls-redirect-locations` are prefixes of the path that the Ingress writes, not of the URL, which is what lets an HTTP-01
 * solver's Ingress through.
 */
export const sslRedirect: RoutePolicy<SslRedirect, SslRedirectWish> = {
  annotations: ['ssl-redirect', 'force-ssl-redirect', 'preserve-trailing-slash'],
  notForCatchAll: true,
  read: (source, settings) => {
    const redirect = source.bool('ssl-redirect', settings.sslRedirect);
    const force = source.bool('force-ssl-redirect', settings.forceSslRedirect);
    const preserveTrailingSlash = source.bool('preserve-trailing-slash', settings.preserveTrailingSlash);
    return redirect || force ? { force, preserveTrailingSlash } : undefined;
  },
  resolve: ({ force, preserveTrailingSlash }, { settings, path, hostHasCertificate }) => {
    if (!force && !hostHasCertificate) return undefined;
    if (settings.noTlsRedirectLocations.some((prefix) => prefix !== '' && path.startsWith(prefix))) return undefined;
    return { code: settings.httpRedirectCode, preserveTrailingSlash };
  },
};

/**
 * ingress-nginx drops one final "/" of the target, so that "/" becomes nothing (rootfs/etc/nginx/lua/lua_ingress.lua).
 */
export function sslRedirectStep({ policies }: Route): RequestStep | null {
  const { sslRedirect: wanted } = policies;
  if (wanted === undefined) return null;
  const { code, preserveTrailingSlash } = wanted;
  return ({ client, request: { target }, settings: { publicHttpsPort } }) => {
    if (client.scheme === 'https') return null;
    const name = client.host.replace(/:\d*$/, '');
    const port = publicHttpsPort === 0 || publicHttpsPort === 443 ? '' : `:${publicHttpsPort}`;
    const path = !preserveTrailingSlash && target.endsWith('/') ? target.slice(0, -1) : target;
    return redirect(code, `https://${name}${port}${path}`);
  };
}
