/** The objects as the rest of Sluice sees them. Changes that mean nothing to us end here. */
import type { Logger } from '../observe/log.ts';
import { SERVICE_NAME_LABEL } from '../model/objects.ts';
import type { EndpointSlice } from '../model/objects.ts';
import type { Change, MalformedObject, ObjectCache, WatchedKind, WatchedKinds } from './cluster.ts';
import { NamespacedMap } from './namespaced-map.ts';
import { sameMeaning, trim } from './trim.ts';

type Objects = { readonly [K in WatchedKind]: NamespacedMap<WatchedKinds[K]> };

interface ObjectStoreOptions {
  readonly log: Logger;
  /** When given, Ingresses are seen only in the namespaces that `select` names: `--watch-namespace-selector`. */
  readonly selective?: boolean;
}

/** Holds objects by kind, namespace and name; calls its listeners for every change that matters. */
export class ObjectStore implements ObjectCache {
  readonly #log: Logger;
  /** Undefined: all namespaces. */
  readonly #selected: Set<string> | undefined;
  readonly #objects: Objects = {
    Ingress: new NamespacedMap(),
    IngressClass: new NamespacedMap(),
    Service: new NamespacedMap(),
    EndpointSlice: new NamespacedMap(),
    Secret: new NamespacedMap(),
    ConfigMap: new NamespacedMap(),
    Namespace: new NamespacedMap(),
    Node: new NamespacedMap(),
    Pod: new NamespacedMap(),
  };
  /** By the namespace and name of the Service. */
  readonly #slices = new NamespacedMap<Map<string, EndpointSlice>>();
  readonly #malformed = new Map<WatchedKind, NamespacedMap<MalformedObject>>();
  readonly #listeners = new Set<(change: Change) => void>();

  constructor(options: ObjectStoreOptions) {
    this.#log = options.log;
    this.#selected = options.selective ? new Set() : undefined;
  }

  readonly get = <K extends WatchedKind>(kind: K, namespace: string, name: string): WatchedKinds[K] | undefined =>
    this.#visible(kind, namespace) ? this.#objects[kind].get(namespace, name) : undefined;

  readonly list = <K extends WatchedKind>(kind: K): Iterable<WatchedKinds[K]> => this.#list(kind);

  readonly endpointSlicesOf = (namespace: string, service: string): readonly EndpointSlice[] => [
    ...(this.#slices.get(namespace, service)?.values() ?? []),
  ];

  readonly onChange = (listener: (change: Change) => void): (() => void) => {
    const own = (change: Change): void => listener(change);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  };

  /** The objects of which something could not be read. */
  *malformed(): Generator<MalformedObject, void, void> {
    for (const objects of this.#malformed.values()) {
      yield* objects.values();
    }
  }

  /** Takes in an untrusted object: trimmed, frozen, and told to the listeners if it differs in anything we read. */
  put(kind: WatchedKind, raw: unknown): void {
    const { object: after, problems } = trim(kind, raw);
    if (!after) {
      this.#log.warn({ kind, problems }, 'an object without a usable name is left out');
      return;
    }
    const { namespace = '', name } = after.metadata;
    this.#report(kind, namespace, name, problems);
    const before = this.#objects[kind].get(namespace, name);
    this.#objects[kind].set(namespace, name, after);
    this.#index(before, after);
    // The status of an Ingress is ours to write; our own writing must not come back to us as a change.
    if (!before || !sameMeaning(before, after, kind === 'Ingress' ? ['status'] : [])) {
      this.#emit(kind, namespace, before, after);
    }
  }

  remove(kind: WatchedKind, namespace: string, name: string): void {
    const before = this.#objects[kind].get(namespace, name);
    if (before) {
      this.#objects[kind].delete(namespace, name);
      this.#index(before, undefined);
      this.#report(kind, namespace, name, []);
      this.#emit(kind, namespace, before, undefined);
    }
  }

  /** Makes the Ingresses of a namespace seen or unseen. */
  select(namespace: string, seen: boolean): void {
    if (!this.#selected || this.#selected.has(namespace) === seen) {
      return;
    }
    const objects = [...this.#objects.Ingress.in(namespace)];
    if (seen) {
      this.#selected.add(namespace);
    }
    for (const object of objects) {
      this.#emit('Ingress', namespace, seen ? undefined : object, seen ? object : undefined);
    }
    if (!seen) {
      this.#selected.delete(namespace);
    }
  }

  *#list<K extends WatchedKind>(kind: K): Generator<WatchedKinds[K], void, void> {
    for (const object of this.#objects[kind].values()) {
      if (this.#visible(kind, object.metadata.namespace ?? '')) {
        yield object;
      }
    }
  }

  #visible(kind: WatchedKind, namespace: string): boolean {
    return kind !== 'Ingress' || !this.#selected || this.#selected.has(namespace);
  }

  #emit<K extends WatchedKind>(
    kind: K,
    namespace: string,
    before: WatchedKinds[K] | undefined,
    after: WatchedKinds[K] | undefined,
  ): void {
    if (!this.#visible(kind, namespace)) {
      return;
    }
    const change = { kind, before, after } as Change;
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#log.error({ kind, namespace, error }, 'a bug: a listener for changes threw');
      }
    }
  }

  #index(before: WatchedKinds[WatchedKind] | undefined, after: WatchedKinds[WatchedKind] | undefined): void {
    for (const object of [before, after]) {
      const service = object?.kind === 'EndpointSlice' ? object.metadata.labels?.[SERVICE_NAME_LABEL] : undefined;
      if (object && service !== undefined) {
        const { namespace = '', name } = object.metadata;
        const slices = this.#slices.get(namespace, service) ?? new Map<string, EndpointSlice>();
        if (object === after) {
          slices.set(name, after);
          this.#slices.set(namespace, service, slices);
        } else {
          slices.delete(name);
          if (slices.size === 0) {
            this.#slices.delete(namespace, service);
          }
        }
      }
    }
  }

  #report(kind: WatchedKind, namespace: string, name: string, problems: readonly string[]): void {
    if (problems.length > 0) {
      const objects = this.#malformed.get(kind) ?? new NamespacedMap<MalformedObject>();
      this.#malformed.set(kind, objects);
      objects.set(namespace, name, { kind, namespace, name, problems });
      this.#log.warn({ kind, namespace, name, problems }, 'parts of an object are malformed and left out');
    } else {
      this.#malformed.get(kind)?.delete(namespace, name);
    }
  }
}
