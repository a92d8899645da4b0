/** `auth-type: digest`: RFC 7616 with MD5, as nginx-http-auth-digest speaks it. */
import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { PasswordAuth } from '../../src/model/policies.ts';
import { digestCheck } from '../../src/policies/access/digest.ts';
import { GRANTED } from '../../src/policies/access/check.ts';
import { Nonces } from '../../src/policies/access/nonces.ts';
import { usersOf } from '../../src/policies/access/users.ts';
import type { Passage } from '../../src/policies/acting.ts';
import type { Secret } from '../../src/model/objects.ts';
import { fieldIn, scene, type Scene } from '../support/auth.ts';
import { secret } from '../support/ingress.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const md5 = (text: string): string => createHash('md5').update(text, 'latin1').digest('hex');
const REALM = 'Members only';
const HA1 = md5(`joe:${REALM}:secret`);
const FILE = `# users\r\nann:Other realm:${md5('ann:Other realm:secret')}\r\njoe:${REALM}:${HA1}\r\njoe:${REALM}:${'0'.repeat(32)}\n`;
const ON = { 'auth-type': 'digest', 'auth-secret': 'users', 'auth-realm': REALM };

/** A scene with these users in the Secret `users`. */
function users(
  annotations: Readonly<Record<string, unknown>> = ON,
  data: Readonly<Record<string, string>> = { auth: FILE },
): Promise<Scene> {
  return scene(stage, annotations, { objects: [secret('users', data)] });
}

interface Claim {
  readonly nonce: string;
  readonly uri?: string;
  readonly method?: string;
  readonly nc?: string;
  readonly ha1?: string;
  readonly changes?: Readonly<Record<string, string | null>>;
}

/** The value of Authorization that a browser would make. */
function authorization({ nonce, uri = '/', method = 'GET', nc = '00000001', ha1 = HA1, changes = {} }: Claim): string {
  const response = md5(`${ha1}:${nonce}:${nc}:abc:auth:${md5(`${method}:${uri}`)}`);
  const said = { username: 'joe', realm: REALM, nonce, uri, qop: 'auth', nc, cnonce: 'abc', response, ...changes };
  const parts = Object.entries(said).flatMap(([name, value]) =>
    value === null ? [] : [name === 'nc' || name === 'qop' ? `${name}=${value}` : `${name}="${value}"`],
  );
  return `Digest ${parts.join(', ')}`;
}

/** The nonce of a fresh challenge. */
async function nonceOf({ ask }: Scene): Promise<string> {
  const { headers } = await ask();
  return /nonce="([^"]+)"/.exec(headers.get('www-authenticate')![0]!)![1]!;
}

describe('auth-type', () => {
  it('digest: asks as the module does', async () => {
    const { ask } = await users();
    const { status, headers } = await ask();
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toEqual([
      expect.stringMatching(/^Digest algorithm="MD5", qop="auth", realm="Members only", nonce="[0-9a-f]{60}"$/),
    ]);
  });

  it('digest: lets the right password in, proves that it knows it too, and keeps it from the backend', async () => {
    const open = await users();
    const nonce = await nonceOf(open);
    const { status, headers } = await open.ask('/', `Authorization: ${authorization({ nonce })}\r\n`);
    const proof = md5(`${HA1}:${nonce}:00000001:abc:auth:${md5(':/')}`);
    expect([status, headers.get('authentication-info')]).toEqual([
      200,
      [`qop="auth", rspauth="${proof}", cnonce="abc", nc=00000001`],
    ]);
    expect(fieldIn(open.proxied()[0], 'authorization')).toBeUndefined();
  });

  it.each([
    ['another password', { ha1: md5(`joe:${REALM}:other`) }],
    ['the second line of a name', { ha1: '0'.repeat(32) }],
    ['a user of another realm', { ha1: md5('ann:Other realm:secret'), changes: { username: 'ann' } }],
    ['a user who does not exist', { changes: { username: 'nobody' } }],
    ['a user without a password', { ha1: '', changes: { username: 'nobody' } }],
    ['another URI', { uri: '/other' }],
    ['another method', { method: 'POST' }],
    ['the URI of none', { uri: '' }],
    ['no qop', { changes: { qop: null } }],
    ['another qop', { changes: { qop: 'auth-int' } }],
    ['another algorithm', { changes: { algorithm: 'SHA-256' } }],
    ['a count that is none', { nc: 'zzzzzzzz' }],
    ['no response', { changes: { response: null } }],
    ['an empty response', { changes: { response: '' } }],
    ['a field twice', { changes: { username: 'joe", username="root' } }],
    ['another realm', { changes: { realm: 'x' } }],
  ] satisfies readonly (readonly [string, Omit<Claim, 'nonce'>])[])('digest: does not let in by %s', async (_, claim) => {
    const open = await users();
    const nonce = await nonceOf(open);
    const { status, headers } = await open.ask('/', `Authorization: ${authorization({ nonce, ...claim })}\r\n`);
    expect([status, headers.get('www-authenticate')![0]!.includes('stale')]).toEqual([401, false]);
  });

  it.each([
    'Digest',
    'Digest ',
    'Digest username=',
    'Digest ,,,',
    `Digest ${'a="b",'.repeat(500)}`,
    'Digest username="joe',
    'Basic am9lOnNlY3JldA==',
  ])('digest: does not let in by %j', async (value) => {
    const { ask } = await users();
    expect((await ask('/', `Authorization: ${value}\r\n`)).status).toBe(401);
  });

  it('digest: takes each use of a nonce once, and asks anew without asking the user for a nonce that is not ours', async () => {
    const open = await users();
    const nonce = await nonceOf(open);
    const statuses = [];
    for (const nc of ['00000001', '00000001', '00000003', '00000002'])
      statuses.push((await open.ask('/', `Authorization: ${authorization({ nonce, nc })}\r\n`)).status);
    expect(statuses).toEqual([200, 401, 200, 200]);
    const forged = `${nonce.slice(0, -1)}${nonce.endsWith('0') ? '1' : '0'}`;
    const { status, headers } = await open.ask('/', `Authorization: ${authorization({ nonce: forged })}\r\n`);
    expect([status, headers.get('www-authenticate')![0]]).toEqual([401, expect.stringMatching(/, stale="true"$/)]);
  });

  it('digest: takes the URI without its query, as .NET sends it, but not another', async () => {
    const open = await users();
    const nonce = await nonceOf(open);
    const status = async (path: string, uri: string, nc: string): Promise<number> =>
      (await open.ask(path, `Authorization: ${authorization({ nonce, uri, nc })}\r\n`)).status;
    expect([await status('/a?b=c', '/a', '00000001'), await status('/a/b', '/a', '00000002')]).toEqual([200, 401]);
  });

  it('digest: a map of the Secret has realm and hash as its values', async () => {
    const open = await users({ ...ON, 'auth-secret-type': 'auth-map' }, { joe: `${REALM}:${HA1}\n` });
    expect((await open.ask('/', `Authorization: ${authorization({ nonce: await nonceOf(open) })}\r\n`)).status).toBe(200);
  });

  it('digest: an empty realm does not switch it off, as it would in nginx', async () => {
    const { ask } = await users({ ...ON, 'auth-realm': '' });
    expect((await ask()).status).toBe(401);
  });

  it('digest: an htpasswd file has no users for it, which is said', async () => {
    const { ask, diagnostics } = await users(ON, { auth: 'joe:{PLAIN}secret' });
    expect((await ask()).status).toBe(401);
    expect(diagnostics).toEqual(['SecretInvalid Ingress web metadata.annotations[auth-secret]']);
  });
});

describe('a nonce', () => {
  const file = usersOf(
    { metadata: { name: 's' }, data: { auth: Buffer.from(FILE).toString('base64') } } satisfies Secret,
    'auth-file',
  )!;
  const auth: PasswordAuth = { scheme: 'digest', realm: REALM, secret: 'default/s', users: file };
  let now = 1_700_000_000_000;
  const passage = (value: string): Passage =>
    ({ request: { method: 'GET', target: '/' }, field: () => value, response: { set: () => undefined } }) as unknown as Passage;
  const challengeOf = (verdict: unknown): string => (verdict as { fields: string }).fields;
  const nonceIn = (fields: string): string => /nonce="([^"]+)"/.exec(fields)![1]!;

  it('of another worker is as good, and of another Secret is not', () => {
    const [one, other] = [digestCheck(auth, new Nonces(), () => now), digestCheck(auth, new Nonces(), () => now)];
    const never = (): never => expect.fail('it decides at once');
    const nonce = nonceIn(challengeOf(one(passage(''), never)));
    expect(other(passage(authorization({ nonce })), never)).toBe(GRANTED);
    const changed = usersOf(
      { metadata: { name: 's' }, data: { auth: Buffer.from(`${FILE}\n`).toString('base64') } },
      'auth-file',
    )!;
    const third = digestCheck({ ...auth, users: changed }, new Nonces(), () => now);
    expect(challengeOf(third(passage(authorization({ nonce })), never))).toContain('stale="true"');
  });

  it('is used up after a minute', () => {
    const check = digestCheck(auth, new Nonces(), () => now);
    const never = (): never => expect.fail('it decides at once');
    const nonce = nonceIn(challengeOf(check(passage(''), never)));
    now += 60_000;
    expect(check(passage(authorization({ nonce })), never)).toBe(GRANTED);
    now += 1;
    expect(challengeOf(check(passage(authorization({ nonce, nc: '00000002' })), never))).toContain('stale="true"');
  });

  it('is remembered in bounded memory', () => {
    const nonces = new Nonces();
    const key = Buffer.from('key');
    const first = nonces.make(key, now);
    expect(nonces.use(key, first, 1, now)).toBe('fresh');
    for (let i = 0; i < 4096; i++) nonces.use(key, nonces.make(key, now), 1, now);
    // Forgotten: the oldest of so many.
    expect(nonces.use(key, first, 1, now)).toBe('fresh');
    const busy = nonces.make(key, now);
    for (let i = 0; i < 1024; i++) expect(nonces.use(key, busy, i, now)).toBe('fresh');
    expect(nonces.use(key, busy, 1024, now)).toBe('stale');
  });
});
