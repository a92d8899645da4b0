/** Deletion: finalizers, grace periods, dependents, and the contents of namespaces. */
import { cloneJson, stringAt } from '../api/json.ts';
import type { Change } from './collection.ts';
import type { MemoryStorage } from '../api/memory-storage.ts';
import type { Location } from './owners.ts';
import type { ResourceType } from '../resources/resources.ts';
import { conflict } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';

export interface DeleteOptions {
  /** Only Pods have one; 0 ends it at once. */
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

/** A real server forgets Events after an hour; this one keeps so many of them. */
const EVENT_LIMIT = 5000;

const FOREGROUND = 'foregroundDeletion';

export class Deleter {
  readonly #storage: MemoryStorage;
  readonly #now: () => string;
  /** Oldest first. */
  readonly #events: (Location & { readonly uid: string })[] = [];

  constructor(storage: MemoryStorage, now: () => string) {
    this.#storage = storage;
    this.#now = now;
  }

  delete(type: ResourceType, old: StoredObject, options: DeleteOptions): { object: StoredObject; gone: boolean } {
    checkPreconditions(type, old, options);
    const object = cloneJson(old);
    const { metadata } = object;
    const grace = gracePeriod(type, old, options);
    const again = metadata.deletionTimestamp !== undefined;
    if (!again) metadata.deletionTimestamp = this.#now();
    if (type.storageKey === 'pods') {
      const shortest = again ? Math.min(grace, metadata.deletionGracePeriodSeconds ?? grace) : grace;
      metadata.deletionGracePeriodSeconds = shortest;
    } else if (!again) {
      metadata.deletionGracePeriodSeconds = 0;
    }
    if (type.storageKey === 'namespaces') object['status'] = { ...(object['status'] as object), phase: 'Terminating' };
    if (options.propagationPolicy === 'Foreground' && this.#storage.owners.dependentsOf(metadata.uid).length > 0) {
      if (metadata.finalizers?.includes(FOREGROUND) !== true)
        metadata.finalizers = [...(metadata.finalizers ?? []), FOREGROUND];
    }
    if (options.dryRun === true) return { object, gone: false };
    if (options.propagationPolicy === 'Orphan') this.#orphanDependents(old);
    if (this.mayGo(type, object)) {
      this.remove(type, object, old);
      return { object, gone: true };
    }
    const changed =
      !again ||
      metadata.deletionGracePeriodSeconds !== old.metadata.deletionGracePeriodSeconds ||
      metadata.finalizers?.length !== old.metadata.finalizers?.length;
    if (!changed) return { object: old, gone: false };
    if (type.hasGeneration && !again) metadata.generation = (metadata.generation ?? 0) + 1;
    const stored = this.#storage.commit(type, 'MODIFIED', object, old);
    if (metadata.finalizers?.includes(FOREGROUND) === true) this.#deleteAll(this.#storage.owners.dependentsOf(metadata.uid));
    if (type.storageKey === 'namespaces') this.#emptyNamespace(metadata.name);
    const now = this.#storage.collection(type.storageKey).get(metadata.namespace ?? '', metadata.name);
    return { object: now ?? stored, gone: now === undefined };
  }

  /** Whether nothing holds an object that is being deleted any more. */
  mayGo(type: ResourceType, object: StoredObject): boolean {
    const { metadata } = object;
    if (metadata.deletionTimestamp === undefined || (metadata.finalizers?.length ?? 0) > 0) return false;
    if (type.storageKey === 'namespaces') return this.#namespaceIsEmpty(metadata.name);
    return (metadata.deletionGracePeriodSeconds ?? 0) === 0;
  }

  remove(type: ResourceType, object: StoredObject, old: StoredObject): void {
    // A definition takes its objects with it.
    if (type.storageKey === 'customresourcedefinitions.apiextensions.k8s.io') this.#deleteCustomResources(old);
    this.#storage.commit(type, 'DELETED', object, old);
  }

  afterChange(storageKey: string, change: Change): void {
    const { object } = change;
    const { owners } = this.#storage;
    if (change.type !== 'DELETED') {
      if (change.type === 'ADDED' && storageKey === 'events') this.#forgetOldEvents(object);
      if (change.type === 'ADDED' && owners.isOrphan(object)) this.#deleteAll([{ storageKey, ...keyOf(object) }]);
      return;
    }
    this.#deleteAll(owners.dependentsOf(object.metadata.uid).filter((location) => this.#orphanAt(location)));
    for (const owner of object.metadata.ownerReferences ?? []) this.#releaseForeground(owner.uid);
    const { namespace } = object.metadata;
    if (namespace !== undefined) this.#finishNamespace(namespace);
  }

  #forgetOldEvents(added: StoredObject): void {
    this.#events.push({ storageKey: 'events', uid: added.metadata.uid, ...keyOf(added) });
    if (this.#events.length <= EVENT_LIMIT) return;
    const oldest = this.#events.shift();
    if (oldest !== undefined && this.#at(oldest)?.metadata.uid === oldest.uid) this.#deleteAll([oldest]);
  }

  #at(location: Location): StoredObject | undefined {
    return this.#storage.collection(location.storageKey).get(location.namespace, location.name);
  }

  #orphanAt(location: Location): boolean {
    const object = this.#at(location);
    return object !== undefined && this.#storage.owners.isOrphan(object);
  }

  #deleteAll(locations: readonly Location[]): void {
    for (const location of locations) {
      const type = this.#storage.typeOf(location.storageKey);
      const object = this.#at(location);
      if (type !== undefined && object !== undefined && object.metadata.deletionTimestamp === undefined) {
        this.delete(type, object, {});
      }
    }
  }

  #orphanDependents(owner: StoredObject): void {
    for (const location of this.#storage.owners.dependentsOf(owner.metadata.uid)) {
      const type = this.#storage.typeOf(location.storageKey);
      const old = this.#at(location);
      if (type === undefined || old === undefined) continue;
      const object = cloneJson(old);
      const left = (object.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
      if (left.length > 0) object.metadata.ownerReferences = left;
      else delete object.metadata.ownerReferences;
      this.#storage.commit(type, 'MODIFIED', object, old);
    }
  }

  #releaseForeground(uid: string): void {
    const location = this.#storage.owners.locationOf(uid);
    if (location === undefined || this.#storage.owners.dependentsOf(uid).length > 0) return;
    const type = this.#storage.typeOf(location.storageKey);
    const old = this.#at(location);
    if (type === undefined || old?.metadata.finalizers?.includes(FOREGROUND) !== true) return;
    const object = cloneJson(old);
    const left = (object.metadata.finalizers ?? []).filter((finalizer) => finalizer !== FOREGROUND);
    if (left.length > 0) object.metadata.finalizers = left;
    else delete object.metadata.finalizers;
    if (this.mayGo(type, object)) this.remove(type, object, old);
    else this.#storage.commit(type, 'MODIFIED', object, old);
  }

  #deleteCustomResources(definition: StoredObject): void {
    const plural = stringAt(definition, 'spec', 'names', 'plural') ?? '';
    const storageKey = `${plural}.${stringAt(definition, 'spec', 'group') ?? ''}`;
    const type = this.#storage.typeOf(storageKey);
    if (type === undefined) return;
    for (const old of this.#storage.collection(storageKey).list()) {
      this.#storage.commit(type, 'DELETED', cloneJson(old), old);
    }
  }

  #emptyNamespace(namespace: string): void {
    for (const [storageKey, collection] of this.#storage.collections()) {
      this.#deleteAll(collection.list(namespace).map((object) => ({ storageKey, ...keyOf(object) })));
    }
    this.#finishNamespace(namespace);
  }

  #namespaceIsEmpty(namespace: string): boolean {
    for (const collection of this.#storage.collections().values()) if (!collection.isEmpty(namespace)) return false;
    return true;
  }

  #finishNamespace(name: string): void {
    const old = this.#storage.collection('namespaces').get('', name);
    const type = this.#storage.typeOf('namespaces');
    if (type === undefined || old?.metadata.deletionTimestamp === undefined) return;
    const object = cloneJson(old);
    if (this.mayGo(type, object)) this.remove(type, object, old);
  }
}

function keyOf(object: StoredObject): { namespace: string; name: string } {
  return { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}

/** Seconds a Pod gets to end; a Pod that runs nowhere, or ran to its end, gets none (pod strategy's CheckGracefulDelete). */
function gracePeriod(type: ResourceType, object: StoredObject, options: DeleteOptions): number {
  if (type.storageKey !== 'pods') return 0;
  if (stringAt(object, 'spec', 'nodeName') === undefined) return 0;
  const phase = stringAt(object, 'status', 'phase');
  if (phase === 'Succeeded' || phase === 'Failed') return 0;
  if (options.gracePeriodSeconds !== undefined) return Math.max(0, options.gracePeriodSeconds);
  const spec = object['spec'] as { readonly terminationGracePeriodSeconds?: number } | undefined;
  return spec?.terminationGracePeriodSeconds ?? 30;
}

function checkPreconditions(type: ResourceType, object: StoredObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { metadata } = object;
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`;
    throw conflict(type, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`;
    throw conflict(type, metadata.name, why);
  }
}
