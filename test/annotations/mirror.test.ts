/** Copies of requests for other servers: `mirror-target`, `mirror-request-body`, `mirror-host`. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Mirror } from '../../src/model/policies.ts';
import { MAX_COPIED_BODY, MAX_COPIES } from '../../src/proxy/mirror/mirrors.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { eventually } from '../support/eventually.ts';
import { Http2Client, readingBackend } from '../support/http2/stage.ts';
import { ingress, service, translated } from '../support/ingress.ts';
import { makeCertificate } from '../support/pki.ts';
import { response, startProxy, type RawBackend, type TestProxy } from '../support/proxy.ts';
import { headsOf, valuesOf } from '../support/site.ts';
import { Stage } from '../support/stage.ts';
import { tlsBackend } from '../support/upstream-tls.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** What annotations come to. */
function read(annotations: Readonly<Record<string, unknown>>): {
  readonly mirror: Mirror | undefined;
  readonly reports: number;
} {
  const { patch, diagnostics } = translated([ingress(annotations), ...service('app', [1])]);
  const [route] = patch.hosts.find(({ host }) => host === 'app.example')!.routes;
  return { mirror: route!.policies.mirror, reports: diagnostics.length };
}

interface MirrorSite {
  readonly proxy: TestProxy;
  readonly app: RawBackend;
  readonly ask: (requestLine?: string, lines?: readonly string[], body?: string) => Promise<string>;
}

/** A site whose copies for `mirror.example` go to this port of the loopback, which no annotation may name. */
async function mirrored(
  port: number,
  annotations: Readonly<Record<string, unknown>> = {},
  proxySettings: Partial<ProxySettings> = {},
  appPort?: number,
  translate: Partial<TranslateSettings> = {},
): Promise<MirrorSite> {
  const app = await stage.backend((head) => (head.startsWith('POST /cut') ? null : response('ok')));
  const target = { 'mirror-target': `http://mirror.example:${port}$request_uri` };
  const { patch } = translated([ingress({ ...target, ...annotations }), ...service('app', [appPort ?? app.port])], translate);
  const hosts = patch.hosts.map((host) => ({
    ...host,
    routes: host.routes.map((route) => {
      const { mirror } = route.policies;
      return mirror === undefined
        ? route
        : { ...route, policies: { ...route.policies, mirror: { ...mirror, host: '127.0.0.1' } } };
    }),
  }));
  const proxy = stage.watched(await startProxy({ ...patch, hosts }, proxySettings));
  return {
    proxy,
    app,
    ask: async (requestLine = 'GET / HTTP/1.1', lines = [], body = '') => {
      const client = await stage.client(proxy.port);
      const head = ['Host: app.example', ...lines].map((line) => `${line}\r\n`).join('');
      return (await client.request(`${requestLine}\r\n${head}\r\n${body}`)).body;
    },
  };
}

describe('mirror-target', () => {
  const PLAIN = { scheme: 'http', host: 'mirror.example', port: 80, target: null, hostField: ['mirror.example'], body: true };
  const URI = { variable: 'request_uri' };

  it.each([
    ['default: absent', undefined, undefined],
    ['empty', '', undefined],
    ['typical', 'https://mirror.example$request_uri', { ...PLAIN, scheme: 'https', port: 443, target: [URI] }],
    ['a port and a path', 'http://mirror.example:8080/to$request_uri', { ...PLAIN, port: 8080, target: ['/to', URI] }],
    ['no path: that of the request', 'http://mirror.example', PLAIN],
    [
      'a query',
      'http://Mirror.example?from=$host',
      { ...PLAIN, target: ['?from=', { variable: 'host' }], hostField: ['Mirror.example'] },
    ],
    ['an address', 'http://192.0.2.1/', { ...PLAIN, host: '192.0.2.1', target: ['/'], hostField: ['192.0.2.1'] }],
    [
      'an address of IPv6',
      'http://[2001:db8::1]:81/',
      { ...PLAIN, host: '2001:db8::1', port: 81, target: ['/'], hostField: ['[2001:db8::1]'] },
    ],
  ])('%s: %s', (_, value, mirror) => {
    expect(read(value === undefined ? {} : { 'mirror-target': value })).toEqual({ mirror, reports: 0 });
  });

  it.each([
    ['no URL', 'mirror.example'],
    ['another scheme', 'ftp://mirror.example/'],
    ['a server that a client chooses', 'http://$http_x_host/'],
    ['part of its name', 'http://$http_x_host.example/'],
    ['a port that a client chooses', 'http://mirror.example:$arg_port/'],
    ['user information', 'http://a@mirror.example/'],
    ['no port', 'http://mirror.example:0/'],
    ['no port', 'http://mirror.example:65536/'],
    ['an unknown variable', 'http://mirror.example/$nosuch'],
    ['spaces', 'http://mirror.example/ a'],
    ['two lines', 'http://mirror.example/\r\nX-Evil:1'],
    ['quotes and braces', 'http://mirror.example/"}{;'],
    ['the loopback, where the admin port is', 'http://127.0.0.1:10254/'],
    ['the loopback', 'http://[::1]:10254/'],
    ['the loopback', 'http://localhost/'],
  ])('invalid, %s: nothing is copied, and it is reported: %s', (_, value) => {
    expect(read({ 'mirror-target': value })).toEqual({ mirror: undefined, reports: 1 });
  });

  it('invalid, 64 KiB of name: nothing is copied', () => {
    expect(read({ 'mirror-target': `http://${'a'.repeat(65_536)}/` })).toEqual({ mirror: undefined, reports: 1 });
  });

  it('has none of the fields that a client forged, or that a snippet took away', async () => {
    const mirror = await stage.backend(() => response('ignored'));
    const annotations = {
      'auth-url': 'http://auth.example/',
      'auth-response-headers': 'X-User',
      satisfy: 'any',
      'whitelist-source-range': '127.0.0.0/8',
      'configuration-snippet': 'more_clear_input_headers X-Internal; more_set_input_headers "X-Set: right";',
    };
    const allowed = { allowSnippetAnnotations: true, annotationsRiskLevel: 'Critical' } as const;
    const { ask } = await mirrored(mirror.port, annotations, {}, undefined, allowed);
    expect(await ask('GET / HTTP/1.1', ['X-User: root', 'X-Internal: 1', 'X-Set: wrong', 'X-Other: 1'])).toBe('ok');
    await eventually(() => headsOf(mirror).length === 1);
    const values = ['x-user', 'x-internal', 'x-set', 'x-other'].map((name) => valuesOf(headsOf(mirror)[0]!, name));
    expect(values).toEqual([[], [], ['right'], ['1']]);
  });

  it('the golden pair: what the client sends, what the backend gets, and what its copy is', async () => {
    const mirror = await stage.backend(() => response('nobody reads this'));
    const { ask, app } = await mirrored(mirror.port);
    expect(
      await ask('GET /a%20b?c=d HTTP/1.1', ['X-Own: 1', 'Cookie: a=b', 'X-Request-ID: id-1', 'Connection: X-Hop', 'X-Hop: 1']),
    ).toBe('ok');
    await eventually(() => headsOf(mirror).length === 1);
    const [got] = headsOf(app);
    expect(headsOf(mirror)[0]!.toSorted()).toEqual(
      got!
        .map((line) => line.replace('Host: app', 'Host: mirror'))
        .toSorted()
        .map((line) => line.replace('X-Forwarded-Host: mirror', 'X-Forwarded-Host: app')),
    );
    expect(headsOf(mirror)[0]![0]).toBe('GET /a%20b?c=d HTTP/1.1');
  });

  it('paths: fixed, with variables, and what a variable may hold is escaped', async () => {
    const mirror = await stage.backend(() => response('x'));
    const target = `http://mirror.example:${mirror.port}`;
    for (const [value, expected] of [
      [target, '/x?y'],
      [`${target}/$request_uri`, '//x?y'],
      [`${target}/fixed`, '/fixed'],
      [`${target}/m/$http_x_path`, '/m/a%20b%09c'],
      [`${target}?u=$arg_none`, '/?u='],
    ]) {
      const before = headsOf(mirror).length;
      const { ask } = await mirrored(mirror.port, { 'mirror-target': value });
      await ask('GET /x?y HTTP/1.1', ['X-Path: a b\tc']);
      await eventually(() => headsOf(mirror).length > before);
      expect(headsOf(mirror).at(-1)![0]).toBe(`GET ${expected} HTTP/1.1`);
    }
  });

  it('copies what goes on to the backend only: no redirect, no preflight, nothing that is denied', async () => {
    const mirror = await stage.backend(() => response('x'));
    const { ask } = await mirrored(mirror.port, { 'enable-cors': 'true' });
    await ask('OPTIONS / HTTP/1.1', ['Origin: https://a.example']);
    await ask('GET /real HTTP/1.1');
    await eventually(() => headsOf(mirror).length === 1);
    expect(headsOf(mirror)[0]![0]).toBe('GET /real HTTP/1.1');
  });

  it('over TLS, with the name of the server', async () => {
    const mirror = stage.opened(await tlsBackend(makeCertificate({ names: ['mirror.example'] })));
    const { ask } = await mirrored(mirror.port, { 'mirror-target': `https://mirror.example:${mirror.port}$request_uri` });
    expect(await ask()).toBe('ok');
    await eventually(() => mirror.seen.length === 1);
  });

  it('from a client of HTTP/2, with its body', async () => {
    const mirror = stage.opened(await readingBackend());
    const { proxy } = await mirrored(mirror.port);
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    await client.request({ ':method': 'POST', ':path': '/h2' }, 'the body');
    await eventually(() => mirror.requests[0]?.complete === true);
    expect(mirror.requests[0]).toMatchObject({ method: 'POST', target: '/h2', body: 'the body' });
  });

  it('connections to it are kept, and one that was closed meanwhile costs no copy', async () => {
    const mirror = await stage.backend(() => response('x'));
    const { ask } = await mirrored(mirror.port);
    await ask('GET /1 HTTP/1.1');
    await eventually(() => headsOf(mirror).length === 1);
    await ask('GET /2 HTTP/1.1');
    await eventually(() => headsOf(mirror).length === 2);
    expect(mirror.sockets).toHaveLength(1);
  });
});

describe('mirror-target: what a bad mirror costs', () => {
  it.each([
    ['hangs', () => null],
    ['resets', (_: string, socket: { resetAndDestroy: () => void }) => (socket.resetAndDestroy(), null)],
    ['talks nonsense', () => 'nonsense\r\n\r\n'],
    ['answers for ever', () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'5\r\nhello\r\n'.repeat(3)}`],
    ['switches protocols', () => 'HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
    ['sends interim responses', () => 'HTTP/1.1 103 X\r\n\r\n'.repeat(100)],
  ] as [string, Parameters<Stage['backend']>[0]][])(
    'a mirror that %s: the request is answered, and the copy ends in time',
    async (_, answer) => {
      const mirror = await stage.backend(answer);
      const { ask } = await mirrored(mirror.port, {}, { upstreamReadTimeout: 50 });
      expect(await ask()).toBe('ok');
      await eventually(
        () => mirror.sockets.length > 0 && mirror.sockets.every((socket) => socket.destroyed || socket.readableEnded),
      );
    },
  );

  it('an endless body that drips: the copy ends when its time is over', async () => {
    const mirror = await stage.backend((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const drip = setInterval(() => (socket.destroyed ? clearInterval(drip) : socket.write('1\r\nx\r\n')), 5);
      socket.once('close', () => clearInterval(drip));
      return null;
    });
    const { ask } = await mirrored(mirror.port, {}, { upstreamReadTimeout: 100 });
    expect(await ask()).toBe('ok');
    await eventually(() => mirror.sockets[0]?.destroyed === true || mirror.sockets[0]?.readableEnded === true);
  });

  it('nobody listens there: the request is answered', async () => {
    const gone = await stage.backend(() => null);
    await gone.close();
    const { ask } = await mirrored(gone.port);
    expect(await ask('POST / HTTP/1.1', ['Content-Length: 2'], 'ab')).toBe('ok');
  });

  it('so many copies at once, and no more', async () => {
    const mirror = await stage.backend(() => null);
    const { proxy } = await mirrored(mirror.port);
    const client = await stage.client(proxy.port);
    for (let i = 0; i < MAX_COPIES + 20; i++)
      expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).body).toBe('ok');
    await eventually(() => headsOf(mirror).length === MAX_COPIES);
    // What hangs is let go: then there is room again.
    for (const socket of mirror.sockets) socket.destroy();
    await eventually(async () => {
      const before = mirror.sockets.length;
      await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
      return mirror.sockets.length > before || mirror.sockets.length > MAX_COPIES;
    });
  });

  it('a body that is too long is not copied, and the request is served', async () => {
    const mirror = await stage.backend(() => null);
    // It answers only what it has read.
    const whole = stage.opened(await readingBackend());
    const { ask } = await mirrored(mirror.port, {}, { maxRequestBodySize: 0 }, whole.port);
    const body = 'x'.repeat(MAX_COPIED_BODY + 1);
    expect(await ask('POST /long HTTP/1.1', [`Content-Length: ${body.length}`], body)).toBe('ok');
    expect(await ask('POST /short HTTP/1.1', ['Content-Length: 2'], 'ab')).toBe('ok');
    await eventually(() => headsOf(mirror).length === 1);
    expect(headsOf(mirror)[0]![0]).toBe('POST /short HTTP/1.1');
  });

  it('a request that is cut is not copied', async () => {
    const mirror = await stage.backend(() => null);
    const { proxy, app, ask } = await mirrored(mirror.port);
    const client = await stage.client(proxy.port);
    client.send('POST /cut HTTP/1.1\r\nHost: app.example\r\nContent-Length: 10\r\n\r\nab');
    await eventually(() => headsOf(app).length === 1);
    client.close();
    await ask('GET /whole HTTP/1.1');
    await eventually(() => headsOf(mirror).length === 1);
    expect(headsOf(mirror)[0]![0]).toBe('GET /whole HTTP/1.1');
  });
});

describe('mirror-request-body', () => {
  it.each([
    ['default', undefined, 'the body'],
    ['"on"', 'on', 'the body'],
    ['"off"', 'off', ''],
    ['edge: white space', ' off ', ''],
    ['invalid', 'no', 'the body'],
    ['invalid: control characters', 'off\u0000', 'the body'],
  ])('%s: %s', async (_, value, body) => {
    const mirror = stage.opened(await readingBackend());
    const { ask } = await mirrored(mirror.port, value === undefined ? {} : { 'mirror-request-body': value });
    expect(await ask('POST / HTTP/1.1', ['Transfer-Encoding: chunked'], '4\r\nthe \r\n4\r\nbody\r\n0\r\n\r\n')).toBe('ok');
    await eventually(() => mirror.requests[0]?.complete === true);
    const [{ fields, body: got }] = mirror.requests as [(typeof mirror.requests)[0]];
    expect(got).toBe(body);
    expect(fields.includes('transfer-encoding')).toBe(false);
    expect(fields.includes('content-length')).toBe(body !== '');
  });

  it('is reported when it is neither', () => {
    expect(read({ 'mirror-target': 'http://mirror.example', 'mirror-request-body': 'no' }).reports).toBe(1);
  });
});

describe('mirror-host', () => {
  it.each([
    ['default: that of the target, without its port', undefined, 'mirror.example'],
    ['typical', 'copies.example', 'copies.example'],
    ['edge: a variable', '$host', 'app.example'],
    ['edge: what a client says', '$http_x_host', 'a\tX-Evil: 1'],
    ['invalid: spaces', 'a b', 'mirror.example'],
    ['invalid: two lines', 'a\r\nX-Evil: 1', 'mirror.example'],
    ['invalid: an unknown variable', '$nosuch', 'mirror.example'],
  ])('%s: %s', async (_, value, host) => {
    const mirror = await stage.backend(() => response('x'));
    const { ask } = await mirrored(mirror.port, value === undefined ? {} : { 'mirror-host': value });
    await ask('GET / HTTP/1.1', ['X-Host: a\tX-Evil: 1']);
    await eventually(() => headsOf(mirror).length === 1);
    expect(valuesOf(headsOf(mirror)[0]!, 'host')).toEqual([host]);
    expect(valuesOf(headsOf(mirror)[0]!, 'x-evil')).toEqual([]);
  });

  it('what a decoded path holds does not begin a line, nor a request, of its own', async () => {
    const mirror = await stage.backend(() => response('x'));
    const { ask } = await mirrored(mirror.port, { 'mirror-host': '$uri' });
    await ask('GET /a%0d%0aX-Evil:1%0d%0a%0d%0aGET%20/evil%20HTTP/1.1%0d%0a HTTP/1.1');
    await eventually(() => headsOf(mirror).length > 0);
    expect(mirror.received.join('')).not.toMatch(/^X-Evil|^GET \/evil/m);
  });
});
