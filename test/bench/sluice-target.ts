/** Sluice's data plane as the controller starts it, but with a table of its own: one host, one path, one endpoint. */
import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { diffTables } from '../../src/model/diff.ts';
import { type Certificate, certificateId, groupId, type RoutingTable } from '../../src/model/table.ts';
import { createLogger } from '../../src/observe/log.ts';
import { SeriesReader } from '../../src/observe/series-reader.ts';
import { startDataPlane } from '../../src/proxy/supervisor.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { BENCH_HOST } from './scenarios.ts';
import type { NodeTargetOptions } from './targets/node.ts';

const options = JSON.parse(process.argv[2] ?? '') as NodeTargetOptions;

function certificate(): Certificate {
  const chain = readFileSync(options.certificateFile, 'utf8');
  const key = readFileSync(options.keyFile, 'utf8');
  return {
    id: certificateId('bench', 'certificate'),
    chain,
    key: createPrivateKey(key),
    fingerprint: createHash('sha256').update(chain).update(key).digest('hex'),
    names: [BENCH_HOST],
    notBefore: 0,
    notAfter: Number.MAX_SAFE_INTEGER,
  };
}

function routingTable(): RoutingTable {
  const tls = certificate();
  const group = groupId('bench', 'backend', '80');
  const endpoint = { address: '127.0.0.1', port: options.backendPort, dns: false };
  return {
    hosts: new Map([
      [
        BENCH_HOST,
        {
          host: BENCH_HOST,
          certificate: tls.id,
          routes: [
            {
              match: { exact: null, prefix: '/', slashRedirect: null },
              path: '/',
              pathType: 'Prefix',
              target: { kind: 'group', group, fallback: null },
              policies: { sslRedirect: null },
              ingress: { namespace: 'bench', name: 'bench' },
              service: { name: 'backend', port: '80' },
            },
          ],
        },
      ],
    ]),
    groups: new Map([[group, { id: group, namespace: 'bench', service: 'backend', port: '80', endpoints: [endpoint] }]]),
    certificates: new Map([[tls.id, tls]]),
    defaultCertificate: tls,
  };
}

const settings = {
  ...DEFAULT_SETTINGS.proxy,
  bindAddress: '127.0.0.1',
  httpPort: options.httpPort,
  httpsPort: options.httpsPort,
  // As for the other proxies: a connection is not closed for its count of requests, and there is no access log.
  keepAliveRequests: 100_000_000,
  upstreamKeepAliveRequests: 100_000_000,
  accessLog: false,
};
const labels = { controller_class: 'bench', controller_namespace: 'bench', controller_pod: 'bench' };
const dataPlane = startDataPlane(settings, {
  workers: 1,
  log: createLogger('warn'),
  series: new SeriesReader(labels, DEFAULT_SETTINGS.controller.metricsPerHost),
});
const table = routingTable();
dataPlane.publish(table, diffTables(null, table, 1));
await dataPlane.listening;
process.once('SIGTERM', () => void dataPlane.shutdown(0).then(() => process.exit(0)));
