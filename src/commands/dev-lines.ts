/** What `sluice dev` prints, as a function of what it serves. */
import { CATCH_ALL_HOST, type RoutingTable, type VirtualHost } from '../model/table.ts';

interface DevAddresses {
  readonly http: number;
  readonly https: number;
  readonly admin: number;
  readonly api: number;
  readonly kubeconfig: string;
}

/** More lines than anyone reads. */
const MAX_CURL_LINES = 40;

/** The addresses and the kubectl lines. */
export function addressLines({ http, https, admin, api, kubeconfig }: DevAddresses): string[] {
  return [
    `HTTP        http://127.0.0.1:${http}`,
    `HTTPS       https://127.0.0.1:${https}`,
    `Admin       http://127.0.0.1:${admin}  (/readyz, /metrics, /configuration)`,
    `Kubernetes  http://127.0.0.1:${api}`,
    '',
    `kubectl --kubeconfig ${shellWord(kubeconfig)} get ingress`,
    `  without a kubectl installed: npm run kubectl -- --kubeconfig ${shellWord(kubeconfig)} get ingress`,
  ];
}

/** One curl line for each path of each host that an Ingress asks for. */
export function curlLines(table: RoutingTable, ports: { readonly http: number; readonly https: number }): string[] {
  const lines: string[] = [];
  const hosts = [...table.hosts.values()].sort((a, b) => rank(a.host) - rank(b.host) || (a.host < b.host ? -1 : 1));
  for (const host of hosts) {
    const seen = new Set<string>();
    for (const route of host.routes) {
      if (route.ingress === null || seen.has(route.path)) continue;
      seen.add(route.path);
      lines.push(curlLine(host, route.path, ports));
    }
  }
  const rest = lines.length - MAX_CURL_LINES;
  return rest > 0 ? [...lines.slice(0, MAX_CURL_LINES), `… and ${rest} more`] : lines;
}

/** Exact hosts, then wildcards, then the catch-all. */
function rank(host: string): number {
  if (host === CATCH_ALL_HOST) return 2;
  return host.startsWith('*.') ? 1 : 0;
}

function curlLine(host: VirtualHost, path: string, ports: { readonly http: number; readonly https: number }): string {
  const secure =
    host.certificate !== null || host.routes.some((route) => route.path === path && route.policies.sslRedirect !== undefined);
  const scheme = secure ? 'https' : 'http';
  const port = ports[scheme];
  // The certificate is most likely one that no authority of this machine signed.
  const insecure = secure ? '-k ' : '';
  const url = (name: string) => shellWord(`${scheme}://${name}:${port}${path.startsWith('/') ? path : `/${path}`}`);
  if (host.host === CATCH_ALL_HOST) return `curl ${insecure}${url('127.0.0.1')}`;
  const name = exampleName(host.host);
  return `curl ${insecure}--resolve ${shellWord(`${name}:${port}:127.0.0.1`)} ${url(name)}`;
}

/** A host that a wildcard covers; any other host as it is. */
function exampleName(host: string): string {
  return host.startsWith('*.') ? `any${host.slice(1)}` : host;
}

/** A word as a POSIX shell reads it back. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
