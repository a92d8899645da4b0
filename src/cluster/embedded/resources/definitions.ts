/** CustomResourceDefinitions: the resources they declare (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/). */
import type { Column } from './columns.ts';
import { arrayAt, isObject, objectAt, stringAt, valueAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { simplePath } from './json-path.ts';
import type { ResourceType, ScalePaths } from './resources.ts';
import type { StoredObject } from '../api/storage.ts';

function strings(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string');
}

const withoutDot = (path: string): string => (path.startsWith('.') ? path.slice(1) : path);

function scaleOf(version: JsonObject): ScalePaths | undefined {
  const scale = objectAt(version, 'subresources', 'scale');
  const specReplicas = stringAt(scale, 'specReplicasPath');
  if (specReplicas === undefined) return undefined;
  const selector = stringAt(scale, 'labelSelectorPath');
  return {
    specReplicas: withoutDot(specReplicas),
    statusReplicas: withoutDot(stringAt(scale, 'statusReplicasPath') ?? '.status.replicas'),
    selector: selector === undefined ? undefined : withoutDot(selector),
  };
}

const COLUMN_TYPES: ReadonlySet<string> = new Set(['string', 'integer', 'number', 'boolean', 'date']);

function columnsOf(version: JsonObject): Column[] | undefined {
  const declared = arrayAt(version, 'additionalPrinterColumns');
  if (declared.length === 0) return undefined;
  return declared.filter(isObject).map((column) => {
    const path = stringAt(column, 'jsonPath') ?? '';
    const type = stringAt(column, 'type') ?? 'string';
    const priority = valueAt(column, 'priority');
    return {
      name: stringAt(column, 'name') ?? '',
      type: (COLUMN_TYPES.has(type) ? type : 'string') as Column['type'],
      description: stringAt(column, 'description') ?? '',
      priority: typeof priority === 'number' ? priority : 0,
      value: (object) => simplePath(object, path),
    };
  });
}

/** The resources, one per served version, that a definition declares. */
export function definedResources(definition: StoredObject): ResourceType[] {
  const spec = objectAt(definition, 'spec');
  const names = objectAt(spec, 'names');
  const group = stringAt(spec, 'group');
  const plural = stringAt(names, 'plural');
  const kind = stringAt(names, 'kind');
  if (group === undefined || plural === undefined || kind === undefined) return [];
  return arrayAt(spec, 'versions')
    .filter(isObject)
    .filter((version) => version['served'] === true)
    .map((version) => ({
      group,
      version: stringAt(version, 'name') ?? '',
      kind,
      plural,
      singular: stringAt(names, 'singular') ?? kind.toLowerCase(),
      shortNames: strings(arrayAt(names, 'shortNames')),
      categories: strings(arrayAt(names, 'categories')),
      namespaced: stringAt(spec, 'scope') !== 'Cluster',
      hasStatus: objectAt(version, 'subresources', 'status') !== undefined,
      scale: scaleOf(version),
      hasGeneration: true,
      schema: undefined,
      columns: columnsOf(version),
      selectableFields: arrayAt(version, 'selectableFields')
        .map((field) => stringAt(field, 'jsonPath'))
        .filter((path) => path !== undefined)
        .map(withoutDot),
      storageKey: `${plural}.${group}`,
      conversion: undefined,
      custom: true,
    }));
}
