/** The fields of the Kubernetes types and what they hold, as the generated client describes them. */
import * as client from '@kubernetes/client-node';
import { isObject } from '../api/json.ts';

/** What a field may hold. */
export type FieldType =
  | { readonly holds: 'string' | 'number' | 'boolean' | 'time' | 'intOrString' | 'quantity' | 'bytes' | 'any' }
  | { readonly holds: 'integer'; readonly bits: 32 | 64 }
  | { readonly holds: 'list'; readonly of: FieldType }
  | { readonly holds: 'map'; readonly of: FieldType }
  | { readonly holds: 'object'; readonly type: string };

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

/** The generated client has no type of its own for quantities: they are strings there, but may be numbers in JSON. */
const QUANTITIES = new Set([
  'V1ResourceRequirements.limits',
  'V1ResourceRequirements.requests',
  'V1VolumeResourceRequirements.limits',
  'V1VolumeResourceRequirements.requests',
  'V1NodeStatus.capacity',
  'V1NodeStatus.allocatable',
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1ResourceFieldSelector.divisor',
  'V1PodSpec.overhead',
  'V2MetricTarget.averageValue',
  'V2MetricTarget.value',
  'V2MetricValueStatus.averageValue',
  'V2MetricValueStatus.value',
]);

/** Types whose content is not described, so that anything may be in it. */
const OPAQUE = new Set(['any', 'object', 'V1JSONSchemaProps', 'V1FieldsV1']);

const parsed = new Map<string, ReadonlyMap<string, FieldType> | undefined>();

/** The fields of a type of the generated client (`V1Ingress`), by their names in JSON. Undefined for types that are not described. */
export function fieldsOf(type: string): ReadonlyMap<string, FieldType> | undefined {
  if (parsed.has(type)) return parsed.get(type);
  const attributes = attributesOf(type);
  const fields =
    attributes && new Map(attributes.map((attribute) => [attribute.baseName, parseType(attribute.type, attribute, type)]));
  parsed.set(type, fields);
  return fields;
}

function attributesOf(type: string): readonly Attribute[] | undefined {
  if (OPAQUE.has(type)) return undefined;
  const found: unknown = (client as unknown as Readonly<Record<string, unknown>>)[type];
  const map = typeof found === 'function' && 'attributeTypeMap' in found ? found.attributeTypeMap : undefined;
  return Array.isArray(map) ? map.filter(isAttribute) : undefined;
}

function isAttribute(value: unknown): value is Attribute {
  return isObject(value) && typeof value['baseName'] === 'string' && typeof value['type'] === 'string';
}

const MAP_PREFIX = '{ [key: string]: ';
const MAP_SUFFIX = '; }';

function parseType(text: string, attribute: Attribute, owner: string): FieldType {
  if (text.startsWith('Array<')) return { holds: 'list', of: parseType(text.slice(6, -1), attribute, owner) };
  if (text.startsWith(MAP_PREFIX)) {
    return { holds: 'map', of: parseType(text.slice(MAP_PREFIX.length, -MAP_SUFFIX.length), attribute, owner) };
  }
  switch (text) {
    case 'string':
      if (QUANTITIES.has(`${owner}.${attribute.baseName}`)) return { holds: 'quantity' };
      return { holds: attribute.format === 'byte' ? 'bytes' : 'string' };
    case 'number':
      if (attribute.format === 'double') return { holds: 'number' };
      return { holds: 'integer', bits: attribute.format === 'int64' ? 64 : 32 };
    case 'boolean':
      return { holds: 'boolean' };
    case 'Date':
    case 'V1MicroTime':
      return { holds: 'time' };
    case 'IntOrString':
      return { holds: 'intOrString' };
    default:
      return OPAQUE.has(text) ? { holds: 'any' } : { holds: 'object', type: text };
  }
}
