/** What a resource of the API is: its names, its subresources, and the registry in which it is found. */
import type { JsonObject } from '../api/json.ts';
import type { Column } from './columns.ts';

/** One resource in one version, as discovery tells it. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly hasStatus: boolean;
  readonly scale: ScalePaths | undefined;
  /** Whether `metadata.generation` is kept. */
  readonly hasGeneration: boolean;
  /** The type of the Kubernetes API that describes its fields; undefined for custom resources. */
  readonly schema: string | undefined;
  /** Undefined for the two columns every resource has: name and age. */
  readonly columns: readonly Column[] | undefined;
  /** Field selectors it supports beside `metadata.name` and `metadata.namespace`. */
  readonly selectableFields: readonly string[];
  /** Versions of one resource share their objects: the collection's name. */
  readonly storageKey: string;
  /** Between the stored form and this version's; undefined when only apiVersion differs. */
  readonly conversion: Conversion | undefined;
  /** Defined by a CustomResourceDefinition. */
  readonly custom: boolean;
}

/** Translates an object between the version that is stored and the one that is served. */
export interface Conversion {
  readonly fromStored: (object: JsonObject) => JsonObject;
  readonly toStored: (object: JsonObject) => JsonObject;
}

/** JSON paths of the scale subresource, without the leading dot: `spec.replicas`. */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  readonly selector: string | undefined;
}

/** `group/version`, or `v1` for the core group. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/** The resources that are served now. CustomResourceDefinitions add to it and take from it. */
export class ResourceRegistry {
  readonly #types = new Map<string, Map<string, ResourceType>>();

  constructor(types: readonly ResourceType[]) {
    for (const type of types) this.add(type);
  }

  /** Adds a resource, in place of one with the same group, version and plural. */
  add(type: ResourceType): void {
    const apiVersion = apiVersionOf(type);
    let ofVersion = this.#types.get(apiVersion);
    if (ofVersion === undefined) {
      ofVersion = new Map();
      this.#types.set(apiVersion, ofVersion);
    }
    ofVersion.set(type.plural, type);
  }

  /** Takes a resource out of discovery; its objects are the storage's business. */
  remove(apiVersion: string, plural: string): void {
    const ofVersion = this.#types.get(apiVersion);
    ofVersion?.delete(plural);
    if (ofVersion?.size === 0) this.#types.delete(apiVersion);
  }

  find(apiVersion: string, plural: string): ResourceType | undefined {
    return this.#types.get(apiVersion)?.get(plural);
  }

  /** Every `group/version` served, in the order of registration. */
  apiVersions(): string[] {
    return [...this.#types.keys()];
  }

  /** All resources of one `group/version`. */
  ofApiVersion(apiVersion: string): ResourceType[] {
    return [...(this.#types.get(apiVersion)?.values() ?? [])];
  }

  all(): ResourceType[] {
    return [...this.#types.values()].flatMap((ofVersion) => [...ofVersion.values()]);
  }
}
