import { afterEach, describe, expect, it } from 'vitest';
import { createCluster } from '../../src/cluster/connect.ts';
import { startStatusWriter } from '../../src/cluster/status.ts';
import type { StatusSettings, StatusWriter } from '../../src/cluster/status.ts';
import { ManualTiming } from '../support/manual-timing.ts';
import { ScriptedApi, clientOf, failing, keepingLog, until } from '../support/scripted-api.ts';
import type { Match } from '../support/scripted-api.ts';

const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
const SERVICES = '/api/v1/namespaces/sluice/services';
const PODS = '/api/v1/namespaces/sluice/pods';
const WRITES: Match = ({ method }) => method === 'PUT';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) {
    await cleanup();
  }
});

interface Scene {
  readonly api: ScriptedApi;
  readonly writer: StatusWriter;
  readonly timing: ManualTiming;
  readonly leads: { value: boolean };
  readonly address: (name: string) => unknown;
  /** Lets the writer have its look, and waits until it is done. */
  readonly look: (milliseconds?: number) => Promise<void>;
}

async function scene(
  settings: Partial<StatusSettings>,
  prepare: (api: ScriptedApi) => void,
  podNamespace?: string,
): Promise<Scene> {
  const api = await ScriptedApi.start();
  prepare(api);
  const timing = new ManualTiming();
  const client = clientOf(api.url);
  const log = keepingLog();
  const cluster = createCluster({
    client,
    log,
    watchNamespace: '',
    watchNamespaceSelector: '',
    ...(podNamespace !== undefined && { podNamespace }),
  });
  cluster.start();
  await cluster.synced;
  await until(() => cluster.connected() && api.watching('ingresses') === 1 && api.watching('services') === 1);
  const leads = { value: true };
  let looks = 0;
  const writer = startStatusWriter({
    client,
    cluster,
    settings: {
      publishStatusAddress: [],
      publishService: { namespace: 'sluice', name: 'lb' },
      reportNodeInternalIpAddress: false,
      updateStatusOnShutdown: true,
      statusUpdateInterval: 60_000,
      podName: 'sluice-1',
      podNamespace: 'sluice',
      ...settings,
    },
    isLeader: () => {
      looks += 1;
      return leads.value;
    },
    accepted: ({ spec }) => spec?.ingressClassName === 'sluice',
    timing,
    log,
  });
  cleanups.push(async () => {
    leads.value = false;
    await writer.stop();
    await cluster.stop();
    await client.close();
    await api.close();
  });
  return {
    api,
    writer,
    timing,
    leads,
    address: (name) => api.get(`${INGRESSES}/${name}`)?.['status'],
    look: async (milliseconds = 100) => {
      const before = looks;
      timing.advance(milliseconds);
      await until(() => looks > before);
    },
  };
}

const ingress = (name: string, className = 'sluice', status?: object) => ({
  metadata: { name },
  spec: { ingressClassName: className },
  ...(status && { status }),
});
const loadBalancer = (...ips: string[]) => ({
  metadata: { name: 'lb' },
  spec: { type: 'LoadBalancer' },
  status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
});
const at = (...ips: string[]) => ({ loadBalancer: { ingress: ips.map((ip) => ({ ip })) } });

const putOf =
  (name: string): Match =>
  ({ method, path }) =>
    method === 'PUT' && path === `${INGRESSES}/${name}/status`;

const pod = (name: string, node: string, app = 'sluice', hash = '1') => ({
  metadata: { name, labels: { app, 'pod-template-hash': hash } },
  spec: { nodeName: node },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
});

const running = (name: string) => ({ metadata: { name, labels: { app: 'sluice' } }, status: { phase: 'Running' } });

const shutdown = (pods: (string | ReturnType<typeof running>)[], settings: Partial<StatusSettings> = {}) =>
  scene(settings, (server) => {
    server.put(SERVICES, loadBalancer('1.2.3.4'));
    server.put(INGRESSES, ingress('a', 'sluice', at('1.2.3.4')));
    server.put(INGRESSES, ingress('foreign', 'nginx', at('1.2.3.4')));
    pods.forEach((each) => server.put(PODS, typeof each === 'string' ? running(each) : each));
  });

describe('the status writer', () => {
  it('writes the address of the published Service into the Ingresses we serve, once, keeping the rest of them', async () => {
    const { api, look, address } = await scene({}, (server) => {
      server.put(SERVICES, loadBalancer('1.2.3.4'));
      server.put(INGRESSES, { ...ingress('a'), extra: { kept: true } });
      server.put(INGRESSES, ingress('foreign', 'nginx'));
      server.put(INGRESSES, ingress('already', 'sluice', at('1.2.3.4')));
    });
    await look();
    await until(() => address('a') !== undefined);
    expect(address('a')).toEqual(at('1.2.3.4'));
    expect(api.get(`${INGRESSES}/a`)?.['extra']).toEqual({ kept: true });
    await look(60_000);
    await look(60_000);
    expect(api.requests.filter(WRITES).map(({ path }) => path)).toEqual([`${INGRESSES}/a/status`]);
  });

  it('follows a change at once: of the address, and of Ingresses', async () => {
    const { api, look, address, timing } = await scene({}, (server) => {
      server.put(SERVICES, loadBalancer());
      server.put(INGRESSES, ingress('a'));
    });
    await look();
    expect(api.count(WRITES)).toBe(0);
    api.put(SERVICES, loadBalancer('1.2.3.4'));
    await until(() => timing.due()[0] === 100);
    await look();
    await until(() => address('a') !== undefined);
    api.put(INGRESSES, ingress('b'));
    await until(() => timing.due()[0] === 100);
    await look();
    await until(() => address('b') !== undefined);
    expect(api.count(WRITES)).toBe(2);
    expect(timing.now()).toBe(300);
  });

  it('writes nothing while another leads, and all of it when elected', async () => {
    const { api, writer, leads, look, address } = await scene({}, (server) => {
      server.put(SERVICES, loadBalancer('1.2.3.4'));
      server.put(INGRESSES, ingress('a'));
    });
    leads.value = false;
    await look();
    await look(60_000);
    expect(api.count(WRITES)).toBe(0);
    leads.value = true;
    writer.trigger();
    await look();
    await until(() => address('a') !== undefined);
  });

  it('does not touch the status while the published Service is missing', async () => {
    const { api, look } = await scene({}, (server) => {
      server.put(INGRESSES, ingress('a', 'sluice', at('1.2.3.4')));
    });
    await look();
    await look(60_000);
    expect(api.count(WRITES)).toBe(0);
  });

  it('survives conflicts, vanished Ingresses and refusals', async () => {
    const { api, look, address } = await scene({}, (server) => {
      server.put(SERVICES, loadBalancer('1.2.3.4'));
      for (const name of ['conflict', 'gone', 'refused', 'fine']) {
        server.put(INGRESSES, ingress(name));
      }
      server.script(putOf('conflict'), failing(409, 'Conflict'), failing(409, 'Conflict'));
      server.script(putOf('gone'), failing(404, 'NotFound'));
      server.script(putOf('refused'), failing(403, 'Forbidden'));
    });
    await look();
    await until(() => address('fine') !== undefined && address('conflict') !== undefined);
    await until(() => api.count(WRITES) === 6);
    expect(address('refused')).toBeUndefined();
    await look(60_000);
    await until(() => address('refused') !== undefined);
  });

  it('takes the nodes of the ready replicas when nothing is published', async () => {
    const { look, address } = await scene(
      { publishService: null },
      (server) => {
        server.put(PODS, pod('sluice-1', 'n1'));
        server.put(PODS, pod('sluice-2', 'n2', 'sluice', '2'));
        server.put(PODS, pod('database', 'n3', 'db'));
        for (const number of [1, 2, 3]) {
          const addresses = [{ type: 'ExternalIP', address: `1.1.1.${number}` }];
          server.put('/api/v1/nodes', { metadata: { name: `n${number}` }, status: { addresses } });
        }
        server.put(INGRESSES, ingress('a'));
      },
      'sluice',
    );
    await look();
    await until(() => address('a') !== undefined);
    expect(address('a')).toEqual(at('1.1.1.1', '1.1.1.2'));
  });

  it('empties the status when the last replica stops', async () => {
    const { writer, address } = await shutdown(['sluice-1']);
    await writer.stop();
    expect(address('a')).toEqual({ loadBalancer: {} });
    expect(address('foreign')).toEqual(at('1.2.3.4'));
  });

  it('leaves the status when another replica runs', async () => {
    const { writer, address } = await shutdown(['sluice-1', 'sluice-2']);
    await writer.stop();
    expect(address('a')).toEqual(at('1.2.3.4'));
  });

  it('leaves the status to the replica of another version, as during an upgrade by Helm', async () => {
    const version = (name: string, number: string) => {
      const rollout = {
        'helm.sh/chart': `sluice-${number}`,
        'app.kubernetes.io/version': number,
        'app.kubernetes.io/managed-by': `Helm-${number}`,
        'pod-template-hash': number,
        'controller-revision-hash': number,
      };
      const { metadata, status } = running(name);
      return { metadata: { ...metadata, labels: { ...metadata.labels, ...rollout } }, status };
    };
    const { writer, address } = await shutdown([version('sluice-1', '1'), version('sluice-2', '2')]);
    await writer.stop();
    expect(address('a')).toEqual(at('1.2.3.4'));
  });

  it('does not count a replica that is being deleted, one that does not run yet, or another program', async () => {
    const deleted = running('sluice-2');
    const pending = { ...running('sluice-3'), status: { phase: 'Pending' } };
    const other = { ...running('database'), metadata: { name: 'database', labels: { app: 'db' } } };
    const { writer, address } = await shutdown([
      'sluice-1',
      { ...deleted, metadata: { ...deleted.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } as typeof deleted.metadata },
      pending,
      other,
    ]);
    await writer.stop();
    expect(address('a')).toEqual({ loadBalancer: {} });
  });

  it('leaves the status on shutdown when told so, and when another leads', async () => {
    const told = await shutdown(['sluice-1'], { updateStatusOnShutdown: false });
    await told.writer.stop();
    expect(told.address('a')).toEqual(at('1.2.3.4'));
    const other = await shutdown(['sluice-1']);
    other.leads.value = false;
    await other.writer.stop();
    expect(other.address('a')).toEqual(at('1.2.3.4'));
  });
});
