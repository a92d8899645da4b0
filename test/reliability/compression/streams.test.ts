/**
 * Threat: a stream of events waits in the compressor until it is worth its while; or what breaks in the middle of a compressed
 * response looks like its end, or leaves a compressor behind. Source: nginx's flush of unbuffered responses; oracles (c) and (d).
 */
import { once } from 'node:events';
import { Transform, type TransformCallback } from 'node:stream';
import zlib from 'node:zlib';
import type net from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  ALL_CODINGS,
  CODING_NAMES,
  dechunked,
  decoded,
  decodedSoFar,
  fetchCoded,
  get,
  noise,
  prose,
} from '../../support/coded.ts';
import { eventually } from '../../support/eventually.ts';
import { Http2Client, responseOf } from '../../support/http2/stage.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import type { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(async () => {
  vi.restoreAllMocks();
  await stage.close();
});

const EVENTS = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n';

function chunk(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`;
}

/** What of a compressed, chunked response has come so far; empty while it is only a part of the first. */
function soFar(coding: string, received: string): string {
  const data = dechunked(received.slice(received.indexOf('\r\n\r\n') + 4));
  return data === '' ? '' : decodedSoFar(coding, data);
}

async function sceneOf(
  answer: Parameters<typeof Stage.prototype.backend>[0],
): Promise<{ backend: RawBackend; proxy: TestProxy }> {
  const backend = await stage.backend(answer);
  return { backend, proxy: await stage.proxyTo([backend.port], ALL_CODINGS) };
}

/** The backend's side of the only connection. */
async function backendSocket(backend: RawBackend): Promise<net.Socket> {
  await eventually(() => backend.received.some((received) => received.includes('\r\n\r\n')));
  return backend.sockets.at(-1)!;
}

interface Flood {
  readonly proxy: TestProxy;
  readonly body: string;
  /** Resolves when the backend is held up; throws when it was not before most of the body. */
  readonly stalled: () => Promise<void>;
}

/** A backend that answers GET with a large body, as fast as it is taken. */
async function flood(): Promise<Flood> {
  // No coding makes less of it.
  const body = noise(16 << 20);
  const pieces = body.match(/[^]{1,65536}/g)!;
  let written = 0;
  const { proxy } = await sceneOf((head, socket) => {
    const pump = (): void => {
      while (written < pieces.length) if (!socket.write(pieces[written++]!, 'latin1')) return;
    };
    socket.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`);
    if (head.startsWith('HEAD')) return null;
    socket.on('drain', pump);
    pump();
    return null;
  });
  const stalled = async (): Promise<void> => {
    // Until nothing moves: what is on its way is with the sockets of four ends and the compressor.
    let still = 0;
    let before = 0;
    await eventually(() => {
      still = written === before && written > 0 ? still + 1 : 0;
      before = written;
      return still === 30;
    });
    expect(written).toBeLessThan(pieces.length * 0.75);
  };
  return { proxy, body, stalled };
}

const MAKERS = { gzip: 'createGzip', br: 'createBrotliCompress', zstd: 'createZstdCompress' } as const;

describe.each(CODING_NAMES)('events in %s', (coding) => {
  it('each reach the client before the next is sent', async () => {
    const { backend, proxy } = await sceneOf(() => EVENTS);
    const client = await stage.client(proxy.port);
    client.send(get(coding));
    const socket = await backendSocket(backend);
    let sent = '';
    for (let i = 0; i < 20; i++) {
      const event = `data: ${i} ${'x'.repeat(i * 50)}\n\n`;
      socket.write(chunk(event));
      sent += event;
      await client.until(() => client.ended || soFar(coding, client.buffer) === sent);
      expect(client.ended).toBe(false);
    }
    socket.write('0\r\n\r\n');
    const { body } = await client.response();
    expect(decoded(coding, body)).toBe(sent);
  });

  it('reach a client of HTTP/2 so too', async () => {
    const { backend, proxy } = await sceneOf(() => EVENTS);
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const stream = client.open({ 'accept-encoding': coding });
    const parts: Buffer[] = [];
    stream.on('data', (part: Buffer) => parts.push(part));
    const socket = await backendSocket(backend);
    let sent = '';
    for (let i = 0; i < 5; i++) {
      socket.write(chunk(`data: ${i}\n\n`));
      sent += `data: ${i}\n\n`;
      await eventually(() => parts.length > 0 && decodedSoFar(coding, Buffer.concat(parts)) === sent);
    }
    socket.write('0\r\n\r\n');
    await once(stream, 'end');
    expect(decoded(coding, Buffer.concat(parts))).toBe(sent);
  });

  it('of a client that does not read do not pile up, and all come once it does', async () => {
    const { proxy, body, stalled } = await flood();
    const make = vi.spyOn(zlib, MAKERS[coding]);
    const client = await stage.client(proxy.port);
    client.socket.pause();
    client.send(get(coding));
    await stalled();
    await eventually(() => (make.mock.results[0]!.value as Transform).isPaused());
    client.socket.resume();
    const reply = await client.response();
    expect(decoded(coding, reply.body) === body).toBe(true);
  });
});

it('a stream of HTTP/2 that its client does not read holds up its backend, not the other streams', async () => {
  const { proxy, body, stalled } = await flood();
  const client = stage.opened(new Http2Client(proxy.httpsPort));
  // Its window closes: nobody listens for data.
  const stream = client.open({ 'accept-encoding': 'zstd' });
  await once(stream, 'response');
  await stalled();
  expect((await client.request({ ':method': 'HEAD' })).headers[':status']).toBe(200);
  expect(decoded('zstd', (await responseOf(stream)).body) === body).toBe(true);
});

/** The response has begun: a part of it came. */
async function begun(client: RawClient): Promise<void> {
  await client.until(() => client.buffer.includes('\r\n\r\n') && dechunked(client.buffer.split('\r\n\r\n')[1]!) !== '');
}

describe('a client that goes away in the middle', () => {
  it('takes the compressor and the upstream with it', async () => {
    const { backend, proxy } = await sceneOf(() => EVENTS + chunk(prose(1000)));
    const client = await stage.client(proxy.port);
    client.send(get('gzip'));
    await begun(client);
    expect(proxy.runtime.census().compressions).toBe(1);
    client.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().compressions === 0);
    await eventually(() => backend.sockets[0]!.destroyed || backend.sockets[0]!.readableEnded);
  });

  it('as a stream of HTTP/2 leaves the others alone', async () => {
    const { backend, proxy } = await sceneOf(() => EVENTS + chunk(prose(1000)));
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const streams = [0, 1].map(() => client.open({ 'accept-encoding': 'gzip' }));
    await Promise.all(streams.map((stream) => once(stream, 'data')));
    expect(proxy.runtime.census().compressions).toBe(2);
    streams[0]!.close(8);
    await eventually(() => proxy.runtime.census().compressions === 1);
    const rest = responseOf(streams[1]!);
    for (const socket of backend.sockets) if (!socket.destroyed) socket.write('0\r\n\r\n');
    expect((await rest).code).toBe(0);
  });
});

describe('a backend that breaks off in the middle', () => {
  const cuts: [string, string, (socket: net.Socket) => void][] = [
    ['within its length', response('x'.repeat(9000), 'Content-Type: text/html\r\n').slice(0, -10), (socket) => socket.end()],
    ['between chunks', EVENTS + chunk(prose(1000)), (socket) => socket.end()],
    ['with a reset', EVENTS + chunk(prose(1000)), (socket) => socket.resetAndDestroy()],
    ['by a chunk that is none', EVENTS + chunk(prose(1000)), (socket) => socket.write('zz\r\n')],
  ];

  it.each(cuts)('%s: the client sees a break, never an end', async (_, head, cut) => {
    const { backend, proxy } = await sceneOf(() => head);
    const client = await stage.client(proxy.port);
    client.send(get('gzip'));
    await begun(client);
    cut(await backendSocket(backend));
    await expect(client.response()).rejects.toThrow(/closed in a chunk/);
    expect(client.reset).toBe(true);
    const other = stage.opened(new Http2Client(proxy.httpsPort));
    const stream = other.open({ 'accept-encoding': 'gzip' });
    const reply = responseOf(stream);
    await once(stream, 'response');
    await eventually(() => backend.sockets.length === 2);
    cut(await backendSocket(backend));
    const { headers, code } = await reply;
    expect([headers['content-encoding'], code]).toEqual(['gzip', 2]);
  });
});

/** A compressor in the test's hands: it passes on what it gets, and ends, or fails, when told to. */
class HeldCoder extends Transform {
  release: () => void = () => undefined;

  override _transform(bytes: Buffer, _: BufferEncoding, done: TransformCallback): void {
    done(null, bytes);
  }

  override _flush(done: TransformCallback): void {
    this.release = () => done();
  }

  flush(_: number, done: () => void): void {
    done();
  }
}

function heldCoder(): HeldCoder {
  const coder = new HeldCoder();
  vi.spyOn(zlib, 'createGzip').mockReturnValueOnce(coder as unknown as zlib.Gzip);
  return coder;
}

describe('a compressor', () => {
  it('that fails breaks the response off, visibly, is reported, and harms no other', async () => {
    const { proxy } = await sceneOf(() => EVENTS + chunk(prose(1000)));
    const coder = heldCoder();
    const client = await stage.client(proxy.port);
    client.send(get('gzip'));
    await begun(client);
    coder.destroy(new Error('no memory'));
    await expect(client.response()).rejects.toThrow(/closed in a chunk/);
    await eventually(() => proxy.runtime.census().compressions === 0);
    expect((proxy.bugs as unknown[]).splice(0).map(String)).toEqual(['Error: no memory']);
    const other = await stage.client(proxy.port);
    other.send(get('gzip'));
    await begun(other);
  });

  it('that is still at work when the backend is done leaves room for the rest of the request', async () => {
    const { backend, proxy } = await sceneOf((head) =>
      head.startsWith('POST') ? response(prose(1000), 'Content-Type: text/html\r\n') : response('next'),
    );
    const coder = heldCoder();
    const client = await stage.client(proxy.port);
    client.send('POST / HTTP/1.1\r\nHost: app.example\r\nAccept-Encoding: gzip\r\nContent-Length: 30000\r\n\r\n');
    await begun(client);
    // The answer came before the body: it is not wanted any more, but the connection goes on.
    await eventually(() => proxy.runtime.census().upstreams === proxy.runtime.census().idleUpstreams);
    client.send('y'.repeat(30_000));
    client.send(get(''));
    await eventually(() => client.socket.bytesWritten > 30_000 && client.socket.writableLength === 0);
    // What was sent before these is read by now.
    const other = await stage.client(proxy.port);
    for (let i = 0; i < 3; i++) expect((await other.request(get(''))).body).toBe('next');
    coder.release();
    expect((await client.response()).body).toBe(prose(1000));
    expect((await client.response()).body).toBe('next');
    expect(backend.received.join('')).not.toContain('yyy');
  });

  it('is not waited for by a client that half-closed: it gets its answer', async () => {
    const { proxy } = await sceneOf(() => response(prose(100_000), 'Content-Type: text/html\r\n'));
    const client = await stage.client(proxy.port);
    client.send(get('br'));
    client.socket.end();
    expect(decoded('br', (await client.response()).body)).toBe(prose(100_000));
  });

  it('answers requests that were sent in one go in their order', async () => {
    const { proxy } = await sceneOf((head) => response(prose(20_000) + /^GET (\S+)/.exec(head)![1]!));
    const client = await stage.client(proxy.port);
    for (const [index, coding] of [...CODING_NAMES, ...CODING_NAMES].entries()) client.send(get(coding, '', `/${index}`));
    for (const [index, coding] of [...CODING_NAMES, ...CODING_NAMES].entries())
      expect(decoded(coding, (await client.response()).body).slice(20_000)).toBe(`/${index}`);
    await fetchCoded(client, 'gzip');
  });
});
