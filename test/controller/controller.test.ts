import { beforeAll, describe, expect, it } from 'vitest';
import { Controller } from '../../src/controller/controller.ts';
import { GATHER_MS, RETRY_MIN_MS } from '../../src/controller/loop.ts';
import { SETTLE_MS } from '../../src/controller/report.ts';
import { snapshot } from '../../src/controller/snapshot.ts';
import type { ConfigMap, EndpointSlice, Ingress, IngressClass, Secret, Service } from '../../src/model/objects.ts';
import { type Certificate, certificateId, groupId, type RoutingTable, type TablePatch } from '../../src/model/table.ts';
import { createLogger } from '../../src/observe/log.ts';
import { parseFlags } from '../../src/settings/parse.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { parseCertificate } from '../../src/translate/certificate.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeCluster } from '../support/fake-cluster.ts';
import { makeCertificate } from '../support/pki.ts';

const NAMESPACE = 'default';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function secretOf(name: string, host: string): Secret {
  const { cert, key } = makeCertificate({ names: [host] });
  return { metadata: { namespace: NAMESPACE, name }, data: { 'tls.crt': base64(cert), 'tls.key': base64(key) } };
}

let defaultCertificate: Certificate;
beforeAll(() => {
  defaultCertificate = parseCertificate(secretOf('fallback', 'fallback.example')) as Certificate;
});

const CLASS: IngressClass = { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } };

function ingress(
  name: string,
  host: string,
  options: { className?: string; secretName?: string; service?: string } = {},
): Ingress {
  const service = { name: options.service ?? 'web', port: { number: 80 } };
  return {
    metadata: { namespace: NAMESPACE, name, uid: `uid-${name}`, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      ingressClassName: options.className ?? 'nginx',
      rules: [{ host, http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service } }] } }],
      ...(options.secretName === undefined ? {} : { tls: [{ hosts: [host], secretName: options.secretName }] }),
    },
  };
}

const SERVICE: Service = {
  metadata: { namespace: NAMESPACE, name: 'web' },
  spec: { type: 'ClusterIP', clusterIP: '10.0.0.1', ports: [{ port: 80, protocol: 'TCP' }] },
};

function slice(...addresses: string[]): EndpointSlice {
  return {
    metadata: { namespace: NAMESPACE, name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ port: 8080, protocol: 'TCP' }],
  };
}

function setUp(...flags: string[]) {
  const clock = new FakeClock();
  const cluster = new FakeCluster();
  const patches: TablePatch[] = [];
  const configured: ProxySettings[] = [];
  const events: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const passes = { succeeded: 0, failed: 0 };
  const faults = { publish: false, configure: false };
  let served: RoutingTable | null = null;
  const controller = new Controller({
    cluster,
    dataPlane: {
      streamPorts: { problems: () => [], watch: () => undefined },
      publish: (table, patch) => {
        if (faults.publish) throw new Error('a bug');
        served = table;
        patches.push(patch);
      },
      configure: (settings) => {
        if (faults.configure) throw new Error('a bug');
        configured.push(settings);
      },
    },
    settings: parseFlags(flags, {}),
    defaultCertificate,
    emit: (object, type, reason, message) => events.push(`${object.kind} ${object.name} ${type} ${reason} ${message}`),
    metrics: { passSucceeded: () => passes.succeeded++, passFailed: () => passes.failed++ },
    log: createLogger('info', { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) }),
    clock,
    wallClock: () => Date.parse('2026-06-01T00:00:00Z'),
  });
  const serve = async () => {
    cluster.put('IngressClass', CLASS);
    cluster.put('Service', SERVICE);
    cluster.put('EndpointSlice', slice('10.1.0.1'));
    cluster.put('Ingress', ingress('web', 'web.example'));
    controller.start();
    await cluster.sync();
    clock.advance(1000);
  };
  return { clock, cluster, controller, patches, configured, events, lines, passes, faults, serve, served: () => served };
}

const GROUP = groupId(NAMESPACE, 'web', '80');

describe('Controller', () => {
  it('publishes nothing before everything was listed, then the whole table', async () => {
    const { clock, cluster, controller, patches, serve, served } = setUp();
    controller.start();
    cluster.put('Ingress', ingress('early', 'early.example'));
    clock.advance(10_000);
    expect(patches).toEqual([]);
    expect(controller.state().table).toBeNull();
    await serve();
    expect(patches).toHaveLength(1);
    expect(patches[0]).toMatchObject({ version: 1, reset: true });
    expect([...(served()?.hosts.keys() ?? [])].sort()).toEqual(['_', 'early.example', 'web.example']);
    await expect(controller.published).resolves.toBeUndefined();
  });

  it('sends one group for a change of endpoints, at once', async () => {
    const { clock, cluster, patches, serve } = setUp();
    await serve();
    cluster.put('EndpointSlice', slice('10.1.0.1', '10.1.0.2'));
    clock.advance(0);
    expect(patches[1]).toMatchObject({ version: 2, reset: false, hosts: [], removedHosts: [], certificates: [] });
    expect(patches[1]?.groups.map(({ id, endpoints }) => [id, endpoints.length])).toEqual([[GROUP, 2]]);
  });

  it('publishes nothing for a change that changes nothing', async () => {
    const { clock, cluster, controller, patches, serve } = setUp();
    await serve();
    cluster.put('Service', { ...SERVICE, metadata: { ...SERVICE.metadata, name: 'other' } });
    clock.advance(1000);
    expect(patches).toHaveLength(1);
    expect(controller.state().version).toBe(1);
  });

  it('keeps the last table through a pass that throws, and resets the workers with the next', async () => {
    const { clock, cluster, controller, patches, passes, faults, lines, serve, served } = setUp();
    await serve();
    const before = served();
    faults.publish = true;
    cluster.put('Ingress', ingress('more', 'more.example'));
    clock.advance(0);
    expect(controller.state()).toMatchObject({ healthy: false, version: 1 });
    expect(controller.state().table).toBe(before);
    expect(passes).toEqual({ succeeded: 1, failed: 1 });
    expect(lines).toMatchObject([{ level: 'error', error: { message: 'a bug' }, retryIn: RETRY_MIN_MS }]);
    faults.publish = false;
    clock.advance(RETRY_MIN_MS);
    expect(controller.state().healthy).toBe(true);
    expect(patches.at(-1)).toMatchObject({ reset: true, version: 3 });
    expect(
      patches
        .at(-1)
        ?.hosts.map(({ host }) => host)
        .sort(),
    ).toEqual(['_', 'more.example', 'web.example']);
  });

  it('keeps the Secrets of accepted Ingresses only, before the first lists are complete and after', async () => {
    const { clock, cluster, serve } = setUp('--default-ssl-certificate=certs/fallback');
    cluster.put('IngressClass', CLASS);
    await serve();
    expect(cluster.secrets).toEqual([{ namespace: 'certs', name: 'fallback' }]);
    cluster.put('Ingress', ingress('tls', 'tls.example', { secretName: 'tls' }));
    cluster.put('Ingress', ingress('foreign', 'foreign.example', { className: 'traefik', secretName: 'foreign' }));
    clock.advance(GATHER_MS);
    const names = () => cluster.secrets.map(({ namespace, name }) => `${namespace}/${name}`).sort();
    expect(names()).toEqual(['certs/fallback', 'default/tls']);
    cluster.put('Secret', secretOf('tls', 'tls.example'));
    clock.advance(GATHER_MS);
    cluster.remove('Ingress', NAMESPACE, 'tls');
    clock.advance(1000);
    expect(names()).toEqual(['certs/fallback']);
  });

  it('asks for the Secrets as soon as the first listing names them', async () => {
    const { cluster, controller } = setUp();
    controller.start();
    expect(cluster.started).toBe(true);
    cluster.put('IngressClass', CLASS);
    cluster.put('Ingress', ingress('tls', 'tls.example', { secretName: 'tls' }));
    await Promise.resolve();
    expect(cluster.secrets).toEqual([{ namespace: NAMESPACE, name: 'tls' }]);
  });

  it('sends a certificate when its Secret comes, and shows it without its key', async () => {
    const { clock, cluster, controller, patches, serve } = setUp();
    await serve();
    cluster.put('Ingress', ingress('tls', 'tls.example', { secretName: 'tls' }));
    clock.advance(1000);
    const secret = secretOf('tls', 'tls.example');
    cluster.put('Secret', secret);
    clock.advance(0);
    expect(patches.at(-1)?.certificates.map(({ id }) => id)).toEqual([certificateId(NAMESPACE, 'tls')]);
    const dump = JSON.stringify(snapshot(controller.state(), [], true));
    expect(dump).toContain('"names":["tls.example"]');
    const pem = Buffer.from(secret.data?.['tls.key'] ?? '', 'base64').toString();
    const key = pem.split('\n')[1] ?? '';
    expect(key.length).toBeGreaterThan(40);
    for (const part of [
      'PRIVATE',
      key,
      secret.data?.['tls.key'] ?? '',
      Buffer.from(pem.replaceAll(/-----.*-----|\s/gu, ''), 'base64').toString('hex'),
    ]) {
      expect(dump).not.toContain(part);
    }
  });

  it('follows the ConfigMap: new settings to the workers, translation anew, diagnostics, and defaults when it is gone', async () => {
    const { clock, cluster, controller, patches, configured, events, serve, served } = setUp('--configmap=default/sluice');
    const configMap = (data: Record<string, string>): ConfigMap => ({
      metadata: { namespace: NAMESPACE, name: 'sluice' },
      data,
    });
    cluster.put('ConfigMap', configMap({ 'keep-alive': '7' }));
    await serve();
    expect(cluster.configMaps).toEqual([{ namespace: NAMESPACE, name: 'sluice' }]);
    expect(configured.map(({ keepAliveTimeout }) => keepAliveTimeout)).toEqual([7000]);
    expect(events).toContain('ConfigMap sluice Normal CREATE ConfigMap default/sluice');

    cluster.put('ConfigMap', configMap({ 'keep-alive': 'soon', 'force-ssl-redirect': 'true' }));
    clock.advance(SETTLE_MS);
    expect(configured.map(({ keepAliveTimeout }) => keepAliveTimeout)).toEqual([7000, 75_000]);
    expect(served()?.hosts.get('web.example')?.routes[0]?.policies.sslRedirect).toMatchObject({ code: 308 });
    expect(patches.at(-1)).toMatchObject({ reset: false, groups: [] });
    expect(controller.state().diagnostics).toMatchObject([
      { code: 'ConfigKeyInvalid', object: { kind: 'ConfigMap', name: 'sluice' } },
    ]);
    expect(events).toContain('ConfigMap sluice Normal UPDATE ConfigMap default/sluice');
    expect(events.some((event) => event.startsWith('ConfigMap sluice Warning ConfigKeyInvalid'))).toBe(true);

    cluster.remove('ConfigMap', NAMESPACE, 'sluice');
    clock.advance(1000);
    expect(served()?.hosts.get('web.example')?.routes[0]?.policies.sslRedirect).toBeUndefined();
    expect(controller.state().diagnostics).toEqual([]);
  });

  it('hands new settings to the workers again when that failed', async () => {
    const { clock, cluster, controller, configured, faults, serve } = setUp('--configmap=default/sluice');
    await serve();
    faults.configure = true;
    cluster.put('ConfigMap', { metadata: { namespace: NAMESPACE, name: 'sluice' }, data: { 'keep-alive': '7' } });
    clock.advance(GATHER_MS);
    expect(controller.state().healthy).toBe(false);
    expect(configured).toEqual([]);
    faults.configure = false;
    clock.advance(RETRY_MIN_MS);
    expect(controller.state().healthy).toBe(true);
    expect(configured.map(({ keepAliveTimeout }) => keepAliveTimeout)).toEqual([7000]);
    expect(controller.state().settings.proxy.keepAliveTimeout).toBe(7000);
  });

  it('tells accepted Ingresses that they are taken up, at the start and at every change', async () => {
    const { cluster, events, serve } = setUp();
    cluster.put('Ingress', ingress('foreign', 'foreign.example', { className: 'traefik' }));
    await serve();
    const sync = 'Ingress web Normal Sync Scheduled for sync';
    expect(events).toEqual([sync]);
    cluster.put('Ingress', ingress('web', 'www.example'));
    cluster.put('Ingress', ingress('foreign', 'www.foreign.example', { className: 'traefik' }));
    cluster.remove('Ingress', NAMESPACE, 'web');
    expect(events).toEqual([sync, sync]);
  });

  it('tells nothing of that with --disable-sync-events', async () => {
    const { events, serve } = setUp('--disable-sync-events');
    await serve();
    expect(events).toEqual([]);
  });

  it('reports what is wrong with an object, also what the store left out of it', async () => {
    const { clock, cluster, controller, events, serve } = setUp();
    cluster.problems.push({
      kind: 'Ingress',
      namespace: NAMESPACE,
      name: 'web',
      problems: ['.spec.rules[1].host is not a string'],
    });
    // Another controller's Ingress and a Service that nothing names.
    cluster.put('Ingress', ingress('foreign', 'foreign.example', { className: 'traefik' }));
    cluster.put('Service', { ...SERVICE, metadata: { namespace: NAMESPACE, name: 'other' } });
    cluster.problems.push({ kind: 'Ingress', namespace: NAMESPACE, name: 'foreign', problems: ['.spec.rules is not a list'] });
    cluster.problems.push({ kind: 'Service', namespace: NAMESPACE, name: 'other', problems: ['.spec.ports is not a list'] });
    await serve();
    cluster.put('Ingress', ingress('shop', 'shop.example', { service: 'shop' }));
    clock.advance(2 * SETTLE_MS);
    const reported = controller.state().diagnostics.map(({ code, object, field }) => [code, object.name, field]);
    expect(reported).toHaveLength(2);
    expect(reported).toContainEqual(['ObjectMalformed', 'web', 'spec.rules[1].host']);
    expect(reported).toContainEqual(['ServiceNotFound', 'shop', expect.stringContaining('spec.rules[0].http.paths[0]')]);
    expect(events.filter((event) => event.includes('Warning')).map((event) => event.split(' ').slice(0, 4).join(' '))).toEqual([
      'Ingress web Warning ObjectMalformed',
      'Ingress shop Warning ServiceNotFound',
    ]);
  });

  it('judges certificates anew as time passes', async () => {
    const { clock, passes, serve } = setUp();
    await serve();
    expect(passes.succeeded).toBe(1);
    clock.advance(3_600_000);
    expect(passes.succeeded).toBe(2);
  });

  it('does nothing after stop', async () => {
    const { clock, cluster, controller, patches, serve } = setUp();
    await serve();
    controller.stop();
    cluster.put('EndpointSlice', slice('10.1.0.9'));
    clock.advance(10_000_000);
    expect(patches).toHaveLength(1);
    expect(clock.armed).toBe(0);
  });
});
