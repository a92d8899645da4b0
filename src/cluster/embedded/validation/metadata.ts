/** Validation of `metadata`, the same for every kind (k8s.io/apimachinery/pkg/api/validation). */
import { isObject } from '../api/json.ts';
import type { ResourceType } from '../resources/resources.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { forbiddenField, invalidValue, required } from './causes.ts';
import { labelFault, label1035Fault, labelValueFault, pathSegmentFault, qualifiedNameFault, subdomainFault } from './names.ts';

const RULES = {
  'dns-subdomain': subdomainFault,
  'dns-label': labelFault,
  'dns-1035-label': label1035Fault,
  'path-segment': pathSegmentFault,
} as const;

const TOTAL_ANNOTATION_LIMIT = 256 * 1024;

/** What is wrong with an object's metadata. */
export function validateMetadata(object: StoredObject, type: ResourceType, nameRule: keyof typeof RULES): Cause[] {
  const causes: Cause[] = [];
  const { metadata } = object;
  const name: unknown = metadata.name;
  if (typeof name !== 'string' || name === '') {
    causes.push(required('metadata.name', 'name or generateName is required'));
  } else {
    const fault = RULES[nameRule](name);
    if (fault !== undefined) causes.push(invalidValue('metadata.name', name, fault));
  }
  if (type.namespaced) {
    const fault = labelFault(metadata.namespace ?? '');
    if (fault !== undefined) causes.push(invalidValue('metadata.namespace', metadata.namespace, fault));
  }
  causes.push(...validateLabels('metadata.labels', metadata.labels), ...annotationCauses(metadata.annotations));
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    const fault = qualifiedNameFault(finalizer);
    if (fault !== undefined) causes.push(invalidValue(`metadata.finalizers[${index}]`, finalizer, fault));
  }
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    for (const key of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if ((owner[key] ?? '') === '') {
        causes.push(invalidValue(`metadata.ownerReferences[${index}].${key}`, '', `${key} must not be empty`));
      }
    }
  }
  return causes;
}

/** What an update may not do to metadata. */
export function validateMetadataUpdate(object: StoredObject, old: StoredObject): Cause[] {
  if (old.metadata.deletionTimestamp === undefined) return [];
  const before = new Set(old.metadata.finalizers);
  const added = (object.metadata.finalizers ?? []).filter((finalizer) => !before.has(finalizer));
  if (added.length === 0) return [];
  const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
  return [forbiddenField('metadata.finalizers', detail)];
}

/** What is wrong with a map of labels. */
export function validateLabels(field: string, labels: unknown): Cause[] {
  if (!isObject(labels)) return [];
  const causes: Cause[] = [];
  for (const [key, value] of Object.entries(labels)) {
    const fault = qualifiedNameFault(key);
    if (fault !== undefined) causes.push(invalidValue(field, key, fault));
    const valueFault = typeof value === 'string' ? labelValueFault(value) : undefined;
    if (valueFault !== undefined) causes.push(invalidValue(field, value, valueFault));
  }
  return causes;
}

function annotationCauses(annotations: unknown): Cause[] {
  if (!isObject(annotations)) return [];
  const causes: Cause[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // Annotation keys may have upper case letters in their prefix, label keys may not.
    const fault = qualifiedNameFault(key.toLowerCase());
    if (fault !== undefined) causes.push(invalidValue('metadata.annotations', key, fault));
    size += Buffer.byteLength(key) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  }
  if (size > TOTAL_ANNOTATION_LIMIT) {
    const message = `Too long: may not be more than ${TOTAL_ANNOTATION_LIMIT} bytes`;
    causes.push({ reason: 'FieldValueTooLong', field: 'metadata.annotations', message });
  }
  return causes;
}
