/** The objects of one resource, what they were before, and who wants to know of changes. */
import type { StorageEvent, StoredObject } from '../api/storage.ts';
import { expired } from '../api/status-error.ts';

/** A change with the revision it made; an object's own resourceVersion is the same number as text. */
export interface Change extends StorageEvent {
  readonly revision: number;
}

/** The order of a list: by namespace, then name, as etcd's keys are ordered. */
export function compareKeys(aNamespace: string, aName: string, bNamespace: string, bName: string): number {
  if (aNamespace !== bNamespace) return aNamespace < bNamespace ? -1 : 1;
  if (aName === bName) return 0;
  return aName < bName ? -1 : 1;
}

function compareObjects(a: StoredObject, b: StoredObject): number {
  return compareKeys(a.metadata.namespace ?? '', a.metadata.name, b.metadata.namespace ?? '', b.metadata.name);
}

export class Collection {
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #historyLimit: number;
  #history: Change[] = [];
  /** Changes up to this revision are forgotten. */
  #compacted: number;
  #sorted: readonly StoredObject[] | undefined;

  constructor(historyLimit: number, revision: number) {
    this.#historyLimit = historyLimit;
    this.#compacted = revision;
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#objects.get(namespace)?.get(name);
  }

  /** Of one namespace, or of all when it is undefined; in the order of their keys. */
  list(namespace?: string): readonly StoredObject[] {
    if (namespace !== undefined) return [...(this.#objects.get(namespace)?.values() ?? [])].sort(compareObjects);
    this.#sorted ??= [...this.#objects.values()].flatMap((objects) => [...objects.values()]).sort(compareObjects);
    return this.#sorted;
  }

  /** Whether nothing is left in a namespace. */
  isEmpty(namespace: string): boolean {
    return (this.#objects.get(namespace)?.size ?? 0) === 0;
  }

  /** Applies a change and remembers it. Listeners are told by `announce`. */
  apply(change: Change): void {
    const { object } = change;
    const namespace = object.metadata.namespace ?? '';
    let ofNamespace = this.#objects.get(namespace);
    if (change.type === 'DELETED') {
      ofNamespace?.delete(object.metadata.name);
      if (ofNamespace?.size === 0) this.#objects.delete(namespace);
    } else {
      if (ofNamespace === undefined) this.#objects.set(namespace, (ofNamespace = new Map()));
      ofNamespace.set(object.metadata.name, object);
    }
    this.#sorted = undefined;
    this.#history.push(change);
    if (this.#history.length > this.#historyLimit * 2) {
      const dropped = this.#history.length - this.#historyLimit;
      this.#compacted = this.#history[dropped - 1]?.revision ?? this.#compacted;
      this.#history = this.#history.slice(dropped);
    }
  }

  announce(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets every change up to a revision: watches and continue tokens that are older get 410. */
  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    this.#history = this.#history.filter((change) => change.revision > revision);
  }

  /** What changed after a revision. Throws 410 when that is forgotten. */
  since(revision: number): readonly Change[] {
    if (revision < this.#compacted) {
      throw expired(`too old resource version: ${revision} (${this.#compacted})`);
    }
    let index = this.#history.length;
    while (index > 0 && (this.#history[index - 1]?.revision ?? 0) > revision) index--;
    return this.#history.slice(index);
  }

  /** The list as it was at a revision, by undoing what came after. Throws 410 when that is forgotten. */
  listAt(revision: number, namespace?: string): readonly StoredObject[] {
    const changes = this.since(revision);
    if (changes.length === 0) return this.list(namespace);
    const before = new Map<string, Map<string, StoredObject | undefined>>();
    for (let index = changes.length - 1; index >= 0; index--) {
      const change = changes[index];
      if (change === undefined) continue;
      const { metadata } = change.object;
      const key = metadata.namespace ?? '';
      let ofNamespace = before.get(key);
      if (ofNamespace === undefined) before.set(key, (ofNamespace = new Map()));
      ofNamespace.set(metadata.name, change.type === 'ADDED' ? undefined : change.previous);
    }
    const result: StoredObject[] = [];
    for (const object of this.list(namespace)) {
      const undone = before.get(object.metadata.namespace ?? '');
      if (undone?.has(object.metadata.name) !== true) result.push(object);
    }
    for (const [key, objects] of before) {
      if (namespace !== undefined && key !== namespace) continue;
      for (const object of objects.values()) if (object !== undefined) result.push(object);
    }
    return result.sort(compareObjects);
  }
}
