/**
 * Threat: what an HTTP/2 backend does to its connection (GOAWAY, RST_STREAM, limits, a stream that just ends) loses requests, sends them twice, or
 * makes a piece of a response look like the whole. Reliability case C16; RFC 9113 §5.1.2, §6.4, §6.8, §8.1, §8.7. With clients of HTTP/1.1, whose
 * responses show what is missing.
 */
import { constants } from 'node:http2';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { grpcProxy, grpcTable } from '../../support/grpc.ts';
import {
  DATA,
  END_HEADERS,
  frame,
  h2Backend,
  HEADERS,
  OK_STATUS,
  rawH2Backend,
  RST_STREAM,
  type H2Backend,
  type H2Request,
} from '../../support/h2-backend.ts';
import { Http2Client } from '../../support/http2/stage.ts';
import type { TestProxy } from '../../support/proxy.ts';
import type { RawClient, RawResponse } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';

const GET = 'GET /x?y HTTP/1.1\r\nHost: app.example\r\n\r\n';
const POST = 'POST /x HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\n\r\nbody';
const stage = new Stage();

afterEach(() => stage.close());

/** Answers 200 with this body. */
function say(text: string): (request: H2Request) => void {
  return ({ stream }) => {
    stream.respond({ ':status': 200 });
    stream.end(text);
  };
}

interface Scene {
  readonly backend: H2Backend;
  readonly proxy: TestProxy;
  readonly client: RawClient;
}

async function scene(
  answer: Parameters<typeof h2Backend>[0],
  settings: Partial<ProxySettings> = {},
  options: Parameters<typeof h2Backend>[1] = {},
): Promise<Scene> {
  const backend = stage.opened(await h2Backend(answer, options));
  const proxy = await grpcProxy(stage, [backend.port], settings);
  return { backend, proxy, client: await stage.client(proxy.port) };
}

/** So many requests at once, each on a connection of its own. */
async function together(proxy: TestProxy, count: number, request: string): Promise<RawResponse[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => stage.client(proxy.port)));
  return Promise.all(clients.map((client) => client.request(request)));
}

describe('a backend that speaks HTTP/2', () => {
  it('gets the request of an HTTP/1.1 client without what is for one hop, and its trailers; the client gets those of the response', async () => {
    let trailers: unknown = null;
    const { client, backend } = await scene(({ stream }) => {
      let body = '';
      stream.on('trailers', (fields) => (trailers = fields));
      stream.on('data', (chunk: Buffer) => (body += chunk.toString()));
      stream.on('end', () => {
        stream.respond({ ':status': 201, 'x-two': ['a', 'b'] }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1', 'set-cookie': 'a=b' }));
        stream.end(body);
      });
    });
    const response = await client.request(
      'PUT /x?y HTTP/1.1\r\nHost: app.example:81\r\nTE: trailers\r\nConnection: te, x-hop, keep-alive, upgrade\r\nUpgrade: websocket\r\n' +
        'X-Hop: 1\r\nKeep-Alive: 1\r\nContent-Type: text/plain\r\nContent-Type: text/odd\r\nX-Latin: \xe4\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '3\r\nabc\r\n0\r\nX-Trail: yes\r\nHost: evil\r\n\r\n',
    );
    expect([response.status, response.body, response.headers.get('x-two'), response.trailers]).toEqual([
      201,
      'abc',
      ['a', 'b'],
      'x-sum: 1\r\n',
    ]);
    const { headers, raw } = backend.requests[0]!;
    expect(headers).toMatchObject({
      ':method': 'PUT',
      ':path': '/x?y',
      ':scheme': 'http',
      ':authority': 'app.example:81',
      te: 'trailers',
    });
    expect(headers).toMatchObject({ 'x-forwarded-host': 'app.example:81', 'x-latin': '\xe4' });
    const names = raw.filter((_, i) => i % 2 === 0);
    for (const name of ['connection', 'x-hop', 'keep-alive', 'upgrade', 'transfer-encoding', 'host'])
      expect(names).not.toContain(name);
    expect(names.filter((name) => name === 'content-type')).toHaveLength(2);
    expect(trailers).toMatchObject({ 'x-trail': 'yes' });
    expect(trailers).not.toHaveProperty('host');
  });

  it('may answer before the request is complete; the rest is not wanted, and the stream is reset', async () => {
    const { client, backend } = await scene(say('enough'));
    client.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100\r\n\r\nbegin');
    expect(await client.response()).toMatchObject({ status: 200, body: 'enough' });
    await eventually(() => backend.requests[0]!.stream.destroyed);
  });

  it('has its interim responses passed on, but for 100 and beyond the limit', async () => {
    const { client } = await scene(({ stream, headers }) => {
      const count = Number(headers['x-count']);
      for (let i = 0; i < count; i++) stream.additionalHeaders({ ':status': 103, link: `<${i}>` });
      stream.respond({ ':status': 200, 'content-length': 2 });
      stream.end('ok');
    });
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\nX-Count: 1\r\n\r\n');
    expect(await client.response(true)).toMatchObject({ status: 103 });
    expect(await client.response()).toMatchObject({ status: 200, body: 'ok' });
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\nX-Count: 50\r\n\r\n');
    await client.until(() => client.buffer.includes('HTTP/1.1 502'));
  });

  it('answers HEAD, 204 and 304 without a body, and the connection goes on', async () => {
    const { client } = await scene(({ stream, headers }) =>
      stream.respond(
        headers[':method'] === 'HEAD' ? { ':status': 200, 'content-length': 5 } : { ':status': Number(headers['x-status']) },
        { endStream: true },
      ),
    );
    client.send('HEAD / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    expect((await client.response(true)).headers.get('content-length')).toEqual(['5']);
    for (const code of [204, 304, 200])
      expect(await client.request(`GET / HTTP/1.1\r\nHost: app.example\r\nX-Status: ${code}\r\n\r\n`)).toMatchObject({
        status: code,
        body: '',
      });
  });

  it('is sent no more streams at once than it allows; the others go over further connections, and wait for nobody', async () => {
    const held: H2Request[] = [];
    const { backend, proxy } = await scene((request) => void held.push(request), {}, { settings: { maxConcurrentStreams: 5 } });
    // The first tells how many it allows.
    const warm = together(proxy, 1, GET);
    await eventually(() => held.length === 1);
    say('x')(held[0]!);
    await warm;
    const all = together(proxy, 12, GET);
    await eventually(() => held.length === 13);
    expect(backend.sessions).toHaveLength(3);
    for (const request of held.slice(1)) say('x')(request);
    expect((await all).every(({ status }) => status === 200)).toBe(true);
  });

  it('is not overrun before it has said how many streams it allows', async () => {
    const held: H2Request[] = [];
    const { backend, proxy } = await scene((request) => void held.push(request), {}, { settings: { maxConcurrentStreams: 5 } });
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const all = Promise.all(Array.from({ length: 50 }, () => client.request({ ':method': 'POST' }, 'body')));
    await eventually(() => held.length === 50);
    expect(backend.sessions).toHaveLength(10);
    for (const request of held) say('x')(request);
    expect((await all).every(({ headers }) => headers[':status'] === 200)).toBe(true);
    expect(backend.requests).toHaveLength(50);
  });

  it('that answers without reading what was sent keeps nothing of it: the stream is reset', async () => {
    const { backend, client } = await scene(({ stream, ...rest }) => {
      stream.on('data', () => undefined);
      stream.pause();
      say('enough')({ stream, ...rest });
    });
    // More than the window: the end of the request waits for ever.
    const body = 'x'.repeat(100_000);
    const request = `POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(await client.request(request)).toMatchObject({ status: 200, body: 'enough' });
    await eventually(() => backend.requests[0]!.stream.destroyed);
  });

  it('keeps one connection that is idle, as long as connections are kept', async () => {
    const { backend, proxy, client } = await scene(say('x'), { upstreamKeepAliveTimeout: 50, upstreamKeepAliveRequests: 2 });
    await client.request(GET);
    await client.request(GET);
    // The second was the last of its connection.
    await client.request(GET);
    expect(backend.sessions).toHaveLength(2);
    await eventually(() => proxy.runtime.census().upstreams === 0);
  });
});

describe('C16: RST_STREAM', () => {
  it('that refuses a stream has it sent again, whatever the method; another code is an answer of this endpoint', async () => {
    for (const [code, request, expected] of [
      [constants.NGHTTP2_REFUSED_STREAM, POST, [200, 3]],
      [constants.NGHTTP2_INTERNAL_ERROR, GET, [502, 2]],
      [constants.NGHTTP2_INTERNAL_ERROR, POST, [502, 2]],
      [constants.NGHTTP2_CANCEL, POST, [502, 2]],
    ] as const) {
      const { backend, client } = await scene(({ stream, ...rest }, count) =>
        count === 2 ? stream.close(code) : say('x')({ stream, ...rest }),
      );
      await client.request(GET);
      const { status } = await client.request(request);
      expect([code, status, backend.requests.length]).toEqual([code, ...expected]);
    }
  });

  it('of one stream on a good connection counts as a failure, and is no reason to ask the same endpoint twice', async () => {
    const { backend, proxy, client } = await scene(({ stream }) => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    for (let i = 0; i < 10; i++) expect((await client.request(GET)).status).toBe(502);
    expect(backend.requests).toHaveLength(10);
    // Beside another endpoint it is soon left out.
    const good = stage.opened(await h2Backend(say('good')));
    proxy.runtime.apply(grpcTable([backend.port, good.port]));
    for (let i = 0; i < 30; i++) await client.request(GET);
    const before = backend.requests.length;
    for (let i = 0; i < 20; i++) expect((await client.request(GET)).body).toBe('good');
    expect(backend.requests).toHaveLength(before);
  });

  it('of every stream, again and again, is not answered with requests without end', async () => {
    const { backend, client } = await scene(({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    expect((await client.request(POST)).status).toBe(502);
    expect(backend.requests.length).toBeLessThan(4);
  });

  it('in the middle of a response cuts it off, with and without an error code', async () => {
    for (const code of [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_CANCEL, constants.NGHTTP2_INTERNAL_ERROR]) {
      const head = (id: number): Buffer => frame(HEADERS, END_HEADERS, id, OK_STATUS);
      const reset = (id: number): Buffer => frame(RST_STREAM, 0, id, Buffer.from([0, 0, 0, code]));
      const backend = stage.opened(
        await rawH2Backend((id) => Buffer.concat([head(id), frame(DATA, 0, id, 'part'), reset(id)])),
      );
      const client = await stage.client((await grpcProxy(stage, [backend.port])).port);
      client.send(GET);
      await client.closed();
      // No last chunk: the client sees that something is missing.
      expect([code, client.buffer.includes('\r\n0\r\n')]).toEqual([code, false]);
    }
  });

  it('is what the backend gets when the client goes away', async () => {
    const { backend, client } = await scene(() => undefined);
    client.send(GET);
    await eventually(() => backend.requests.length === 1);
    client.socket.resetAndDestroy();
    await eventually(() => backend.resets.length === 1);
    expect(backend.resets).toEqual([constants.NGHTTP2_CANCEL]);
  });
});

describe('C16: GOAWAY', () => {
  it('lets what was begun finish, and the next request takes another connection', async () => {
    const held: H2Request[] = [];
    const { backend, proxy, client } = await scene((request) => void held.push(request));
    client.send(GET);
    await eventually(() => held.length === 1);
    held[0]!.session.close();
    const other = await stage.client(proxy.port);
    other.send(GET);
    await eventually(() => held.length === 2);
    expect(backend.sessions).toHaveLength(2);
    for (const request of held) say('whole')(request);
    expect([(await client.response()).body, (await other.response()).body]).toEqual(['whole', 'whole']);
  });

  it('has those streams sent again that it says were not looked at, whatever the method, and no others', async () => {
    const held: H2Request[] = [];
    const { backend, proxy } = await scene((request, count) => {
      held.push(request);
      if (count > 3) say('again')(request);
    });
    const all = together(proxy, 3, POST);
    await eventually(() => held.length === 3);
    const ids = held.map(({ stream }) => stream.id!).sort((a, b) => a - b);
    const first = held.find(({ stream }) => stream.id === ids[0])!;
    first.session.goaway(constants.NGHTTP2_NO_ERROR, ids[0]);
    await eventually(() => held.length === 5);
    say('first')(first);
    expect((await all).map(({ body }) => body).sort()).toEqual(['again', 'again', 'first']);
    expect([backend.requests.length, backend.sessions.length]).toEqual([5, 2]);
  });

  it('with an error sends again only what was not looked at', async () => {
    const held: H2Request[] = [];
    const { backend, proxy } = await scene((request, count) => {
      held.push(request);
      if (count > 2) say('again')(request);
    });
    const all = together(proxy, 2, POST);
    await eventually(() => held.length === 2);
    const ids = held.map(({ stream }) => stream.id!).sort((a, b) => a - b);
    held[0]!.session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, ids[0]);
    expect((await all).map(({ status }) => status).sort()).toEqual([200, 502]);
    expect(backend.requests).toHaveLength(3);
  });
});

describe('a response that is not what it says', () => {
  it.each([
    ['less than its Content-Length', { 'content-length': 10 }, 'four'],
    ['more than its Content-Length', { 'content-length': 2 }, 'four'],
  ])('%s never looks whole', async (_, fields, body) => {
    const { client } = await scene(({ stream }) => {
      stream.respond({ ':status': 200, ...fields });
      stream.end(body);
    });
    client.send(GET);
    await client.closed();
    const { length } = client.buffer.slice(client.buffer.indexOf('\r\n\r\n') + 4);
    expect(client.buffer.includes('502 Bad') || length < fields['content-length']).toBe(true);
  });

  it('with a head beyond the limits is refused', async () => {
    const { client } = await scene(({ stream }) =>
      stream.respond({ ':status': 200, 'x-long': 'x'.repeat(20_000) }, { endStream: true }),
    );
    expect((await client.request(GET)).status).toBe(502);
  });

  it('and one that does not come, or stops, ends at the read timeout', async () => {
    const { client, backend } = await scene(() => undefined, { upstreamReadTimeout: 50 });
    expect((await client.request(POST)).status).toBe(504);
    await eventually(() => backend.resets.length === 1);
  });
});
