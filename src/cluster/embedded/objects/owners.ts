/** Who owns what: the index behind the garbage collection of dependents (https://kubernetes.io/docs/concepts/architecture/garbage-collection/). */
import type { StoredObject } from '../api/storage.ts';

/** Where an object is: its collection, namespace and name. */
export interface Location {
  readonly storageKey: string;
  readonly namespace: string;
  readonly name: string;
}

export class OwnerIndex {
  readonly #byUid = new Map<string, Location>();
  readonly #dependents = new Map<string, Set<string>>();

  /** Takes note of an object that was created or changed. */
  note(storageKey: string, object: StoredObject, previous: StoredObject | undefined): void {
    const { uid } = object.metadata;
    const known = this.#byUid.get(uid);
    if (known === undefined) {
      this.#byUid.set(uid, { storageKey, namespace: object.metadata.namespace ?? '', name: object.metadata.name });
    }
    const owners = object.metadata.ownerReferences;
    const before = previous?.metadata.ownerReferences;
    if (owners === before) return;
    for (const owner of before ?? []) this.#dependents.get(owner.uid)?.delete(uid);
    for (const owner of owners ?? []) {
      let dependents = this.#dependents.get(owner.uid);
      if (dependents === undefined) this.#dependents.set(owner.uid, (dependents = new Set()));
      dependents.add(uid);
    }
  }

  /** Takes note of an object that is gone. */
  forget(object: StoredObject): void {
    const { uid } = object.metadata;
    this.#byUid.delete(uid);
    for (const owner of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(owner.uid);
      dependents?.delete(uid);
      if (dependents?.size === 0) this.#dependents.delete(owner.uid);
    }
  }

  locationOf(uid: string): Location | undefined {
    return this.#byUid.get(uid);
  }

  /** Where the dependents of an owner are, in the order in which they came to depend on it. */
  dependentsOf(uid: string): Location[] {
    const result: Location[] = [];
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const location = this.#byUid.get(dependent);
      if (location !== undefined) result.push(location);
    }
    return result;
  }

  /** Whether every owner that an object names is gone. False when it names none. */
  isOrphan(object: StoredObject): boolean {
    const owners = object.metadata.ownerReferences ?? [];
    return owners.length > 0 && owners.every((owner) => !this.#byUid.has(owner.uid));
  }
}
