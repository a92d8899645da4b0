/** JSON Patch (RFC 6902). */
import { cloneJson, equalJson, isObject, setKey } from '../api/json.ts';
import { badRequest, StatusError } from '../api/status-error.ts';

type Holder = Record<string, unknown> | unknown[];

function refused(detail: string): StatusError {
  return new StatusError(422, 'Invalid', `the server rejected our request due to an error in our request: ${detail}`);
}

/** The keys of a JSON pointer (RFC 6901). */
function parsePointer(pointer: unknown): string[] {
  if (pointer === '') return [];
  if (typeof pointer !== 'string' || !pointer.startsWith('/')) {
    throw badRequest(`json patch: invalid path ${JSON.stringify(pointer)}: it must begin with a slash`);
  }
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function indexOf(list: readonly unknown[], key: string, limit: number): number {
  if (!/^(0|[1-9]\d*)$/.test(key)) throw refused(`invalid index ${JSON.stringify(key)}`);
  const index = Number(key);
  if (index >= limit) throw refused(`index ${index} is out of bounds of a list of ${list.length}`);
  return index;
}

function child(holder: unknown, key: string, pointer: string): unknown {
  if (Array.isArray(holder)) return holder[indexOf(holder, key, holder.length)] as unknown;
  if (isObject(holder) && Object.hasOwn(holder, key)) return holder[key];
  throw refused(`path ${JSON.stringify(pointer)} does not exist`);
}

function resolve(root: unknown, pointer: string): unknown {
  let current = root;
  for (const key of parsePointer(pointer)) current = child(current, key, pointer);
  return current;
}

/** The object or list that holds the last key of a path. */
function holderOf(root: unknown, keys: readonly string[], pointer: string): Holder {
  let current = root;
  for (const key of keys.slice(0, -1)) current = child(current, key, pointer);
  if (Array.isArray(current) || isObject(current)) return current;
  throw refused(`path ${JSON.stringify(pointer)} does not exist`);
}

function add(root: unknown, pointer: string, value: unknown): unknown {
  const keys = parsePointer(pointer);
  const key = keys.at(-1);
  if (key === undefined) return value;
  const holder = holderOf(root, keys, pointer);
  if (Array.isArray(holder)) holder.splice(key === '-' ? holder.length : indexOf(holder, key, holder.length + 1), 0, value);
  else setKey(holder, key, value);
  return root;
}

function remove(root: unknown, pointer: string): void {
  const keys = parsePointer(pointer);
  const key = keys.at(-1);
  if (key === undefined) throw refused('the whole document cannot be removed');
  const holder = holderOf(root, keys, pointer);
  child(holder, key, pointer);
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

function replace(root: unknown, pointer: string, value: unknown): unknown {
  const keys = parsePointer(pointer);
  const key = keys.at(-1);
  if (key === undefined) return value;
  const holder = holderOf(root, keys, pointer);
  child(holder, key, pointer);
  if (Array.isArray(holder)) holder[Number(key)] = value;
  else setKey(holder, key, value);
  return root;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') throw badRequest(`json patch: the operation has no ${JSON.stringify(name)}`);
  return value;
}

/** More operations than this are refused, as by the API server. */
const LIMIT = 10_000;

/** Applies a patch to a copy. Throws 400 for what is no patch, 422 for a patch that does not fit the document. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest('json patch: the body is not a list of operations');
  if (patch.length > LIMIT)
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${LIMIT}, got ${patch.length}`,
    );
  let root: unknown = cloneJson(document);
  for (const operation of patch as readonly unknown[]) {
    if (!isObject(operation)) throw badRequest('json patch: an operation is not an object');
    const path = text(operation['path'], 'path');
    const value = cloneJson(operation['value']);
    switch (operation['op']) {
      case 'add':
        root = add(root, path, value);
        break;
      case 'remove':
        remove(root, path);
        break;
      case 'replace':
        root = replace(root, path, value);
        break;
      case 'move': {
        const from = text(operation['from'], 'from');
        const moved = resolve(root, from);
        remove(root, from);
        root = add(root, path, moved);
        break;
      }
      case 'copy':
        root = add(root, path, cloneJson(resolve(root, text(operation['from'], 'from'))));
        break;
      case 'test':
        if (!equalJson(resolve(root, path), value)) throw refused(`testing path ${JSON.stringify(path)} failed`);
        break;
      default:
        throw badRequest(`json patch: unexpected kind of operation ${JSON.stringify(operation['op'])}`);
    }
  }
  return root;
}
