/**
 * Sets of fields, as `managedFields` names who owns what
 * (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management, sigs.k8s.io/structured-merge-diff).
 *
 * A path is a list of steps: `f:name` for a field, `k:{"name":"x"}` for the element of a list with keys, `v:"x"` for the element of a
 * set. A set holds paths as text, their steps joined by a byte that no JSON text has.
 */
import { equalJson, isObject } from '../api/json.ts';
import type { JsonObject } from '../api/json.ts';
import { isAtomicObject, listMerge } from '../schema/merge-keys.ts';
import { fieldsOf } from '../schema/types.ts';
import type { FieldType } from '../schema/types.ts';

type FieldSet = ReadonlySet<string>;

const SEPARATOR = '\u001F';

/** The text of a path. */
function joinPath(steps: readonly string[]): string {
  return steps.join(SEPARATOR);
}

/** The steps of a path. */
export function splitPath(path: string): string[] {
  return path.split(SEPARATOR);
}

/** Whether a path is of something inside of what another path names. */
export function isBelow(path: string, parent: string): boolean {
  return path.startsWith(parent + SEPARATOR);
}

/** What a field is for the purposes of ownership. */
export type Shape =
  | { readonly is: 'leaf' }
  | { readonly is: 'map'; readonly type: string | undefined; readonly of: FieldType | undefined }
  | { readonly is: 'keyed-list'; readonly keys: readonly string[]; readonly of: string | undefined }
  | { readonly is: 'set' };

const LEAF: Shape = { is: 'leaf' };

/** The shape of a value under a field. `type` is the type that has the field, undefined where nothing is known of it. */
export function shapeOf(type: string | undefined, field: string, fieldType: FieldType | undefined, value: unknown): Shape {
  if (Array.isArray(value)) {
    const { apply } = listMerge(type, field);
    if (apply.as === 'set') return { is: 'set' };
    if (apply.as === 'atomic') return LEAF;
    const of = fieldType?.holds === 'list' && fieldType.of.holds === 'object' ? fieldType.of.type : undefined;
    return { is: 'keyed-list', keys: apply.keys, of };
  }
  if (!isObject(value)) return LEAF;
  if (fieldType?.holds === 'object') {
    return isAtomicObject(type, field, fieldType.type) ? LEAF : { is: 'map', type: fieldType.type, of: undefined };
  }
  if (isAtomicObject(type, field, undefined)) return LEAF;
  return { is: 'map', type: undefined, of: fieldType?.holds === 'map' ? fieldType.of : undefined };
}

/** The step that names an element of a list with keys. */
export function keyStep(item: unknown, keys: readonly string[]): string {
  const pairs = keys
    .map((key): [string, unknown] => [key, isObject(item) ? (item[key] ?? defaultKey(key)) : undefined])
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `k:${JSON.stringify(Object.fromEntries(pairs))}`;
}

/** A key that is left out has its default. */
function defaultKey(key: string): unknown {
  return key === 'protocol' ? 'TCP' : undefined;
}

/** The type of a field of a map-like value. */
export function memberType(shape: Shape & { readonly is: 'map' }, key: string): FieldType | undefined {
  return shape.type === undefined ? shape.of : fieldsOf(shape.type)?.get(key);
}

/** Calls `visit` for every path of an object that can be owned, with its value. */
function walkFields(object: JsonObject, type: string | undefined, visit: (path: string, value: unknown) => void): void {
  walkMap(object, { is: 'map', type, of: undefined }, [], visit);
}

type Visit = (path: string, value: unknown) => void;

function walkMap(object: JsonObject, shape: Shape & { readonly is: 'map' }, steps: readonly string[], visit: Visit): void {
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const fieldType = memberType(shape, key);
    walkValue(value, shapeOf(shape.type, key, fieldType, value), [...steps, `f:${key}`], visit);
  }
}

function walkValue(value: unknown, shape: Shape, steps: readonly string[], visit: Visit): void {
  switch (shape.is) {
    case 'leaf':
      visit(joinPath(steps), value);
      return;
    case 'map': {
      const object = value as JsonObject;
      if (Object.keys(object).length === 0) visit(joinPath(steps), value);
      else walkMap(object, shape, steps, visit);
      return;
    }
    case 'set':
      for (const item of value as readonly unknown[]) visit(joinPath([...steps, `v:${JSON.stringify(item)}`]), item);
      return;
    case 'keyed-list':
      for (const item of value as readonly unknown[]) {
        const itemSteps = [...steps, keyStep(item, shape.keys)];
        visit(joinPath(itemSteps), PRESENT);
        if (isObject(item)) walkMap(item, { is: 'map', type: shape.of, of: undefined }, itemSteps, visit);
      }
  }
}

/** The value of an element itself, beside its fields: that it is there. */
const PRESENT = true;

/** Fields of which nobody is the owner. */
const UNOWNED = new Set(
  [
    ['f:apiVersion'],
    ['f:kind'],
    ...[
      'name',
      'namespace',
      'creationTimestamp',
      'selfLink',
      'uid',
      'generation',
      'managedFields',
      'resourceVersion',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'generateName',
    ].map((key) => ['f:metadata', `f:${key}`]),
  ].map(joinPath),
);

/** The fields of an object that can be owned, and their values. */
export function fieldsWithValues(object: JsonObject, type: string | undefined): Map<string, unknown> {
  const fields = new Map<string, unknown>();
  walkFields(object, type, (path, value) => {
    if (!isUnowned(path)) fields.set(path, value);
  });
  return fields;
}

function isUnowned(path: string): boolean {
  return UNOWNED.has(path) || path.startsWith(joinPath(['f:metadata', 'f:managedFields', '']));
}

/** Fields that are new or have another value. */
export function changedFields(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): Set<string> {
  const changed = new Set<string>();
  for (const [path, value] of after) {
    if (!before.has(path) || !equalJson(before.get(path), value)) changed.add(path);
  }
  return changed;
}

/** The `fieldsV1` form of a set. */
export function encodeFields(set: FieldSet): JsonObject {
  const root: JsonObject = {};
  for (const path of [...set].sort()) {
    let node = root;
    for (const step of splitPath(path)) {
      const next = node[step];
      node = isObject(next) ? next : (node[step] = {});
    }
  }
  markMembers(root, set, []);
  return root;
}

/** A path that is itself in the set and has others below it is told by a dot. */
function markMembers(node: JsonObject, set: FieldSet, steps: readonly string[]): void {
  const children = Object.keys(node);
  for (const step of children) markMembers(node[step] as JsonObject, set, [...steps, step]);
  if (children.length > 0 && steps.length > 0 && set.has(joinPath(steps))) node['.'] = {};
}

/** The set of a `fieldsV1` value. */
export function decodeFields(fields: unknown): Set<string> {
  const set = new Set<string>();
  const visit = (node: unknown, steps: readonly string[]): void => {
    if (!isObject(node)) return;
    const children = Object.keys(node);
    if (steps.length > 0 && (children.length === 0 || children.includes('.'))) set.add(joinPath(steps));
    for (const step of children) if (step !== '.') visit(node[step], [...steps, step]);
  };
  visit(fields, []);
  return set;
}

/** A path as an error names it: `.spec.ports[port=80].name`. */
export function displayPath(path: string): string {
  return splitPath(path)
    .map((step) => {
      const text = step.slice(2);
      if (step.startsWith('f:')) return `.${text}`;
      if (step.startsWith('v:')) return `[=${text}]`;
      const keys = JSON.parse(text) as Record<string, unknown>;
      return `[${Object.entries(keys)
        .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
        .join(',')}]`;
    })
    .join('');
}
