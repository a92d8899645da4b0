/**
 * The OpenAPI v3 documents, one per group and version (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#openapi-v3).
 * kubectl reads them to explain kinds, to merge lists in `apply`, and to see that the server validates fields.
 */
import { arrayAt, isObject, objectAt, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { MemoryStorage } from '../api/memory-storage.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { isAtomicObject, listMerge, retainsKeys } from '../schema/merge-keys.ts';
import { fieldsOf } from '../schema/types.ts';
import type { FieldType } from '../schema/types.ts';

/** `api/v1`, `apis/apps/v1`. */
function documentName(apiVersion: string): string {
  return apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
}

/** `/openapi/v3`: where the documents are. The revision makes clients forget what they cached. */
export function openApiIndex(storage: MemoryStorage): JsonObject {
  const revision = storage
    .collection('customresourcedefinitions.apiextensions.k8s.io')
    .list()
    .map((object) => object.metadata.resourceVersion);
  const hash = revision.reduce((highest, version) => Math.max(highest, Number(version)), 0);
  const paths: JsonObject = {};
  for (const apiVersion of storage.registry.apiVersions()) {
    const name = documentName(apiVersion);
    paths[name] = { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` };
  }
  return { paths };
}

/** The document of `apis/apps/v1`; undefined when that is not served. */
export function openApiDocument(storage: MemoryStorage, name: string): JsonObject | undefined {
  const apiVersion = storage.registry.apiVersions().find((candidate) => documentName(candidate) === name);
  if (apiVersion === undefined) return undefined;
  const schemas: JsonObject = {};
  const paths: JsonObject = {};
  for (const type of storage.registry.ofApiVersion(apiVersion)) {
    if (type.schema === undefined) schemas[schemaName(type)] = customSchema(storage, type);
    else describe(type.schema, schemas, gvkOf(type));
    addPaths(type, paths);
  }
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: 'v1.35.0' }, paths, components: { schemas } };
}

function gvkOf(type: ResourceType): JsonObject {
  return { group: type.group, version: type.version, kind: type.kind };
}

function schemaName(type: ResourceType): string {
  return type.schema ?? `${type.group}.${type.version}.${type.kind}`;
}

const reference = (name: string): JsonObject => ({ allOf: [{ $ref: `#/components/schemas/${name}` }], default: {} });

/** Adds a type, and those it is made of, to the schemas of a document. */
function describe(type: string, schemas: JsonObject, gvk?: JsonObject): void {
  if (schemas[type] !== undefined) return;
  const properties: JsonObject = {};
  const schema: JsonObject = { type: 'object', properties };
  schemas[type] = schema;
  if (gvk !== undefined) schema['x-kubernetes-group-version-kind'] = [gvk];
  for (const [name, field] of fieldsOf(type) ?? []) {
    properties[name] = { ...fieldSchema(field, schemas), ...mergeRules(type, name, field) };
  }
}

function fieldSchema(field: FieldType, schemas: JsonObject): JsonObject {
  switch (field.holds) {
    case 'string':
      return { type: 'string' };
    case 'quantity':
    case 'intOrString':
      return {
        oneOf: [{ type: 'string' }, { type: field.holds === 'quantity' ? 'number' : 'integer' }],
        format: 'int-or-string',
      };
    case 'time':
      return { type: 'string', format: 'date-time' };
    case 'bytes':
      return { type: 'string', format: 'byte' };
    case 'boolean':
      return { type: 'boolean' };
    case 'number':
      return { type: 'number', format: 'double' };
    case 'integer':
      return { type: 'integer', format: `int${field.bits}` };
    case 'any':
      return { type: 'object' };
    case 'list':
      return { type: 'array', items: fieldSchema(field.of, schemas) };
    case 'map':
      return { type: 'object', additionalProperties: fieldSchema(field.of, schemas) };
    case 'object':
      break;
  }
  describe(field.type, schemas);
  return reference(field.type);
}

function mergeRules(type: string, name: string, field: FieldType): JsonObject {
  if (field.holds === 'list') {
    const merge = listMerge(type, name);
    const strategy = merge.retainKeys === true ? 'merge,retainKeys' : 'merge';
    return {
      ...(merge.patchKey === undefined ? {} : { 'x-kubernetes-patch-merge-key': merge.patchKey }),
      ...(merge.patchMerge ? { 'x-kubernetes-patch-strategy': strategy } : {}),
      'x-kubernetes-list-type': merge.apply.as,
      ...(merge.apply.as === 'map' ? { 'x-kubernetes-list-map-keys': merge.apply.keys } : {}),
    };
  }
  const atomic = isAtomicObject(type, name, field.holds === 'object' ? field.type : undefined);
  return {
    ...(retainsKeys(type, name) ? { 'x-kubernetes-patch-strategy': 'retainKeys' } : {}),
    ...(atomic ? { 'x-kubernetes-map-type': 'atomic' } : {}),
  };
}

/** What a definition says of its objects, with the metadata every object has. */
function customSchema(storage: MemoryStorage, type: ResourceType): JsonObject {
  const definition = storage.collection('customresourcedefinitions.apiextensions.k8s.io').get('', type.storageKey);
  const version = arrayAt(definition, 'spec', 'versions').find((candidate) => stringAt(candidate, 'name') === type.version);
  const schema = objectAt(version, 'schema', 'openAPIV3Schema') ?? {};
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  return {
    ...schema,
    type: 'object',
    properties: { ...properties, apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } },
    'x-kubernetes-group-version-kind': [gvkOf(type)],
  };
}

const parameter = (name: string): JsonObject => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } });
const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map(parameter);

function addPaths(type: ResourceType, paths: JsonObject): void {
  const apiVersion = apiVersionOf(type);
  const home = `/${documentName(apiVersion)}${type.namespaced ? '/namespaces/{namespace}' : ''}/${type.plural}`;
  const gvk = gvkOf(type);
  const content = { 'application/json': { schema: { $ref: `#/components/schemas/${schemaName(type)}` } } };
  const operation = (action: string, extra: JsonObject = {}): JsonObject => ({
    operationId: `${action}${type.kind}`,
    responses: { '200': { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
    ...extra,
  });
  paths[home] = {
    get: operation('list'),
    post: operation('post', { parameters: WRITE_PARAMETERS, requestBody: { content } }),
    delete: operation('deletecollection'),
  };
  paths[`${home}/{name}`] = {
    get: operation('get'),
    put: operation('put', { parameters: WRITE_PARAMETERS, requestBody: { content } }),
    patch: operation('patch', { parameters: [...WRITE_PARAMETERS, parameter('force')], requestBody: { content } }),
    delete: operation('delete', {
      parameters: [parameter('dryRun'), parameter('gracePeriodSeconds'), parameter('propagationPolicy')],
    }),
  };
}
