/** What an authentication service said is remembered: `auth-cache-key`, `auth-cache-duration`. And its connections: `auth-keepalive`. */
import { afterEach, describe, expect, it } from 'vitest';
import { AuthCache, cacheTime } from '../../src/policies/external-auth/auth-cache.ts';
import { answer, basic, fieldIn, scene, type Scene, type SceneOptions } from '../support/auth.ts';
import { ingress, service, translated } from '../support/ingress.ts';
import { exchange } from '../support/raw-client.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const ON = { 'auth-url': 'http://AUTH/', 'auth-cache-key': '$remote_user$http_authorization' };

function cached(annotations: Readonly<Record<string, unknown>> = {}, options: SceneOptions = {}): Promise<Scene> {
  return scene(stage, { ...ON, ...annotations }, options);
}

/** How often the service was asked for so many equal requests. */
async function askedFor(
  requests: number,
  annotations: Readonly<Record<string, unknown>>,
  options: SceneOptions = {},
): Promise<number> {
  const { ask, asked } = await cached(annotations, options);
  for (let i = 0; i < requests; i++) await ask('/', basic('joe', 'x'));
  return asked().length;
}

describe('auth-cache-key', () => {
  it.each([
    ['absent: nothing is remembered', undefined, 3],
    ['a key: one question', '$remote_user$http_authorization', 1],
    ['a key without variables: one question for everybody', 'all', 1],
    ['a key that differs each time', '$request_id', 3],
  ])('%s', async (_, key, questions) => {
    expect(await askedFor(3, { 'auth-cache-key': key ?? '' })).toBe(questions);
  });

  it.each(['$nobody', 'a\nb', 5])('%j: nobody gets in', async (key) => {
    const { ask } = await cached({ 'auth-cache-key': key });
    expect((await ask()).status).toBe(503);
  });

  it('each name of a host may have a service of its own, whose answer is no other’s', async () => {
    const service = await stage.backend((head) => answer(head.includes('Host: a.app.example') ? 200 : 403));
    const { proxy } = await scene(
      stage,
      { 'auth-url': `http://$host:${service.port}/`, 'auth-cache-key': '$cookie_s' },
      { host: '*.app.example', lookup: (_, done) => done(null, ['127.0.0.1']) },
    );
    const ask = async (name: string): Promise<number> =>
      (await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: ${name}\r\nCookie: s=1\r\n\r\n`)).status;
    expect([await ask('a.app.example'), await ask('b.app.example'), await ask('a.app.example')]).toEqual([200, 403, 200]);
    expect(service.received.length).toBe(2);
  });

  it('one user’s answer is no other’s, also where their keys put together are the same', async () => {
    const { ask, asked } = await cached(
      { 'auth-cache-key': '$cookie_a$cookie_b' },
      { auth: (head) => answer(fieldIn(head, 'cookie') === 'a=ab; b=c' ? 200 : 403) },
    );
    expect((await ask('/', 'Cookie: a=ab; b=c\r\n')).status).toBe(200);
    expect((await ask('/', 'Cookie: a=a; b=bc\r\n')).status).toBe(403);
    expect(asked().length).toBe(2);
  });

  it('an answer for one host and path is for no other', async () => {
    const first = await cached({ 'auth-cache-key': 'x' });
    const objects = [
      ingress({ 'auth-url': `http://${first.authority}/`, 'auth-cache-key': 'x' }, { name: 'a', paths: ['/', '/two'] }),
      ingress({ 'auth-url': `http://${first.authority}/`, 'auth-cache-key': 'x' }, { name: 'b', host: 'other.example' }),
    ];
    const { patch } = translated([...objects, ...service('app', [first.backend.port])]);
    first.proxy.runtime.apply({ ...patch, reset: false });
    const ask = async (host: string, path: string): Promise<number> =>
      (await exchange(first.proxy.port, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status;
    for (let i = 0; i < 2; i++)
      expect([await ask('app.example', '/'), await ask('app.example', '/two'), await ask('other.example', '/')]).toEqual([
        200, 200, 200,
      ]);
    expect(first.asked().length).toBe(3);
  });

  it('the question is not made conditional by the client’s own', async () => {
    const { ask, asked } = await cached();
    await ask('/', 'If-None-Match: "a"\r\nRange: bytes=0-1\r\nX-Other: kept\r\n');
    expect(['if-none-match', 'range', 'x-other'].map((name) => fieldIn(asked()[0], name))).toEqual([
      undefined,
      undefined,
      'kept',
    ]);
  });

  it('an answer of another service is none', async () => {
    const { proxy, ask, asked, authority, backend } = await cached({ 'auth-cache-key': 'x' });
    await ask();
    const { patch } = translated([
      ingress({ 'auth-url': `http://${authority}/other`, 'auth-cache-key': 'x' }),
      ...service('app', [backend.port]),
    ]);
    proxy.runtime.apply({ ...patch, reset: false });
    await ask();
    expect(asked().map((head) => head.split('\r\n', 1)[0])).toEqual(['GET / HTTP/1.1', 'GET /other HTTP/1.1']);
  });

  it('remembers what it is used for: fields of the backend, and challenges', async () => {
    const { ask, asked, proxied } = await cached(
      { 'auth-response-headers': 'X-User', 'auth-cache-key': '$cookie_user' },
      {
        auth: (head) =>
          fieldIn(head, 'cookie') === 'user=joe'
            ? response('', 'X-User: joe\r\n')
            : answer(401, 'WWW-Authenticate: Basic realm="a"\r\n'),
      },
    );
    for (let i = 0; i < 2; i++) {
      await ask('/', 'Cookie: user=joe\r\nX-User: root\r\n');
      expect((await ask()).headers.get('www-authenticate')).toEqual(['Basic realm="a"']);
    }
    expect([asked().length, proxied().map((head) => fieldIn(head, 'x-user'))]).toEqual([2, ['joe', 'joe']]);
  });
});

describe('auth-cache-duration', () => {
  it.each([
    ['absent: 200, 202 and 401', undefined, 200, 1],
    ['absent: no 403', undefined, 403, 3],
    ['absent: no 204', undefined, 204, 3],
    ['a list', '200 202 30m, 403 5m', 403, 1],
    ['none of the list', '200 202 30m, 403 5m', 401, 3],
    ['any status', 'any 1h', 500, 1],
    ['a time alone: 200', '10m', 200, 1],
    ['a time alone: no 401', '10m', 401, 3],
    ['no time', '200 0s', 200, 3],
    ['an empty list: the default', ' , ', 200, 1],
  ])('%s', async (_, duration, status, questions) => {
    const annotations = duration === undefined ? {} : { 'auth-cache-duration': duration };
    expect(await askedFor(3, annotations, { auth: () => answer(status) })).toBe(questions);
  });

  it.each(['forever', '200', '30m 200', '200 -5m', '200 5 minutes', '200 5m; deny all', 5])(
    '%j: nobody gets in',
    async (duration) => {
      const { ask } = await cached({ 'auth-cache-duration': duration });
      expect((await ask()).status).toBe(503);
    },
  );

  it.each([
    ['sets a cookie', 'Set-Cookie: a=1', 3],
    ['forbids it', 'Cache-Control: private, max-age=60', 3],
    ['forbids it otherwise', 'Cache-Control: no-store', 3],
    ['is old already', 'Cache-Control: max-age=0', 3],
    ['is old by its date', 'Expires: Thu, 01 Jan 1970 00:00:00 GMT', 3],
    ['differs by request', 'Vary: Cookie', 3],
    ['differs by encoding, which is none', 'Vary: Accept-Encoding', 1],
    ['allows it', 'Cache-Control: max-age=60', 1],
    ['says no to nginx', 'X-Accel-Expires: 0', 3],
  ])('the service’s answer %s', async (_, field, questions) => {
    expect(await askedFor(3, {}, { auth: () => response('', `${field}\r\n`) })).toBe(questions);
  });

  it('is kept to', () => {
    let now = 0;
    const cache = new AuthCache(() => now);
    const decision = { status: 200, fields: [], challenges: [], cookies: [] };
    const key = cache.keyOf(['a']);
    cache.put(key, decision, 1000);
    now = 999;
    expect(cache.get(key)).toBe(decision);
    now = 1000;
    expect([cache.get(key), cache.size]).toEqual([null, 0]);
  });

  it('what a service says of itself goes before it', () => {
    const fields = (values: Readonly<Record<string, string>>) => (name: string) =>
      values[name] === undefined ? [] : [values[name]];
    const rules = [{ statuses: [200], time: 5 }];
    const time = (values: Readonly<Record<string, string>>): number => cacheTime(200, fields(values), rules, 1_000_000);
    expect(time({})).toBe(5);
    expect(time({ 'cache-control': 'max-age=10, s-maxage=20' })).toBe(20_000);
    expect(time({ 'x-accel-expires': '3', 'cache-control': 'no-cache' })).toBe(3000);
    expect(time({ 'x-accel-expires': '@1002' })).toBe(2000);
    expect(time({ expires: new Date(1_003_000).toUTCString() })).toBe(3000);
    expect(time({ expires: 'never' })).toBe(0);
  });

  it('is bounded in memory, by number and by size', () => {
    const cache = new AuthCache(() => 0);
    const big = { status: 200, fields: ['x'.repeat(1_000_000)], challenges: [], cookies: [] };
    for (let i = 0; i < 20; i++) cache.put(cache.keyOf([`${i}`]), big, 1000);
    expect(cache.size).toBe(8);
    const small = { ...big, fields: [] };
    for (let i = 0; i < 20_000; i++) cache.put(cache.keyOf([`${i}`]), small, 1000);
    expect(cache.size).toBe(16_384);
  });
});

/** How many connections the service saw for four requests, one after the other. */
async function connections(
  annotations: Readonly<Record<string, unknown>>,
): Promise<readonly [number, number, string | undefined]> {
  const { ask, service: auth, asked } = await scene(stage, { 'auth-url': 'http://AUTH/', ...annotations });
  let status = 0;
  for (let i = 0; i < 4; i++) status = (await ask()).status;
  return [status, auth.sockets.length, fieldIn(asked()[0], 'connection')];
}

describe('auth-keepalive', () => {
  it.each([
    ['absent: one connection', undefined, [200, 1, undefined]],
    ['0: one for each question', '0', [200, 4, 'close']],
    ['a number: one connection', '10', [200, 1, undefined]],
    ['less than none: one for each question', '-1', [200, 4, 'close']],
    ['nonsense: one for each question', 'many', [200, 4, 'close']],
  ])('%s', async (_, value, expected) => {
    expect(await connections(value === undefined ? {} : { 'auth-keepalive': value })).toEqual(expected);
  });
});

describe('auth-keepalive-requests', () => {
  it.each([
    ['absent: a thousand', undefined, 1],
    ['two: two connections', '2', 2],
    ['none: one for each question', '0', 4],
    ['nonsense: a thousand', 'x', 1],
  ])('%s', async (_, value, seen) => {
    const more = value === undefined ? {} : { 'auth-keepalive-requests': value };
    expect((await connections({ 'auth-keepalive': '5', ...more })).slice(0, 2)).toEqual([200, seen]);
  });
});

describe('auth-keepalive-timeout', () => {
  it.each([
    ['absent: a minute', undefined, 1],
    ['a second', '1', 1],
    ['none: one for each question', '0', 4],
    ['nonsense: a minute', '60s', 1],
  ])('%s', async (_, value, seen) => {
    const more = value === undefined ? {} : { 'auth-keepalive-timeout': value };
    expect((await connections({ 'auth-keepalive': '5', ...more })).slice(0, 2)).toEqual([200, seen]);
  });
});

describe('auth-keepalive-share-vars', () => {
  it.each([
    ['absent', undefined],
    ['true', 'true'],
    ['false', 'false'],
    ['nonsense', 'maybe'],
  ])('%s: the service knows the id of the request', async (_, value) => {
    const { ask, asked } = await scene(stage, {
      'auth-url': 'http://AUTH/',
      ...(value && { 'auth-keepalive-share-vars': value }),
    });
    await ask('/', 'X-Request-ID: id-1\r\n');
    expect(fieldIn(asked()[0], 'x-request-id')).toBe('id-1');
  });
});
