/** Writes the addresses of the load balancer into the status of every Ingress we serve. Only the leader does; nothing is written that is already so. */
import type { Logger } from '../observe/log.ts';
import type { Ingress, LoadBalancerIngress, ObjectMeta } from '../model/objects.ts';
import type { Change, Cluster, ObjectKey } from './cluster.ts';
import { toApiError } from './http/api-error.ts';
import type { KubeClient } from './http/kube-client.ts';
import { RESOURCES, collectionPath, objectPath } from './resources.ts';
import { sameAddresses, statusAddresses } from './status-addresses.ts';
import type { AddressSettings } from './status-addresses.ts';
import type { Timing } from './timing.ts';
import { trim } from './trim.ts';

export interface StatusSettings extends AddressSettings {
  /** `--update-status-on-shutdown`. */
  readonly updateStatusOnShutdown: boolean;
  /** `--status-update-interval`, milliseconds. */
  readonly statusUpdateInterval: number;
  /** The controller's own Pod; its namespace empty when unknown. */
  readonly podName: string;
  readonly podNamespace: string;
}

interface StatusWriterOptions {
  readonly client: KubeClient;
  /** Watching Nodes and Pods when neither an address nor a Service is to be published. */
  readonly cluster: Pick<Cluster, 'cache' | 'onChange'>;
  readonly settings: StatusSettings;
  readonly isLeader: () => boolean;
  /** Whether we serve this Ingress: class and namespace. */
  readonly accepted: (ingress: Ingress) => boolean;
  readonly timing: Timing;
  readonly log: Logger;
}

export interface StatusWriter {
  /** Has a look soon: to be called when elected, and when what `accepted` depends on has changed. */
  readonly trigger: () => void;
  /** Stops. The last of the replicas empties the status, if so configured. Never rejects. To be called while still the leader. */
  readonly stop: () => Promise<void>;
}

/** Changes come in bursts, one look for all of them. */
const DEBOUNCE = 100;
const PARALLEL = 4;
const CONFLICT_TRIES = 4;
/**
 * Labels by which Pods of one workload differ from rollout to rollout, or from one version of a chart to the next; not part of
 * what makes a Pod a replica of ours.
 */
const ROLLOUT_LABELS: ReadonlySet<string> = new Set([
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'helm.sh/chart',
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
]);

/** Starts the writer: every interval, and at once when something it depends on changes. */
export function startStatusWriter(options: StatusWriterOptions): StatusWriter {
  const { client, cluster, settings, timing, log } = options;
  const { cache } = cluster;
  const stopping = new AbortController();
  let cancelSoon: (() => void) | undefined;
  let cancelInterval: (() => void) | undefined;
  let running: Promise<void> | undefined;
  let again = false;

  const addresses = (): readonly LoadBalancerIngress[] | undefined =>
    statusAddresses(settings, {
      service: (namespace, name) => cache.get('Service', namespace, name),
      node: (name) => cache.get('Node', '', name),
      pods: () => {
        const own = cache.get('Pod', settings.podNamespace, settings.podName);
        return [...cache.list('Pod')].filter((pod) => own !== undefined && isReplica(pod.metadata, own.metadata));
      },
    });

  /** Reads the Ingress afresh and writes its status, unless it is already so. */
  const write = async (
    { namespace, name }: ObjectKey,
    wanted: readonly LoadBalancerIngress[],
    may: () => boolean,
  ): Promise<void> => {
    const path = objectPath(RESOURCES.Ingress, namespace, name);
    for (let tries = 0; tries < CONFLICT_TRIES && may(); tries += 1) {
      try {
        const raw = (await client.request({ path })) as Record<string, unknown>;
        if (sameAddresses(trim('Ingress', raw).object?.status?.loadBalancer?.ingress ?? [], wanted)) {
          return;
        }
        const body = { ...raw, status: { loadBalancer: wanted.length > 0 ? { ingress: wanted } : {} } };
        await client.request({ method: 'PUT', path: `${path}/status`, body });
        log.info({ namespace, name, addresses: wanted }, 'wrote the status of an Ingress');
        return;
      } catch (error) {
        const { status } = toApiError(error, path);
        if (status === 404) {
          return;
        }
        if (status !== 409) {
          log.warn({ namespace, name, error }, 'the status of an Ingress cannot be written; tried again at the next interval');
          return;
        }
      }
    }
  };

  const writeAll = async (wanted: readonly LoadBalancerIngress[], may: () => boolean): Promise<void> => {
    const keys: ObjectKey[] = [];
    for (const ingress of cache.list('Ingress')) {
      const { namespace = '', name } = ingress.metadata;
      if (!sameAddresses(ingress.status?.loadBalancer?.ingress ?? [], wanted) && options.accepted(ingress)) {
        keys.push({ namespace, name });
      }
    }
    const work = async (): Promise<void> => {
      for (let key = keys.pop(); key && may(); key = keys.pop()) {
        await write(key, wanted, may);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, work));
  };

  const active = (): boolean => !stopping.signal.aborted && options.isLeader();
  const look = async (): Promise<void> => {
    do {
      again = false;
      if (active()) {
        try {
          const wanted = addresses();
          if (wanted) {
            await writeAll(wanted, active);
          } else {
            log.debug({}, 'no address to publish is known; the status stays as it is');
          }
        } catch (error) {
          log.error({ error }, 'a bug: writing the status threw');
        }
      }
    } while (again && active());
  };

  const run = (): void => {
    again = true;
    running ??= look().finally(() => {
      running = undefined;
    });
  };
  const trigger = (): void => {
    if (!stopping.signal.aborted) {
      cancelSoon ??= timing.after(DEBOUNCE, () => {
        cancelSoon = undefined;
        run();
      });
    }
  };
  const tick = (): void => {
    cancelInterval = timing.after(settings.statusUpdateInterval, () => {
      run();
      tick();
    });
  };
  const unsubscribe = cluster.onChange((change) => {
    if (matters(change, settings)) {
      trigger();
    }
  });
  trigger();
  tick();

  return {
    trigger,
    stop: async () => {
      const leading = options.isLeader();
      stopping.abort();
      unsubscribe();
      cancelSoon?.();
      cancelInterval?.();
      await running;
      if (leading && settings.updateStatusOnShutdown && !(await othersRun(client, settings, log))) {
        await writeAll([], () => true).catch((error: unknown) => log.warn({ error }, 'the status could not be emptied'));
      }
    },
  };
}

function matters(change: Change, settings: StatusSettings): boolean {
  switch (change.kind) {
    case 'Ingress':
    case 'IngressClass':
      return change.after !== undefined;
    case 'Service': {
      const meta = (change.after ?? change.before)?.metadata;
      return meta?.name === settings.publishService?.name && meta?.namespace === settings.publishService?.namespace;
    }
    case 'Node':
    case 'Pod':
      return settings.publishStatusAddress.length === 0 && settings.publishService === null;
    case 'EndpointSlice':
    case 'Secret':
    case 'ConfigMap':
    case 'Namespace':
    default:
      return false;
  }
}

function isReplica(meta: ObjectMeta, own: ObjectMeta): boolean {
  const labels = Object.entries(own.labels ?? {}).filter(([key]) => !ROLLOUT_LABELS.has(key));
  return labels.length > 0 && labels.every(([key, value]) => meta.labels?.[key] === value);
}

/** Whether another replica is running. In doubt yes: the status is then left to it. */
async function othersRun(client: KubeClient, settings: StatusSettings, log: Logger): Promise<boolean> {
  const { podName, podNamespace } = settings;
  if (podName === '' || podNamespace === '') {
    // Not in a Pod: a process of a developer, and the only one.
    return false;
  }
  try {
    const own = trim('Pod', await client.request({ path: objectPath(RESOURCES.Pod, podNamespace, podName) })).object;
    const answer = (await client.request({ path: collectionPath(RESOURCES.Pod, podNamespace) })) as { items?: unknown };
    const pods = Array.isArray(answer.items) ? answer.items.map((item: unknown) => trim('Pod', item).object) : [];
    return pods.some(
      (pod) =>
        pod !== undefined &&
        own !== undefined &&
        pod.metadata.name !== podName &&
        pod.status?.phase === 'Running' &&
        pod.metadata.deletionTimestamp === undefined &&
        isReplica(pod.metadata, own.metadata),
    );
  } catch (error) {
    if (toApiError(error, 'Pod').status === 404) {
      return false;
    }
    log.warn({ error }, 'cannot tell whether other replicas run; the status is left as it is');
    return true;
  }
}
