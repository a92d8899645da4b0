/** Server-side apply (https://kubernetes.io/docs/reference/using-api/server-side-apply/). */
import { cloneJson, equalJson, isObject, setKey } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { StatusError } from '../api/status-error.ts';
import type { Cause } from '../api/status-error.ts';
import type { StoredObject } from '../api/storage.ts';
import { displayPath, fieldsWithValues, isBelow, keyStep, memberType, shapeOf, splitPath } from './field-set.ts';
import type { Shape } from './field-set.ts';
import { readManagers, sameManager, writeManagers } from './managed-fields.ts';
import type { Manager, Writer } from './managed-fields.ts';

type MapShape = Shape & { readonly is: 'map' };

/**
 * The live object (undefined to create one) with what a manager wants of it. Fields it applied before and does not any more go,
 * unless someone else owns them. Throws 409 with one cause per field when others own what would change, unless `force` takes it from them.
 */
export function applyConfiguration(
  live: StoredObject | undefined,
  wanted: JsonObject,
  schema: string | undefined,
  writer: Writer,
  force: boolean,
): StoredObject {
  const configuration = withoutNulls(wanted);
  const fields = fieldsWithValues(configuration, schema);
  const before = live === undefined ? [] : readManagers(live);
  const managers: Manager[] = before.map((manager) => ({ ...manager, fields: new Set(manager.fields) }));
  const own = managers.find((manager) => sameManager(manager, writer));
  const others = managers.filter((manager) => manager !== own);
  const liveFields = live === undefined ? new Map<string, unknown>() : fieldsWithValues(live, schema);
  const conflicts: { readonly path: string; readonly manager: Manager }[] = [];
  for (const [path, value] of fields) {
    if (liveFields.has(path) && equalJson(liveFields.get(path), value)) continue;
    for (const manager of others) if (manager.fields.has(path)) conflicts.push({ path, manager });
  }
  if (conflicts.length > 0) {
    if (!force) throw conflictError(conflicts);
    for (const { path, manager } of conflicts) manager.fields.delete(path);
  }
  const shape: MapShape = { is: 'map', type: schema, of: undefined };
  const merged = mergeMap(live ?? {}, configuration, shape) as StoredObject;
  const owned = new Set(fields.keys());
  // What was an empty map before and has members now is wanted through them.
  const dropped = [...(own?.fields ?? [])].filter(
    (path) => !ownsAny(owned, path) && !others.some((manager) => ownsAny(manager.fields, path)),
  );
  // The deepest first, so that an element is looked at when its fields are gone.
  for (const path of dropped.sort((a, b) => splitPath(b).length - splitPath(a).length))
    removePath(merged, splitPath(path), shape);
  writeManagers(merged, [...others, { ...writer, fields: owned }], before);
  return merged;
}

/** Whether a path is among these fields, or anything below it. */
function ownsAny(fields: ReadonlySet<string>, path: string): boolean {
  if (fields.has(path)) return true;
  for (const field of fields) if (isBelow(field, path)) return true;
  return false;
}

function withoutNulls(object: JsonObject): JsonObject {
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(object)) {
    if (value === null) continue;
    setKey(result, key, isObject(value) ? withoutNulls(value) : cloneJson(value));
  }
  return result;
}

function mergeMap(live: JsonObject, wanted: JsonObject, shape: MapShape): JsonObject {
  const result: JsonObject = { ...live };
  for (const [key, value] of Object.entries(wanted)) {
    const fieldType = memberType(shape, key);
    setKey(
      result,
      key,
      mergeValue(Object.hasOwn(live, key) ? live[key] : undefined, value, shapeOf(shape.type, key, fieldType, value)),
    );
  }
  return cloneJson(result);
}

function mergeValue(live: unknown, wanted: unknown, shape: Shape): unknown {
  switch (shape.is) {
    case 'leaf':
      return wanted;
    case 'map':
      return isObject(wanted) ? mergeMap(isObject(live) ? live : {}, wanted, shape) : wanted;
    case 'set': {
      const current: readonly unknown[] = Array.isArray(live) ? live : [];
      const added = (wanted as readonly unknown[]).filter((item) => !current.some((other) => equalJson(item, other)));
      return [...current, ...added];
    }
    case 'keyed-list':
      break;
  }
  const result: unknown[] = Array.isArray(live) ? [...(live as readonly unknown[])] : [];
  for (const item of wanted as readonly unknown[]) {
    const step = keyStep(item, shape.keys);
    const index = result.findIndex((other) => keyStep(other, shape.keys) === step);
    const current = index < 0 ? undefined : result[index];
    const itemShape: MapShape = { is: 'map', type: shape.of, of: undefined };
    const merged = isObject(item) ? mergeMap(isObject(current) ? current : {}, item, itemShape) : item;
    if (index < 0) result.push(merged);
    else result[index] = merged;
  }
  return result;
}

/** Takes out what a path names; objects and lists that are empty then stay, as the field that holds them has an owner of its own or a default. */
function removePath(object: JsonObject, steps: readonly string[], shape: MapShape): void {
  const [step, ...rest] = steps;
  if (step === undefined || !step.startsWith('f:')) return;
  const key = step.slice(2);
  if (!Object.hasOwn(object, key)) return;
  if (rest.length === 0) {
    delete object[key];
    return;
  }
  const value = object[key];
  const inner = shapeOf(shape.type, key, memberType(shape, key), value);
  if (inner.is === 'map' && isObject(value)) {
    removePath(value, rest, inner);
    if (Object.keys(value).length === 0) delete object[key];
    return;
  }
  if (!Array.isArray(value)) return;
  const list: readonly unknown[] = value;
  const [itemStep = '', ...below] = rest;
  if (inner.is === 'set') {
    object[key] = list.filter((item) => `v:${JSON.stringify(item)}` !== itemStep);
  } else if (inner.is === 'keyed-list') {
    const index = list.findIndex((item) => keyStep(item, inner.keys) === itemStep);
    const item = list[index];
    if (below.length === 0) object[key] = list.filter((_, at) => at !== index);
    // The keys stay as long as the element does.
    else if (isObject(item) && !inner.keys.some((name) => below[0] === `f:${name}`))
      removePath(item, below, { is: 'map', type: inner.of, of: undefined });
  }
  if (Array.isArray(object[key]) && object[key].length === 0) delete object[key];
}

function conflictError(conflicts: readonly { readonly path: string; readonly manager: Manager }[]): StatusError {
  const causes = conflicts.map(({ path, manager }): Cause => {
    const by = manager.operation === 'Update' ? ` using ${manager.apiVersion}` : '';
    return {
      reason: 'FieldManagerConflict',
      message: `conflict with ${JSON.stringify(manager.name)}${manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`}${by}`,
      field: displayPath(path),
    };
  });
  const lines = new Map<string, string[]>();
  for (const { message, field } of causes) lines.set(message, [...(lines.get(message) ?? []), field]);
  const text =
    causes.length === 1
      ? `${causes[0]?.message ?? ''}: ${causes[0]?.field ?? ''}`
      : [...lines]
          .map(
            ([message, fields]) =>
              `conflicts${message.slice('conflict'.length)}:\n${fields.map((field) => `- ${field}`).join('\n')}`,
          )
          .join('\n');
  const count = `${causes.length} conflict${causes.length === 1 ? '' : 's'}`;
  return new StatusError(409, 'Conflict', `Apply failed with ${count}: ${text}`, { causes });
}
