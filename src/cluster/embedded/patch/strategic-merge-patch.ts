/**
 * Strategic merge patch: as a merge patch, but lists of objects merge by a key
 * (https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/,
 * k8s.io/apimachinery/pkg/util/strategicpatch).
 */
import { cloneJson, equalJson, isObject, setKey } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { badRequest } from '../api/status-error.ts';
import { listMerge } from '../schema/merge-keys.ts';
import { fieldsOf } from '../schema/types.ts';
import type { FieldType } from '../schema/types.ts';

const DIRECTIVE = '$patch';
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';
const RETAIN = '$retainKeys';

/** Applies a patch to an object of a type of the generated client. Neither is changed. Throws 400 for directives that make no sense. */
export function applyStrategicMergePatch(object: JsonObject, patch: JsonObject, type: string): JsonObject {
  return mergeObject(object, patch, type);
}

function typeOf(type: string | undefined, field: string): FieldType | undefined {
  return type === undefined ? undefined : fieldsOf(type)?.get(field);
}

function nestedType(field: FieldType | undefined): string | undefined {
  return field?.holds === 'object' ? field.type : undefined;
}

function mergeObject(original: JsonObject, patch: JsonObject, type: string | undefined): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return withoutDirectives(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw badRequest(`Unknown patch type found: ${JSON.stringify(directive)}`);
  const result: JsonObject = cloneJson(original);
  retainKeys(result, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_FROM_LIST)) {
      deleteFromList(result, key.slice(DELETE_FROM_LIST.length), value);
      continue;
    }
    if (value === null) {
      delete result[key];
      continue;
    }
    const field = typeOf(type, key);
    setKey(
      result,
      key,
      mergeValue(Object.hasOwn(result, key) ? result[key] : undefined, value, field, { type, key, order: patch[ORDER + key] }),
    );
  }
  for (const [key, order] of Object.entries(patch)) {
    // An order can come without a change of the list itself.
    const field = key.startsWith(ORDER) ? key.slice(ORDER.length) : undefined;
    const list = field === undefined ? undefined : result[field];
    if (field !== undefined && Array.isArray(list) && Array.isArray(order) && !Object.hasOwn(patch, field)) {
      result[field] = ordered(list, order, list, listMerge(type, field).patchKey);
    }
  }
  return result;
}

interface ListPlace {
  readonly type: string | undefined;
  readonly key: string;
  readonly order: unknown;
}

function mergeValue(original: unknown, patch: unknown, field: FieldType | undefined, place: ListPlace): unknown {
  if (Array.isArray(patch)) {
    const merge = listMerge(place.type, place.key);
    const current: readonly unknown[] = Array.isArray(original) ? original : [];
    if (!merge.patchMerge) return patch.map(dropDirectives);
    const merged =
      merge.patchKey === undefined
        ? [...current, ...patch.filter((item) => !current.some((other) => equalJson(item, other)))]
        : mergeList(current, patch, merge.patchKey, nestedType(field?.holds === 'list' ? field.of : undefined));
    return ordered(merged, Array.isArray(place.order) ? place.order : patch, current, merge.patchKey);
  }
  if (!isObject(patch)) return patch;
  // What merges with nothing may still hold directives.
  return mergeObject(isObject(original) ? original : {}, patch, nestedType(field));
}

function mergeList(original: readonly unknown[], patch: readonly unknown[], key: string, type: string | undefined): unknown[] {
  const items = patch.map((item) => {
    if (!isObject(item)) throw badRequest(`unable to merge list: an element with merge key ${key} is not an object`);
    return item;
  });
  const replaces = items.some((item) => item[DIRECTIVE] === 'replace');
  if (replaces)
    return items.filter((item) => item[DIRECTIVE] !== 'replace' || Object.keys(item).length > 1).map(withoutDirectives);
  let result: unknown[] = [...original];
  for (const item of items) {
    const wanted = item[key];
    if (wanted === undefined) throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    const matches = (other: unknown): boolean => isObject(other) && equalJson(other[key], wanted);
    if (item[DIRECTIVE] === 'delete') {
      result = result.filter((other) => !matches(other));
      continue;
    }
    const index = result.findIndex(matches);
    const current = result[index];
    if (isObject(current)) result[index] = mergeObject(current, item, type);
    else result.push(mergeObject({}, item, type));
  }
  return result;
}

/**
 * Brings a merged list into order: what the patch names in the patch's order, the rest as it was, and the two
 * interleaved by the original's order where both are in it (strategicpatch's normalizeElementOrder).
 */
function ordered(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  original: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const rankIn = (order: readonly unknown[]): ((item: unknown) => number) => {
    const keys = order.map((item) => keyOf(item, key));
    return (item) => keys.findIndex((other) => equalJson(other, keyOf(item, key)));
  };
  const inPatch = rankIn(patchOrder);
  const inOriginal = rankIn(original);
  const named = merged.filter((item) => inPatch(item) >= 0).sort((a, b) => inPatch(a) - inPatch(b));
  const rest = merged.filter((item) => inPatch(item) < 0).sort((a, b) => inOriginal(a) - inOriginal(b));
  const result: unknown[] = [];
  while (named.length > 0 && rest.length > 0) {
    const [left, right] = [inOriginal(rest[0]), inOriginal(named[0])];
    const restFirst = left >= 0 && right >= 0 && left < right;
    result.push((restFirst ? rest : named).shift());
  }
  return cloneJson([...result, ...named, ...rest]);
}

function keyOf(item: unknown, key: string | undefined): unknown {
  return key !== undefined && isObject(item) ? item[key] : item;
}

function retainKeys(result: JsonObject, patch: JsonObject): void {
  const kept = patch[RETAIN];
  if (kept === undefined) return;
  if (!Array.isArray(kept)) throw badRequest(`${RETAIN} must be a list`);
  const names = new Set<unknown>(kept);
  for (const key of Object.keys(result)) if (!names.has(key)) delete result[key];
}

function deleteFromList(result: JsonObject, key: string, values: unknown): void {
  const list = result[key];
  if (!Array.isArray(values)) throw badRequest(`${DELETE_FROM_LIST}${key} must be a list`);
  if (Array.isArray(list)) result[key] = list.filter((item) => !values.some((value) => equalJson(item, value)));
}

function withoutDirectives(patch: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(patch)) {
    const directive = key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER) || key.startsWith(DELETE_FROM_LIST);
    if (!directive && value !== null) setKey(result, key, dropDirectives(value));
  }
  return result;
}

function dropDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropDirectives);
  return isObject(value) ? withoutDirectives(value) : value;
}
