/** Whether a body is an object of the kind its URL is of, and what is done about fields the kind has not. */
import type { IncomingMessage } from 'node:http';
import { decode, DecodeError } from '../schema/decode.ts';
import { apiVersionOf } from '../resources/resources.ts';
import type { ResourceType } from '../resources/resources.ts';
import { parseObject } from './body.ts';
import { isObject, stringAt } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { badRequest } from '../api/status-error.ts';

/** Parses a body that is to be an object of a kind. Throws 400 when it is not. */
export function acceptObject(
  message: IncomingMessage,
  body: Buffer,
  type: ResourceType,
  query: URLSearchParams,
): { readonly object: JsonObject; readonly warnings: readonly string[] } {
  const object = parseObject(message, body);
  if (!isObject(object)) throw badRequest('the object provided is unrecognized: it is not an object');
  const kind = stringAt(object, 'kind');
  const apiVersion = stringAt(object, 'apiVersion');
  if (kind !== undefined && kind !== '' && kind !== type.kind) {
    throw badRequest(
      `${kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: the kind does not match the resource ${type.plural}`,
    );
  }
  if (apiVersion !== undefined && apiVersion !== '' && apiVersion !== apiVersionOf(type)) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${apiVersionOf(type)})`,
    );
  }
  return { object, warnings: checkType(object, type, query) };
}

/** Throws 400 for a value of a wrong type and, if validation is strict, for unknown fields; otherwise takes those out and returns the warnings. */
export function checkType(object: JsonObject, type: ResourceType, query: URLSearchParams): readonly string[] {
  const mode = query.get('fieldValidation') ?? 'Warn';
  if (!['Strict', 'Warn', 'Ignore', ''].includes(mode)) {
    throw badRequest(
      `fieldValidation: Unsupported value: ${JSON.stringify(mode)}: supported values: "Ignore", "Strict", "Warn"`,
    );
  }
  // Of a custom resource only the metadata is known.
  const schema = type.schema ?? 'V1ObjectMeta';
  let target: unknown = type.schema === undefined ? object['metadata'] : object;
  if (target === undefined || target === null) target = {};
  if (!isObject(target))
    throw cannotHandle(type, 'json: cannot unmarshal metadata into Go struct field .metadata of type v1.ObjectMeta');
  try {
    const prefix = type.schema === undefined ? 'metadata.' : '';
    const faults = decode(target, schema).unknown.map((path) => `unknown field ${JSON.stringify(prefix + path)}`);
    if (mode === 'Strict' && faults.length > 0) {
      throw badRequest(
        `${type.kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: strict decoding error: ${faults.join(', ')}`,
      );
    }
    return mode === 'Ignore' ? [] : faults;
  } catch (error) {
    if (error instanceof DecodeError) throw cannotHandle(type, error.message);
    throw error;
  }
}

function cannotHandle(type: ResourceType, why: string): Error {
  return badRequest(`${type.kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${type.kind}: ${why}`);
}
