/** A service that is asked about every request: `auth-url` and the annotations that shape it. */
import { afterEach, describe, expect, it } from 'vitest';
import { answer, AUTH_HOST, fieldIn, scene, type Scene, type SceneOptions } from '../support/auth.ts';
import { Http2Client } from '../support/http2/stage.ts';
import { configMap } from '../support/ingress.ts';
import { eventually } from '../support/eventually.ts';
import { response } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const URL = 'http://AUTH/check';

/** A scene with `auth-url` and these annotations besides. */
function asking(annotations: Readonly<Record<string, unknown>> = {}, options: SceneOptions = {}): Promise<Scene> {
  return scene(stage, { 'auth-url': URL, ...annotations }, options);
}

describe('auth-url', () => {
  it.each([
    ['200: lets in', 200, 200],
    ['204: lets in', 204, 200],
    ['299: lets in', 299, 200],
    ['401: is passed on', 401, 401],
    ['403: is passed on', 403, 403],
    ['302: is no decision', 302, 500],
    ['304: is no decision', 304, 500],
    ['400: is no decision', 400, 500],
    ['404: is no decision', 404, 500],
    ['500: is no decision', 500, 500],
    ['503: is no decision', 503, 500],
  ])('the service answers %s', async (_, said, status) => {
    const { ask, proxied } = await asking({}, { auth: () => answer(said) });
    expect((await ask()).status).toBe(status);
    expect(proxied().length).toBe(status === 200 ? 1 : 0);
  });

  it('absent: nobody is asked', async () => {
    const { ask, asked } = await scene(stage, {});
    expect([(await ask()).status, asked()]).toEqual([200, []]);
  });

  it.each([
    ['what is no HTTP', 'SSH-2.0-x\r\n'],
    ['a head without an end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n'],
    ['a status of its own', 'HTTP/1.1 999 OK\r\n\r\n'],
    ['another protocol', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['an old version', 'HTTP/0.9 200 OK\r\n\r\n'],
    ['a line that is folded', 'HTTP/1.1 200 OK\r\nX-User: joe\r\n root\r\n\r\n'],
  ])('the service answers nonsense, %s: nobody gets in', async (_, said) => {
    const { ask, proxied } = await asking({}, { auth: () => said });
    expect([(await ask()).status, proxied()]).toEqual([500, []]);
  });

  it('the service closes, resets, or is not there: nobody gets in', async () => {
    const closing = await asking({}, { auth: (_, socket) => (socket.end(), null) });
    const resetting = await asking({}, { auth: (_, socket) => (socket.resetAndDestroy(), null) });
    const gone = await asking();
    await gone.service.close();
    const unknown = await asking({ 'auth-url': 'http://unknown.test/' });
    for (const { ask } of [closing, resetting, gone, unknown]) expect((await ask()).status).toBe(500);
  });

  it('the service says nothing: nobody gets in, after its own time', async () => {
    const { ask } = await asking({}, { auth: () => null, proxy: { upstreamConnectTimeout: 50, upstreamReadTimeout: 50 } });
    expect((await ask()).status).toBe(500);
  });

  it('the service drips its head for ever: nobody gets in, after its own time', async () => {
    const { ask } = await asking(
      {},
      {
        auth: (_, socket) => {
          socket.write('HTTP/1.1 200 OK\r\n');
          const drip = setInterval(() => socket.write('X-A: b\r\n'), 20);
          socket.on('close', () => clearInterval(drip));
          return null;
        },
        proxy: { upstreamConnectTimeout: 100, upstreamReadTimeout: 100 },
      },
    );
    expect((await ask()).status).toBe(500);
  });

  it('a body without an end of the service costs nobody anything', async () => {
    const { ask, proxy } = await asking(
      {},
      { auth: () => `HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n${'x'.repeat(200_000)}` },
    );
    expect((await ask()).status).toBe(200);
    await eventually(() => proxy.runtime.census().upstreams <= 1);
  });

  it('asks with the fields of ingress-nginx, and the client’s own but for its body', async () => {
    const { proxy, asked, backend } = await asking({}, { proxy: { generateRequestId: true } });
    const client = await stage.client(proxy.port);
    const fields =
      'Cookie: session=1\r\nAuthorization: Bearer t\r\nContent-Type: text/plain\r\nX-Custom: yes\r\nX-Request-ID: id-1\r\n';
    const forged =
      'X-Original-URL: http://evil/\r\nX-Original-Method: GET\r\nX-Sent-From: me\r\nX-Real-IP: 1.1.1.1\r\nX-Forwarded-For: 1.1.1.1\r\n' +
      'X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Auth-Request-Redirect: /evil\r\nssl-client-verify: SUCCESS\r\n';
    client.send(`POST /a%20b?c=d HTTP/1.1\r\nHost: app.example:8080\r\n${fields}${forged}Content-Length: 4\r\n\r\nbody`);
    expect((await client.response()).status).toBe(200);
    const head = asked()[0]!;
    expect(head.split('\r\n')).toEqual([
      'GET /check HTTP/1.1',
      `Host: ${AUTH_HOST}`,
      'X-Request-ID: id-1',
      'X-Original-URL: http://app.example:8080/a%20b?c=d',
      'X-Original-Method: POST',
      'X-Sent-From: nginx-ingress-controller',
      'X-Real-IP: 127.0.0.1',
      'X-Forwarded-For: 127.0.0.1',
      'X-Auth-Request-Redirect: /a%20b?c=d',
      'Cookie: session=1',
      'Authorization: Bearer t',
      'Content-Type: text/plain',
      'X-Custom: yes',
    ]);
    expect(backend.received[0]).toMatch(/\r\n\r\nbody$/);
  });

  it('loses nothing of a body that comes in pieces while the service thinks', async () => {
    let decide: () => void = () => undefined;
    const { proxy, backend, service } = await asking(
      {},
      {
        auth: (_, socket) => ((decide = () => socket.write(response(''))), null),
        // When the last chunk is there.
        backend: (text) => (text.endsWith('\r\n0\r\n\r\n') ? response('hello') : null),
      },
    );
    const client = await stage.client(proxy.port);
    client.send('POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n');
    await eventually(() => service.received.join('').includes('\r\n\r\n'));
    client.send(`4000\r\n${'z'.repeat(0x4000)}\r\n0\r\n\r\n`);
    expect(backend.received).toEqual([]);
    decide();
    expect((await client.response()).status).toBe(200);
    // No digits of an id of the request.
    expect(service.received.join('')).not.toContain('xyz');
    const body = backend.received[0]!.split('\r\n\r\n').slice(1).join('');
    expect(body.replaceAll(/[^xyz]/g, '')).toBe(`xyz${'z'.repeat(0x4000)}`);
  });

  it.each([
    ['variables of nginx', 'http://AUTH/$request_method$uri?h=$host&a=$arg_x', '/a/b?x=1', '/GET/a/b?h=app.example&a=1'],
    ['the request URI behind the host', 'http://AUTH$request_uri', '/a%2fb?x=1', '/a%2fb?x=1'],
    ['a query without a path', 'http://AUTH?x=$arg_x', '/?x=2', '/?x=2'],
    ['no path: that of its location in nginx', 'http://AUTH', '/', '/_external-auth-Lw-Prefix'],
    ['what would be a second line or parameter', 'http://AUTH/$uri?u=$cookie_u', '/%0d%0aX:1%26y', '//%0D%0AX:1%26y?u='],
    ['a cookie with a fragment', 'http://AUTH/?u=$cookie_u', '/', '/?u=a%23b%20c'],
  ])('takes %s', async (_, url, path, target) => {
    const { ask, asked } = await asking({ 'auth-url': url });
    await ask(path, target.includes('%23') ? 'Cookie: u=a#b c\r\n' : '');
    expect(asked()[0]!.split('\r\n', 1)).toEqual([`GET ${target} HTTP/1.1`]);
  });

  it('is asked about what the backend gets, not about dot segments that it does not', async () => {
    const { ask, asked, proxied } = await asking({ 'auth-url': 'http://AUTH/?uri=$request_uri' });
    expect((await ask('/public/%2e%2e/admin?x')).status).toBe(200);
    expect(proxied()[0]).toMatch(/^GET \/admin\?x /);
    expect(asked()[0]).toMatch(/^GET \/\?uri=\/admin\?x /);
    expect(fieldIn(asked()[0], 'x-original-url')).toBe('http://app.example/admin?x');
  });

  it.each([
    ['no URL', 'nonsense'],
    ['another scheme', 'ftp://AUTH/'],
    ['no host', 'http:///path'],
    ['two dots', 'https://invalid..auth.url'],
    ['an unknown variable', 'http://AUTH/$nonsense'],
    ['a host that a client chooses', 'http://$arg_host/'],
    ['a host that a field says', 'http://$http_x_auth/'],
    ['a name and password', 'http://user:pass@AUTH/'],
    ['the loopback', 'http://127.0.0.1:10254/'],
    ['the loopback by name', 'http://localhost/'],
    ['the loopback in IPv6', 'http://[::1]/'],
    ['a line of its own', 'http://AUTH/\nX: y'],
    ['braces and quotes', 'http://AUTH/";}{'],
    ['64 KiB of nothing', ' '.repeat(3) + 'x'.repeat(65_536)],
    ['no text', 5],
  ])('denies for %s', async (_, url) => {
    const { ask, asked, diagnostics } = await asking({ 'auth-url': url });
    expect([(await ask()).status, asked()]).toEqual([503, []]);
    expect(diagnostics).toContain('AnnotationInvalid Ingress web metadata.annotations[auth-url]');
  });

  it('denies for the host of the client where that can be any', async () => {
    const { proxy } = await asking({ 'auth-url': 'http://$host/' }, { host: '' });
    const client = await stage.client(proxy.port);
    expect((await client.request('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n')).status).toBe(503);
  });

  it.each([
    ['a wildcard at the end', 'auth.*', 500],
    ['a pattern', '~^auth\\..+$', 500],
    ['a pattern of several', '~^auth\\.test|app\\.example\\.org$', 500],
    ['a wildcard before one label', '*.test', 500],
    ['a name', 'auth.test', 200],
    ['one, and a pattern', 'auth.test,~^x', 200],
    ['a wildcard', '*.auth.test', 404],
    ['a pattern whose end is said', '~^auth\\.app\\.example$', 404],
  ])(
    'the host of the client, which has %s as alias, is asked only if nobody else can have that name: %s',
    async (_, alias, status) => {
      const attacker = await stage.backend(() => answer(200));
      const { proxy, proxied } = await asking({ 'auth-url': `http://$host:${attacker.port}/`, 'server-alias': alias });
      const ask = async (name: string): Promise<number> =>
        (await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`)).status;
      expect(await ask('auth.test')).toBe(status);
      expect([attacker.received.length, proxied().length]).toEqual(status === 200 ? [1, 1] : [0, 0]);
      expect(await ask('app.example')).toBe(200);
    },
  );

  it('may be on the host itself', async () => {
    const { ask, asked, service } = await asking({ 'auth-url': 'http://$host:PORT/' }, { auth: () => answer(204) });
    expect(asked()).toEqual([]);
    expect((await ask()).status).toBe(503);
    const own = await asking({ 'auth-url': `http://$host:${service.port}/own` });
    expect((await own.ask()).status).toBe(200);
    expect(asked()[0]).toMatch(/^GET \/own HTTP\/1.1\r\nHost: app.example\r\n/);
  });

  it('asks nobody about its own question, which would never end', async () => {
    const { ask, asked } = await asking();
    const question = 'X-Sent-From: nginx-ingress-controller\r\nX-Original-URL: ';
    expect((await ask('/', `${question}http://APP.example:8080/x\r\n`)).status).toBe(500);
    expect(asked()).toEqual([]);
    expect((await ask('/', `${question}http://other.example/x\r\n`)).status).toBe(200);
  });

  it('asks many clients’ questions, no more at once than it may, and serves them all', async () => {
    let open = 0;
    let most = 0;
    const { proxy } = await asking(
      {},
      {
        auth: (_, socket) => {
          most = Math.max(most, ++open);
          setImmediate(() => {
            open--;
            socket.write(response(''));
          });
          return null;
        },
      },
    );
    const clients = await Promise.all(Array.from({ length: 300 }, () => stage.client(proxy.port)));
    const answers = await Promise.all(clients.map((client) => client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(most).toBeLessThanOrEqual(256);
  });

  it('a client that goes away takes its question with it', async () => {
    const { proxy, service } = await asking({}, { auth: () => null });
    const client = await stage.client(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => service.received.join('').includes('\r\n\r\n'));
    client.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().upstreams === 0);
  });

  it('asks again over a connection of its own when a kept one was closed', async () => {
    const { ask, service } = await asking();
    expect((await ask()).status).toBe(200);
    service.sockets[0]!.resetAndDestroy();
    expect((await ask()).status).toBe(200);
  });

  it('protects upgrades, and lets them through', async () => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
    const refused = await asking({}, { auth: () => answer(401), backend: () => switching });
    expect((await refused.ask('/', upgrade)).status).toBe(401);
    const { proxy, asked } = await asking({}, { backend: () => `${switching}hello` });
    const client = await stage.client(proxy.port);
    client.send(`GET / HTTP/1.1\r\nHost: app.example\r\n${upgrade}\r\n`);
    await client.until(() => client.buffer.endsWith('hello'));
    expect(client.buffer).toMatch(/^HTTP\/1.1 101 /);
    expect(asked()[0]).not.toMatch(/upgrade/i);
  });

  it('protects clients of HTTP/2, and what they send', async () => {
    const { proxy, asked, backend } = await asking(
      { 'auth-response-headers': 'X-User' },
      { auth: () => response('', 'X-User: joe\r\n') },
    );
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const served = await client.request({ ':method': 'POST', ':path': '/p?q', 'x-user': 'root' }, 'body');
    expect([
      served.headers[':status'],
      fieldIn(asked()[0], 'x-original-url'),
      fieldIn(asked()[0], 'x-original-method'),
    ]).toEqual([200, 'https://app.example/p?q', 'POST']);
    expect([fieldIn(backend.received[0], 'x-user'), backend.received[0]!.includes('body')]).toEqual(['joe', true]);
  });

  it('passes a challenge on', async () => {
    const { ask } = await asking(
      {},
      { auth: () => answer(401, 'WWW-Authenticate: Bearer realm="x"\r\nWWW-Authenticate: Basic\r\nX: y\r\n') },
    );
    const { headers } = await ask();
    expect([headers.get('www-authenticate'), headers.get('x')]).toEqual([['Bearer realm="x"', 'Basic'], undefined]);
  });
});

describe('auth-method', () => {
  it.each([
    ['absent: GET', undefined, 200, 'GET'],
    ['POST', 'POST', 200, 'POST'],
    ['HEAD', 'HEAD', 200, 'HEAD'],
    ['another word: nobody gets in', 'FETCH', 503, ''],
    ['a line of its own: nobody gets in', 'GET / HTTP/1.1\r\nX: y', 503, ''],
    ['no text: nobody gets in', 5, 503, ''],
  ])('%s', async (_, method, status, sent) => {
    const { ask, asked } = await asking(method === undefined ? {} : { 'auth-method': method });
    expect([(await ask('/x')).status, (asked()[0] ?? '').split(' ', 1)[0]]).toEqual([status, sent]);
  });

  it('brings the URI and the scheme with it, as ingress-nginx has it', async () => {
    const { ask, asked } = await asking({ 'auth-method': 'PUT' });
    await ask('/x?y', 'X-Original-URI: /forged\r\nX-Scheme: https\r\n');
    expect([fieldIn(asked()[0], 'x-original-uri'), fieldIn(asked()[0], 'x-scheme')]).toEqual(['/x?y', 'http']);
  });
});

describe('auth-signin', () => {
  const locationOf = async (annotations: Readonly<Record<string, unknown>>, said = 401): Promise<unknown> => {
    const { ask } = await asking(annotations, { auth: () => answer(said, 'WWW-Authenticate: Basic\r\n') });
    const { status, headers } = await ask("/a b?c='d'&e".replace(' ', '%20'));
    return [status, headers.get('location')?.[0]];
  };

  it.each([
    ['absent: 401', {}, [401, undefined]],
    [
      'a URL',
      { 'auth-signin': 'https://login.example/start' },
      [302, 'https://login.example/start?rd=http://app.example%2Fa%2520b%3Fc%3D%27d%27%26e'],
    ],
    [
      'a URL with a query',
      { 'auth-signin': 'https://login.example/?x=1' },
      [302, 'https://login.example/?x=1&rd=http://app.example%2Fa%2520b%3Fc%3D%27d%27%26e'],
    ],
    [
      'a URL with the parameter',
      { 'auth-signin': 'https://$host/?rd=$escaped_request_uri' },
      [302, 'https://app.example/?rd=%2Fa%2520b%3Fc%3D%27d%27%26e'],
    ],
    ['an unknown variable: nobody gets in', { 'auth-signin': 'https://$nobody/' }, [503, undefined]],
    ['a line of its own: nobody gets in', { 'auth-signin': 'https://x/\r\nSet-Cookie: a' }, [503, undefined]],
    ['another scheme: nobody gets in', { 'auth-signin': 'javascript:alert(1)' }, [503, undefined]],
  ])('%s', async (_, annotations, expected) => {
    expect(await locationOf(annotations)).toEqual(expected);
  });

  it('is for 401 alone', async () => {
    expect(await locationOf({ 'auth-signin': 'https://login.example/' }, 403)).toEqual([403, undefined]);
    expect(await locationOf({ 'auth-signin': 'https://login.example/' }, 500)).toEqual([500, undefined]);
  });
});

describe('auth-signin-redirect-param', () => {
  it.each([
    ['absent: rd', undefined, 302, 'https://l/?rd=http://app.example%2F'],
    ['another name', 'origin', 302, 'https://l/?origin=http://app.example%2F'],
    ['the empty name: rd', '', 302, 'https://l/?rd=http://app.example%2F'],
    ['no name: nobody gets in', 'a=b&c', 503, undefined],
    ['a line of its own: nobody gets in', 'a\r\nb', 503, undefined],
  ])('%s', async (_, name, status, location) => {
    const { ask } = await asking(
      { 'auth-signin': 'https://l/', ...(name !== undefined && { 'auth-signin-redirect-param': name }) },
      { auth: () => answer(401) },
    );
    const { status: got, headers } = await ask();
    expect([got, headers.get('location')?.[0]]).toEqual([status, location]);
  });
});

describe('auth-response-headers', () => {
  it.each([
    ['the service refuses', 403, 'custom-http-errors', '403'],
    ['the service fails', 500, 'custom-http-errors', '500'],
  ])('a backend that has the page of an error never gets the fields of the client: %s', async (_, said, name, value) => {
    const { ask, proxied } = await asking(
      { 'auth-response-headers': 'X-User', [name]: value, 'default-backend': 'app' },
      { auth: () => answer(said, 'X-User: eve\r\n'), proxy: { underscoresInHeaders: true } },
    );
    expect((await ask('/', 'X-User: root\r\nx_user: root\r\nX-Other: 1\r\n')).body).toBe('hello');
    expect(['X-Code', 'X-User', 'x_user', 'X-Other'].map((field) => fieldIn(proxied()[0], field))).toEqual([
      value,
      undefined,
      undefined,
      '1',
    ]);
  });

  const said = 'X-User: joe\r\nX-Group: a\r\nX-Group: b\r\nX-Secret: s\r\n';
  const proxied = async (names: unknown, fields = '', proxy = {}): Promise<string | undefined> => {
    const { ask, proxied: heads } = await asking({ 'auth-response-headers': names }, { auth: () => response('', said), proxy });
    await ask('/', fields);
    return heads()[0];
  };

  it('absent: nothing is copied', async () => {
    expect(fieldIn(await proxied(''), 'x-user')).toBeUndefined();
  });

  it('copies what is named, and nothing else', async () => {
    const head = await proxied('X-User, x-group ,');
    expect([fieldIn(head, 'x-user'), fieldIn(head, 'x-group'), fieldIn(head, 'x-secret')]).toEqual(['joe', 'a, b', undefined]);
  });

  it('takes what the client says of itself away', async () => {
    const head = await proxied('X-User,X-Admin', 'X-User: root\r\nx-USER: root\r\nX-Admin: yes\r\n');
    expect([fieldIn(head, 'x-user'), fieldIn(head, 'x-admin')]).toEqual(['joe', undefined]);
  });

  it('takes other spellings away that a backend may read as the same', async () => {
    const head = await proxied('X-User', 'X_User: root\r\nx_user: root\r\n', { underscoresInHeaders: true });
    expect(head).not.toContain('root');
    expect(await proxied('X_User', 'X-User: root\r\n')).not.toContain('root');
  });

  it('sets Authorization, where it is named', async () => {
    const { ask, proxied: heads } = await asking(
      { 'auth-response-headers': 'Authorization' },
      { auth: () => response('', 'Authorization: Bearer of-the-service\r\n') },
    );
    await ask('/', 'Authorization: Basic of-the-client\r\n');
    expect(fieldIn(heads()[0], 'authorization')).toBe('Bearer of-the-service');
  });

  it.each([
    ['a field of one hop: nobody gets in', 'Connection'],
    ['a length: nobody gets in', 'X-User,Content-Length'],
    ['the host: nobody gets in', 'Host'],
    ['no name: nobody gets in', 'X-User: root'],
    ['a line of its own: nobody gets in', 'X-User\r\nX-B'],
    ['no text: nobody gets in', 5],
  ])('%s', async (_, names) => {
    const { ask } = await asking({ 'auth-response-headers': names });
    expect((await ask()).status).toBe(503);
  });
});

describe('auth-proxy-set-headers', () => {
  const map = configMap('extra', { 'X-Extra': 'of $host', 'X-Custom': '', 'X-Original-Method': 'PATCH', Host: 'other.test' });

  it('absent: the service gets nothing more', async () => {
    const { ask, asked } = await asking({}, { objects: [map] });
    await ask();
    expect(fieldIn(asked()[0], 'x-extra')).toBeUndefined();
  });

  it.each(['extra', 'default/extra'])('%s: they go in place of ours and the client’s', async (name) => {
    const { ask, asked } = await asking({ 'auth-proxy-set-headers': name }, { objects: [map] });
    await ask('/', 'X-Custom: of the client\r\nX-Extra: of the client\r\n');
    const head = asked()[0];
    expect(['x-extra', 'x-custom', 'x-original-method', 'host'].map((field) => fieldIn(head, field))).toEqual([
      'of app.example',
      undefined,
      'PATCH',
      'other.test',
    ]);
  });

  it.each([
    ['there is none', 'missing', {}],
    ['of another namespace', 'other/extra', {}],
    ['no name', 'a b', {}],
    ['no text', 5, {}],
    ['with a field that cannot be set', 'bad', { 'Content-Length': '5' }],
    ['with an unknown variable', 'bad', { 'X-A': '$nobody' }],
    ['with a line of its own', 'bad', { 'X-A': 'a\r\nX-B: c' }],
  ])('%s: nobody gets in', async (_, name, data) => {
    const { ask } = await asking({ 'auth-proxy-set-headers': name }, { objects: [map, configMap('bad', data)] });
    expect((await ask()).status).toBe(503);
  });
});

describe('auth-request-redirect', () => {
  it.each([
    ['absent: the request URI', undefined, 200, '/x?y'],
    ['a URL', 'http://foo.example/x', 200, 'http://foo.example/x'],
    ['a URL with variables', 'https://$host$request_uri', 200, 'https://app.example/x?y'],
    ['an unknown variable: nobody gets in', '$nobody', 503, undefined],
    ['a line of its own: nobody gets in', 'x\nSet-Cookie: a', 503, undefined],
  ])('%s', async (_, value, status, sent) => {
    const { ask, asked } = await asking(value === undefined ? {} : { 'auth-request-redirect': value });
    expect([(await ask('/x?y')).status, fieldIn(asked()[0], 'x-auth-request-redirect')]).toEqual([status, sent]);
  });
});

describe('auth-always-set-cookie', () => {
  const cookies = async (annotations: Readonly<Record<string, unknown>>, auth: number, backend: number): Promise<unknown> => {
    const { ask } = await asking(annotations, {
      auth: () => answer(auth, 'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n'),
      backend: () => answer(backend, 'Set-Cookie: app=1\r\n'),
    });
    const { status, headers } = await ask();
    return [status, headers.get('set-cookie')];
  };
  const all = ['app=1', 'a=1', 'b=2'];

  it.each([
    ['absent, a good answer', {}, 200, 200, [200, all]],
    ['absent, an error of the backend', {}, 200, 404, [404, ['app=1']]],
    ['absent, the client is refused', {}, 401, 200, [401, undefined]],
    ['absent, the client is sent to sign in', { 'auth-signin': 'https://l/' }, 401, 200, [302, ['a=1', 'b=2']]],
    ['true, an error of the backend', { 'auth-always-set-cookie': 'true' }, 200, 404, [404, all]],
    ['true, the client is refused', { 'auth-always-set-cookie': 'true' }, 403, 200, [403, ['a=1', 'b=2']]],
    ['nonsense: as if absent', { 'auth-always-set-cookie': 'yes' }, 200, 404, [404, ['app=1']]],
  ])('%s', async (_, annotations, auth, backend, expected) => {
    expect(await cookies(annotations, auth, backend)).toEqual(expected);
  });
});
