/** `ssl-redirect`, `force-ssl-redirect`, `preserve-trailing-slash`, `use-port-in-redirects`: plain HTTP is sent to https. */
import type { SslRedirect } from '../../model/policies.ts';
import { coversHost } from '../../model/covers-host.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { redirect } from '../answer.ts';
import type { RoutePolicy } from '../policy.ts';
import { parseGoBool } from '../../settings/values/values.ts';

/** What the annotations of one Ingress, or the ConfigMap in their absence, ask for. */
interface SslRedirectWish {
  /** Redirect also where the host has no certificate. */
  readonly force: boolean;
  readonly preserveTrailingSlash: boolean;
  readonly usePort?: true;
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
    // What is wrong with it is reported where it is read for all redirects.
    const usePort = parseGoBool(source.text('use-port-in-redirects') ?? '') ?? settings.usePortInRedirects;
    return redirect || force ? { force, preserveTrailingSlash, ...(usePort && { usePort }) } : undefined;
  },
  resolve: ({ force, preserveTrailingSlash, usePort }, { settings, host, path, hostHasCertificate, aliasesCovered }) => {
    if (!force && !hostHasCertificate) return undefined;
    if (settings.noTlsRedirectLocations.some((prefix) => prefix !== '' && path.startsWith(prefix))) return undefined;
    return {
      code: settings.httpRedirectCode,
      preserveTrailingSlash,
      ...(usePort === true && { usePort }),
      ...(!force && aliasesCovered !== null && { covered: [host, ...aliasesCovered] }),
    };
  },
};

/**
 * ingress-nginx drops one final "/" of the target, so that "/" becomes nothing (rootfs/etc/nginx/lua/lua_ingress.lua).
 */
export function sslRedirectStep({ policies }: Route): RequestStep | null {
  const { sslRedirect: wanted } = policies;
  if (wanted === undefined) return null;
  const { code, preserveTrailingSlash, usePort, covered } = wanted;
  return ({ client, request: { target, host }, settings: { publicHttpsPort, httpsPort } }) => {
    if (client.scheme === 'https') return null;
    const name = client.host.replace(/:\d*$/, '');
    // Another name of the host, which its certificate does not cover, is not sent to https.
    if (covered !== undefined && !coversHost(covered, requested(host))) return null;
    const port =
      usePort === true
        ? `:${publicHttpsPort || httpsPort}`
        : publicHttpsPort === 0 || publicHttpsPort === 443
          ? ''
          : `:${publicHttpsPort}`;
    const path = !preserveTrailingSlash && target.endsWith('/') ? target.slice(0, -1) : target;
    return redirect(code, `https://${name}${port}${path}`);
  };
}

/** The name that a request was routed by: `proxy/routing/host.ts` has the same form. */
function requested(host: string): string {
  return host.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}
