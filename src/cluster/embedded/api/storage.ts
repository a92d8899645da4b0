/** The embedded cluster's object storage: what its HTTP API and its controllers share. */

/** An object as the API serves it: JSON, mutable only by whoever made the copy. */
export interface StoredObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid: string;
    resourceVersion: string;
    generation?: number;
    creationTimestamp: string;
    deletionTimestamp?: string;
    deletionGracePeriodSeconds?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    finalizers?: string[];
    ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[];
    [key: string]: unknown;
  };
  [key: string]: unknown;
}

/** An object on its way in: the storage fills in the rest. */
export type NewObject = Omit<StoredObject, 'metadata'> & {
  metadata: Partial<StoredObject['metadata']> & { generateName?: string };
};

export interface StorageEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: StoredObject;
  /** The object before a MODIFIED or DELETED. */
  readonly previous?: StoredObject;
}

/** In-process access for the embedded controllers. Every call goes through defaulting and admission as an HTTP request does; errors are thrown as `StatusError`. */
export interface Storage {
  /** `group/version` and the plural resource name, for example `('apps/v1', 'deployments')`; the core group is `v1`. */
  resource: (apiVersion: string, plural: string) => ResourceStorage;
}

export interface ResourceStorage {
  get: (namespace: string, name: string) => StoredObject | undefined;
  /** All namespaces when `namespace` is undefined. */
  list: (namespace?: string) => StoredObject[];
  create: (namespace: string, object: NewObject) => StoredObject;
  /** Calls `mutate` on a copy and stores it, unless nothing changed. `subresource: 'status'` changes only the status. Undefined when the object is gone. */
  update: (
    namespace: string,
    name: string,
    mutate: (object: StoredObject) => void,
    subresource?: 'status',
  ) => StoredObject | undefined;
  /** With finalizers, or for a Pod that is on a node (spec.nodeName) and has a grace period, only sets deletionTimestamp. */
  delete: (namespace: string, name: string, options?: { gracePeriodSeconds?: number }) => void;
  /** Called synchronously after every change. Returns the unsubscribe function. */
  watch: (listener: (event: StorageEvent) => void) => () => void;
}
