import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/cluster/cluster.ts';
import { createCluster } from '../../src/cluster/connect.ts';
import { startApiServer } from '../../src/cluster/embedded/api/server.ts';
import type { ApiServer } from '../../src/cluster/embedded/api/server.ts';
import { createEventRecorder } from '../../src/cluster/events.ts';
import { createKubeClient } from '../../src/cluster/http/kube-client.ts';
import type { KubeClient } from '../../src/cluster/http/kube-client.ts';
import { loadKubeConfig } from '../../src/cluster/http/kube-config.ts';
import { startElection } from '../../src/cluster/lease.ts';
import { startStatusWriter } from '../../src/cluster/status.ts';
import { SYSTEM_TIMING } from '../../src/cluster/timing.ts';
import type { Timing } from '../../src/cluster/timing.ts';
import { keepingLog, until } from '../support/scripted-api.ts';

const EAGER: Timing = { ...SYSTEM_TIMING, random: () => 0 };
let server: ApiServer;
let client: KubeClient;
let cluster: Cluster;
let folder: string;
const log = keepingLog();

beforeEach(async () => {
  log.lines.length = 0;
  server = await startApiServer({ port: 0, bookmarkInterval: 20 });
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-embedded-'));
  const kubeconfig = path.join(folder, 'config');
  await writeFile(kubeconfig, server.kubeconfig());
  const settings = { kubeconfig, apiserverHost: null, certificateAuthority: null };
  client = createKubeClient({ load: () => loadKubeConfig(settings), timing: EAGER, log });
  cluster = createCluster({
    client,
    log,
    watchNamespace: '',
    watchNamespaceSelector: '',
    timing: EAGER,
    tuning: { relistDelay: 1, staleAfter: 1000 },
  });
});
afterEach(async () => {
  await cluster.stop();
  await client.close();
  await server.close();
  await rm(folder, { recursive: true });
});

const ingresses = () => server.storage.resource('networking.k8s.io/v1', 'ingresses');
const secrets = () => server.storage.resource('v1', 'secrets');
const ingress = (name: string) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name },
  spec: {
    ingressClassName: 'sluice',
    rules: [
      {
        host: `${name}.example.com`,
        http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] },
      },
    ],
  },
});
const secret = (name: string, value: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  type: 'Opaque',
  data: { value },
});
const names = (): string[] => [...cluster.cache.list('Ingress')].map(({ metadata }) => metadata.name).toSorted();

describe('on the embedded cluster', () => {
  it('follows every change, through dropped and garbled watches', async () => {
    ingresses().create('default', ingress('a'));
    cluster.start();
    await cluster.synced;
    await until(() => cluster.connected());
    expect(names()).toEqual(['a']);
    ingresses().create('default', ingress('b'));
    await until(() => names().length === 2);
    server.faults.dropWatches('reset');
    ingresses().create('default', ingress('c'));
    await until(() => names().length === 3);
    server.faults.garbleNextEvent('half-line', { resource: 'ingresses' });
    ingresses().create('default', ingress('d'));
    await until(() => names().length === 4);
    ingresses().delete('default', 'a');
    await until(() => !names().includes('a'));
    expect(cluster.stats().every(({ relists }) => relists === 0)).toBe(true);
    expect(cluster.cache.get('Ingress', 'default', 'b')?.spec?.rules?.[0]?.host).toBe('b.example.com');
  });

  it('outlives an API server that goes away, and one that comes back without its history', async () => {
    ingresses().create('default', ingress('a'));
    ingresses().create('default', ingress('b'));
    secrets().create('default', secret('s', 'djE='));
    cluster.referenceSecrets([{ namespace: 'default', name: 's' }]);
    cluster.start();
    await cluster.synced;
    const changes: string[] = [];
    cluster.onChange(({ kind, before, after }) => changes.push(`${kind} ${(after ?? before)?.metadata.name}`));
    await server.goAway();
    await until(() => !cluster.connected());
    expect(names()).toEqual(['a', 'b']);
    ingresses().delete('default', 'a');
    secrets().update('default', 's', (object) => {
      object['data'] = { value: 'djI=' };
    });
    await server.comeBack({ historyLost: true });
    await until(() => cluster.connected() && names().length === 1 && changes.length === 2);
    expect(changes.toSorted()).toEqual(['Ingress a', 'Secret s']);
    expect(cluster.stats().find(({ kind }) => kind === 'Ingress')?.relists).toBe(1);
  });

  it('keeps a quiet watch by its bookmarks, and notices one that has gone silent', async () => {
    cluster.start();
    await cluster.synced;
    await until(() => cluster.connected());
    const stalls = () => cluster.stats().reduce((sum, stats) => sum + stats.stalls, 0);
    server.faults.dropWatches('silence', { resource: 'ingresses' });
    ingresses().create('default', ingress('late'));
    await until(() => names().includes('late'));
    expect(stalls()).toBe(1);
  });

  it('elects a leader, which writes the status; records Events', async () => {
    const election = startElection({
      client,
      timing: EAGER,
      log,
      namespace: 'default',
      name: 'leader',
      identity: 'one',
      ttl: 15_000,
    });
    ingresses().create('default', ingress('a'));
    cluster.start();
    await cluster.synced;
    await until(() => election.isLeader());
    const writer = startStatusWriter({
      client,
      cluster,
      settings: {
        publishStatusAddress: ['10.9.8.7'],
        publishService: null,
        reportNodeInternalIpAddress: false,
        updateStatusOnShutdown: true,
        statusUpdateInterval: 60_000,
        podName: '',
        podNamespace: '',
      },
      isLeader: election.isLeader,
      accepted: () => true,
      timing: EAGER,
      log,
    });
    const status = () => ingresses().get('default', 'a')?.['status'];
    await until(() => JSON.stringify(status()).includes('10.9.8.7'));
    const events = createEventRecorder({ client, timing: EAGER, log, component: 'sluice', instance: 'one' });
    const object = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: 'default', name: 'a' };
    for (let times = 0; times < 3; times += 1) {
      events.record({ object, type: 'Warning', reason: 'ServiceNotFound', message: 'no Service "s"' });
      await events.idle();
    }
    await writer.stop();
    expect(status()).toEqual({ loadBalancer: {} });
    await election.stop();
    const lease = server.storage.resource('coordination.k8s.io/v1', 'leases').get('default', 'leader');
    expect(lease?.['spec']).toMatchObject({ holderIdentity: '' });
    const recorded = server.storage.resource('v1', 'events').list('default');
    expect(recorded.map((event) => [event['reason'], event['count']])).toEqual([['ServiceNotFound', 3]]);
    expect(log.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
  });
});
