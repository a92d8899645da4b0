/** Puts the parts together: every kind listed and watched into one store, seen through the `Cluster` contract. */
import type { Logger } from '../observe/log.ts';
import type { Cluster, ObjectKey, WatchedKind } from './cluster.ts';
import type { KubeClient } from './http/kube-client.ts';
import { References } from './references.ts';
import { Reflector } from './watch/reflector.ts';
import type { ReflectorTuning } from './watch/reflector.ts';
import { RESOURCES, collectionPath } from './resources.ts';
import { parseLabelSelector } from './selector.ts';
import { ObjectStore } from './store.ts';
import { SYSTEM_TIMING } from './timing.ts';
import type { Timing } from './timing.ts';
import { SERVICE_NAME_LABEL } from '../model/objects.ts';

/** An object that is read even when `--watch-namespace` names another namespace. */
export interface OutsideObject extends ObjectKey {
  /** With a Service come its EndpointSlices. */
  readonly kind: 'Service' | 'Secret' | 'ConfigMap';
}

export interface ClusterOptions {
  /** Stays open when the cluster stops: status and Lease are still to be written then. */
  readonly client: KubeClient;
  readonly log: Logger;
  /** Empty: all namespaces. */
  readonly watchNamespace: string;
  /** A label selector for namespaces; empty: all. Only Ingresses are chosen by it. */
  readonly watchNamespaceSelector: string;
  /** The `--configmap`, `--publish-service`, `--default-backend-service` and `--default-ssl-certificate`. */
  readonly outside?: readonly OutsideObject[];
  /** The controller's own namespace, whose Pods are watched with the Nodes when the status takes node addresses; null: neither. */
  readonly podNamespace?: string | null;
  /** Told each time the API server refuses a kind to us (403): what was known of it is kept, and nothing new comes. */
  readonly onDenied?: (kind: WatchedKind, message: string) => void;
  readonly timing?: Timing;
  readonly tuning?: ReflectorTuning;
}

interface Watch {
  readonly kind: WatchedKind;
  readonly reflector: Reflector;
  readonly covers: (key: ObjectKey) => boolean;
}

/** Secrets and ConfigMaps come last: by then most references are known, and one pass brings them all. */
const LATE: ReadonlySet<WatchedKind> = new Set(['Secret', 'ConfigMap']);
/** Without these there is no table; a 403 on any other kind is no reason to wait for it. */
const REQUIRED: ReadonlySet<WatchedKind> = new Set(['Ingress', 'Service', 'EndpointSlice', 'Namespace']);
/** Their objects can be a MiB each. */
const LARGE_OBJECTS_PAGE = 100;

/** A cluster that is not started yet. Throws an Error when the namespace selector cannot be read. */
export function createCluster(options: ClusterOptions): Cluster {
  const { client, log, watchNamespace, timing = SYSTEM_TIMING } = options;
  const selector = options.watchNamespaceSelector === '' ? undefined : parseLabelSelector(options.watchNamespaceSelector);
  const store = new ObjectStore({ log, selective: selector !== undefined });
  const stopping = new AbortController();
  const watches: Watch[] = [];
  let started = false;
  let late = false;
  let releaseSettled: (() => void)[] = [];
  const { promise: synced, resolve: resolveSynced } = Promise.withResolvers<void>();

  const createReferences = (kind: 'Secret' | 'ConfigMap'): References =>
    new References({
      kind,
      client,
      store,
      timing,
      log,
      signal: stopping.signal,
      reflectorOf: (key) => watches.find((watch) => watch.kind === kind && watch.covers(key))?.reflector,
      onProgress: () => progress(),
    });
  const references = { Secret: createReferences('Secret'), ConfigMap: createReferences('ConfigMap') };

  const progress = (): void => {
    const settled = references.Secret.settled() && references.ConfigMap.settled();
    const listed = watches.every(
      ({ kind, reflector }) => reflector.listed || (reflector.state === 'denied' && !REQUIRED.has(kind)),
    );
    if (settled) {
      releaseSettled.forEach((release) => release());
      releaseSettled = [];
      if (listed) {
        resolveSynced();
      }
    }
    if (!late && watches.every(({ kind, reflector }) => LATE.has(kind) || reflector.state !== 'starting')) {
      late = true;
      // After the listeners had their turn to reference what the lists named.
      timing.after(0, () => startAll((kind) => LATE.has(kind)));
    }
  };

  const startAll = (which: (kind: WatchedKind) => boolean): void => {
    if (!stopping.signal.aborted) {
      watches.filter(({ kind }) => which(kind)).forEach(({ reflector }) => reflector.start());
    }
  };

  const take = (kind: WatchedKind, raw: unknown): void => {
    if (kind === 'Secret' || kind === 'ConfigMap') {
      const { namespace, name } = (raw as { metadata: { namespace: string; name: string } }).metadata;
      if (!references[kind].wants(namespace, name)) {
        return;
      }
    }
    store.put(kind, raw);
    if (kind === 'Namespace' && selector) {
      const { name } = (raw as { metadata: { name: string } }).metadata;
      store.select(name, selector(store.get('Namespace', '', name)?.metadata.labels));
    }
  };

  const watch = (kind: WatchedKind, namespace: string, query?: Record<string, string>, only?: string): void => {
    const reflector = new Reflector({
      client,
      timing,
      log,
      kind,
      path: collectionPath(RESOURCES[kind], namespace),
      ...(query && { query }),
      ...(LATE.has(kind) && { pageSize: LARGE_OBJECTS_PAGE }),
      ...(options.tuning && { tuning: options.tuning }),
      sink: {
        upsert: (object) => take(kind, object),
        remove: (version) => {
          store.remove(kind, version.namespace, version.name);
          if (kind === 'Namespace') {
            store.select(version.name, false);
          }
        },
        listed: () => {
          if (kind === 'Secret' || kind === 'ConfigMap') {
            references[kind].relisted();
          }
          progress();
        },
        failed: (error) => {
          if (error.status === 403) {
            options.onDenied?.(kind, error.message);
          }
          if (kind === 'Secret' || kind === 'ConfigMap') {
            references[kind].pump();
          }
          progress();
        },
        // After a long outage each kind would wait for its own back-off, up to 30 s.
        recovered: () => watches.forEach(({ reflector: other }) => other.hurry()),
      },
    });
    const covers = (key: ObjectKey): boolean =>
      (namespace === '' || key.namespace === namespace) && (only === undefined || key.name === only);
    watches.push({ kind, reflector, covers });
  };

  for (const kind of ['Ingress', 'IngressClass', 'Service', 'EndpointSlice', 'Secret', 'ConfigMap'] as const) {
    watch(kind, RESOURCES[kind].namespaced ? watchNamespace : '');
  }
  if (selector) {
    watch('Namespace', '');
  }
  if (typeof options.podNamespace === 'string') {
    watch('Node', '');
    watch('Pod', options.podNamespace);
  }
  const outside = (options.outside ?? []).filter(({ namespace }) => watchNamespace !== '' && namespace !== watchNamespace);
  for (const { kind, namespace, name } of outside) {
    if (!watches.some((known) => known.kind === kind && known.covers({ namespace, name }))) {
      watch(kind, namespace, { fieldSelector: `metadata.name=${name}` }, name);
      if (kind === 'Service') {
        watch('EndpointSlice', namespace, { labelSelector: `${SERVICE_NAME_LABEL}=${name}` });
      }
    }
  }

  return {
    cache: { get: store.get, list: store.list, endpointSlicesOf: store.endpointSlicesOf },
    start: () => {
      if (!started) {
        started = true;
        startAll((kind) => !LATE.has(kind));
      }
    },
    synced,
    onChange: store.onChange,
    referenceSecrets: references.Secret.set,
    referenceConfigMaps: references.ConfigMap.set,
    referencesSettled: () =>
      references.Secret.settled() && references.ConfigMap.settled()
        ? Promise.resolve()
        : new Promise((resolve) => {
            releaseSettled.push(resolve);
          }),
    malformed: () => store.malformed(),
    stats: () => watches.map(({ reflector }) => reflector.stats()),
    connected: () => watches.every(({ reflector }) => reflector.state === 'watching' || reflector.state === 'denied'),
    stop: async () => {
      stopping.abort();
      releaseSettled.forEach((release) => release());
      await Promise.all(watches.map(({ reflector }) => reflector.stop()));
    },
  };
}
