/**
 * How long a change takes until it is served: from the moment the API server has taken it, to the first request that is
 * answered, or handshake that is made, accordingly. The whole chain, as in production: API server, watch, controller, workers.
 */
import { parseArgs } from 'node:util';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedCluster } from '../../src/cluster/embedded/embedded.ts';
import { Sluice } from '../support/child.ts';
import { tlsSecret } from '../support/manifests.ts';
import { makeCertificate } from '../support/pki.ts';
import { exchange } from '../support/raw-client.ts';
import { handshake } from '../support/tls-client.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '50' } } });
const rounds = Number(values.rounds);

const CERTIFICATES = ['even', 'odd'].map((name) => makeCertificate({ names: ['tls.example', `${name}.example`] }));
const LABELS = { app: 'web' };
const OBJECTS = [
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: { containers: [{ name: 'web', image: 'web', ports: [{ containerPort: 8080 }] }] },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: LABELS, ports: [{ port: 80, targetPort: 8080 }] },
  },
  ingress('ready.example'),
  { ...ingress('tls.example'), spec: { ...ingress('tls.example').spec, tls: [{ hosts: ['tls.example'], secretName: 'tls' }] } },
  secret(0),
];

/** With one certificate in even versions, with another in odd ones. */
function secret(version: number): object {
  const made = tlsSecret('tls', CERTIFICATES[version % 2]!) as { readonly metadata: object };
  return { ...made, metadata: { ...made.metadata, namespace: 'default' } };
}

function ingress(host: string) {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: host.replaceAll('.', '-'), namespace: 'default' },
    spec: { ingressClassName: 'nginx', rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  };
}

const cluster = await startEmbeddedCluster({ apiPort: 0, readyDelayMs: 0, drainDelayMs: 0 });
const folder = mkdtempSync(join(tmpdir(), 'sluice-changes-'));
const kubeconfig = join(folder, 'kubeconfig');
writeFileSync(kubeconfig, cluster.kubeconfig());
const flags = ['--http-port=0', '--https-port=0', '--healthz-port=0', '--bind-address=127.0.0.1', '--access-log=false'];
const sluice = new Sluice(['controller', `--kubeconfig=${kubeconfig}`, ...flags, '--workers=2']);
try {
  cluster.apply(OBJECTS);
  const { http, https } = await sluice.logged('listening');
  const port = Number(http);
  await waitFor(port, 'ready.example', 200);
  const created: number[] = [];
  const deleted: number[] = [];
  const replaced: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const host = `h${round}.example`;
    await write('POST', '/apis/networking.k8s.io/v1/namespaces/default/ingresses', ingress(host));
    created.push(await waitFor(port, host, 200));
    await write('DELETE', `/apis/networking.k8s.io/v1/namespaces/default/ingresses/h${round}-example`);
    deleted.push(await waitFor(port, host, 404));
    await write('PUT', '/api/v1/namespaces/default/secrets/tls', secret(round + 1));
    replaced.push(await waitForCertificate(Number(https), round % 2 === 0 ? 'odd' : 'even'));
  }
  console.log(
    `milliseconds from the API server's answer to the first request served accordingly, ${rounds} times, two workers`,
  );
  print('a new Ingress', created);
  print('a deleted Ingress', deleted);
  print('a replaced Secret', replaced);
} finally {
  await sluice.kill();
  await cluster.close();
  rmSync(folder, { recursive: true });
}

async function write(method: string, path: string, body?: object): Promise<void> {
  const init =
    body === undefined ? { method } : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await fetch(`${cluster.url}${path}`, init);
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
}

/** Asks again and again, without a pause. */
async function waitFor(port: number, host: string, status: number): Promise<number> {
  const from = performance.now();
  while ((await exchange(port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status !== status);
  return performance.now() - from;
}

/** Until a handshake shows the certificate that names it. */
async function waitForCertificate(port: number, name: string): Promise<number> {
  const from = performance.now();
  while (!(await handshake(port, 'tls.example')).names.includes(`${name}.example`));
  return performance.now() - from;
}

function print(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (quantile: number): string =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))]!.toFixed(1);
  console.log(`${what.padEnd(20)} median ${at(0.5)}  p90 ${at(0.9)}  max ${at(1)}`);
}
