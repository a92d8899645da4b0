/** Sluice's data plane as the controller starts it, but with a table of its own: a few hosts, or thousands of routes. */
import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { diffTables } from '../../src/model/diff.ts';
import {
  type Certificate,
  certificateId,
  groupId,
  type Route,
  type RoutingTable,
  type UpstreamGroup,
  type VirtualHost,
} from '../../src/model/table.ts';
import { createLogger } from '../../src/observe/log.ts';
import { startDataPlane } from '../../src/proxy/supervisor.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { policiesHost } from './policies.ts';
import { BENCH_HOST, ECDSA_HOST, routeHosts, WEBSOCKET_HOST } from './scenarios.ts';
import type { NodeTargetOptions } from './targets/node.ts';
import type { CertificateFiles } from './targets/target.ts';
import { seriesReader } from '../support/series.ts';

const options = JSON.parse(process.argv[2] ?? '') as NodeTargetOptions;

function certificate(name: string, files: CertificateFiles): Certificate {
  const chain = readFileSync(files.certificate, 'utf8');
  const key = readFileSync(files.key, 'utf8');
  return {
    id: certificateId('bench', name),
    chain,
    key: createPrivateKey(key),
    fingerprint: createHash('sha256').update(chain).update(key).digest('hex'),
    names: [name],
    notBefore: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
  };
}

function group(service: string, port: number): UpstreamGroup {
  const endpoint = { address: '127.0.0.1', port, dns: false };
  return {
    id: groupId('bench', service, '80'),
    namespace: 'bench',
    service,
    port: '80',
    protocol: null,
    endpoints: [endpoint],
  };
}

function host(name: string, prefixes: readonly string[], { id, service, port }: UpstreamGroup, tls: Certificate): VirtualHost {
  const routes = prefixes.map((prefix): Route => ({
    match: { exact: null, prefix, slashRedirect: null },
    path: prefix,
    pathType: 'Prefix',
    target: { kind: 'group', group: id, fallback: null },
    policies: {},
    ingress: { namespace: 'bench', name },
    service: { name: service, port },
  }));
  return { host: name, certificate: tls.id, tls: null, routes, passthrough: null };
}

function routingTable(): RoutingTable {
  const rsa = certificate(BENCH_HOST, options.rsa);
  const ecdsa = certificate(ECDSA_HOST, options.ecdsa);
  const backend = group('backend', options.backendPort);
  const webSocket = group('websocket', options.webSocketPort);
  const policies = policiesHost(options.backendPort);
  const hosts = [
    { ...policies.host, certificate: rsa.id },
    host(BENCH_HOST, ['/'], backend, rsa),
    host(ECDSA_HOST, ['/'], backend, ecdsa),
    host(WEBSOCKET_HOST, ['/'], webSocket, rsa),
    ...routeHosts(options.routes).map(({ host: name, prefixes }) => host(name, prefixes, backend, rsa)),
  ];
  return {
    hosts: new Map(hosts.map((each) => [each.host, each])),
    groups: new Map([backend, webSocket, ...policies.groups].map((each) => [each.id, each])),
    certificates: new Map([rsa, ecdsa].map((each) => [each.id, each])),
    streams: new Map(),
    upstreamSecrets: new Map(),
    defaultCertificate: rsa,
  };
}

const settings = {
  ...DEFAULT_SETTINGS.proxy,
  bindAddress: '127.0.0.1',
  httpPort: options.httpPort,
  httpsPort: options.httpsPort,
  // As for the other proxies: a connection is not closed for its count of requests.
  keepAliveRequests: 100_000_000,
  upstreamKeepAliveRequests: 100_000_000,
  accessLog: options.accessLog !== null,
};
const labels = { controller_class: 'bench', controller_namespace: 'bench', controller_pod: 'bench' };
const dataPlane = startDataPlane(settings, {
  workers: options.workers,
  log: createLogger('warn'),
  series: seriesReader(labels, DEFAULT_SETTINGS.controller.metricsPerHost),
});
const table = routingTable();
dataPlane.publish(table, diffTables(null, table, 1));
await dataPlane.listening;
process.once('SIGTERM', () => void dataPlane.shutdown(0).then(() => process.exit(0)));
