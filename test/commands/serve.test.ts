import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type EmbeddedCluster, startEmbeddedCluster } from '../../src/cluster/embedded/embedded.ts';
import { serve, type Serving } from '../../src/commands/serve.ts';
import { SILENT_LOG } from '../../src/observe/log.ts';
import { parseFlags } from '../../src/settings/parse.ts';
import { eventually } from '../support/eventually.ts';

let folder: string;
let cluster: EmbeddedCluster;
let serving: Serving | undefined;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-serve-'));
  cluster = await startEmbeddedCluster({ apiPort: 0, drainDelayMs: 0 });
  writeFileSync(join(folder, 'kubeconfig'), cluster.kubeconfig());
});
afterEach(async () => {
  await serving?.stop(0);
  serving = undefined;
  await cluster.close();
  rmSync(folder, { recursive: true });
});

async function start(...flags: string[]): Promise<Serving> {
  const ports = ['--http-port=0', '--https-port=0', '--healthz-port=0', '--workers=1', '--access-log=false'];
  const settings = parseFlags([`--kubeconfig=${join(folder, 'kubeconfig')}`, ...ports, ...flags], { POD_NAME: 'sluice-0' });
  const proxy = { ...settings.proxy, bindAddress: '127.0.0.1' };
  const controller = { ...settings.controller, adminAddress: '127.0.0.1' };
  serving = await serve({ ...settings, proxy, controller }, SILENT_LOG);
  return serving;
}

function apply(...objects: object[]): void {
  const { errors } = cluster.apply(objects);
  expect(errors).toEqual([]);
}

function application(name: string, replicas: number): object[] {
  const labels = { app: name };
  const containers = [{ name: 'backend', image: 'backend', ports: [{ name: 'http', containerPort: 8080 }] }];
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
    },
  ];
}

const CLASS = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'IngressClass',
  metadata: { name: 'nginx' },
  spec: { controller: 'k8s.io/ingress-nginx' },
};

function ingress(name: string, host: string, service: string): object {
  const backend = { service: { name: service, port: { name: 'http' } } };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name },
    spec: { ingressClassName: 'nginx', rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  };
}

/** The status, and for 200 the Pod. */
function get(port: number, host: string, path = '/'): Promise<{ status: number; pod: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        resolve({ status, pod: status === 200 ? (JSON.parse(body) as { pod: string }).pod : '' });
      });
      response.on('error', reject);
    });
    sent.on('error', reject).end();
  });
}

async function ready(running: Serving): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${running.adminPort}/readyz`);
  return { status: response.status, text: await response.text() };
}

async function metric(running: Serving, name: string): Promise<string | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${running.adminPort}/metrics`)).text();
  return text
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);
}

function status(): unknown {
  return cluster.storage.resource('networking.k8s.io/v1', 'ingresses').get('default', 'web')?.['status'];
}

function lease(): unknown {
  return cluster.storage.resource('coordination.k8s.io/v1', 'leases').get('default', 'ingress-controller-leader')?.['spec'];
}

describe('serve', () => {
  it('waits for an API server that is down at the start, and serves when it comes', async () => {
    apply(CLASS, ...application('web', 1), ingress('web', 'web.example', 'web'));
    await cluster.goAway();
    const running = await start();
    let listening = false;
    void running.listening.then(() => (listening = true)).catch(() => {});
    await eventually(async () => (await metric(running, 'sluice_apiserver_connected')) === '0');
    expect(await ready(running)).toMatchObject({ status: 503, text: expect.stringContaining('[-] table') });
    expect(listening).toBe(false);
    await cluster.comeBack();
    const { http } = await running.listening;
    await eventually(async () => (await get(http, 'web.example')).status === 200);
    expect((await ready(running)).status).toBe(200);
  });

  it('serves on and stays ready while the API server is away, and catches up when it is back without history', async () => {
    apply(CLASS, ...application('web', 1), ingress('web', 'web.example', 'web'));
    const running = await start();
    const { http } = await running.listening;
    await eventually(async () => (await get(http, 'web.example')).status === 200);
    await cluster.goAway();
    await eventually(async () => (await metric(running, 'sluice_apiserver_connected')) === '0');
    expect((await get(http, 'web.example')).status).toBe(200);
    expect((await ready(running)).status).toBe(200);
    apply(ingress('late', 'late.example', 'web'));
    cluster.delete([ingress('web', 'web.example', 'web')]);
    await cluster.comeBack({ historyLost: true });
    await eventually(async () => (await get(http, 'late.example')).status === 200);
    await eventually(async () => (await get(http, 'web.example')).status === 404);
    expect(await metric(running, 'sluice_apiserver_connected')).toBe('1');
  });

  it('leaves every other route as it was when an Ingress is wrong, and reports it', async () => {
    apply(CLASS, ...application('web', 1), ingress('web', 'web.example', 'web'));
    const running = await start();
    const { http } = await running.listening;
    await eventually(async () => (await get(http, 'web.example')).status === 200);
    apply(ingress('broken', 'broken.example', 'nothing'));
    await eventually(async () => (await get(http, 'broken.example')).status === 503);
    expect((await get(http, 'web.example')).status).toBe(200);
    const dump = (await (await fetch(`http://127.0.0.1:${running.adminPort}/configuration`)).json()) as {
      diagnostics: { code: string; object: { name: string } }[];
    };
    expect(dump.diagnostics).toMatchObject([{ code: 'ServiceNotFound', object: { kind: 'Ingress', name: 'broken' } }]);
    const event = await eventually(() =>
      cluster.storage
        .resource('v1', 'events')
        .list('default')
        .find((each) => each['reason'] === 'ServiceNotFound'),
    );
    expect(event).toMatchObject({ type: 'Warning', involvedObject: { kind: 'Ingress', name: 'broken' } });
  });

  it('lets what is in flight finish, not ready meanwhile, and then accepts nothing', async () => {
    apply(CLASS, ...application('web', 1), ingress('web', 'web.example', 'web'));
    const running = await start();
    const { http } = await running.listening;
    await eventually(async () => (await get(http, 'web.example')).status === 200);
    const slow = get(http, 'web.example', '/?delay=400ms');
    // Its backend has the slow request once another one, sent later, has come back.
    await get(http, 'web.example');
    const stopped = running.stop();
    serving = undefined;
    expect(await ready(running)).toMatchObject({ status: 503, text: expect.stringContaining('[-] shutdown: shutting down') });
    expect((await slow).status).toBe(200);
    await stopped;
    await expect(get(http, 'web.example')).rejects.toThrow('ECONNREFUSED');
  });

  it('writes the status as the leader, empties it at the end and gives the lease back', async () => {
    apply(CLASS, ...application('web', 1), ingress('web', 'web.example', 'web'));
    const running = await start('--publish-status-address=192.0.2.7');
    await eventually(() => JSON.stringify(status()).includes('192.0.2.7'));
    expect(lease()).toMatchObject({ holderIdentity: 'sluice-0' });
    await running.stop();
    serving = undefined;
    expect(JSON.stringify(status())).not.toContain('192.0.2.7');
    expect(lease()).not.toMatchObject({ holderIdentity: 'sluice-0' });
  });
});
