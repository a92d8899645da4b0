/** Writing answers. */
import type { ServerResponse } from 'node:http';
import { stringify } from 'yaml';
import { isObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import type { StatusError } from '../api/status-error.ts';

/** Text after `Warning: 299 - ` must be a quoted string of one line (RFC 7234 section 5.5). */
export function warn(response: ServerResponse, warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  const lines = warnings.map((text) => `299 - "${text.replaceAll(/[^\x20-\x7E]/g, ' ').replaceAll(/["\\]/g, '\\$&')}"`);
  response.setHeader('Warning', lines);
}

/** Answers with text that is JSON already. */
export function sendText(response: ServerResponse, status: number, text: string, type: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-cache, private',
  });
  response.end(text);
}

/** Answers with an object in the format that was asked for. */
export function sendObject(response: ServerResponse, status: number, body: JsonObject, format: 'json' | 'yaml' = 'json'): void {
  if (format === 'yaml') sendText(response, status, stringify(body), 'application/yaml');
  else sendText(response, status, `${JSON.stringify(body)}\n`, 'application/json');
}

/** Answers with a refusal. */
export function sendError(response: ServerResponse, error: StatusError): void {
  const retryAfter = error.details?.retryAfterSeconds;
  if (retryAfter !== undefined) response.setHeader('Retry-After', String(retryAfter));
  sendObject(response, error.code, error.toStatus());
}

const itemTexts = new WeakMap<JsonObject, string>();

/** The JSON of a frozen object as an item of a list: without apiVersion and kind, which the list has. Kept as long as the object is. */
export function itemText(object: JsonObject): string {
  let text = itemTexts.get(object);
  if (text === undefined) {
    const { apiVersion, kind, ...rest } = object;
    text = JSON.stringify(rest);
    if (Object.isFrozen(object)) itemTexts.set(object, text);
    void apiVersion;
    void kind;
  }
  return text;
}

/** The JSON of a whole object. */
export function objectText(object: JsonObject): string {
  const head = `{"kind":${JSON.stringify(object['kind'])},"apiVersion":${JSON.stringify(object['apiVersion'])}`;
  const rest = itemText(object);
  return rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`;
}

/** `metadata` alone, as clients ask for it with `as=PartialObjectMetadata`. */
export function partialMetadata(object: JsonObject): JsonObject {
  const metadata = isObject(object['metadata']) ? object['metadata'] : {};
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
