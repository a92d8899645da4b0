/** Reading Pods, as the controllers look at them. */
import { arrayAt, isObject, objectAt, stringAt, valueAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { Storage, StoredObject } from '../api/storage.ts';

/** A condition of a Pod's status. */
export function podCondition(pod: StoredObject, type: string): JsonObject | undefined {
  return arrayAt(pod, 'status', 'conditions')
    .filter(isObject)
    .find((condition) => condition['type'] === type);
}

/** Whether the Ready condition is true; a terminating Pod can be ready. */
export function isReady(pod: StoredObject): boolean {
  return podCondition(pod, 'Ready')?.['status'] === 'True';
}

export function isTerminating(pod: StoredObject): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Whether it ran to its end. */
export function hasEnded(pod: StoredObject): boolean {
  const phase = stringAt(pod, 'status', 'phase');
  return phase === 'Succeeded' || phase === 'Failed';
}

/** Milliseconds until a Pod counts as available: 0 when it does now, undefined when it is not ready. */
export function availableIn(pod: StoredObject, minReadySeconds: number, now: number): number | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = Date.parse(stringAt(podCondition(pod, 'Ready'), 'lastTransitionTime') ?? '');
  return Number.isNaN(since) ? 0 : Math.max(0, since + minReadySeconds * 1000 - now);
}

/** The containers of a Pod or of a template's spec. */
export function containersOf(pod: StoredObject): JsonObject[] {
  return arrayAt(pod, 'spec', 'containers').filter(isObject);
}

/** The TCP ports that the containers declare, each once, in order. */
export function containerPorts(pod: StoredObject): number[] {
  const ports = containersOf(pod)
    .flatMap((container) => arrayAt(container, 'ports'))
    .filter((port) => (stringAt(port, 'protocol') ?? 'TCP') === 'TCP')
    .map((port) => valueAt(port, 'containerPort'))
    .filter((port) => typeof port === 'number');
  return [...new Set(ports)];
}

/** The reference to the controller that owns an object. */
export function controllerOf(
  object: StoredObject,
): { readonly kind: string; readonly name: string; readonly uid: string } | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** The objects of a resource that a controller owns. */
export function ownedBy(storage: Storage, apiVersion: string, plural: string, owner: StoredObject): StoredObject[] {
  const { namespace, uid } = owner.metadata;
  return storage
    .resource(apiVersion, plural)
    .list(namespace)
    .filter((object) => controllerOf(object)?.uid === uid);
}

/** The owner reference of a controller to what it makes. */
export function ownerReference(owner: StoredObject): {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: boolean;
  blockOwnerDeletion: boolean;
} {
  const { apiVersion, kind, metadata } = owner;
  return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true, blockOwnerDeletion: true };
}

/** Whether labels match a plain selector (`spec.selector` of a Service); an empty one matches nothing. */
export function matchesLabels(selector: JsonObject | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  const wanted = Object.entries(selector ?? {});
  return (
    wanted.length > 0 &&
    wanted.every(([key, value]) => labels !== undefined && Object.hasOwn(labels, key) && labels[key] === value)
  );
}

/** `spec.replicas` or another count, 0 when it is missing. */
export function count(object: StoredObject, ...path: readonly string[]): number {
  const value = valueAt(object, ...path);
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** A mutable status of a copy that is being updated. */
export function statusOf(object: StoredObject): JsonObject {
  const status = objectAt(object, 'status') ?? {};
  object['status'] = status;
  return status;
}
