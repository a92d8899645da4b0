/** The users in a Secret: an htpasswd or htdigest file under `auth` (`auth-file`), or a key for each of them (`auth-map`). */
import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Secret } from '../../model/objects.ts';

/** Where in a Secret the users are. */
export type SecretType = 'auth-file' | 'auth-map';

/** A user's line. */
export interface User {
  readonly name: string;
  /** What follows the first colon: bytes as Latin-1. */
  readonly rest: string;
}

/** By identity: a Secret in the store is never changed, a new version is a new object. */
const known = new WeakMap<Secret, Map<SecretType, KeyObject | null>>();

/** The lines of a Secret, once for all routes that name it; null: the key `auth` is missing. */
export function usersOf(secret: Secret, type: SecretType): KeyObject | null {
  let types = known.get(secret);
  if (types === undefined) known.set(secret, (types = new Map()));
  let users = types.get(type);
  if (users === undefined) types.set(type, (users = read(secret, type)));
  return users;
}

function read(secret: Secret, type: SecretType): KeyObject | null {
  const data: unknown = secret.data;
  const entries = typeof data === 'object' && data !== null ? (Object.entries(data) as [string, unknown][]) : [];
  const decoded = entries.flatMap(([key, value]) =>
    typeof value === 'string' ? [[key, Buffer.from(value, 'base64')] as const] : [],
  );
  if (type === 'auth-map')
    return createSecretKey(
      Buffer.concat(decoded.flatMap(([name, value]) => [Buffer.from(`${name}:`), firstLine(value), Buffer.from('\n')])),
    );
  const file = decoded.find(([key]) => key === 'auth')?.[1];
  return file === undefined ? null : createSecretKey(file);
}

/** A value of more lines must not make more users. */
function firstLine(value: Buffer): Buffer {
  const end = value.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  return end < 0 ? value : value.subarray(0, end);
}

const parsed = new WeakMap<KeyObject, readonly User[]>();

/** The users of a file: of several lines for one name the first counts, as in nginx; comments and what is no line are skipped. */
export function parseUsers(file: KeyObject): readonly User[] {
  let users = parsed.get(file);
  // Once for all routes: a file may be a mebibyte, and its routes ten thousand.
  if (users === undefined) parsed.set(file, (users = parse(file)));
  return users;
}

function parse(file: KeyObject): readonly User[] {
  const users: User[] = [];
  for (const line of file
    .export()
    .toString('latin1')
    .split(/[\r\n]+/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) users.push({ name: line.slice(0, colon), rest: line.slice(colon + 1) });
  }
  return users;
}
