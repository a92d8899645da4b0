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

/**
 * One object appeared, changed in something we read, or went away. The status of an Ingress is kept up to date in the cache, but
 * a change of it alone is not told: it is ours to write.
 * At most one of `before` and `after` is missing.
 */
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

/** An object of which a part had a wrong type; that part is left out of the cache. */
export interface MalformedObject {
  readonly kind: WatchedKind;
  readonly namespace: string;
  readonly name: string;
  /** Sentences like `.spec.rules[0].host is not a string`. */
  readonly problems: readonly string[];
}

/** The state of one list+watch, for metrics. */
export interface WatchStats {
  readonly kind: string;
  /** Of the collection. */
  readonly path: string;
  /** `denied`: the API server answers 403. `failing`: it cannot be reached, answers with errors, or the watch is stale. */
  readonly state: 'starting' | 'watching' | 'denied' | 'failing';
  readonly objects: number;
  /** Complete lists after the first. */
  readonly relists: number;
  /** Failures by HTTP status, or by reason when there was no answer. */
  readonly errors: ReadonlyMap<string, number>;
  /** Watches given up because nothing came. */
  readonly stalls: number;
  /** Milliseconds since the last list, event or bookmark; undefined before the first. */
  readonly lastEventAge: number | undefined;
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
  /** Resolves when every Secret and ConfigMap referenced by now was looked up, found or not. */
  readonly referencesSettled: () => Promise<void>;
  /** The objects of which something could not be read. */
  readonly malformed: () => Iterable<MalformedObject>;
  readonly stats: () => readonly WatchStats[];
  /** False while the API server cannot be reached or the watches are stale. */
  readonly connected: () => boolean;
  readonly stop: () => Promise<void>;
}
