/** Names and passwords: `auth-type: basic`, `auth-secret`, `auth-secret-type`, `auth-realm`. */
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { answer, basic, fieldIn, scene, type SceneOptions } from '../support/auth.ts';
import { Http2Client } from '../support/http2/stage.ts';
import { secret, translated, ingress, service } from '../support/ingress.ts';
import { RawClient } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** "secret", as `htpasswd`, `openssl passwd` and crypt(3) hash it. */
const BCRYPT = '$2y$04$uzBx0I7v5e.sLWCtXbUjnuhp.EYP3KW7FBYqQYrGkCbj/YWlWxt/m';
const APR1 = '$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0';
const HASHES: readonly (readonly [string, string])[] = [
  ['bcrypt', BCRYPT],
  ['apr1', APR1],
  ['MD5', '$1$saltsalt$9xy1btjgzLYfb7hivXtC//'],
  ['DES', 'saHW9GdxihkGQ'],
  ['{SHA}', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
  ['{SSHA}', '{SSHA}D4kSuvPIF4rZzl+dW9Km/1788fBwZXBwZXI='],
  ['{PLAIN}', '{PLAIN}secret'],
  ['SHA-256', '$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA'],
  ['SHA-256 with rounds', '$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2'],
  ['SHA-512', '$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1'],
];

const ON = { 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'Members only' };

/** A scene with these users in the Secret `users`. */
function users(
  file: string,
  annotations: Readonly<Record<string, unknown>> = ON,
  options: SceneOptions = {},
): ReturnType<typeof scene> {
  return scene(stage, annotations, { objects: [secret('users', { auth: file })], ...options });
}

describe('auth-type', () => {
  it.each([
    ['absent: nobody is asked', undefined, 200],
    ['empty: absent', ' ', 200],
    ['basic: without a name, 401', 'basic', 401],
    ['another kind: nobody gets in', 'bearer', 503],
    ['in another case: nobody gets in', 'Basic', 503],
    ['with something behind it: nobody gets in', 'basic; auth_basic off', 503],
    ['no text: nobody gets in', true, 503],
  ])('%s', async (_, type, status) => {
    const { ask } = await users(`joe:${APR1}\n`, type === undefined ? {} : { ...ON, 'auth-type': type });
    expect((await ask()).status).toBe(status);
  });

  it('asks as nginx does, and asks no backend', async () => {
    const { ask, proxied } = await users(`joe:${APR1}\n`);
    const { status, headers, body } = await ask();
    expect([status, headers.get('www-authenticate')]).toEqual([401, ['Basic realm="Members only"']]);
    expect(body).toContain('<center><h1>401 Authorization Required</h1></center>');
    expect(proxied()).toEqual([]);
  });

  it.each(HASHES)('lets the right password in by %s, and no other', async (_, hash) => {
    const { ask } = await users(`joe:${hash}\n`);
    const statuses = [];
    for (const password of ['secret', 'Secret', 'secre', 'secret!!', ''])
      statuses.push((await ask('/', basic('joe', password))).status);
    expect(statuses).toEqual([200, 401, 401, 401, 401]);
  });

  it('keeps the password from the backend', async () => {
    const { ask, proxied } = await users('joe:{PLAIN}secret');
    await ask('/', `${basic('joe', 'secret')}X-Other: kept\r\n`);
    expect([fieldIn(proxied()[0], 'authorization'), fieldIn(proxied()[0], 'x-other')]).toEqual([undefined, 'kept']);
  });

  it.each([
    ['another scheme', 'Authorization: Bearer abc\r\n'],
    ['no base64', 'Authorization: Basic ###\r\n'],
    ['no colon', `Authorization: Basic ${Buffer.from('joe').toString('base64')}\r\n`],
    ['no name', basic('', 'secret')],
    ['nothing', 'Authorization: Basic\r\n'],
    ['a NUL behind the password', basic('joe', 'secret\0')],
    ['a name with a line in it', basic('joe\nroot', 'secret')],
    ['64 KiB', basic('joe', 'x'.repeat(40_000))],
    ['two fields', `${basic('joe', 'secret')}${basic('joe', 'secret')}`],
    ['bytes that are no UTF-8', basic('joe', Buffer.from([0xff, 0xfe, 0x80]))],
  ])('does not let in: %s', async (_, fields) => {
    const { ask } = await users(`joe:${BCRYPT}\nann:{PLAIN}secret\n`, ON, {
      proxy: { maxRequestHeadSize: 131_072, maxRequestLineSize: 131_072 },
    });
    expect([400, 401]).toContain((await ask('/', fields)).status);
  });

  it('takes passwords as bytes', async () => {
    const file = [
      'utf8:$2y$04$ehixvuGHOQo2Y9kOb8CLIeT7FJDi7ChLiKbrUu/5KhYpYU0TmML6a',
      'latin1:$apr1$saltsalt$j..6YR/wFOgFN31ROF7zT.',
      'crypt:$6$abc$YAudc.cAgya1MheCm8nN8xnljG.YgJt7vGyG3bmlU3tmo/KGqZi6bG5qO7B5MGYxYU/rHpx9VupuM7n8KbgsV.',
    ].join('\n');
    const { ask } = await users(file);
    const [utf8, latin1] = [Buffer.from('günther'), Buffer.from('günther', 'latin1')];
    const statuses = [];
    for (const [user, password] of [
      ['utf8', utf8],
      ['latin1', latin1],
      ['crypt', latin1],
      ['utf8', latin1],
      ['latin1', utf8],
    ] as const)
      statuses.push((await ask('/', basic(user, password))).status);
    expect(statuses).toEqual([200, 200, 200, 401, 401]);
  });

  it('waits with the body of a request, and loses nothing of it', async () => {
    const { proxy, backend } = await users(`joe:${BCRYPT}\n`);
    const client = await stage.client(proxy.port);
    const head = `POST / HTTP/1.1\r\nHost: app.example\r\n${basic('joe', 'secret')}Content-Length: 10\r\n\r\n`;
    client.send(`${head}01234`);
    client.send('56789');
    expect((await client.response()).status).toBe(200);
    expect(backend.received[0]).toMatch(/\r\n\r\n0123456789$/);
  });

  it('asks a client that closes, too, and leaves nothing behind', async () => {
    const { proxy } = await users(`joe:${BCRYPT}\n`);
    const client = await stage.client(proxy.port);
    client.send(`GET / HTTP/1.1\r\nHost: app.example\r\n${basic('joe', 'secret')}\r\n`);
    client.close();
  });

  it('asks clients of HTTP/2 as well', async () => {
    const { proxy, proxied } = await users(`joe:${APR1}\n`);
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const refused = await client.request({ authorization: basic('joe', 'wrong').slice(15).trim() });
    expect([refused.headers[':status'], refused.headers['www-authenticate']]).toEqual([401, 'Basic realm="Members only"']);
    const served = await client.request({ authorization: basic('joe', 'secret').slice(15).trim(), ':method': 'POST' }, 'body');
    expect([served.headers[':status'], proxied().length]).toEqual([200, 2]);
  });
});

describe('auth-secret', () => {
  const named = (name: unknown, objects: readonly KubeObject[] = []): ReturnType<typeof scene> =>
    scene(stage, { ...ON, 'auth-secret': name }, { objects });

  it.each([
    ['absent', undefined, 'AnnotationInvalid'],
    ['the name of no Secret', 'missing', 'SecretNotFound'],
    ['of another namespace', 'other/users', 'SecretForbidden'],
    ['no name', 'users; cat /etc/passwd', 'AnnotationInvalid'],
    ['three parts', 'a/b/c', 'AnnotationInvalid'],
    ['no text', 7, 'AnnotationInvalid'],
    ['without the key auth', 'empty', 'SecretInvalid'],
  ])('%s: nobody gets in, and it is said', async (_, name, code) => {
    const { ask, diagnostics } = await named(name, [
      secret('users', { auth: 'joe:{PLAIN}secret' }),
      secret('empty', { other: 'x' }),
    ]);
    expect((await ask('/', basic('joe', 'secret'))).status).toBe(503);
    expect(diagnostics).toContain(`${code} Ingress web metadata.annotations[auth-secret]`);
  });

  it.each(['users', 'default/users'])('%s', async (name) => {
    const { ask } = await named(name, [secret('users', { auth: 'joe:{PLAIN}secret' })]);
    expect((await ask('/', basic('joe', 'secret'))).status).toBe(200);
  });

  it('may be of another namespace where the ConfigMap allows it', async () => {
    const other = secret('users', { auth: 'joe:{PLAIN}secret' });
    const { ask } = await users(
      '',
      { ...ON, 'auth-secret': 'other/users' },
      {
        objects: [{ ...other, metadata: { ...other.metadata, namespace: 'other' } }],
        translate: { allowCrossNamespaceResources: true },
      },
    );
    expect((await ask('/', basic('joe', 'secret'))).status).toBe(200);
  });

  it.each([
    ['comments, blank lines and carriage returns', '# joe:{PLAIN}no\r\n\r\njoe:{PLAIN}secret\r\n\r\n', 200],
    ['no end of line', 'ann:{PLAIN}x\njoe:{PLAIN}secret', 200],
    ['a comment behind the hash', 'joe:{PLAIN}secret:Joe of the office\n', 200],
    ['of two lines for a name, the first counts', 'joe:{PLAIN}secret\njoe:{PLAIN}other\n', 200],
    ['of two lines for a name, not the second', 'joe:{PLAIN}other\njoe:{PLAIN}secret\n', 401],
    ['a name with white space is another', ' joe:{PLAIN}secret\n', 401],
    ['an unknown hash', 'joe:$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA\n', 401],
    ['a password in the open without {PLAIN}', 'joe:secret\n', 401],
    ['an empty file', '', 401],
    ['bcrypt that would take a minute', `joe:$2y$20$${BCRYPT.slice(7)}`, 401],
    ['a broken hash', 'joe:{SSHA}!!!\n', 401],
    ['bytes', 'joe:{PLAIN}secret\n\xff\xfe\x00\x01', 200],
  ])('a file with %s', async (_, file, status) => {
    const { ask } = await users(file);
    expect((await ask('/', basic('joe', 'secret'))).status).toBe(status);
  });

  it('a comment is no user', async () => {
    const { ask } = await users('#joe:{PLAIN}secret\nann:{PLAIN}x');
    expect((await ask('/', basic('#joe', 'secret'))).status).toBe(401);
  });

  it('says how many users cannot log in, and neither who nor their hashes', async () => {
    const { diagnostics } = translated([
      ingress(ON),
      ...service('app', [1]),
      secret('users', { auth: `joe:$y$unknown\nann:${APR1}\n` }),
    ]);
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['SecretInvalid', 'warning']]);
    expect(diagnostics[0]!.message).toBe(
      'the Secret "default/users" has 1 users (of 2) whose password hash cannot be understood',
    );
  });

  it('shows nothing of the users in what is printed or written', () => {
    const { patch } = translated([ingress(ON), ...service('app', [1]), secret('users', { auth: `joe:${APR1}\n` })]);
    expect(JSON.stringify(patch)).toContain('"secret":"default/users","users":{}');
    expect(JSON.stringify(patch)).not.toContain('apr1');
  });
});

describe('auth-secret-type', () => {
  const kinds = { auth: 'joe:{PLAIN}file', joe: '{PLAIN}map', ann: '{PLAIN}map\nroot:{PLAIN}map' };

  it.each([
    ['absent: the file', undefined, 'joe', 'file', 200],
    ['auth-file', 'auth-file', 'joe', 'file', 200],
    ['auth-file, a key is no user', 'auth-file', 'joe', 'map', 401],
    ['auth-map', 'auth-map', 'joe', 'map', 200],
    ['auth-map, the file is a user like any other', 'auth-map', 'auth', 'joe', 401],
    ['auth-map, a value makes no further user', 'auth-map', 'root', 'map', 401],
    ['auth-map, a value ends with its line', 'auth-map', 'ann', 'map', 200],
    ['another: nobody gets in', 'htpasswd', 'joe', 'file', 503],
    ['no text: nobody gets in', 1, 'joe', 'file', 503],
  ])('%s', async (_, type, user, password, status) => {
    const { ask } = await users('', type === undefined ? ON : { ...ON, 'auth-secret-type': type }, {
      objects: [secret('users', kinds)],
    });
    expect((await ask('/', basic(user, password))).status).toBe(status);
  });
});

describe('auth-realm', () => {
  it.each([
    ['absent', undefined, ''],
    ['a text', 'Authentication Required - foo', 'Authentication Required - foo'],
    ['"off" switches nothing off, as it would in nginx', 'off', 'off'],
    ['quotation marks', 'a", charset="', ''],
    ['a line of its own', 'a\r\nSet-Cookie: x=1', ''],
    ['a variable', '$host', ''],
    ['64 KiB of it', 'ü'.repeat(65_536), ''],
    ['no text', 5, ''],
  ])('%s', async (_, realm, shown) => {
    const { ask } = await users('joe:{PLAIN}secret', { ...ON, 'auth-realm': realm });
    const { status, headers } = await ask();
    expect([status, headers.get('www-authenticate'), headers.has('set-cookie')]).toEqual([
      401,
      [`Basic realm="${shown}"`],
      false,
    ]);
  });
});

describe('no-auth-locations', () => {
  it.each([
    ['the path of a solver of HTTP-01', '/.well-known/acme-challenge/x', {}, 200],
    ['another path', '/other', {}, 401],
    ['a path of the list', '/other', { noAuthLocations: ['/oth'] }, 200],
    ['an empty item opens nothing', '/other', { noAuthLocations: [''] }, 401],
  ])('%s', async (_, path, translate, status) => {
    const { ask } = await users('joe:{PLAIN}secret', ON, { paths: [path], translate });
    expect((await ask(path)).status).toBe(status);
  });

  it('is about the path that the Ingress writes, not that of the request', async () => {
    const { ask } = await users('joe:{PLAIN}secret');
    expect((await ask('/.well-known/acme-challenge/token')).status).toBe(401);
  });
});

describe('a password that is changed', () => {
  it('counts at once, though the old one was remembered', async () => {
    const { proxy, ask, backend } = await users(`joe:${APR1}`);
    expect((await ask('/', basic('joe', 'secret'))).status).toBe(200);
    const { patch } = translated([
      ingress(ON),
      ...service('app', [backend.port]),
      secret('users', { auth: 'joe:{PLAIN}other' }),
    ]);
    proxy.runtime.apply({ ...patch, reset: false });
    expect((await ask('/', basic('joe', 'secret'))).status).toBe(401);
    expect((await ask('/', basic('joe', 'other'))).status).toBe(200);
  });
});

describe('a client that tries many passwords', () => {
  it('is sent away when too many wait, and others are served', async () => {
    const slow = `joe:$2y$08$${BCRYPT.slice(7)}\nann:{PLAIN}secret`;
    const { proxy, ask } = await users(slow);
    const guesses = await Promise.all(Array.from({ length: 40 }, () => RawClient.connect(proxy.port)));
    for (const client of guesses) stage.opened(client);
    const statuses = Promise.all(
      guesses.map(async (client, n) => {
        client.send(`GET / HTTP/1.1\r\nHost: app.example\r\n${basic('joe', `guess ${n}`)}\r\n`);
        return (await client.response()).status;
      }),
    );
    // Nothing of the event loop is spent on them.
    expect((await ask('/', basic('ann', 'secret'))).status).toBe(200);
    const counts = Map.groupBy(await statuses, (status) => status);
    expect([...counts.keys()].sort()).toEqual([401, 503]);
    expect(counts.get(401)!.length).toBeGreaterThanOrEqual(16);
  });
});

describe('an answer of the backend', () => {
  it('is passed on with its own challenge', async () => {
    const { ask } = await users('joe:{PLAIN}secret', ON, { backend: () => answer(401, 'WWW-Authenticate: Custom\r\n') });
    const { status, headers } = await ask('/', basic('joe', 'secret'));
    expect([status, headers.get('www-authenticate')]).toEqual([401, ['Custom']]);
  });
});
