/**
 * `from-to-www-redirect`: "www." and the host, or the host without it, is sent to the host. ingress-nginx:
 * internal/ingress/controller/nginx.go `buildRedirects`, rootfs/etc/nginx/lua/ngx_conf_srv_redirect.lua.
 */
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { redirect } from '../answer.ts';
import type { PolicyReader } from '../policy.ts';

/** Reads it. `translate/routing/www-redirect.ts` makes a host of it. */
export const wwwRedirect: PolicyReader<boolean> = {
  annotations: ['from-to-www-redirect'],
  read: (source) => source.bool('from-to-www-redirect', false),
};

/** The port is always written; one final "/" is dropped. */
export function wwwRedirectStep({ policies }: Route): RequestStep | null {
  const { wwwRedirect: wanted } = policies;
  if (wanted === undefined) return null;
  const { to, code } = wanted;
  return (passage) => {
    const { client, request, settings } = passage;
    const said = settings.useForwardedHeaders ? request.field('x-forwarded-port') : '';
    const port = /^\d{1,5}$/.test(said) ? said : passage.variable('server_port');
    const target = request.target.endsWith('/') ? request.target.slice(0, -1) : request.target;
    return redirect(code, `${client.scheme}://${to}:${port}${target}`);
  };
}
