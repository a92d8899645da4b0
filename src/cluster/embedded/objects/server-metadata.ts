/** The parts of `metadata` that only the server writes. */
import { randomInt } from 'node:crypto';
import { cloneJson } from '../api/json.ts';
import type { ResourceType } from '../resources/resources.ts';
import { StatusError } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';

/** RFC 3339 with the API's resolution of one second. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

// Without vowels and look-alikes, as Kubernetes' own generator (k8s.io/apimachinery/pkg/util/rand).
const NAME_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** `base` and five random letters, cut so that a label can hold it. */
function generateName(base: string): string {
  let suffix = '';
  for (let index = 0; index < 5; index++) suffix += NAME_LETTERS[randomInt(NAME_LETTERS.length)] ?? '';
  return base.slice(0, 58) + suffix;
}

/** Gives a new object what every object has. `taken` says whether a generated name is in use. */
export function fillMetadata(
  type: ResourceType,
  namespace: string,
  object: StoredObject,
  given: { readonly now: string; readonly uid: string },
  taken: (name: string) => boolean,
): void {
  const { metadata } = object;
  const base = metadata['generateName'];
  if ((metadata.name ?? '') === '' && typeof base === 'string' && base !== '') {
    metadata.name = generateName(base);
    for (let tries = 0; taken(metadata.name); tries++) {
      if (tries === 8) {
        throw new StatusError(
          409,
          'AlreadyExists',
          `${type.plural} "${metadata.name}" already exists, the server was not able to generate a unique name for the object`,
        );
      }
      metadata.name = generateName(base);
    }
  }
  if (type.namespaced) metadata.namespace = namespace;
  else delete metadata.namespace;
  metadata.uid = given.uid;
  metadata.creationTimestamp = given.now;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata['selfLink'];
  delete (metadata as Partial<typeof metadata>).resourceVersion;
  if (type.hasGeneration) metadata.generation = 1;
  else delete metadata.generation;
  dropEmpty(object);
}

/** Takes out of an update what a client cannot set anyway. */
export function dropServerFields(object: StoredObject): void {
  delete object.metadata['selfLink'];
  dropEmpty(object);
}

function dropEmpty(object: StoredObject): void {
  const { metadata } = object;
  for (const key of ['labels', 'annotations'] as const) {
    const value: unknown = metadata[key];
    if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) delete metadata[key];
  }
  for (const key of ['finalizers', 'ownerReferences'] as const) {
    const value: unknown = metadata[key];
    if (value === null || (Array.isArray(value) && value.length === 0)) delete metadata[key];
  }
}

/** Puts back what an update cannot change. */
export function keepImmutable(object: StoredObject, old: StoredObject): void {
  const { metadata } = object;
  metadata.name = old.metadata.name;
  metadata.uid = old.metadata.uid;
  metadata.creationTimestamp = old.metadata.creationTimestamp;
  for (const key of ['namespace', 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'generateName'] as const) {
    const value = old.metadata[key];
    if (value === undefined) delete metadata[key];
    else metadata[key] = value as never;
  }
  if (metadata['managedFields'] === undefined && old.metadata['managedFields'] !== undefined) {
    metadata['managedFields'] = cloneJson(old.metadata['managedFields']);
  }
}
