/** Tables, as `kubectl get` asks for them (https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables). */
import type { JsonObject } from '../api/json.ts';
import { partialMetadata } from '../http/respond.ts';
import type { StoredObject } from '../api/storage.ts';
import type { Column } from '../resources/columns.ts';
import type { ResourceType } from '../resources/resources.ts';
import { AGE, age } from './age.ts';
import { BUILTIN_COLUMNS } from './builtin-columns.ts';

const NAME: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  value: (object) => (object['metadata'] as { readonly name?: string } | undefined)?.name ?? '',
};

/** Kinds that show when they were created instead. */
const WITHOUT_AGE = new Set([
  'customresourcedefinitions.apiextensions.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
  'roles.rbac.authorization.k8s.io',
]);

function columnsOf(type: ResourceType): readonly Column[] {
  if (type.columns !== undefined)
    return [NAME, ...type.columns.map((column) => (column.type === 'date' ? dateColumn(column) : column))];
  const columns = BUILTIN_COLUMNS.get(type.storageKey);
  if (columns === undefined) return [NAME, AGE];
  if (type.storageKey === 'events') return [...columns, { ...NAME, priority: 1 }];
  if (WITHOUT_AGE.has(type.storageKey)) return [NAME, ...columns];
  if (columns.includes(AGE)) return [NAME, ...columns];
  // What is only shown with `-o wide` comes after the age.
  const wide = columns.filter((column) => (column.priority ?? 0) > 0);
  return [NAME, ...columns.filter((column) => (column.priority ?? 0) === 0), AGE, ...wide];
}

/** A printer column of type date shows an age. */
function dateColumn(column: Column): Column {
  return {
    ...column,
    value: (object, now) => {
      const value = column.value(object, now);
      return typeof value === 'string' ? age(value, now) : value;
    },
  };
}

/** `includeObject` is Metadata when it is undefined, as the API has it. */
export function tableOf(
  type: ResourceType,
  objects: readonly StoredObject[],
  metadata: { readonly resourceVersion?: string },
  now: number,
  includeObject: string | undefined,
): JsonObject {
  const columns = columnsOf(type);
  const { resourceVersion, continue: token, remainingItemCount } = metadata as JsonObject;
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      resourceVersion,
      ...(typeof token === 'string' ? { continue: token, remainingItemCount } : {}),
    },
    columnDefinitions: columns.map((column) => ({
      name: column.name,
      type: column.type === 'date' ? 'string' : column.type,
      format: column.format ?? '',
      description: column.description ?? '',
      priority: column.priority ?? 0,
    })),
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.value(object, now) ?? null),
      ...(includeObject === 'None' ? {} : { object: includeObject === 'Object' ? object : partialMetadata(object) }),
    })),
  };
}
