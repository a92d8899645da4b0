/** The storage of the embedded cluster: every object in memory, every write through the same checks. */
import { deepFreeze, equalJson } from './json.ts';
import { Collection } from '../objects/collection.ts';
import type { Change } from '../objects/collection.ts';
import { definedResources } from '../resources/definitions.ts';
import { OwnerIndex } from '../objects/owners.ts';
import { apiVersionOf, ResourceRegistry } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { builtinResources } from '../resources/builtin-resources.ts';
import { notFound, StatusError } from './status-error.ts';
import type { ResourceStorage, Storage, StoredObject } from './storage.ts';
import { Writer } from '../objects/writer.ts';
import type { AdmissionHook, DeleteOptions } from '../objects/writer.ts';

/** What a storage is made of. */
export interface StorageOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How many changes of each resource are remembered for watches; older ones get 410. */
  readonly historyLimit?: number;
  /** Called for every creation and update after defaulting and before validation. */
  readonly admission?: readonly AdmissionHook[];
}

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';

/** See the contract in `storage.ts`. Objects it hands out are frozen and shared. */
export class MemoryStorage implements Storage {
  readonly registry = new ResourceRegistry(builtinResources());
  readonly owners = new OwnerIndex();
  readonly writer: Writer;
  readonly #collections = new Map<string, Collection>();
  readonly #historyLimit: number;
  readonly #queue: { readonly collection: Collection; readonly storageKey: string; readonly change: Change }[] = [];
  #announcing = false;
  /** What was compacted away, for collections that come later. */
  #compacted = 0;
  /** Starts above zero: "0" means "any" in the API. */
  #revision = 1;

  constructor(options: StorageOptions = {}) {
    this.#historyLimit = options.historyLimit ?? 10_000;
    this.writer = new Writer(this, options.now ?? Date.now, options.admission ?? []);
  }

  /** The revision of the last change. */
  get revision(): number {
    return this.#revision;
  }

  /** The objects of a resource, in stored form. Versions of one resource share them. */
  collection(storageKey: string): Collection {
    let collection = this.#collections.get(storageKey);
    if (collection === undefined) {
      collection = new Collection(this.#historyLimit, this.#compacted);
      this.#collections.set(storageKey, collection);
    }
    return collection;
  }

  collections(): ReadonlyMap<string, Collection> {
    return this.#collections;
  }

  /** The resource a collection belongs to: any of its versions. */
  typeOf(storageKey: string): ResourceType | undefined {
    return this.registry.all().find((type) => type.storageKey === storageKey);
  }

  resource(apiVersion: string, plural: string): ResourceStorage {
    const type = this.registry.find(apiVersion, plural);
    if (type === undefined) {
      const slash = apiVersion.indexOf('/');
      const group = slash < 0 ? '' : apiVersion.slice(0, slash);
      throw notFound({ group, plural, kind: plural }, apiVersion);
    }
    const served = (object: StoredObject): StoredObject => toServed(type, object);
    return {
      get: (namespace, name) => {
        const object = this.collection(type.storageKey).get(type.namespaced ? namespace : '', name);
        return object === undefined ? undefined : served(object);
      },
      list: (namespace) => this.collection(type.storageKey).list(namespace).map(served),
      create: (namespace, object) => served(this.writer.create(type, namespace, object)),
      update: (namespace, name, mutate, subresource) => {
        try {
          const options = subresource === undefined ? {} : { subresource };
          return served(this.writer.update(type, namespace, name, mutate, options));
        } catch (error) {
          if (error instanceof StatusError && error.reason === 'NotFound') return undefined;
          throw error;
        }
      },
      delete: (namespace, name, options) => {
        this.writer.delete(type, namespace, name, options);
      },
      watch: (listener) =>
        this.collection(type.storageKey).subscribe((change) => {
          listener({
            type: change.type,
            object: served(change.object),
            ...(change.previous === undefined ? {} : { previous: served(change.previous) }),
          });
        }),
    };
  }

  /** Makes a change real: only `Writer` calls this, after all checks. Returns the stored object. */
  commit(type: ResourceType, kind: Change['type'], object: StoredObject, previous: StoredObject | undefined): StoredObject {
    this.#revision++;
    object.metadata.resourceVersion = String(this.#revision);
    deepFreeze(object);
    const change: Change = {
      type: kind,
      object,
      revision: this.#revision,
      ...(previous === undefined ? {} : { previous }),
    };
    const collection = this.collection(type.storageKey);
    collection.apply(change);
    if (kind === 'DELETED') this.owners.forget(object);
    else this.owners.note(type.storageKey, object, previous);
    if (type.storageKey === DEFINITIONS) this.#redefine(kind === 'DELETED' ? undefined : object, previous);
    this.#queue.push({ collection, storageKey: type.storageKey, change });
    this.#announce();
    return object;
  }

  /** Forgets the history of changes, as etcd's compaction does: older resourceVersions get 410. */
  compact(): void {
    this.#compacted = this.#revision;
    for (const collection of this.#collections.values()) collection.compact(this.#revision);
  }

  /** Compacts, and moves the revision on, so that no resourceVersion handed out before is valid any more. */
  loseHistory(): void {
    this.#revision += 1000;
    this.compact();
  }

  /** Listeners are told one change after the other, also when one of them makes the next. */
  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        next.collection.announce(next.change);
        this.writer.afterChange(next.storageKey, next.change);
      }
    } finally {
      this.#announcing = false;
    }
  }

  #redefine(definition: StoredObject | undefined, previous: StoredObject | undefined): void {
    if (definition !== undefined && previous !== undefined && equalJson(definition['spec'], previous['spec'])) return;
    for (const type of previous === undefined ? [] : definedResources(previous)) {
      this.registry.remove(apiVersionOf(type), type.plural);
    }
    for (const type of definition === undefined ? [] : definedResources(definition)) this.registry.add(type);
  }
}

/** An object as a version of its resource serves it. */
export function toServed(type: ResourceType, object: StoredObject): StoredObject {
  if (type.conversion !== undefined) return type.conversion.fromStored(object) as StoredObject;
  const apiVersion = apiVersionOf(type);
  return object.apiVersion === apiVersion ? object : { ...object, apiVersion };
}

export type { AdmissionHook, DeleteOptions };
