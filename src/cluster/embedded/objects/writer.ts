/** Every creation, update and deletion goes through here: metadata, defaults, admission, validation, generation, garbage. */
import { randomUUID } from 'node:crypto';
import { admitDefaultClass } from '../admission/default-class.ts';
import { strategyFor } from '../admission/strategies.ts';
import type { Strategy } from '../admission/strategy.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts';
import type { Change } from './collection.ts';
import { cloneJson, equalJson, isObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { MemoryStorage } from '../api/memory-storage.ts';
import { dropServerFields, fillMetadata, keepImmutable, timestamp } from './server-metadata.ts';
import { Deleter } from './deleter.ts';
import type { DeleteOptions } from './deleter.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { alreadyExists, badRequest, conflict, forbidden, invalid, notFound, StatusError } from '../api/status-error.ts';
import type { NewObject, StoredObject } from '../api/storage.ts';

export type { DeleteOptions };

/** May change `object` before it is validated, or throw a StatusError. `old` is undefined on creation. */
export type AdmissionHook = (type: ResourceType, object: StoredObject, old: StoredObject | undefined) => void;

interface WriteOptions {
  readonly dryRun?: boolean;
  /** Computes `metadata.managedFields`; `old` is undefined on creation. */
  readonly track?: (object: StoredObject, old: StoredObject | undefined) => void;
}

interface UpdateOptions extends WriteOptions {
  readonly subresource?: 'status';
}

/** Which namespaces a client cannot be rid of. */
const PERMANENT_NAMESPACES = new Set(['default', 'kube-system', 'kube-public']);

export class Writer {
  readonly #storage: MemoryStorage;
  readonly #now: () => number;
  readonly #hooks: readonly AdmissionHook[];
  readonly #deleter: Deleter;

  constructor(storage: MemoryStorage, now: () => number, hooks: readonly AdmissionHook[]) {
    this.#storage = storage;
    this.#now = now;
    this.#hooks = hooks;
    this.#deleter = new Deleter(storage, () => timestamp(now()));
  }

  create(type: ResourceType, namespace: string, input: NewObject, options: WriteOptions = {}): StoredObject {
    const object = this.#incoming(type, input);
    const strategy = strategyFor(type);
    const now = timestamp(this.#now());
    this.#checkNamespace(type, namespace, object);
    if (object.metadata.resourceVersion !== undefined && object.metadata.resourceVersion !== '') {
      throw new StatusError(500, 'InternalError', 'resourceVersion should not be set on objects to be created');
    }
    fillMetadata(
      type,
      namespace,
      object,
      { now, uid: randomUUID() },
      (name) => this.#find(type, namespace, name) !== undefined,
    );
    if (type.hasStatus) delete object['status'];
    strategy.prepareCreate?.(object, now);
    strategy.setDefaults?.(object);
    if (type.storageKey === 'ingresses.networking.k8s.io') admitDefaultClass(this.#storage, object);
    for (const hook of this.#hooks) hook(type, object, undefined);
    this.#check(type, strategy, object, undefined);
    const name = object.metadata.name;
    if (this.#find(type, namespace, name) !== undefined) throw alreadyExists(type, name);
    options.track?.(object, undefined);
    if (options.dryRun === true) return object;
    const stored = this.#storage.commit(type, 'ADDED', object, undefined);
    // A listener may have changed it by now: the answer is what the storage has.
    return this.#find(type, namespace, name) ?? stored;
  }

  update(
    type: ResourceType,
    namespace: string,
    name: string,
    mutate: (object: StoredObject) => StoredObject | void,
    options: UpdateOptions = {},
  ): StoredObject {
    const old = this.#find(type, namespace, name);
    if (old === undefined) throw notFound(type, name);
    const served = this.#served(type, old);
    const copy = cloneJson(served);
    const result = mutate(copy) ?? copy;
    const wanted = this.#incoming(type, result);
    const object = options.subresource === 'status' ? withStatus(old, wanted) : wanted;
    this.#preconditions(type, namespace, name, object, wanted, old);
    keepImmutable(object, old);
    const strategy = strategyFor(type);
    if (options.subresource === undefined) {
      if (type.hasStatus) restoreStatus(object, old);
      strategy.prepareUpdate?.(object, old);
    }
    strategy.setDefaults?.(object);
    for (const hook of this.#hooks) hook(type, object, old);
    if (type.hasGeneration && specChanged(type, object, old)) object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    this.#check(type, strategy, object, old);
    options.track?.(object, old);
    object.metadata.resourceVersion = old.metadata.resourceVersion;
    if (equalJson(object, old)) return old;
    if (options.dryRun === true) return object;
    if (this.#deleter.mayGo(type, object)) {
      this.#deleter.remove(type, object, old);
      return object;
    }
    const stored = this.#storage.commit(type, 'MODIFIED', object, old);
    return this.#find(type, namespace, name) ?? stored;
  }

  /** Deletes, or begins to. Returns the object as it was last, and whether it is gone. */
  delete(
    type: ResourceType,
    namespace: string,
    name: string,
    options: DeleteOptions = {},
  ): { object: StoredObject; gone: boolean } {
    const scope = type.namespaced ? namespace : '';
    const object = this.#find(type, scope, name);
    if (object === undefined) throw notFound(type, name);
    if (type.storageKey === 'namespaces' && PERMANENT_NAMESPACES.has(name)) {
      throw forbidden(type, name, 'this namespace may not be deleted');
    }
    return this.#deleter.delete(type, object, options);
  }

  /** The consequences of a change: what depended on a gone object goes, a namespace that became empty goes. */
  afterChange(storageKey: string, change: Change): void {
    this.#deleter.afterChange(storageKey, change);
  }

  #find(type: ResourceType, namespace: string, name: string): StoredObject | undefined {
    return this.#storage.collection(type.storageKey).get(type.namespaced ? namespace : '', name);
  }

  #served(type: ResourceType, object: StoredObject): StoredObject {
    return type.conversion === undefined ? object : (type.conversion.fromStored(object) as StoredObject);
  }

  /** A copy in stored form, with the type it is stored under. */
  #incoming(type: ResourceType, input: NewObject): StoredObject {
    const copy: JsonObject = cloneJson<JsonObject>({ apiVersion: '', kind: '', ...input });
    copy['apiVersion'] = apiVersionOf(type);
    copy['kind'] = type.kind;
    if (!isObject(copy['metadata'])) copy['metadata'] = {};
    return (type.conversion === undefined ? copy : type.conversion.toStored(copy)) as StoredObject;
  }

  #checkNamespace(type: ResourceType, namespace: string, object: StoredObject): void {
    const given = object.metadata.namespace;
    if (!type.namespaced) {
      if (given !== undefined && given !== '') throw badRequest('namespace must not be set on a cluster-scoped object');
      return;
    }
    if (given !== undefined && given !== '' && given !== namespace) {
      throw badRequest(
        `the namespace of the provided object does not match the namespace sent on the request (${given} and ${namespace})`,
      );
    }
    const home = this.#storage.collection('namespaces').get('', namespace);
    if (home === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
    if (home.metadata.deletionTimestamp !== undefined) {
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
      throw forbidden(type, object.metadata.name ?? '', why);
    }
  }

  #preconditions(
    type: ResourceType,
    namespace: string,
    name: string,
    object: StoredObject,
    wanted: StoredObject,
    old: StoredObject,
  ): void {
    const { metadata } = wanted;
    if (metadata.name !== undefined && metadata.name !== name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
    }
    if (type.namespaced && (metadata.namespace ?? '') !== '' && metadata.namespace !== namespace) {
      throw badRequest(
        `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${namespace})`,
      );
    }
    if (metadata.uid !== undefined && metadata.uid !== '' && metadata.uid !== old.metadata.uid) {
      throw conflict(
        type,
        name,
        `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid}`,
      );
    }
    const revision = metadata.resourceVersion;
    if (revision !== undefined && revision !== '' && revision !== old.metadata.resourceVersion) {
      throw conflict(type, name, 'the object has been modified; please apply your changes to the latest version and try again');
    }
    dropServerFields(object);
  }

  #check(type: ResourceType, strategy: Strategy, object: StoredObject, old: StoredObject | undefined): void {
    const causes = [
      ...validateMetadata(object, type, strategy.nameRule ?? 'dns-subdomain'),
      ...(old === undefined ? [] : validateMetadataUpdate(object, old)),
      ...(strategy.validate?.(object) ?? []),
      ...(old === undefined ? (strategy.validateCreate?.(object) ?? []) : []),
      ...(old === undefined ? [] : (strategy.validateUpdate?.(object, old) ?? [])),
    ];
    if (causes.length > 0) throw invalid(type, object.metadata.name ?? '', causes);
  }
}

/** The old object with the new one's status: nothing else may change there. */
function withStatus(old: StoredObject, wanted: StoredObject): StoredObject {
  const object = cloneJson(old);
  object.metadata['managedFields'] = wanted.metadata['managedFields'];
  if (wanted['status'] === undefined) delete object['status'];
  else object['status'] = wanted['status'];
  return object;
}

function restoreStatus(object: StoredObject, old: StoredObject): void {
  if (old['status'] === undefined) delete object['status'];
  else object['status'] = cloneJson(old['status']);
}

/** Whether what the user asks for changed: anything but metadata and, where it is a subresource, the status. */
function specChanged(type: ResourceType, object: StoredObject, old: StoredObject): boolean {
  const keys = new Set([...Object.keys(object), ...Object.keys(old)]);
  for (const key of ['apiVersion', 'kind', 'metadata']) keys.delete(key);
  if (type.hasStatus) keys.delete('status');
  return [...keys].some((key) => !equalJson(object[key], old[key]));
}
