/**
 * `auth-type`, `auth-secret`, `auth-secret-type`, `auth-realm`: names and passwords, from a Secret. Without the Secret nobody gets in.
 * ingress-nginx, internal/ingress/annotations/auth.
 */
import type { KeyObject } from 'node:crypto';
import type { PasswordAuth } from '../../model/policies.ts';
import { quote } from '../../model/report.ts';
import { isDnsName } from '../../settings/values/values.ts';
import { isKnownHash } from '../passwords/hashes.ts';
import type { AnnotationSource, ObjectReference, RouteContext, RoutePolicy } from '../policy.ts';
import { parseUsers, usersOf, type SecretType } from './users.ts';

/** What one Ingress asks for. */
interface PasswordWish {
  readonly scheme: PasswordAuth['scheme'];
  readonly realm: string;
  readonly secret: Omit<ObjectReference, 'kind'>;
  readonly secretType: SecretType;
}

/** What stands between the quotation marks of a challenge as it is. */
const REALM = /^[\w .,:;~+\-*/()@!?'&=#|[\]]*$/;

/** The reading half. */
export const passwordAuth: RoutePolicy<PasswordAuth, PasswordWish> = {
  annotations: ['auth-type', 'auth-secret', 'auth-secret-type', 'auth-realm'],
  read: (source, { allowCrossNamespaceResources }) => {
    if (isAbsent(source, 'auth-type')) return undefined;
    const scheme = source.text('auth-type');
    if (scheme !== 'basic' && scheme !== 'digest') {
      source.deny('auth-type', '"basic" or "digest"');
      return undefined;
    }
    const secretType = source.text('auth-secret-type') ?? (isAbsent(source, 'auth-secret-type') ? 'auth-file' : '');
    if (secretType !== 'auth-file' && secretType !== 'auth-map') {
      source.deny('auth-secret-type', '"auth-file" or "auth-map"');
      return undefined;
    }
    const secret = readName(source, 'auth-secret');
    if (secret === null) {
      source.deny('auth-secret', 'the name of a Secret, or "namespace/name"');
      return undefined;
    }
    if (secret.namespace !== source.namespace && !allowCrossNamespaceResources) {
      source.deny('auth-secret', "a Secret of the Ingress's own namespace", 'ingress', 'SecretForbidden');
      return undefined;
    }
    let realm = source.text('auth-realm') ?? '';
    if (!REALM.test(realm)) {
      // It protects nothing; without it the browser's question has no title.
      source.invalid('auth-realm', 'a text of letters, digits, spaces and simple punctuation', 'The realm is empty.');
      realm = '';
    }
    return { scheme, realm, secret, secretType };
  },
  references: ({ secret }) => [{ kind: 'Secret', ...secret }],
  resolve: ({ scheme, realm, secret: { namespace, name }, secretType }, at) => {
    // As ingress-nginx: prefixes of the path that the Ingress writes.
    if (isOpen(at)) return undefined;
    const secret = at.secret(namespace, name);
    const shown = quote(`${namespace}/${name}`);
    if (secret === undefined) {
      at.deny('SecretNotFound', 'auth-secret', `the Secret ${shown} does not exist`);
      return undefined;
    }
    const users = usersOf(secret, secretType);
    if (users === null) {
      at.deny('SecretInvalid', 'auth-secret', `the Secret ${shown} has no key "auth", which auth-secret-type: auth-file needs`);
      return undefined;
    }
    const lines = parseUsers(users);
    const unknown = unusable(users, scheme);
    if (unknown > 0) {
      const message = `the Secret ${shown} has ${unknown} users (of ${lines.length}) whose ${scheme === 'basic' ? 'password hash' : 'realm and hash'} cannot be understood`;
      at.report('SecretInvalid', 'warning', 'auth-secret', message, 'They cannot log in.');
    }
    return { scheme, realm, secret: `${namespace}/${name}`, users };
  },
};

/** ConfigMap `no-auth-locations`. */
export function isOpen({ path, settings: { noAuthLocations } }: Pick<RouteContext, 'path' | 'settings'>): boolean {
  return noAuthLocations.some((prefix) => prefix !== '' && path.startsWith(prefix));
}

/** Not given at all, or empty; what is given and no text is not absent. */
export function isAbsent(source: AnnotationSource, name: string): boolean {
  const value = source.value(name);
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

/** An object that an annotation names, `[namespace/]name`; null: it names none. */
export function readName(source: AnnotationSource, annotation: string): { namespace: string; name: string } | null {
  const parts = (source.text(annotation) ?? '').split('/');
  const [namespace, name] = parts.length === 1 ? [source.namespace, parts[0]!] : parts;
  if (parts.length > 2 || namespace === undefined || name === undefined) return null;
  return isDnsName(namespace) && isDnsName(name) ? { namespace, name } : null;
}

const counted = new WeakMap<KeyObject, Map<PasswordAuth['scheme'], number>>();

/** How many users cannot log in. Counted once for all routes. */
function unusable(users: KeyObject, scheme: PasswordAuth['scheme']): number {
  let counts = counted.get(users);
  if (counts === undefined) counted.set(users, (counts = new Map()));
  let count = counts.get(scheme);
  if (count === undefined) counts.set(scheme, (count = parseUsers(users).filter(({ rest }) => !isUsable(scheme, rest)).length));
  return count;
}

function isUsable(scheme: PasswordAuth['scheme'], rest: string): boolean {
  return scheme === 'digest' ? /^[^:]*:[0-9a-fA-F]{32}(?:$|[:#])/.test(rest) : isKnownHash(rest.split(':', 1)[0]!);
}
