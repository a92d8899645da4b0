import { Registry } from 'prom-client';
import { beforeAll, describe, expect, it } from 'vitest';
import { createControllerMetrics } from '../../src/controller/metrics.ts';
import type { ControllerState } from '../../src/controller/snapshot.ts';
import { type Certificate, groupId, type Route, type RoutingTable } from '../../src/model/table.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { parseCertificate } from '../../src/translate/certificate.ts';
import { makeCa, makeCertificate } from '../support/pki.ts';

const EMPTY = groupId('default', 'empty', '80');
let certificate: Certificate;

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

beforeAll(() => {
  const { chain, key } = makeCertificate({
    names: ['a.example'],
    notAfter: new Date('2030-01-01T00:00:00Z'),
    issuer: makeCa({ name: 'The issuer' }),
  });
  const secret = {
    metadata: { namespace: 'default', name: 'a-tls' },
    data: { 'tls.crt': base64(chain), 'tls.key': base64(key) },
  };
  certificate = parseCertificate(secret) as Certificate;
});

function route(ingress: string, target: Route['target']): Route {
  return {
    match: { exact: null, prefix: '/', slashRedirect: null },
    path: '/',
    pathType: 'Prefix',
    target,
    policies: {},
    ingress: { namespace: 'default', name: ingress },
    service: { name: 'web', port: '80' },
  };
}

function table(): RoutingTable {
  const routes = [
    route('empty', { kind: 'group', group: EMPTY, fallback: null }),
    route('missing', { kind: 'answer', status: 503 }),
    route('missing', { kind: 'answer', status: 503 }),
    { ...route('built-in', { kind: 'answer', status: 404 }), service: null },
  ];
  return {
    hosts: new Map([['a.example', { host: 'a.example', certificate: certificate.id, tls: null, routes, passthrough: null }]]),
    groups: new Map([
      [EMPTY, { id: EMPTY, namespace: 'default', service: 'empty', port: '80', protocol: null, endpoints: [] }],
    ]),
    upstreamSecrets: new Map(),
    certificates: new Map([[certificate.id, certificate]]),
    streams: new Map(),
    defaultCertificate: certificate,
  };
}

function setUp(change: Partial<ControllerState> = {}) {
  const registry = new Registry();
  let state: ControllerState = {
    table: table(),
    version: 12,
    publishedAt: 1_700_000_000_500,
    healthy: true,
    diagnostics: [],
    settings: DEFAULT_SETTINGS,
    ...change,
  };
  const metrics = createControllerMetrics(
    registry,
    { namespace: 'sluice', pod: 'sluice-0', controllerClass: 'k8s.io/ingress-nginx', electionId: 'leader', version: '1.2.3' },
    {
      state: () => state,
      workers: () => [
        { id: 0, state: 'ready', version: 12, restarts: 0, admission: 0 },
        { id: 1, state: 'starting', version: 11, restarts: 3, admission: 2 },
      ],
      connected: () => false,
      leading: () => true,
      watches: () =>
        ['a', 'b'].map((path) => ({
          kind: 'Secret',
          path,
          state: 'failing',
          objects: 0,
          relists: 2,
          errors: new Map([['500', 3]]),
          stalls: 1,
          lastEventAge: undefined,
        })),
    },
  );
  const lines = async () => (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { metrics, lines, become: (next: Partial<ControllerState>) => (state = { ...state, ...next }) };
}

const US = 'controller_namespace="sluice",controller_class="k8s.io/ingress-nginx",controller_pod="sluice-0"';
const P = 'nginx_ingress_controller_';

describe('the metrics of the control plane', () => {
  it("have ingress-nginx's names and labels", async () => {
    const { lines } = setUp();
    expect(await lines()).toEqual(
      expect.arrayContaining([
        `${P}build_info{${US},build="sluice",release="1.2.3",repository="sluice"} 1`,
        `${P}config_hash{${US}} 12`,
        `${P}config_last_reload_successful{${US}} 1`,
        `${P}config_last_reload_successful_timestamp_seconds{${US}} 1700000000.5`,
        `${P}success{${US}} 0`,
        `${P}errors{${US}} 0`,
        `${P}ssl_expire_time_seconds{host="a.example",secret_name="a-tls",class="k8s.io/ingress-nginx",namespace="sluice"} 1893456000`,
        `${P}orphan_ingress{${US},namespace="default",ingress="empty",type="no-endpoint"} 1`,
        `${P}orphan_ingress{${US},namespace="default",ingress="missing",type="no-service"} 1`,
        `${P}leader_election_status{${US},name="leader"} 1`,
      ]),
    );
    const memory = (await lines()).find((line) => line.startsWith(`${P}nginx_process_resident_memory_bytes{${US}}`));
    expect(Number(memory?.split(' ').at(-1))).toBeGreaterThan(1e6);
    const info = (await lines()).find((line) => line.startsWith(`${P}ssl_certificate_info`));
    expect(info).toContain('issuer_common_name="The issuer"');
    expect(info).toContain('public_key_algorithm="ec"');
    expect((await lines()).filter((line) => line.startsWith(`${P}orphan_ingress`))).toHaveLength(2);
  });

  it('show the workers and the watches, those of one kind added up', async () => {
    expect(await setUp().lines()).toEqual(
      expect.arrayContaining([
        'sluice_table_version 12',
        'sluice_worker_table_version{worker="1"} 11',
        'sluice_worker_restarts_total{worker="1"} 3',
        'sluice_overload_level{worker="1"} 2',
        'sluice_workers{state="starting"} 1',
        'sluice_apiserver_connected 0',
        'sluice_watch_relists_total{kind="Secret"} 4',
        'sluice_watch_stalls_total{kind="Secret"} 2',
        'sluice_watch_errors_total{kind="Secret",reason="500"} 6',
      ]),
    );
  });

  it('count passes and forget what is gone', async () => {
    const { metrics, lines, become } = setUp();
    metrics.passSucceeded(0.002);
    metrics.passFailed();
    become({ healthy: false, table: null });
    const text = await lines();
    expect(text).toContain(`${P}success{${US}} 1`);
    expect(text).toContain(`${P}errors{${US}} 1`);
    expect(text).toContain(`${P}config_last_reload_successful{${US}} 0`);
    expect(text).toContain('sluice_pass_duration_seconds_bucket{le="0.0025"} 1');
    expect(text).toContain('sluice_pass_duration_seconds_bucket{le="0.001"} 0');
    expect(text.filter((line) => line.startsWith(`${P}ssl_`) || line.startsWith(`${P}orphan`))).toEqual([]);
  });
});
