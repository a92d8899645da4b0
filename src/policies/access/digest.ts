/**
 * `auth-type: digest` at work: RFC 7616 with MD5 and qop "auth", in the words of nginx-http-auth-digest, whose file is Apache's htdigest:
 * `user:realm:MD5(user:realm:password)`. Unlike there, an empty realm does not switch it off.
 */
import { createHash, createHmac, type KeyObject } from 'node:crypto';
import type { PasswordAuth } from '../../model/policies.ts';
import type { Passage } from '../acting.ts';
import { type Answer, page } from '../answer.ts';
import { same } from '../passwords/hashes.ts';
import { digestParameters } from './authorization.ts';
import { type Check, GRANTED } from './check.ts';
import type { Nonces } from './nonces.ts';
import { parseUsers } from './users.ts';

const FORMS = { nc: /^[0-9a-f]{8}$/i, response: /^[0-9a-f]{32}$/i, cnonce: /^[\x20-\x7e]{1,256}$/ } as const;

/** Makes the check. `clock`: milliseconds since the epoch. */
export function digestCheck({ realm, users: file }: PasswordAuth, nonces: Nonces, clock: () => number = Date.now): Check {
  const secrets = secretsOf(file, realm);
  // All workers and replicas have the same file, and so the same key; nobody else has it.
  const key = createHmac('sha256', file.export()).update('nonces').digest();
  const challenge = (stale: boolean): Answer => {
    const nonce = nonces.make(key, clock());
    const rest = stale ? ', stale="true"' : '';
    const field = `WWW-Authenticate: Digest algorithm="MD5", qop="auth", realm="${realm}", nonce="${nonce}"${rest}\r\n`;
    return { ...page(401), fields: field };
  };
  return (passage) => {
    const said = digestParameters(passage.field('authorization'));
    if (said === null) return challenge(false);
    const claim = (name: string): string => said.get(name) ?? '';
    const [nonce, nc, cnonce, response, uri] = ['nonce', 'nc', 'cnonce', 'response', 'uri'].map(claim) as [
      string,
      string,
      string,
      string,
      string,
    ];
    if (claim('realm') !== realm || claim('qop') !== 'auth' || !/^(?:MD5)?$/i.test(claim('algorithm'))) return challenge(false);
    if (!FORMS.nc.test(nc) || !FORMS.response.test(response) || !FORMS.cnonce.test(cnonce)) return challenge(false);
    if (!isFor(passage, uri)) return challenge(false);
    const ha1 = secrets.get(claim('username')) ?? '';
    const tail = `${nonce}:${nc}:${cnonce}:auth:`;
    const expected = md5(`${ha1}:${tail}${md5(`${passage.request.method}:${uri}`)}`);
    if (!same(Buffer.from(expected), Buffer.from(response.toLowerCase())) || ha1 === '') return challenge(false);
    const state = nonces.use(key, nonce, Number.parseInt(nc, 16), clock());
    // The password was right, so the client need not ask its user again.
    if (state !== 'fresh') return challenge(state === 'stale');
    const proof = md5(`${ha1}:${tail}${md5(`:${uri}`)}`);
    const escaped = cnonce.replaceAll(/["\\]/g, '\\$&');
    passage.response.set('Authentication-Info', `qop="auth", rspauth="${proof}", cnonce="${escaped}", nc=${nc}`);
    return GRANTED;
  };
}

const known = new WeakMap<KeyObject, Map<string, ReadonlyMap<string, string>>>();

/** What stands for the password of each user of a realm; of several lines for one name the first counts. Once for all routes. */
function secretsOf(file: KeyObject, realm: string): ReadonlyMap<string, string> {
  let realms = known.get(file);
  if (realms === undefined) known.set(file, (realms = new Map()));
  const found = realms.get(realm);
  if (found !== undefined) return found;
  const secrets = new Map<string, string>();
  for (const { name, rest } of parseUsers(file)) {
    const [userRealm, ha1 = ''] = rest.split(/[:#]/);
    if (userRealm === realm && /^[0-9a-f]{32}$/i.test(ha1) && !secrets.has(name)) secrets.set(name, ha1.toLowerCase());
  }
  realms.set(realm, secrets);
  return secrets;
}

/** Clients of .NET leave the query out (nginx-http-auth-digest, ngx_http_auth_digest_verify_hash). */
function isFor({ request: { target } }: Passage, uri: string): boolean {
  return uri === target || (target.startsWith(`${uri}?`) && uri !== '');
}

/** `text`: bytes as Latin-1. */
function md5(text: string): string {
  return createHash('md5').update(text, 'latin1').digest('hex');
}
