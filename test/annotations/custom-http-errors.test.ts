/** Errors whose page another backend has: `custom-http-errors`, `disable-proxy-intercept-errors` (nginx.tmpl, "CUSTOM_ERRORS"). */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { h2Backend } from '../support/h2-backend.ts';
import { configMap, service } from '../support/ingress.ts';
import { response, type RawBackend } from '../support/proxy.ts';
import { headsOf, site, valuesOf, type Site, type SiteText } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** An error response, as a backend says it. */
function failed(status: number, fields = '', body = 'the backend says so'): string {
  return `HTTP/1.1 ${status} Bad Thing\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

const PAGE = 'HTTP/1.1 418 I am a page\r\nContent-Type: text/x-page\r\nContent-Length: 4\r\n\r\npage';

interface ErrorSite extends Site {
  readonly errors: RawBackend;
}

/** A site with a Service `errors`, which is `--default-backend-service` and the annotation `default-backend`, unless said otherwise. */
async function errorSite(
  annotations: Readonly<Record<string, unknown>>,
  text: SiteText = {},
  page: Parameters<Stage['backend']>[0] = () => PAGE,
): Promise<ErrorSite> {
  const errors = await stage.backend(page);
  const made = await site(
    stage,
    { 'default-backend': 'errors', ...annotations },
    { answer: () => failed(503), ...text, objects: [...service('errors', [errors.port]), ...(text.objects ?? [])] },
  );
  return { ...made, errors };
}

const REQUEST = ['Accept: text/html', 'X-Code: 200', 'X-Format: evil', 'x-namespace: evil', 'X-Request-ID: id-1'];

describe('custom-http-errors', () => {
  it.each([
    ['default: absent', undefined, 503],
    ['empty', '', 503],
    ['typical', '404,503', 418],
    ['with spaces', ' 404 , 503 ', 418],
    ['edge: not in the list', '404', 503],
    ['invalid: not an error', '200,503', 503],
    ['invalid: a trailing comma', '503,', 503],
    ['invalid: words', 'all', 503],
    ['invalid: control characters', '503\u0001', 503],
    ['invalid: no text', 503, 503],
  ])('%s: %s', async (name, value, status) => {
    const { ask, diagnostics } = await errorSite(value === undefined ? {} : { 'custom-http-errors': value });
    expect((await ask()).status).toBe(status);
    expect(diagnostics.length).toBe(name.startsWith('invalid') ? 1 : 0);
  });

  it('invalid, 64 KiB: as if it were absent', async () => {
    const { ask } = await errorSite({ 'custom-http-errors': '503;'.repeat(16_384) });
    expect((await ask()).status).toBe(503);
  });

  it('the golden pair: what the error backend is asked, and what the client gets', async () => {
    const { ask, errors } = await errorSite({ 'custom-http-errors': '503' });
    const answer = await ask(REQUEST, 'GET /a%20b?c=d HTTP/1.1');
    expect(headsOf(errors)).toEqual([
      [
        'GET / HTTP/1.1',
        'Host: app.example',
        'X-Real-IP: 127.0.0.1',
        'X-Forwarded-For: 127.0.0.1',
        expect.stringMatching(/^X-Forwarded-Port: /),
        'X-Forwarded-Proto: http',
        'X-Forwarded-Scheme: http',
        'X-Scheme: http',
        'X-Forwarded-Host: app.example',
        'X-Request-ID: id-1',
        'Accept: text/html',
        'X-Code: 503',
        'X-Format: text/html',
        'X-Namespace: default',
        'X-Ingress-Name: web',
        'X-Service-Name: app',
        'X-Service-Port: 80',
        'X-Original-URI: /a%20b?c=d',
      ],
    ]);
    expect([answer.status, answer.body, answer.headers.get('content-type')]).toEqual([418, 'page', ['text/x-page']]);
    expect(answer.head).not.toContain('the backend');
  });

  it('the same over HTTP/2', async () => {
    const { ask2, errors } = await errorSite({ 'custom-http-errors': '503' });
    const { headers, body } = await ask2({ ':path': '/x', accept: 'text/html' });
    expect([headers[':status'], String(body), headers['content-type']]).toEqual([418, 'page', 'text/x-page']);
    expect(valuesOf(headsOf(errors)[0]!, 'x-original-uri')).toEqual(['/x']);
  });

  it('a request with a body: the error backend gets GET, without it, and the connections go on', async () => {
    const { proxy, errors, heads } = await errorSite({ 'custom-http-errors': '503' });
    const client = await stage.client(proxy.port);
    const body =
      'POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\nExpect: 100-continue\r\nContent-Type: text/x\r\n\r\n';
    client.send(body);
    expect((await client.response()).status).toBe(100);
    client.send('body');
    expect((await client.response()).body).toBe('page');
    const chunked = 'POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n';
    expect((await client.request(chunked)).body).toBe('page');
    expect(headsOf(errors).map((head) => head[0])).toEqual(['GET / HTTP/1.1', 'GET / HTTP/1.1']);
    for (const head of headsOf(errors)) {
      expect(head.filter((line) => /^(content-length|transfer-encoding|expect)/i.test(line))).toEqual([]);
    }
    expect(heads()).toHaveLength(2);
  });

  it('a HEAD request stays one', async () => {
    const head = (): string => 'HTTP/1.1 503 X\r\nContent-Length: 100\r\n\r\n';
    const { ask, errors } = await errorSite(
      { 'custom-http-errors': '503' },
      { answer: head },
      () => 'HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\n',
    );
    const answer = await ask([], 'HEAD / HTTP/1.1');
    expect([answer.status, answer.headers.get('content-length')]).toEqual([404, ['9']]);
    expect(headsOf(errors)[0]![0]).toBe('HEAD / HTTP/1.1');
  });

  it('an early error, with most of the body still to come', async () => {
    const { proxy } = await errorSite(
      { 'custom-http-errors': '413' },
      { answer: () => failed(413), proxy: { maxRequestBodySize: 0 } },
    );
    const client = await stage.client(proxy.port);
    client.send(`POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(1000)}`);
    const answer = await client.response();
    expect([answer.status, answer.body, answer.headers.get('connection')]).toEqual([418, 'page', ['close']]);
  });

  it("the backend's connection is kept when little is left of its response, and closed when much is", async () => {
    const small = await errorSite({ 'custom-http-errors': '503' });
    await small.ask();
    await small.ask();
    expect(small.backend.sockets).toHaveLength(1);
    const large = await errorSite({ 'custom-http-errors': '503' }, { answer: () => failed(503, '', 'x'.repeat(100_000)) });
    expect((await large.ask()).body).toBe('page');
    await eventually(() => large.backend.sockets[0]!.destroyed || large.backend.sockets[0]!.readableEnded);
    const endless = await errorSite(
      { 'custom-http-errors': '503' },
      { answer: () => 'HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n' },
    );
    expect((await endless.ask()).body).toBe('page');
    await eventually(() => endless.backend.sockets[0]!.destroyed || endless.backend.sockets[0]!.readableEnded);
  });

  it('a backend that sends the rest of its dropped response late does not disturb what follows', async () => {
    const { ask, backend } = await errorSite(
      { 'custom-http-errors': '503' },
      { answer: (_, __, connection) => (connection === 0 ? 'HTTP/1.1 503 X\r\nContent-Length: 10\r\n\r\n01234' : failed(503)) },
    );
    expect((await ask()).body).toBe('page');
    expect((await ask()).body).toBe('page');
    expect(backend.sockets).toHaveLength(2);
    // More than it announced: nobody's answer.
    backend.sockets[0]!.write('56789HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await eventually(() => backend.sockets[0]!.destroyed || backend.sockets[0]!.readableEnded);
    expect((await ask()).body).toBe('page');
  });

  it.each([
    ['no endpoint', 503, { empty: true }, '502'],
    ['no endpoint, and the code is in the list', 418, { empty: true }, '502,503'],
    ['the backend closes', 418, { answer: (_: string, socket: { destroy: () => void }) => (socket.destroy(), null) }, '502'],
    ['no response', 418, { answer: () => 'nonsense\r\n\r\n' }, '502'],
    ['silence', 418, { answer: () => null, proxy: { upstreamReadTimeout: 100 } }, '504'],
    ['a body that is too long', 418, { proxy: { maxRequestBodySize: 1 } }, '413'],
    ['a request of ours refused', 418, { text: { paths: ['/other'] } }, '404'],
  ] as [string, number, SiteText, string][])('errors of our own: %s: %d', async (_, status, text, codes) => {
    const { ask, errors } = await errorSite(
      { 'custom-http-errors': codes },
      { ...text, translate: { defaultBackendService: null } },
    );
    const answer = await ask(['Content-Length: 2'], 'POST / HTTP/1.1', 'ab');
    // Without endpoints the annotation default-backend takes the request itself: see default-backend.
    if (text.empty === true && codes === '502') expect(answer.body).toBe('page');
    else expect([answer.status, answer.body]).toEqual([status, 'page']);
    expect(headsOf(errors).length).toBeGreaterThan(0);
  });

  it('a challenge goes with the page of 401', async () => {
    const fields = 'WWW-Authenticate: Basic realm="a"\r\nWWW-Authenticate: Bearer\r\n';
    const { ask } = await errorSite({ 'custom-http-errors': '401' }, { answer: () => failed(401, fields) });
    const answer = await ask();
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([418, ['Basic realm="a"', 'Bearer']]);
  });

  it.each([
    ['closes', (_: string, socket: { destroy: () => void }) => (socket.destroy(), null)],
    ['talks nonsense', () => 'nonsense\r\n\r\n'],
    ['is silent', () => null],
  ] as [string, Parameters<Stage['backend']>[0]][])(
    'an error backend that %s: the original status, with our own page',
    async (_, page) => {
      const { ask } = await errorSite({ 'custom-http-errors': '503' }, { proxy: { upstreamReadTimeout: 100 } }, page);
      const answer = await ask();
      expect([answer.status, answer.body.includes('503 Service Temporarily Unavailable')]).toEqual([503, true]);
    },
  );

  it('an error backend that errs itself: its answer, and it is asked once', async () => {
    const { ask, errors } = await errorSite({ 'custom-http-errors': '500,503' }, {}, () => failed(500, '', 'oh'));
    const answer = await ask();
    expect([answer.status, answer.body, headsOf(errors).length]).toEqual([500, 'oh', 1]);
  });

  it('never a loop: an error backend that is this very Service is asked once', async () => {
    const { ask, heads } = await site(
      stage,
      { 'custom-http-errors': '503', 'default-backend': 'app' },
      { answer: () => failed(503, '', 'again') },
    );
    expect([(await ask()).body, heads().length]).toEqual(['again', 2]);
  });

  it('without any default backend the built-in one answers: 404, as in ingress-nginx, and it is reported', async () => {
    const { ask, diagnostics } = await site(stage, { 'custom-http-errors': '503' }, { answer: () => failed(503) });
    expect((await ask()).status).toBe(404);
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['AnnotationInvalid', 'warning']]);
  });

  it('an annotated default backend without endpoints: that of all', async () => {
    const common = await stage.backend(() => response('common'));
    const { ask } = await site(
      stage,
      { 'custom-http-errors': '503', 'default-backend': 'gone' },
      {
        answer: () => failed(503),
        objects: [...service('gone', []), ...service('common', [common.port])],
        translate: { defaultBackendService: { namespace: 'default', name: 'common' } },
      },
    );
    const answer = await ask();
    expect([answer.status, answer.body]).toEqual([200, 'common']);
  });

  it("fields of the route's are set in the page, cookies and redirects of error backends are theirs", async () => {
    const { ask } = await errorSite(
      {
        'custom-http-errors': '503',
        'enable-cors': 'true',
        'proxy-cookie-path': '/ /x',
        'upstream-vhost': 'inner',
        'proxy-redirect-from': 'http://old',
        'proxy-redirect-to': '/',
      },
      { translate: { hideHeaders: ['x-hidden'] } },
      () => 'HTTP/1.1 503 X\r\nLocation: http://old/\r\nSet-Cookie: a=b; Path=/\r\nX-Hidden: 1\r\nContent-Length: 0\r\n\r\n',
    );
    const { headers } = await ask();
    expect(headers.get('access-control-allow-origin')).toEqual(['*']);
    expect(headers.get('set-cookie')).toEqual(['a=b; Path=/']);
    expect(headers.get('location')).toEqual(['http://old/']);
    expect(headers.has('x-hidden')).toBe(false);
  });

  it('a client that goes away while the error backend is asked leaves nothing behind', async () => {
    const { proxy, errors } = await errorSite({ 'custom-http-errors': '503' }, {}, () => null);
    const client = await stage.client(proxy.port);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => headsOf(errors).length > 0);
    client.close();
    await eventually(() => errors.sockets[0]!.destroyed || errors.sockets[0]!.readableEnded);
    expect(proxy.bugs).toEqual([]);
  });

  it('WebSocket: a refusal has its page in HTTP/1.1; in HTTP/2, where 2xx opens a tunnel, it stays as it is', async () => {
    const { proxy, ask2, errors } = await errorSite({ 'custom-http-errors': '403' }, { answer: () => failed(403) }, () =>
      response('page'),
    );
    const client = await stage.client(proxy.port);
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13';
    const answer = await client.request(
      `GET /chat HTTP/1.1\r\nHost: app.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
    );
    expect([answer.status, answer.body, valuesOf(headsOf(errors)[0]!, 'upgrade')]).toEqual([200, 'page', []]);
    const { headers } = await ask2({
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'https',
      'sec-websocket-version': '13',
    });
    expect([headers[':status'], headsOf(errors).length]).toEqual([403, 1]);
  });

  it('gRPC: what a backend says is passed on, and our own errors are what a client of gRPC understands', async () => {
    const backend = stage.opened(
      await h2Backend(({ stream }) => {
        stream.respond({ ':status': 503, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true });
      }),
    );
    const text = { text: { service: 'h2' }, objects: service('h2', [backend.port]) };
    const { ask2, ask, errors } = await errorSite({ 'custom-http-errors': '502,503', 'backend-protocol': 'GRPC' }, text);
    const { headers } = await ask2({ 'content-type': 'application/grpc', te: 'trailers' });
    expect([headers[':status'], headers['grpc-status']]).toEqual([503, '14']);
    expect((await ask()).status).toBe(503);
    backend.sessions[0]!.destroy();
    await backend.close();
    const { headers: own } = await ask2({ 'content-type': 'application/grpc', te: 'trailers' });
    expect([own[':status'], own['grpc-status']]).toEqual([200, '14']);
    expect(headsOf(errors)).toEqual([]);
  });
});

describe('disable-proxy-intercept-errors', () => {
  it.each([
    ['default', undefined, 418],
    ['typical', 'true', 503],
    ['"false"', 'false', 418],
    ['edge: "T"', 'T', 503],
    ['invalid', 'on', 418],
    ['invalid: no text', 1, 418],
  ])('%s: %s', async (_, value, status) => {
    const annotations = {
      'custom-http-errors': '503',
      ...(value !== undefined && { 'disable-proxy-intercept-errors': value }),
    };
    expect((await (await errorSite(annotations)).ask()).status).toBe(status);
  });

  it('errors of our own have their page all the same', async () => {
    const { ask } = await errorSite(
      { 'custom-http-errors': '502', 'disable-proxy-intercept-errors': 'true' },
      { answer: () => 'nonsense\r\n\r\n' },
    );
    expect((await ask()).body).toBe('page');
  });
});

describe('ConfigMap custom-http-errors', () => {
  const common = { defaultBackendService: { namespace: 'default', name: 'common' }, customHttpErrors: [503, 404] };

  async function commonSite(annotations: Readonly<Record<string, unknown>>, text: SiteText = {}): Promise<Site> {
    const backend = await stage.backend((head) =>
      /x-code: 503/i.test(head) ? response('common 503') : failed(404, '', 'common'),
    );
    const objects = [...service('common', [backend.port]), ...(text.objects ?? [])];
    return site(stage, annotations, {
      answer: () => failed(503),
      ...text,
      translate: { ...common, ...text.translate },
      objects,
    });
  }

  it('goes to --default-backend-service, also where the Ingress names another default backend', async () => {
    const { ask } = await commonSite({});
    expect((await ask()).body).toBe('common 503');
    const other = await stage.backend(() => response('other'));
    const named = await commonSite({ 'default-backend': 'other' }, { objects: service('other', [other.port]) });
    expect((await named.ask()).body).toBe('common 503');
  });

  it('the list of an Ingress is in its place, not beside it', async () => {
    const { ask } = await commonSite({ 'custom-http-errors': '404' });
    expect((await ask()).body).toBe('the backend says so');
  });

  it('holds for hosts that nobody serves', async () => {
    const { proxy } = await commonSite({});
    const client = await stage.client(proxy.port);
    const answer = await client.request('GET / HTTP/1.1\r\nHost: nobody.example\r\n\r\n');
    expect([answer.status, answer.body]).toEqual([404, 'common']);
  });

  it('holds for what is denied; the list of a denied Ingress does not', async () => {
    const objects = [configMap('headers', { 'X-A': '1' })];
    const { ask } = await commonSite({ 'custom-headers': 'headers' }, { objects });
    expect((await ask()).body).toBe('common 503');
    const own = await commonSite({ 'custom-headers': 'headers', 'custom-http-errors': '503' }, { objects });
    expect((await own.ask()).body).toContain('503 Service Temporarily Unavailable');
  });

  it('disable-proxy-intercept-errors leaves what backends say', async () => {
    const { ask } = await commonSite({}, { translate: { disableProxyInterceptErrors: true } });
    expect((await ask()).body).toBe('the backend says so');
  });
});
