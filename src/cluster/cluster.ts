/** What the rest of Sluice sees of Kubernetes: the objects that matter, and a call for every change that does. */
import type {
  ConfigMap,
  EndpointSlice,
  Ingress,
  IngressClass,
  Namespace,
  NodeObject,
  Pod,
  Secret,
  Service,
} from '../model/objects.ts';

/** The kinds that are watched, with their shapes. */
export interface WatchedKinds {
  readonly Ingress: Ingress;
  readonly IngressClass: IngressClass;
  readonly Service: Service;
  readonly EndpointSlice: EndpointSlice;
  readonly Secret: Secret;
  readonly ConfigMap: ConfigMap;
  /** Only watched with `--watch-namespace-selector`. */
  readonly Namespace: Namespace;
  /** Only watched when the status needs node addresses. */
  readonly Node: NodeObject;
  readonly Pod: Pod;
}

export type WatchedKind = keyof WatchedKinds;

/** One object appeared, changed in something we read, or went away. Exactly one of `before` and `after` may be missing. */
export type Change = {
  readonly [K in WatchedKind]: {
    readonly kind: K;
    readonly before: WatchedKinds[K] | undefined;
    readonly after: WatchedKinds[K] | undefined;
  };
}[WatchedKind];

/** Read access to the store. Objects are trimmed and frozen. */
export interface ObjectCache {
  /** `namespace` is empty for cluster-scoped kinds. */
  readonly get: <K extends WatchedKind>(kind: K, namespace: string, name: string) => WatchedKinds[K] | undefined;
  readonly list: <K extends WatchedKind>(kind: K) => Iterable<WatchedKinds[K]>;
  /** The EndpointSlices of a Service, by the label `kubernetes.io/service-name`. */
  readonly endpointSlicesOf: (namespace: string, service: string) => readonly EndpointSlice[];
}

/** A Secret or ConfigMap that something references: only these are kept. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export interface Cluster {
  readonly cache: ObjectCache;
  /** Begins listing and watching. Never rejects for an unreachable API server: it is tried again for ever. */
  readonly start: () => void;
  /** Resolves when every kind has been listed once, and every referenced Secret and ConfigMap was looked up. */
  readonly synced: Promise<void>;
  /** Called for every change that matters, also during the first listing. Returns the unsubscribe function. */
  readonly onChange: (listener: (change: Change) => void) => () => void;
  /** Replaces the set of Secrets that are kept; new ones are fetched, dropped ones leave the cache. Changes follow as events. */
  readonly referenceSecrets: (keys: readonly ObjectKey[]) => void;
  readonly referenceConfigMaps: (keys: readonly ObjectKey[]) => void;
  /** False while the API server cannot be reached or the watches are stale. */
  readonly connected: () => boolean;
  readonly stop: () => Promise<void>;
}
