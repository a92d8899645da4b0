/** JSON Merge Patch (RFC 7396). */
import { cloneJson, isObject, setKey } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';

/** The document with the patch applied; neither is changed. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return cloneJson(patch);
  const result: JsonObject = isObject(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setKey(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value));
  }
  return cloneJson(result);
}
