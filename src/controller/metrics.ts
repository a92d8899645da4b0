/**
 * The control plane's metrics: ingress-nginx's names and labels where it has them (internal/ingress/metric/collectors, on
 * which its Grafana dashboards depend), ours under `sluice_`. All but the counters are read at the moment of a scrape.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { WatchStats } from '../cluster/cluster.ts';
import { processFacts, type ProcessFacts } from '../observe/process-facts.ts';
import type { WorkerState } from '../proxy/data-plane.ts';
import type { ControllerState } from './snapshot.ts';
import { certificateInfo, hostCertificates, orphans } from './table-facts.ts';

/** Where the metrics come from. */
interface MetricsSources {
  readonly state: () => ControllerState;
  readonly workers: () => readonly WorkerState[];
  readonly connected: () => boolean;
  readonly watches: () => readonly WatchStats[];
  /** Null without leader election. */
  readonly leading: () => boolean | null;
  readonly process?: () => ProcessFacts;
}

/** The labels `controller_namespace`, `controller_pod` and `controller_class` of every metric of ingress-nginx. */
interface ControllerIdentity {
  readonly namespace: string;
  readonly pod: string;
  readonly controllerClass: string;
  readonly electionId: string;
  readonly version: string;
}

/** What the controller counts itself. */
export interface ControllerMetrics {
  readonly passSucceeded: (seconds: number) => void;
  readonly passFailed: () => void;
}

const PREFIX = 'nginx_ingress_controller_';
const IDENTITY = ['controller_namespace', 'controller_class', 'controller_pod'] as const;
const CERTIFICATE = ['namespace', 'class', 'host', 'secret_name'] as const;
const CERTIFICATE_INFO = [
  ...CERTIFICATE,
  'identifier',
  'issuer_organization',
  'issuer_common_name',
  'serial_number',
  'public_key_algorithm',
] as const;

/** Registers the metrics. */
export function createControllerMetrics(
  registry: Registry,
  identity: ControllerIdentity,
  sources: MetricsSources,
): ControllerMetrics {
  const registers = [registry];
  const us = {
    controller_namespace: identity.namespace,
    controller_class: identity.controllerClass,
    controller_pod: identity.pod,
  };
  /** A gauge whose samples are made anew for each scrape. */
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[], samples: () => Iterable<Sample<L>>) =>
    new Gauge<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.set(labels, value);
      },
    });
  /** A counter that somebody else counts; samples with equal labels are added up. */
  const counter = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    samples: () => Iterable<Sample<L>>,
  ) =>
    new Counter<L>({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect() {
        this.reset();
        for (const [labels, value] of samples()) this.inc(labels, value);
      },
    });
  const ofUs = (name: string, help: string, value: () => number) => gauge(PREFIX + name, help, IDENTITY, () => [[us, value()]]);

  const facts = sources.process ?? processFacts;
  const build = { build: 'sluice', release: identity.version, repository: 'sluice' };
  gauge(
    `${PREFIX}build_info`,
    'The version of this controller; always 1.',
    [...IDENTITY, 'build', 'release', 'repository'],
    () => [[{ ...us, ...build }, 1]],
  );
  ofUs('config_hash', 'The version of the routing table; another number means another table.', () => sources.state().version);
  ofUs('config_last_reload_successful', 'Whether the last pass of the controller succeeded.', () =>
    Number(sources.state().healthy),
  );
  ofUs(
    'config_last_reload_successful_timestamp_seconds',
    'When the routing table was last published.',
    () => (sources.state().publishedAt ?? 0) / 1000,
  );
  const success = new Counter({
    name: `${PREFIX}success`,
    help: 'Passes of the controller that succeeded.',
    labelNames: IDENTITY,
    registers,
  });
  const errors = new Counter({
    name: `${PREFIX}errors`,
    help: 'Passes of the controller that failed.',
    labelNames: IDENTITY,
    registers,
  });
  success.inc(us, 0);
  errors.inc(us, 0);

  gauge(`${PREFIX}ssl_expire_time_seconds`, 'When the certificate of a host expires, in seconds since 1970.', CERTIFICATE, () =>
    mapped(hostCertificates(sources.state().table), ({ labels, certificate }) => [
      { ...labels, class: identity.controllerClass, namespace: identity.namespace },
      Math.floor(certificate.notAfter / 1000),
    ]),
  );
  gauge(`${PREFIX}ssl_certificate_info`, 'The certificate of a host; always 1.', CERTIFICATE_INFO, () =>
    mapped(hostCertificates(sources.state().table), ({ labels, certificate }) => [
      { ...labels, class: identity.controllerClass, namespace: identity.namespace, ...certificateInfo(certificate) },
      1,
    ]),
  );
  gauge(
    `${PREFIX}orphan_ingress`,
    '1 for an Ingress with a backend that has no Service (no-service) or no endpoint (no-endpoint).',
    [...IDENTITY, 'namespace', 'ingress', 'type'],
    () => mapped(orphans(sources.state().table), (orphan) => [{ ...us, ...orphan }, 1]),
  );
  gauge(`${PREFIX}leader_election_status`, '1: this replica leads; 0: it follows.', [...IDENTITY, 'name'], () => {
    const leading = sources.leading();
    return leading === null ? [] : [[{ ...us, name: identity.electionId }, Number(leading)]];
  });

  ofUs('nginx_process_resident_memory_bytes', 'Memory of this process, controller and workers.', () =>
    process.memoryUsage.rss(),
  );
  ofUs(
    'nginx_process_virtual_memory_bytes',
    'Addresses of this process that mean something.',
    () => facts().virtualMemoryBytes,
  );
  ofUs('nginx_process_num_procs', 'Processes: one, with a thread for each worker.', () => 1);
  ofUs('nginx_process_oldest_start_time_seconds', 'When this process was started, in seconds since 1970.', () =>
    Math.round(performance.timeOrigin / 1000),
  );
  counter(`${PREFIX}nginx_process_read_bytes_total`, 'Bytes read from storage.', IDENTITY, () => [[us, facts().readBytes]]);
  counter(`${PREFIX}nginx_process_write_bytes_total`, 'Bytes written to storage.', IDENTITY, () => [[us, facts().writeBytes]]);
  counter(`${PREFIX}nginx_process_cpu_seconds_total`, 'CPU time of this process, controller and workers.', IDENTITY, () => {
    const { user, system } = process.cpuUsage();
    return [[us, (user + system) / 1e6]];
  });

  // Nothing counts them: there is no admission webhook. Dashboards that ask for them find them.
  for (const [name, help] of [
    ['check_success', 'Ingresses that the admission webhook found in order.'],
    ['check_errors', 'Ingresses that the admission webhook found wrong.'],
  ] as const)
    counter(PREFIX + name, help, [...IDENTITY, 'namespace', 'ingress'], () => []);

  gauge('sluice_table_version', 'The version of the last published routing table.', [], () => [[{}, sources.state().version]]);
  gauge('sluice_worker_table_version', 'The version of the routing table a worker serves.', ['worker'], () =>
    mapped(sources.workers(), ({ id, version }) => [{ worker: String(id) }, version]),
  );
  counter('sluice_worker_restarts_total', 'How often a worker was replaced after it died.', ['worker'], () =>
    mapped(sources.workers(), ({ id, restarts }) => [{ worker: String(id) }, restarts]),
  );
  gauge('sluice_workers', 'Workers by state.', ['state'], () => counted(sources.workers(), ({ state }) => ({ state })));
  gauge(
    'sluice_overload_level',
    '0: all is served; 1: the worker keeps no connection alive; 2: it refuses requests.',
    ['worker'],
    () => mapped(sources.workers(), ({ id, admission }) => [{ worker: String(id) }, admission]),
  );
  gauge('sluice_diagnostics', 'What is wrong with the objects at present.', ['code', 'severity'], () =>
    counted(sources.state().diagnostics, ({ code, severity }) => ({ code, severity })),
  );
  gauge('sluice_apiserver_connected', '0 while the API server cannot be reached or the watches are stale.', [], () => [
    [{}, Number(sources.connected())],
  ]);
  counter('sluice_watch_relists_total', 'Complete lists after the first.', ['kind'], () =>
    mapped(sources.watches(), ({ kind, relists }) => [{ kind }, relists]),
  );
  counter('sluice_watch_stalls_total', 'Watches that were given up because nothing came.', ['kind'], () =>
    mapped(sources.watches(), ({ kind, stalls }) => [{ kind }, stalls]),
  );
  counter('sluice_watch_errors_total', 'Failed lists and watches, by HTTP status or reason.', ['kind', 'reason'], () =>
    sources.watches().flatMap(({ kind, errors: reasons }) => mapped(reasons, ([reason, count]) => [{ kind, reason }, count])),
  );
  const passes = new Histogram({
    name: 'sluice_pass_duration_seconds',
    help: 'From the changes to the published patch.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });

  return {
    passSucceeded: (seconds) => {
      success.inc(us);
      passes.observe(seconds);
    },
    passFailed: () => errors.inc(us),
  };
}

type Sample<L extends string> = readonly [Partial<Record<L, string>>, number];

function mapped<T, L extends string>(items: Iterable<T>, sample: (item: T) => Sample<L>): Sample<L>[] {
  return Array.from(items, sample);
}

function counted<T, L extends string>(items: Iterable<T>, labelsOf: (item: T) => Record<L, string>): Sample<L>[] {
  const counts = new Map<string, [Record<L, string>, number]>();
  for (const item of items) {
    const labels = labelsOf(item);
    const key = JSON.stringify(labels);
    const entry = counts.get(key);
    if (entry === undefined) counts.set(key, [labels, 1]);
    else entry[1] += 1;
  }
  return [...counts.values()];
}
