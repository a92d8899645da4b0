/** Puts the parts together: the cluster's watches, the controller, the data plane, status and Events, the admin port. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ReadinessPart } from '../admin/health.ts';
import { startAdmin } from '../admin/server.ts';
import type { OutsideObject } from '../cluster/connect.ts';
import { createCluster } from '../cluster/connect.ts';
import { createEventRecorder } from '../cluster/events.ts';
import { createKubeClient } from '../cluster/http/kube-client.ts';
import { loadKubeConfig } from '../cluster/http/kube-config.ts';
import { type Election, startElection } from '../cluster/lease.ts';
import { type StatusWriter, startStatusWriter } from '../cluster/status.ts';
import { SYSTEM_TIMING } from '../cluster/timing.ts';
import { Controller } from '../controller/controller.ts';
import { makeFakeCertificate } from '../controller/fake-certificate.ts';
import { SYSTEM_CLOCK } from '../controller/loop.ts';
import { createControllerMetrics } from '../controller/metrics.ts';
import { snapshot } from '../controller/snapshot.ts';
import type { RoutingTable } from '../model/table.ts';
import type { Logger } from '../observe/log.ts';
import { seriesLayout } from '../observe/series.ts';
import { SeriesReader } from '../observe/series-reader.ts';
import type { BoundPorts } from '../proxy/data-plane.ts';
import { memoryReader } from '../proxy/workers/memory.ts';
import { startDataPlane } from '../proxy/supervisor.ts';
import { versionText } from '../settings/help.ts';
import type { Settings } from '../settings/settings.ts';
import { isAccepted, referencedConfigMaps } from '../controller/references.ts';
import { portError } from './ports.ts';

/** How long `/readyz` waits for the workers to apply the last patch. Milliseconds. */
const APPLY_MS = 500;
/** How long the last writes to the API server may take. Milliseconds. */
const FAREWELL_MS = 5000;

/** A running Sluice. */
export interface Serving {
  readonly adminPort: number;
  /** Resolves once every worker listens, which is after the first table. Rejects when a port cannot be bound. */
  readonly listening: Promise<BoundPorts>;
  /** Resolves when the process must end, for a worker that nothing else ends. */
  readonly failed: Promise<void>;
  /** The table that was published last; null before the first. */
  readonly table: () => RoutingTable | null;
  /**
   * Not ready from now on; keeps serving for `--shutdown-grace-period`; then stops accepting and lets what is in flight
   * finish for `worker-shutdown-timeout`, or `deadline` milliseconds if that is less; empties the status if no replica is
   * left, and gives the lease back.
   */
  readonly stop: (deadline?: number) => Promise<void>;
}

/** Starts everything, in an order in which whoever asks is answered: first the admin port. Rejects when that is taken. */
export async function serve(settings: Settings, log: Logger): Promise<Serving> {
  const control = settings.controller;
  const load = () => loadKubeConfig(control);
  // Once for its error: what cannot be read now will not be readable a second later.
  load();
  const client = createKubeClient({ load, timing: SYSTEM_TIMING, log });
  const cluster = createCluster({
    client,
    log,
    watchNamespace: control.watchNamespace,
    watchNamespaceSelector: control.watchNamespaceSelector,
    outside: outsideObjects(settings),
    podNamespace: takesNodeAddresses(settings) ? control.podNamespace : null,
    onDenied: (kind, message) => {
      if (control.podName === '') return;
      const object = { apiVersion: 'v1', kind: 'Pod', namespace: control.podNamespace, name: control.podName };
      events.record({ object, type: 'Warning', reason: 'WatchDenied', message: `${kind}: ${message}` });
    },
  });
  const common = {
    controller_class: settings.translate.controllerClass,
    controller_namespace: control.podNamespace,
    controller_pod: control.podName,
  };
  const series = new SeriesReader(common, {
    layout: seriesLayout(settings.proxy),
    perHost: control.metricsPerHost,
    excluded: control.metricsExcluded,
  });
  const memory = memoryReader(control.memoryLimit);
  const dataPlane = startDataPlane(settings.proxy, { workers: control.workers, log, series, memory });
  const events = createEventRecorder({
    client,
    timing: SYSTEM_TIMING,
    log,
    component: 'nginx-ingress-controller',
    instance: control.podName,
  });

  let draining = false;
  let election: Election | null = null;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = createControllerMetrics(
    registry,
    {
      namespace: control.podNamespace,
      pod: control.podName,
      controllerClass: settings.translate.controllerClass,
      electionId: control.electionId,
      version: versionText(),
    },
    {
      state: () => controller.state(),
      workers: () => dataPlane.workers(),
      watches: () => cluster.stats(),
      connected: () => cluster.connected(),
      leading: () => election?.isLeader() ?? null,
    },
  );
  const controller = new Controller({
    cluster,
    dataPlane,
    settings,
    defaultCertificate: makeFakeCertificate(Date.now()),
    emit: (object, type, reason, message) => events.record({ object, type, reason, message }),
    metrics,
    log,
    clock: SYSTEM_CLOCK,
    wallClock: () => Date.now(),
  });

  const readiness = async (): Promise<readonly ReadinessPart[]> => {
    const { table, version } = controller.state();
    // A patch is on its way to the workers for a moment; that is no reason to be taken out of service.
    if (table !== null && !dataPlane.ready()) await within(APPLY_MS, dataPlane.applied(version));
    return [
      { name: 'shutdown', ok: !draining, detail: 'shutting down' },
      { name: 'table', ok: table !== null, detail: 'waiting for the first lists of the API server' },
      { name: 'workers', ok: dataPlane.ready(), detail: 'no worker serves the latest table' },
    ];
  };
  const admin = await startAdmin(
    {
      readiness,
      configuration: () => snapshot(controller.state(), dataPlane.workers(), cluster.connected()),
      metrics: control.enableMetrics
        ? { contentType: registry.contentType, metrics: async () => (await registry.metrics()) + series.text() }
        : null,
    },
    { address: control.adminAddress, port: control.adminPort, healthCheckPath: control.healthCheckPath, log },
  ).catch(async (error: unknown) => {
    await Promise.all([dataPlane.shutdown(0), events.stop(), client.close()]);
    throw portError(error, 'healthz-port', control.adminPort, control.adminAddress);
  });

  controller.start();
  let status: StatusWriter | null = null;
  if (!control.disableLeaderElection) {
    election = startElection({
      client,
      timing: SYSTEM_TIMING,
      log,
      namespace: control.podNamespace,
      name: control.electionId,
      identity: control.podName,
      ttl: control.electionTtl,
      onElected: () => status?.trigger(),
    });
  }
  if (control.updateStatus) {
    status = startStatusWriter({
      client,
      cluster,
      settings: control,
      // Without an election every replica writes, as with ingress-nginx.
      isLeader: () => election?.isLeader() ?? control.disableLeaderElection,
      accepted: (ingress) => isAccepted(ingress, cluster.cache, settings),
      timing: SYSTEM_TIMING,
      log,
    });
  }

  return {
    adminPort: admin.port,
    listening: dataPlane.listening,
    failed: dataPlane.failed,
    table: () => controller.state().table,
    stop: async (deadline = Number.POSITIVE_INFINITY) => {
      draining = true;
      log.info({ grace: control.shutdownGracePeriod }, 'shutting down: not ready, still serving');
      dataPlane.drain();
      await pause(control.shutdownGracePeriod);
      const { workerShutdownTimeout } = controller.state().settings.controller;
      const drained = dataPlane.shutdown(Math.min(workerShutdownTimeout, deadline));
      // While requests finish, another replica may take over. An API server that does not answer holds nothing up.
      await Promise.all([drained, within(FAREWELL_MS, leave(status, election))]);
      controller.stop();
      await Promise.all([events.stop(), cluster.stop()]);
      await client.close();
      await admin.close();
      log.info({}, 'shut down');
    },
  };
}

/** What is read although `--watch-namespace` may not cover it. */
function outsideObjects({ controller, translate }: Pick<Settings, 'controller' | 'translate'>): readonly OutsideObject[] {
  const objects: OutsideObject[] = [];
  for (const key of referencedConfigMaps({ controller, translate })) objects.push({ kind: 'ConfigMap', ...key });
  if (controller.publishService !== null) objects.push({ kind: 'Service', ...controller.publishService });
  if (translate.defaultBackendService !== null) objects.push({ kind: 'Service', ...translate.defaultBackendService });
  if (translate.defaultSslCertificate !== null) objects.push({ kind: 'Secret', ...translate.defaultSslCertificate });
  return objects;
}

function takesNodeAddresses({ controller }: Settings): boolean {
  return controller.updateStatus && controller.publishService === null && controller.publishStatusAddress.length === 0;
}

/** The status is written while the lease is still ours. */
async function leave(status: StatusWriter | null, election: Election | null): Promise<void> {
  await status?.stop();
  await election?.stop();
}

/** Resolves when the promise does, or after so many milliseconds. */
async function within(milliseconds: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, milliseconds);
  await Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

/** Rejects as the promise does, and does nothing when it resolves. */
export function rejectionOf(promise: Promise<unknown>): Promise<never> {
  return new Promise((_resolve, reject) => {
    promise.catch(reject);
  });
}
