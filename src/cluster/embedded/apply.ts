/** Creating, changing and deleting objects from inside the process, by the same rules as over HTTP. */
import { checkType } from './http/field-validation.ts';
import { cloneJson, isObject, stringAt } from './api/json.ts';
import type { JsonObject } from './api/json.ts';
import type { MemoryStorage } from './api/memory-storage.ts';
import { StatusError } from './api/status-error.ts';
import type { StoredObject } from './api/storage.ts';
import { timestamp } from './objects/server-metadata.ts';
import { applyConfiguration } from './patch/apply.ts';
import { apiVersionOf } from './resources/resources.ts';
import type { ResourceType } from './resources/resources.ts';

/** Names an object as its author does. */
interface ObjectName {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

/** Why one object was refused. */
export interface ApplyError extends ObjectName {
  /** The whole of it in a sentence, as the API server says it. */
  readonly message: string;
  /** The fields that are wrong, where the API server names them; for example `spec.ports[0].port`. */
  readonly fields: readonly string[];
}

/** What became of the objects: those that are stored now, in the order they were applied, and the others. */
export interface ApplyOutcome {
  readonly applied: readonly StoredObject[];
  readonly errors: readonly ApplyError[];
}

/** Whose fields they are in `metadata.managedFields`. */
const FIELD_MANAGER = 'sluice-dev';

/** What others need comes first: the order in which Helm installs, with the kinds that an ingress adds. */
const ORDER: readonly string[] = [
  'Namespace',
  'CustomResourceDefinition',
  'IngressClass',
  'ServiceAccount',
  'Secret',
  'ConfigMap',
  'ClusterRole',
  'ClusterRoleBinding',
  'Role',
  'RoleBinding',
  'IPAddressPool',
  'Service',
  'EndpointSlice',
  'Pod',
  'ReplicaSet',
  'Deployment',
  'Ingress',
  'ValidatingWebhookConfiguration',
];

function rank(object: JsonObject): number {
  const index = ORDER.indexOf(stringAt(object, 'kind') ?? '');
  return index < 0 ? ORDER.length : index;
}

/** The objects with those first that others need. Equal ones stay in their order. */
function installOrder<T extends JsonObject>(objects: readonly T[]): T[] {
  return [...objects].sort((a, b) => rank(a) - rank(b));
}

function nameOf(object: JsonObject): ObjectName {
  return {
    apiVersion: stringAt(object, 'apiVersion') ?? '',
    kind: stringAt(object, 'kind') ?? '',
    namespace: stringAt(object, 'metadata', 'namespace') ?? '',
    name: stringAt(object, 'metadata', 'name') ?? '',
  };
}

function typeOf(storage: MemoryStorage, { apiVersion, kind }: ObjectName): ResourceType {
  const type = storage.registry.all().find((candidate) => candidate.kind === kind && apiVersionOf(candidate) === apiVersion);
  if (!type) throw new StatusError(404, 'NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`);
  return type;
}

function homeOf(type: ResourceType, { namespace }: ObjectName): string {
  return type.namespaced ? namespace || 'default' : '';
}

function refusal(object: JsonObject, error: unknown): ApplyError {
  const causes = error instanceof StatusError ? (error.details?.causes ?? []) : [];
  const message = error instanceof Error ? error.message : String(error);
  return { ...nameOf(object), message, fields: causes.map(({ field }) => field) };
}

function applyOne(storage: MemoryStorage, given: JsonObject, time: string): StoredObject {
  const identity = nameOf(given);
  const type = typeOf(storage, identity);
  if (identity.name === '') throw new StatusError(422, 'Invalid', `${type.kind} "" is invalid: metadata.name: Required value`);
  const wanted = cloneJson(given);
  checkType(wanted, type, new URLSearchParams({ fieldValidation: 'Strict' }));
  // A cluster-scoped object of a file may name a namespace by mistake, which kubectl overlooks.
  if (!type.namespaced && isObject(wanted['metadata'])) delete wanted['metadata']['namespace'];
  const writer = { name: FIELD_MANAGER, operation: 'Apply', apiVersion: identity.apiVersion, subresource: '', time } as const;
  const namespace = homeOf(type, identity);
  const apply = (live: StoredObject | undefined): StoredObject => applyConfiguration(live, wanted, type.schema, writer, true);
  if (!storage.collection(type.storageKey).get(namespace, identity.name)) {
    return storage.writer.create(type, namespace, apply(undefined));
  }
  return storage.writer.update(type, namespace, identity.name, (live) => {
    const applied = apply(live);
    applied.metadata.resourceVersion = live.metadata.resourceVersion;
    return applied;
  });
}

/**
 * Creates the objects or changes them to what is given, as a forced server-side apply does, in the order of `installOrder`. An
 * object that is refused harms no other. `now` is in milliseconds since the epoch.
 */
export function applyObjects(storage: MemoryStorage, objects: readonly JsonObject[], now: number): ApplyOutcome {
  const applied: StoredObject[] = [];
  const errors: ApplyError[] = [];
  for (const object of installOrder(objects)) {
    try {
      applied.push(applyOne(storage, object, timestamp(now)));
    } catch (error) {
      errors.push(refusal(object, error));
    }
  }
  return { applied, errors };
}

/** Deletes the objects, those first that need others. One that is gone already is no error. */
export function deleteObjects(storage: MemoryStorage, objects: readonly JsonObject[]): readonly ApplyError[] {
  const errors: ApplyError[] = [];
  for (const object of installOrder(objects).toReversed()) {
    try {
      const identity = nameOf(object);
      const type = typeOf(storage, identity);
      storage.writer.delete(type, homeOf(type, identity), identity.name);
    } catch (error) {
      if (!(error instanceof StatusError && error.code === 404)) errors.push(refusal(object, error));
    }
  }
  return errors;
}
