import type {
  Change,
  Cluster,
  MalformedObject,
  ObjectCache,
  ObjectKey,
  WatchedKind,
  WatchedKinds,
} from '../../src/cluster/cluster.ts';
import { SERVICE_NAME_LABEL } from '../../src/model/objects.ts';

type AnyObject = WatchedKinds[WatchedKind];

/** A cluster in memory: objects appear and go when told, and every change is told at once. */
export class FakeCluster implements Cluster {
  readonly #objects = new Map<string, AnyObject>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #synced = Promise.withResolvers<void>();
  readonly problems: MalformedObject[] = [];
  started = false;
  secrets: readonly ObjectKey[] = [];
  configMaps: readonly ObjectKey[] = [];

  readonly cache: ObjectCache = {
    get: <K extends WatchedKind>(kind: K, namespace: string, name: string): WatchedKinds[K] | undefined =>
      this.#objects.get(keyOf(kind, namespace, name)),
    list: <K extends WatchedKind>(kind: K) => this.#list(kind),
    endpointSlicesOf: (namespace, service) =>
      this.#list('EndpointSlice').filter(
        ({ metadata }) => metadata.namespace === namespace && metadata.labels?.[SERVICE_NAME_LABEL] === service,
      ),
  };

  put<K extends WatchedKind>(kind: K, object: WatchedKinds[K]): void {
    const key = keyOf(kind, object.metadata.namespace ?? '', object.metadata.name);
    const before = this.#objects.get(key);
    this.#objects.set(key, object);
    this.#tell({ kind, before, after: object } as unknown as Change);
  }

  remove(kind: WatchedKind, namespace: string, name: string): void {
    const key = keyOf(kind, namespace, name);
    const before = this.#objects.get(key);
    this.#objects.delete(key);
    if (before !== undefined) this.#tell({ kind, before, after: undefined } as unknown as Change);
  }

  /** The first lists are complete. */
  async sync(): Promise<void> {
    this.#synced.resolve();
    await this.#synced.promise;
    await Promise.resolve();
  }

  readonly start = (): void => {
    this.started = true;
  };
  get synced(): Promise<void> {
    return this.#synced.promise;
  }
  readonly onChange = (listener: (change: Change) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly referenceSecrets = (keys: readonly ObjectKey[]): void => {
    this.secrets = keys;
  };
  readonly referenceConfigMaps = (keys: readonly ObjectKey[]): void => {
    this.configMaps = keys;
  };
  readonly referencesSettled = (): Promise<void> => Promise.resolve();
  readonly malformed = (): Iterable<MalformedObject> => this.problems;
  readonly stats = () => [];
  readonly connected = (): boolean => true;
  readonly stop = (): Promise<void> => Promise.resolve();

  #list<K extends WatchedKind>(kind: K): WatchedKinds[K][] {
    return [...this.#objects].filter(([key]) => key.startsWith(`["${kind}",`)).map(([, object]) => object as WatchedKinds[K]);
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function keyOf(kind: string, namespace: string, name: string): string {
  return JSON.stringify([kind, namespace, name]);
}
