/**
 * What the public dashboards and alerts of ingress-nginx ask for is there: every metric, and every label they select or group by.
 * Sources: kubernetes/ingress-nginx, deploy/grafana/dashboards/nginx.json and request-handling-performance.json; the examples of
 * `prometheusRule` in charts/ingress-nginx/values.yaml.
 */
import { Registry } from 'prom-client';
import { beforeAll, expect, it } from 'vitest';
import { createControllerMetrics } from '../../src/controller/metrics.ts';
import type { Certificate, RoutingTable } from '../../src/model/table.ts';
import {
  CONNECT_DURATION,
  HEADER_DURATION,
  REQUEST_DURATION,
  RESPONSE_DURATION,
  sharedCounters,
} from '../../src/observe/series.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { parseCertificate } from '../../src/translate/certificate.ts';
import { makeCertificate } from '../support/pki.ts';
import { seriesReader, seriesWriter } from '../support/series.ts';

const OF_US = 'controller_pod=~"$controller",controller_class=~"$controller_class",controller_namespace=~"$namespace"';
const OLD = 'controller_pod=~"$controller",controller_class=~"$controller_class",namespace=~"$namespace"';
const P = 'nginx_ingress_controller_';

const EXPRESSIONS: readonly string[] = [
  // nginx.json
  `sum(changes(${P}config_last_reload_successful_timestamp_seconds{instance!="unknown",controller_class=~"$controller_class",namespace=~"$namespace"}[30s])) by (controller_class)`,
  `round(sum(irate(${P}requests{${OLD}}[2m])), 0.001)`,
  `sum(avg_over_time(${P}nginx_process_connections{${OF_US},state="active"}[2m]))`,
  `sum(rate(${P}requests{${OLD},status!~"[4-5].*"}[2m])) / sum(rate(${P}requests{${OLD}}[2m]))`,
  `avg(irate(${P}success{${OF_US}}[1m])) * 60`,
  `count(${P}config_last_reload_successful{controller_pod=~"$controller",controller_namespace=~"$namespace"} == 0)`,
  `round(sum(irate(${P}requests{${OF_US},ingress=~"$ingress"}[2m])) by (ingress), 0.001)`,
  `sum(rate(${P}requests{${OLD},ingress=~"$ingress",status!~"[4-5].*"}[2m])) by (ingress)`,
  `sum (irate (${P}request_size_sum{${OF_US}}[2m]))`,
  `- sum (irate (${P}response_size_sum{${OF_US}}[2m]))`,
  `avg(${P}nginx_process_resident_memory_bytes{${OF_US}})`,
  `avg (rate (${P}nginx_process_cpu_seconds_total{${OF_US}}[2m]))`,
  `histogram_quantile(0.50, sum(rate(${P}request_duration_seconds_bucket{ingress!="",${OF_US},ingress=~"$ingress"}[2m])) by (le, ingress))`,
  `sum(irate(${P}request_size_sum{ingress!="",${OF_US},ingress=~"$ingress"}[2m])) by (ingress)`,
  `sum(irate(${P}response_size_sum{ingress!="",${OF_US},ingress=~"$ingress"}[2m])) by (ingress)`,
  `histogram_quantile(0.80, sum(rate(${P}request_duration_seconds_bucket{ingress!="",${OF_US},ingress=~"$ingress",exported_namespace=~"$exported_namespace"}[2m])) by (le))`,
  `avg(${P}ssl_expire_time_seconds{kubernetes_pod_name=~"$controller",namespace=~"$namespace"}) by (host) - time()`,
  `label_values(${P}config_hash{namespace=~"$namespace",controller_class=~"$controller_class"}, controller_pod)`,
  `label_values(${P}requests{${OLD}, ingress=~"$ingress"}, exported_namespace)`,
  // request-handling-performance.json
  `histogram_quantile(0.5, sum by (le)(rate(${P}request_duration_seconds_bucket{ingress =~ "$ingress"}[1m])))`,
  `histogram_quantile(0.5, sum by (le)(rate(${P}response_duration_seconds_bucket{ingress =~ "$ingress"}[1m])))`,
  `sum by (path)(rate(${P}request_duration_seconds_count{ingress =~ "$ingress"}[1m]))`,
  `histogram_quantile(.5, sum by (le, path)(rate(${P}response_duration_seconds_bucket{ingress =~ "$ingress"}[1m])))`,
  `sum by (path) (rate(${P}request_duration_seconds_count{ingress =~ "$ingress", status =~ "[4-5].*"}[1m]))`,
  `sum by (path) (rate(${P}response_duration_seconds_sum{ingress =~ "$ingress"}[1m]))`,
  `sum (rate(${P}request_duration_seconds_count{ingress =~ "$ingress", status =~"[4-5].*",}[1m])) by(path, status)`,
  `sum (rate (${P}response_size_sum {ingress =~ "$ingress",}[1m])) by (path) / sum (rate(${P}response_size_count {ingress =~ "$ingress",}[1m])) by (path)`,
  `sum (rate(${P}response_size_bucket{ingress =~ "$ingress",}[1m])) by (le)`,
  `sum (rate(${P}ingress_upstream_latency_seconds_sum {ingress =~ "$ingress",}[1m])) / sum (rate(${P}ingress_upstream_latency_seconds_count {ingress =~ "$ingress",}[1m]))`,
  `sum by (le)(rate(${P}connect_duration_seconds_bucket{ingress =~ "$ingress"}[1m]))`,
  `sum by (le)(rate(${P}header_duration_seconds_bucket{ingress =~ "$ingress"}[1m]))`,
  // The chart's examples of alerts.
  `count(${P}config_last_reload_successful == 0) > 0`,
  `(avg(${P}ssl_expire_time_seconds{host!="_"}) by (host) - time()) < 604800`,
  `100 * ( sum( ${P}requests{status=~"5.+"} ) / sum(${P}requests) ) > 5`,
  // The rest of what ingress-nginx has, by the labels of reference §4.
  `${P}requests{controller_class="",controller_namespace="",controller_pod="",namespace="",ingress="",service="",host="",path="",method="",status="",canary=""}`,
  `${P}bytes_sent_sum{service="",host="",path="",method="",status="",canary=""}`,
  `${P}nginx_process_connections_total{state="accepted"} + ${P}nginx_process_connections_total{state="handled"}`,
  `${P}nginx_process_connections{state="reading"} + ${P}nginx_process_connections{state="writing"} + ${P}nginx_process_connections{state="waiting"}`,
  `${P}nginx_process_requests_total{controller_pod=""} + ${P}nginx_process_num_procs{controller_pod=""}`,
  `${P}nginx_process_read_bytes_total{controller_pod=""} + ${P}nginx_process_write_bytes_total{controller_pod=""}`,
  `${P}nginx_process_virtual_memory_bytes{controller_pod=""} + ${P}nginx_process_oldest_start_time_seconds{controller_pod=""}`,
  `${P}errors{controller_pod=""} + ${P}leader_election_status{name="",controller_pod=""}`,
  `${P}build_info{build="",release="",repository="",controller_pod=""}`,
  `${P}ssl_certificate_info{class="",host="",identifier="",issuer_common_name="",issuer_organization="",namespace="",public_key_algorithm="",secret_name="",serial_number=""}`,
];

/** What Prometheus adds when it scrapes; `exported_namespace` is our `namespace` where it adds one of its own. */
const SCRAPER = new Set(['instance', 'kubernetes_pod_name', 'exported_namespace']);
/** That of the controller, which has no label of its own: Prometheus adds that of its target. */
const TARGET_NAMESPACE = /^(?:config_|success)/;

/** Metric → the labels of its series. */
const exposed = new Map<string, Set<string>>();

beforeAll(async () => {
  const { chain, key } = makeCertificate({ names: ['a.example'] });
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const certificate = parseCertificate({
    metadata: { namespace: 'default', name: 'a-tls' },
    data: { 'tls.crt': base64(chain), 'tls.key': base64(key) },
  }) as Certificate;
  const table: RoutingTable = {
    hosts: new Map([
      ['a.example', { host: 'a.example', certificate: certificate.id, tls: null, routes: [], passthrough: null }],
    ]),
    groups: new Map(),
    upstreamSecrets: new Map(),
    certificates: new Map([[certificate.id, certificate]]),
    streams: new Map(),
    defaultCertificate: certificate,
  };
  const registry = new Registry();
  createControllerMetrics(
    registry,
    { namespace: 'sluice', pod: 'sluice-0', controllerClass: 'k8s.io/ingress-nginx', electionId: 'leader', version: '1.2.3' },
    {
      state: () => ({ table, version: 1, publishedAt: 1, healthy: true, diagnostics: [], settings: DEFAULT_SETTINGS }),
      workers: () => [],
      connected: () => true,
      leading: () => true,
      watches: () => [],
    },
  );
  const reader = seriesReader({
    controller_class: 'k8s.io/ingress-nginx',
    controller_namespace: 'sluice',
    controller_pod: 'sluice-0',
  });
  const counters = sharedCounters();
  reader.addWorker(1, counters);
  const writer = seriesWriter(counters, (announcement) => reader.announce(1, announcement));
  const series = writer.open({
    namespace: 'default',
    ingress: 'web',
    service: 'app',
    canary: '',
    host: 'a.example',
    path: '/',
    method: 'GET',
    status: '200',
  });
  writer.count(series);
  for (const duration of [REQUEST_DURATION, CONNECT_DURATION, HEADER_DURATION, RESPONSE_DURATION])
    writer.observe(series, duration, 0.1);
  for (const line of `${await registry.metrics()}${reader.text()}`.split('\n')) {
    const parts = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line);
    if (parts === null) continue;
    const labels = [...(parts[2] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label!);
    exposed.set(parts[1]!, new Set([...(exposed.get(parts[1]!) ?? []), ...labels]));
  }
});

it.each(EXPRESSIONS)('%s', (expression) => {
  const selectors = [...expression.matchAll(/(nginx_ingress_controller_\w+)\s*(?:\{([^}]*)\})?/g)];
  expect(selectors.length).toBeGreaterThan(0);
  const grouped = [...expression.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, labels]) =>
    labels!.split(',').map((label) => label.trim()),
  );
  const asked = /^label_values\(.*,\s*(\w+)\)$/.exec(expression)?.[1];
  for (const [, metric = '', matchers = ''] of selectors) {
    expect(exposed.has(metric), metric).toBe(true);
    const wanted = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!);
    for (const label of new Set([...wanted, ...grouped, ...(asked === undefined ? [] : [asked])])) {
      if (SCRAPER.has(label) || (label === 'namespace' && TARGET_NAMESPACE.test(metric.slice(P.length)))) continue;
      expect([...exposed.get(metric)!], `${metric}{${label}}`).toContain(label);
    }
  }
});

it('says of what nobody counts that it exists', async () => {
  const registry = new Registry();
  createControllerMetrics(
    registry,
    { namespace: '', pod: '', controllerClass: '', electionId: '', version: '' },
    {
      state: () => ({ table: null, version: 1, publishedAt: 1, healthy: true, diagnostics: [], settings: DEFAULT_SETTINGS }),
      workers: () => [],
      connected: () => true,
      leading: () => null,
      watches: () => [],
    },
  );
  const text = await registry.metrics();
  for (const name of ['check_success', 'check_errors', 'orphan_ingress']) expect(text).toContain(`# TYPE ${P}${name} `);
});
