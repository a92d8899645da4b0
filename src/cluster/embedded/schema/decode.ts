/**
 * Checks that JSON fits a Kubernetes type, as the API server's decoder does: what cannot be decoded is a 400 in Go's words; what is
 * not known is reported to the caller (https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation).
 */
import { isObject } from '../api/json.ts';
import { fieldsOf } from './types.ts';
import type { FieldType } from './types.ts';

/** What a value that does not fit looks like to the client. */
export class DecodeError extends Error {}

/** What a pass found beside errors: paths of unknown fields, in the order of the document. */
interface Decoded {
  readonly unknown: readonly string[];
}

/** Throws a DecodeError when `object` does not fit `type`. Fields that a type has not are taken out of `object` and reported. */
export function decode(object: Record<string, unknown>, type: string): Decoded {
  const unknown: string[] = [];
  checkObject(object, type, '', '', unknown);
  return { unknown };
}

/** `path` has indexes and is what a warning names; `goPath` has none and is what Go's decoder names, after the innermost struct. */
function checkObject(object: Record<string, unknown>, type: string, path: string, goPath: string, unknown: string[]): void {
  const struct = goTypeName(type).replace(/^v\d+\./, '');
  const fields = fieldsOf(type);
  if (fields === undefined) return;
  for (const [key, value] of Object.entries(object)) {
    const field = fields.get(key);
    const at = path === '' ? key : `${path}.${key}`;
    if (field === undefined) {
      unknown.push(at);
      delete object[key];
    } else if (value === null) {
      // Go leaves the zero value in place for null.
      delete object[key];
    } else {
      const goAt = goPath === '' ? key : `${goPath}.${key}`;
      checkValue(value, field, { path: at, goPath: goAt, struct }, unknown);
    }
  }
}

interface Place {
  readonly path: string;
  readonly goPath: string;
  readonly struct: string;
}

function checkValue(value: unknown, field: FieldType, place: Place, unknown: string[]): void {
  const where = `${place.struct}.${place.goPath}`;
  switch (field.holds) {
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, where, 'string');
      return;
    case 'bytes':
      checkBytes(value, where);
      return;
    case 'boolean':
      if (typeof value !== 'boolean') throw mismatch(value, where, 'bool');
      return;
    case 'integer':
      checkInteger(value, where, field.bits);
      return;
    case 'number':
      if (typeof value !== 'number') throw mismatch(value, where, 'float64');
      return;
    case 'intOrString':
      if (typeof value === 'string') return;
      if (typeof value !== 'number') throw mismatch(value, where, 'intstr.IntOrString');
      checkInteger(value, where, 32);
      return;
    case 'quantity':
      checkQuantity(value);
      return;
    case 'time':
      checkTime(value, where);
      return;
    case 'list':
      if (!Array.isArray(value)) throw mismatch(value, where, goListOf(field.of));
      for (const [index, item] of value.entries()) {
        if (item === null && field.of.holds === 'object') continue;
        checkValue(item, field.of, { ...place, path: `${place.path}[${index}]` }, unknown);
      }
      return;
    case 'map':
      if (!isObject(value)) throw mismatch(value, where, 'map[string]string');
      for (const [key, item] of Object.entries(value)) {
        if (item === null) {
          // Go decodes null as the zero value of the element.
          if (field.of.holds === 'string' || field.of.holds === 'bytes') value[key] = '';
        } else checkValue(item, field.of, { ...place, path: `${place.path}.${key}` }, unknown);
      }
      return;
    case 'object':
      if (!isObject(value)) throw mismatch(value, where, goTypeName(field.type));
      checkObject(value, field.type, place.path, place.goPath, unknown);
      return;
    case 'any':
      return;
  }
}

function mismatch(value: unknown, where: string, goType: string): DecodeError {
  const kind = Array.isArray(value) ? 'array' : isObject(value) ? 'object' : typeof value === 'boolean' ? 'bool' : typeof value;
  return new DecodeError(`json: cannot unmarshal ${kind} into Go struct field ${where} of type ${goType}`);
}

function checkInteger(value: unknown, where: string, bits: 32 | 64): void {
  if (typeof value !== 'number') throw mismatch(value, where, `int${bits}`);
  const limit = bits === 32 ? 2 ** 31 : 2 ** 63;
  if (!Number.isInteger(value) || value < -limit || value >= limit) {
    throw new DecodeError(`json: cannot unmarshal number ${value} into Go struct field ${where} of type int${bits}`);
  }
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function checkBytes(value: unknown, where: string): void {
  if (typeof value !== 'string') throw mismatch(value, where, '[]uint8');
  const text = value.replaceAll(/[\r\n]/g, '');
  if (BASE64.test(text)) return;
  const wrong = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ''));
  throw new DecodeError(`illegal base64 data at input byte ${wrong?.index ?? text.length - (text.length % 4)}`);
}

const QUANTITY = /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

function checkQuantity(value: unknown): void {
  if (typeof value === 'number') return;
  if (typeof value !== 'string' || !QUANTITY.test(value)) {
    throw new DecodeError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function checkTime(value: unknown, where: string): void {
  if (typeof value !== 'string') throw mismatch(value, where, 'time.Time');
  if (!TIME.test(value) || Number.isNaN(Date.parse(value))) {
    throw new DecodeError(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
    );
  }
}

function goTypeName(type: string): string {
  const parts = /^(?:Core|Discovery|Events|Rbac|Admissionregistration|Apiextensions)?V(\d+)(.*)$/.exec(type);
  return parts === null ? type : `v${parts[1]}.${parts[2]}`;
}

function goListOf(of: FieldType): string {
  if (of.holds === 'object') return `[]${goTypeName(of.type)}`;
  return of.holds === 'integer' ? `[]int${of.bits}` : '[]string';
}
