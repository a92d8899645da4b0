/** The route of `POLICIES_HOST`: an Ingress with ten policies that many have, and a canary of it, as their users write them. */
import type { UpstreamGroup, VirtualHost } from '../../src/model/table.ts';
import { configMap, ingress, service, translated } from '../support/ingress.ts';
import { POLICIES_HOST } from './scenarios.ts';

/** What nginx is given of the same in `targets/nginx.ts`. */
const POLICIES = {
  'force-ssl-redirect': 'true',
  'enable-cors': 'true',
  'cors-allow-origin': 'https://shop.example.com',
  'proxy-body-size': '8m',
  'proxy-connect-timeout': '10',
  'proxy-read-timeout': '120',
  'proxy-send-timeout': '120',
  'whitelist-source-range': '10.0.0.0/8,127.0.0.0/8,192.168.0.0/16',
  'custom-headers': 'default/headers',
  'rewrite-target': '/$2',
  affinity: 'cookie',
  'session-cookie-name': 'route',
  'limit-rps': '1000000',
};
const PATHS = [{ path: '/api(/|$)(.*)', pathType: 'ImplementationSpecific' }];

/** The host and its groups, whose endpoints are the backend. Throws what `sluice check` would say of it. */
export function policiesHost(backendPort: number): { readonly host: VirtualHost; readonly groups: readonly UpstreamGroup[] } {
  const { patch, diagnostics } = translated(
    [
      ingress(POLICIES, { host: POLICIES_HOST, paths: PATHS }),
      ingress(
        { canary: 'true', 'canary-weight': '20', 'canary-by-header': 'X-Canary' },
        { name: 'canary', host: POLICIES_HOST, paths: PATHS, service: 'canary', created: '2025-01-02T00:00:00Z' },
      ),
      configMap('headers', { 'X-Frame-Options': 'DENY', 'X-Content-Type-Options': 'nosniff' }),
      ...service('app', [backendPort]),
      ...service('canary', [backendPort]),
    ],
    { globalAllowedResponseHeaders: ['x-frame-options', 'x-content-type-options'] },
  );
  if (diagnostics.length > 0) throw new Error(JSON.stringify(diagnostics));
  const host = patch.hosts.find((one) => one.host === POLICIES_HOST);
  if (host === undefined) throw new Error(`${POLICIES_HOST} was not translated`);
  return { host, groups: patch.groups };
}
