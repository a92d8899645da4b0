/** Runs Pods: gives each an address, starts its backend, tells its readiness, and ends it gracefully. The cluster's kubelet. */
import { NODE_NAME } from '../../api/first-objects.ts';
import { equalJson, objectAt, stringAt, valueAt } from '../../api/json.ts';
import type { StoredObject } from '../../api/storage.ts';
import type { PodAddresses } from '../../backends/addresses.ts';
import { Backend } from '../../backends/backend.ts';
import { BACKEND_ANNOTATION_PREFIX, behaviourOfAnnotations, parseDuration } from '../../backends/behaviour.ts';
import { ControllerLoop, namespaceOf, timestamp } from '../controller.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { containerPorts, containersOf, hasEnded, matchesLabels, statusOf } from '../pod-state.ts';
import { writePodStatus } from './pod-status.ts';
import type { PodRun } from './pod-status.ts';
import { servicePorts } from './service-ports.ts';

/** How Pods start and end. */
export interface PodOptions {
  readonly addresses: PodAddresses;
  /** The port of a Pod that declares none, beside those its Services name; 8080. */
  readonly defaultPort?: number;
  /** How long after its start a Pod becomes ready, where no annotation says it; 0. */
  readonly readyDelayMs?: number;
  /** How long a terminating Pod goes on accepting connections, where no `lifecycle.preStop.sleep` says it; 1000. */
  readonly drainDelayMs?: number;
}

/** The controller, with what tests need of it. */
export interface PodController extends Controller {
  /** The backend of a Pod that runs. */
  readonly backend: (namespace: string, name: string) => Backend | undefined;
}

interface Runner {
  readonly pod: StoredObject;
  readonly backend: Backend;
  readonly startedAt: number;
  annotations: Readonly<Record<string, string>> | undefined;
  /** The grace it was last told, once it is ending. */
  graceSeconds: number | undefined;
  /** The ports of Services that could not be had, as was told. */
  readonly refused: Set<number>;
  accepting: boolean;
  ended: boolean;
}

const COMPONENT = 'kubelet';
const ADDRESSES_TRIED = 512;
const START_RETRY_MS = 1000;

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function explain(error: unknown, address: string, ports: readonly number[]): string {
  const where = `${address}, port ${ports.join(', ')}`;
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `cannot listen on ${where}: another program has this port on every address of 127.10.0.0/16; give the container another containerPort`;
    case 'EACCES':
      return `cannot listen on ${where}: ports below 1024 need privileges; give the container a containerPort of 1024 or more`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${where}: this system has no loopback address but 127.0.0.1; add it first (macOS: ifconfig lo0 alias ${address})`;
    default:
      return `cannot listen on ${where}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function drainDelay(pod: StoredObject, otherwise: number): number {
  const seconds = containersOf(pod)
    .map((container) => valueAt(container, 'lifecycle', 'preStop', 'sleep', 'seconds'))
    .filter((value) => typeof value === 'number');
  return seconds.length > 0 ? Math.max(...seconds) * 1000 : otherwise;
}

/** Starts the controller. Errors of the system become the Pod's status and an Event. */
export function startPodController(context: ControllerContext, options: PodOptions): PodController {
  const { storage, now } = context;
  const pods = storage.resource('v1', 'pods');
  const runners = new Map<string, Map<string, Runner>>();
  const ending = new Set<Promise<void>>();

  const runnerOf = (namespace: string, name: string): Runner | undefined => runners.get(namespace)?.get(name);
  const forget = (runner: Runner): void => {
    options.addresses.release(runner.backend.address);
    const ofNamespace = runners.get(namespaceOf(runner.pod));
    ofNamespace?.delete(runner.pod.metadata.name);
    if (ofNamespace?.size === 0) runners.delete(namespaceOf(runner.pod));
  };

  const show = (namespace: string, name: string, run: PodRun): void => {
    const write = (pod: StoredObject): void => writePodStatus(pod, statusOf(pod), run, timestamp(now()));
    pods.update(namespace, name, write, 'status');
  };

  const begin = async (pod: StoredObject): Promise<Backend> => {
    const declared = containerPorts(pod);
    const ports = declared.length > 0 ? declared : [options.defaultPort ?? 8080];
    for (let tried = 1; ; tried += 1) {
      const address = options.addresses.allocate();
      try {
        const { behaviour } = behaviourOfAnnotations(pod.metadata.annotations);
        return await Backend.start({ pod: pod.metadata.name, namespace: namespaceOf(pod), address, ports, behaviour });
      } catch (error) {
        options.addresses.release(address);
        // Another embedded cluster on this machine may have this address.
        if (errorCode(error) === 'EADDRINUSE' && tried < ADDRESSES_TRIED) continue;
        throw new Error(explain(error, address, ports), { cause: error });
      }
    }
  };

  const warnOfAnnotations = (pod: StoredObject): void => {
    const errors = behaviourOfAnnotations(pod.metadata.annotations).errors.map(
      (error) => `${BACKEND_ANNOTATION_PREFIX}${error}`,
    );
    const annotations = pod.metadata.annotations ?? {};
    const ready = annotations[`${BACKEND_ANNOTATION_PREFIX}ready`];
    const readyAfter = annotations[`${BACKEND_ANNOTATION_PREFIX}ready-after`];
    if (ready !== undefined && ready !== 'true' && ready !== 'false') errors.push(`${BACKEND_ANNOTATION_PREFIX}ready=${ready}`);
    if (readyAfter !== undefined && parseDuration(readyAfter) === undefined) {
      errors.push(`${BACKEND_ANNOTATION_PREFIX}ready-after=${readyAfter}`);
    }
    for (const error of errors) {
      context.record(COMPONENT, pod, 'Warning', 'InvalidAnnotation', `metadata.annotations: cannot understand ${error}`);
    }
  };

  const start = async (pod: StoredObject): Promise<void> => {
    const { name } = pod.metadata;
    const namespace = namespaceOf(pod);
    if (stringAt(pod, 'spec', 'nodeName') === undefined) {
      pods.update(namespace, name, (object) => {
        object['spec'] = { ...(object['spec'] as object), nodeName: NODE_NAME };
      });
      context.record(
        'default-scheduler',
        pod,
        'Normal',
        'Scheduled',
        `Successfully assigned ${namespace}/${name} to ${NODE_NAME}`,
      );
    }
    let backend: Backend;
    try {
      backend = await begin(pod);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const current = pods.get(namespace, name);
      if (current?.metadata.uid !== pod.metadata.uid) return;
      show(namespace, name, { state: 'failed', message });
      context.record(COMPONENT, pod, 'Warning', 'Failed', `Error: ${message}`);
      loop.queue.addAfter(namespace, name, START_RETRY_MS);
      return;
    }
    const runner: Runner = {
      pod,
      backend,
      startedAt: now(),
      annotations: pod.metadata.annotations,
      graceSeconds: undefined,
      refused: new Set(),
      accepting: true,
      ended: false,
    };
    const ofNamespace = runners.get(namespace) ?? new Map<string, Runner>();
    runners.set(namespace, ofNamespace.set(name, runner));
    context.record(COMPONENT, pod, 'Normal', 'Started', `Listening on ${backend.address}, port ${backend.ports.join(', ')}`);
    warnOfAnnotations(pod);
    // The Pod may have gone or changed meanwhile.
    await reconcile(namespace, name);
  };

  /** Listens where Services expect a Pod that says nothing of ports itself. True when a port was opened, which takes a while. */
  const listenForServices = async (pod: StoredObject, { backend, refused }: Runner): Promise<boolean> => {
    let opened = false;
    for (const [port, service] of servicePorts(storage, pod)) {
      if (backend.ports.includes(port)) continue;
      try {
        await backend.listen(port);
        opened = true;
      } catch (error) {
        loop.queue.addAfter(namespaceOf(pod), pod.metadata.name, START_RETRY_MS);
        if (refused.has(port)) continue;
        refused.add(port);
        const why =
          errorCode(error) === 'EACCES'
            ? `ports below 1024 need privileges; give the Service a targetPort of 1024 or more, or that of this Pod, ${backend.ports[0]}`
            : String(error);
        const message = `cannot listen on ${backend.address}, port ${port}, the target port of the Service ${service}: ${why}`;
        context.record(COMPONENT, pod, 'Warning', 'Failed', `Error: ${message}`);
      }
    }
    return opened;
  };

  const showRunning = (pod: StoredObject, runner: Runner): void => {
    const annotations = pod.metadata.annotations ?? {};
    if (!equalJson(annotations, runner.annotations ?? {})) {
      runner.annotations = annotations;
      runner.backend.setBehaviour(behaviourOfAnnotations(annotations).behaviour);
      warnOfAnnotations(pod);
    }
    const after = parseDuration(annotations[`${BACKEND_ANNOTATION_PREFIX}ready-after`] ?? '') ?? options.readyDelayMs ?? 0;
    const wait = runner.startedAt + after - now();
    if (wait > 0) loop.queue.addAfter(namespaceOf(pod), pod.metadata.name, wait);
    const ready = runner.accepting && wait <= 0 && annotations[`${BACKEND_ANNOTATION_PREFIX}ready`] !== 'false';
    const startedAt = timestamp(runner.startedAt);
    show(namespaceOf(pod), pod.metadata.name, { state: 'running', address: runner.backend.address, startedAt, ready });
  };

  const end = (pod: StoredObject, runner: Runner): void => {
    const graceSeconds = pod.metadata.deletionGracePeriodSeconds ?? 30;
    if (runner.graceSeconds !== undefined && graceSeconds >= runner.graceSeconds) return;
    if (runner.graceSeconds === undefined) {
      const names = containersOf(pod).map((container) => stringAt(container, 'name') ?? '');
      context.record(COMPONENT, pod, 'Normal', 'Killing', `Stopping container ${names.join(', ')}`);
    }
    runner.graceSeconds = graceSeconds;
    const onStopAccepting = (): void => {
      // As a readiness probe would find: the endpoint is not serving any more.
      runner.accepting = false;
      loop.queue.add(namespaceOf(pod), pod.metadata.name);
    };
    const times = {
      drainDelayMs: drainDelay(pod, options.drainDelayMs ?? 1000),
      graceMs: graceSeconds * 1000,
      onStopAccepting,
    };
    const finish = async (): Promise<void> => {
      await runner.backend.terminate(times);
      if (runner.ended) return;
      runner.ended = true;
      loop.queue.add(namespaceOf(pod), pod.metadata.name);
    };
    const done = finish().finally(() => ending.delete(done));
    ending.add(done);
  };

  const reconcile = async (namespace: string, name: string): Promise<void> => {
    const pod = pods.get(namespace, name);
    const runner = runnerOf(namespace, name);
    if (runner && runner.pod.metadata.uid !== pod?.metadata.uid) {
      await runner.backend.kill();
      forget(runner);
      return reconcile(namespace, name);
    }
    if (!pod) return;
    const terminating = pod.metadata.deletionTimestamp !== undefined;
    if (runner?.ended || (terminating && !runner)) {
      if (runner) forget(runner);
      pods.delete(namespace, name, { gracePeriodSeconds: 0 });
      return;
    }
    const elsewhere = stringAt(pod, 'spec', 'nodeName');
    if (hasEnded(pod) || (elsewhere !== undefined && elsewhere !== NODE_NAME)) return;
    if (!runner) return start(pod);
    if (!terminating && (await listenForServices(pod, runner))) return reconcile(namespace, name);
    showRunning(pod, runner);
    if (terminating) end(pod, runner);
  };

  const loop = new ControllerLoop('pods', context, reconcile);
  loop.watch('v1', 'pods', ({ object }) => loop.queue.add(namespaceOf(object), object.metadata.name));
  loop.watch('v1', 'services', ({ object }) => {
    const selector = objectAt(object, 'spec', 'selector');
    for (const pod of pods.list(namespaceOf(object))) {
      const expected = matchesLabels(selector, pod.metadata.labels) && containerPorts(pod).length === 0;
      if (expected) loop.queue.add(namespaceOf(object), pod.metadata.name);
    }
  });
  return {
    backend: (namespace, name) => runnerOf(namespace, name)?.backend,
    close: async () => {
      await loop.close();
      const running = [...runners.values()].flatMap((ofNamespace) => [...ofNamespace.values()]);
      await Promise.all(running.map((runner) => runner.backend.kill()));
      await Promise.all(ending);
      for (const runner of running) forget(runner);
    },
  };
}
