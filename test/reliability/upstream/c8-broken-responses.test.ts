/**
 * Responses that never come, stop in the middle, end too early or too late: the client must never take a part for the whole,
 * nor any byte of one response for another's. Source: RFC 9112 §8 (incomplete messages), CVE-2026-48931 (bytes on an idle
 * connection), response-queue poisoning; reliability reference C8 and C9.
 */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { response, type RawBackend } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`;
const gone = (socket: net.Socket | undefined): boolean => socket !== undefined && (socket.destroyed || socket.readableEnded);

/** A backend whose answer to `/bad` breaks, and which echoes any other path. */
function backend(breaks: (socket: net.Socket) => void): Promise<RawBackend> {
  return stage.backend((head, socket) => {
    const path = head.split(' ')[1]!;
    if (path !== '/bad') return response(path);
    breaks(socket);
    return null;
  });
}

/** The next clients get their own answers, each on a connection on which nothing broke. */
async function othersAreWell(port: number, client: RawClient | null): Promise<void> {
  const others = [await stage.client(port), await stage.client(port), ...(client === null ? [] : [client])];
  for (const [index, one] of others.entries())
    for (const path of [`/a${index}`, `/b${index}`])
      expect(await one.request(get(path))).toMatchObject({ status: 200, body: path });
}

describe('C8: an upstream that takes the request and never answers', () => {
  it.each([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['interim responses alone', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('but sends %s is 504 at the read timeout; its connection is closed and not used again', async (_, wire) => {
    const upstream = await backend((socket) => void socket.write(wire));
    const proxy = await stage.proxyTo([upstream.port], { upstreamReadTimeout: 50 });
    const client = await stage.client(proxy.port);
    client.send(get('/bad'));
    let answer = await client.response();
    while (answer.status < 200) answer = await client.response();
    expect(answer.status).toBe(504);
    await eventually(() => gone(upstream.sockets[0]));
    await othersAreWell(proxy.port, client);
    expect(upstream.received[0]!.match(/GET/g)).toHaveLength(1);
  });
});

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n';
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('C9: a response that breaks off', () => {
  it.each<[string, (socket: net.Socket) => void]>([
    ['by a stall in a body with a length', (socket) => void socket.write(`${HEAD}half`)],
    ['by a stall between chunks', (socket) => void socket.write(`${CHUNKED}4\r\nhalf\r\n`)],
    ['by a stall in the end of the chunks', (socket) => void socket.write(`${CHUNKED}4\r\nhalf\r\n0\r\n`)],
    ['by a stall in a body without either', (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nhalf')],
    ['by a reset in a body with a length', (socket) => void socket.write(`${HEAD}half`, () => socket.resetAndDestroy())],
    ['by a reset in a chunk', (socket) => void socket.write(`${CHUNKED}8\r\nhalf`, () => socket.resetAndDestroy())],
    [
      'by a reset in a body without either',
      (socket) => void socket.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => socket.resetAndDestroy()),
    ],
    ['by its end before its length', (socket) => void socket.end(`${HEAD}half`)],
    ['by its end in a chunk', (socket) => void socket.end(`${CHUNKED}8\r\nhalf`)],
    ['by its end before the last chunk', (socket) => void socket.end(`${CHUNKED}4\r\nhalf\r\n`)],
    ['by its end in the trailers', (socket) => void socket.end(`${CHUNKED}4\r\nhalf\r\n0\r\nX: y`)],
    ['by a chunk whose size is none', (socket) => void socket.write(`${CHUNKED}4\r\nhalf\r\nzz\r\n`)],
  ])('%s is a reset for its client, and touches nobody else', async (_, breaks) => {
    const upstream = await backend(breaks);
    const proxy = await stage.proxyTo([upstream.port], { upstreamReadTimeout: 50 });
    const client = await stage.client(proxy.port);
    client.send(get('/bad'));
    await client.closed();
    expect(client.reset).toBe(true);
    expect(client.buffer).not.toMatch(/0\r\n\r\n$/);
    expect(client.buffer.match(/HTTP\/1\.1/g) ?? []).toHaveLength(client.buffer === '' ? 0 : 1);
    await eventually(() => gone(upstream.sockets[0]));
    await othersAreWell(proxy.port, null);
    expect(upstream.received[0]!.match(/GET/g)).toHaveLength(1);
  });

  it('is not ended properly towards a client of HTTP/1.0, who sees the end of a body by that of the connection', async () => {
    const upstream = await backend((socket) => void socket.write(`${CHUNKED}4\r\nhalf\r\n`, () => socket.resetAndDestroy()));
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    client.send('GET /bad HTTP/1.0\r\nHost: app.example\r\n\r\n');
    await client.closed();
    expect(client.reset).toBe(true);
  });
});

describe('C9: bytes after a response', () => {
  it.each([
    ['of no message', `${response('mine')}surplus`],
    ['that are a response', `${response('mine')}${response('poison')}`],
    ['that are a response, after chunks', `${CHUNKED}4\r\nmine\r\n0\r\n\r\n${response('poison')}`],
    ['that are an interim response', `${response('mine')}HTTP/1.1 103 Early Hints\r\nLink: poison\r\n\r\n`],
    ['to a status without a body', `HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\npoison`],
  ])('%s are for nobody: the response arrives, and its connection is not used again', async (_, wire) => {
    const upstream = await backend((socket) => void socket.write(wire));
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    const answer = await client.request(get('/bad'));
    expect(answer.body).toBe(answer.status === 304 ? '' : 'mine');
    await eventually(() => proxy.runtime.census().upstreams === 0);
    await othersAreWell(proxy.port, client);
    expect(upstream.received[0]!.match(/GET/g)).toHaveLength(1);
  });

  it.each([
    ['a response', response('poison')],
    ['one byte', '\n'],
  ])('%s on an idle connection: it is closed, and the next request gets its own answer on another', async (_, wire) => {
    const upstream = await backend(() => undefined);
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    expect((await client.request(get('/first'))).body).toBe('/first');
    upstream.sockets[0]!.write(wire);
    await eventually(() => proxy.runtime.census().upstreams === 0);
    await othersAreWell(proxy.port, client);
    expect(upstream.received[0]!.match(/GET/g)).toHaveLength(1);
  });

  it('that were there when the connection was taken for the next request are not its answer', async () => {
    const upstream = await backend(() => undefined);
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    for (let i = 0; i < 20; i++) {
      const idle = upstream.sockets.at(-1);
      const ask = (): void =>
        client.send(
          get(`/mine${i}`)
            .replace('GET', i % 3 === 0 ? 'POST' : 'GET')
            .replace('\r\n\r\n', '\r\nContent-Length: 0\r\n\r\n'),
        );
      // Both in one turn of the event loop, in either order.
      if (i % 2 === 0) ask();
      idle?.write(response('poison'));
      if (i % 2 === 1) ask();
      expect((await client.response()).body).toBe(`/mine${i}`);
    }
  });

  it('of HEAD are for nobody', async () => {
    const upstream = await stage.backend((head) =>
      head.startsWith('HEAD') ? response('body') : response(head.split(' ')[1]!),
    );
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    expect((await client.request('HEAD / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(200);
    await othersAreWell(proxy.port, client);
  });
});
