/** `metadata.managedFields`: who wrote which field last (https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers). */
import { equalJson, isObject, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { StoredObject } from '../api/storage.ts';
import { changedFields, decodeFields, encodeFields, fieldsWithValues } from './field-set.ts';

/** One manager's fields. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
  readonly fields: Set<string>;
}

/** Who writes, with what and when. */
export type Writer = Omit<Manager, 'fields'>;

/** Whether two entries are of the same manager. */
export function sameManager(a: Writer, b: Writer): boolean {
  return a.name === b.name && a.operation === b.operation && a.subresource === b.subresource && a.apiVersion === b.apiVersion;
}

/** The managers of an object. Entries that cannot be read are dropped. */
export function readManagers(object: StoredObject): Manager[] {
  const entries = object.metadata['managedFields'];
  if (!Array.isArray(entries)) return [];
  return entries.filter(isObject).flatMap((entry): Manager[] => {
    const name = stringAt(entry, 'manager');
    const operation = entry['operation'];
    if (name === undefined || (operation !== 'Apply' && operation !== 'Update')) return [];
    return [
      {
        name,
        operation,
        apiVersion: stringAt(entry, 'apiVersion') ?? '',
        subresource: stringAt(entry, 'subresource') ?? '',
        time: stringAt(entry, 'time') ?? '',
        fields: decodeFields(entry['fieldsV1']),
      },
    ];
  });
}

/** Writes managers back; those that own nothing are dropped. A time stays as it was when nothing of an entry changed. */
export function writeManagers(object: StoredObject, managers: readonly Manager[], before: readonly Manager[]): void {
  const entries = managers
    .filter((manager) => manager.fields.size > 0)
    .map((manager): JsonObject => {
      const old = before.find((other) => sameManager(other, manager));
      const fieldsV1 = encodeFields(manager.fields);
      const unchanged = old !== undefined && equalJson(encodeFields(old.fields), fieldsV1);
      return {
        manager: manager.name,
        operation: manager.operation,
        apiVersion: manager.apiVersion,
        time: unchanged ? old.time : manager.time,
        fieldsType: 'FieldsV1',
        fieldsV1,
        ...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
      };
    });
  if (entries.length === 0) delete object.metadata['managedFields'];
  else object.metadata['managedFields'] = entries;
}

/** Makes the writer of a create, update or patch the owner of what it changed, and of that alone; what is gone has no owner. */
export function trackUpdate(
  object: StoredObject,
  old: StoredObject | undefined,
  schema: string | undefined,
  writer: Writer,
): void {
  const given = object.metadata['managedFields'];
  // A list with one empty entry is how a client asks to forget all owners.
  const reset = Array.isArray(given) && given.length === 1 && isObject(given[0]) && Object.keys(given[0]).length === 0;
  const before = old === undefined ? [] : readManagers(old);
  const managers = reset ? [] : readManagers(object);
  const after = fieldsWithValues(object, schema);
  const changed = reset
    ? new Set<string>()
    : changedFields(old === undefined ? new Map() : fieldsWithValues(old, schema), after);
  for (const manager of managers) {
    const own = sameManager(manager, writer);
    for (const path of manager.fields) {
      if (!after.has(path) || (!own && changed.has(path))) manager.fields.delete(path);
    }
  }
  const own = managers.find((manager) => sameManager(manager, writer));
  if (changed.size > 0) {
    if (own === undefined) managers.push({ ...writer, fields: changed });
    else {
      managers.splice(managers.indexOf(own), 1, { ...writer, fields: new Set([...own.fields, ...changed]) });
    }
  }
  writeManagers(object, managers, before);
}
