/**
 * A backend or a client that fails in the middle of an exchange: the other side must see that what it has is not all, and the other streams of the session
 * nothing. Source: RFC 9113 §5.4.2, §8.1; reliability reference C5, C8, C9, C12 over HTTP/2.
 */
import { constants } from 'node:http2';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { CODE, headers, request, rstStream } from '../../support/http2/frames.ts';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { Http2Client, responseOf } from '../../support/http2/stage.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

async function to(
  answer: Parameters<Stage['backend']>[0],
  settings = {},
): Promise<{ backend: RawBackend; proxy: TestProxy; client: Http2Client }> {
  const backend = await stage.backend(answer);
  const proxy = await stage.proxyTo([backend.port], settings);
  return { backend, proxy, client: stage.opened(new Http2Client(proxy.httpsPort)) };
}

const PART = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart';
const CHUNK = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n';

/** How a backend breaks a response that has begun. */
const BREAKS: readonly (readonly [string, string, (socket: net.Socket) => void])[] = [
  ['a reset', PART, (socket) => void socket.resetAndDestroy()],
  ['an early end of its length', PART, (socket) => void socket.end()],
  ['an end without the last chunk', CHUNK, (socket) => void socket.end()],
  ['a broken chunk', CHUNK, (socket) => void socket.write('garbage\r\n')],
];

describe('C9: a backend that breaks off', () => {
  it.for(BREAKS)('with %s is a stream reset with INTERNAL_ERROR', async ([, part, breakOff]) => {
    const { backend, client } = await to((head, socket) => {
      if (head.startsWith('GET /good')) return response('ok');
      socket.write(part, 'latin1');
      return null;
    });
    const stream = client.open();
    await new Promise((resolve) => stream.once('response', resolve));
    const done = responseOf(stream);
    breakOff(backend.sockets[0]!);
    const { body, code } = await done;
    expect([body.toString(), code]).toEqual(['part', constants.NGHTTP2_INTERNAL_ERROR]);
    expect((await client.request({ ':path': '/good' })).body.toString()).toBe('ok');
  });

  it('again and again costs the client its streams, and not its session', async () => {
    const { client } = await to(
      (head, socket) => {
        if (head.startsWith('GET /good')) return response('ok');
        socket.end(PART);
        return null;
      },
      { upstreamEjectFailures: 0 },
    );
    for (let round = 0; round < 6; round++) {
      const all = await Promise.all(Array.from({ length: 50 }, () => client.request()));
      expect(new Set(all.map(({ code }) => code))).toEqual(new Set([constants.NGHTTP2_INTERNAL_ERROR]));
    }
    expect((await client.request({ ':path': '/good' })).body.toString()).toBe('ok');
    expect(client.goaways).toBe(0);
  });

  it('before its response is a 502, or asked again where that is safe', async () => {
    let asked = 0;
    const { client } = await to((head, socket) => {
      // Not the end of a chunked body.
      if (!/^(?:GET|POST) /.test(head)) return null;
      asked++;
      if (asked === 1 && head.startsWith('GET')) return response('warm');
      if (asked === 2 || head.startsWith('POST')) {
        socket.resetAndDestroy();
        return null;
      }
      return response('again');
    });
    expect((await client.request()).body.toString()).toBe('warm');
    expect((await client.request()).body.toString()).toBe('again');
    const before = asked;
    expect((await client.request({ ':method': 'POST' }, 'body')).headers[':status']).toBe(502);
    expect(asked).toBe(before + 1);
  });

  it('with silence is a 504', async () => {
    const { client } = await to(() => null, { upstreamReadTimeout: 300, upstreamTries: 1 });
    expect((await client.request()).headers[':status']).toBe(504);
  });

  it.for([
    ['garbage', 'garbage\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    ['101 that nobody asked for', 'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'],
  ])('C10: %s is a 502', async ([, bytes]) => {
    const { client } = await to(() => bytes!);
    expect((await client.request()).headers[':status']).toBe(502);
  });
});

describe('a client that', () => {
  it('resets its stream cancels the request to the backend, and only that', async () => {
    const { backend, proxy, client } = await to((head) => (head.startsWith('GET /slow') ? null : response('ok')));
    const slow = client.open({ ':path': '/slow' });
    slow.on('error', () => undefined);
    await eventually(() => backend.received.some((text) => text.startsWith('GET /slow')));
    slow.close(constants.NGHTTP2_CANCEL);
    await eventually(() => proxy.runtime.census().upstreams === 0);
    expect((await client.request()).body.toString()).toBe('ok');
    expect(proxy.runtime.census().streams).toBe(0);
  });

  it.for([CODE.none, CODE.cancel, CODE.protocol])('resets its upload with code %d never completes it', async (code) => {
    const { backend, proxy } = await to(() => null);
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    client.send(headers(1, request('/', 'POST'), false));
    await eventually(() => backend.received.length === 1);
    client.send(rstStream(1, code));
    await eventually(() => proxy.runtime.census().upstreams === 0);
    expect(backend.received[0]).not.toContain('\r\n0\r\n\r\n');
    expect(await client.errorOrAlive(1)).toBe('alive');
  });

  it('vanishes with many streams leaves nothing behind', async () => {
    const { backend, proxy } = await to(() => null);
    const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    for (let id = 1; id < 100; id += 2) client.send(headers(id, request('/', id % 4 === 1 ? 'POST' : 'GET'), id % 4 !== 1));
    await eventually(() => backend.sockets.length === 50);
    expect(proxy.runtime.census()).toMatchObject({ connections: 2, streams: 50, upstreams: 50 });
    client.socket.destroy();
    await eventually(() => proxy.runtime.census().upstreams === 0);
  });

  it('C13: reads slowly holds the backend back, and the others not', async () => {
    let written = 0;
    const block = Buffer.alloc(65_536);
    const { proxy, client } = await to((head, socket) => {
      if (!head.startsWith('GET /endless')) return response('ok');
      const pump = (): void => {
        while (!socket.destroyed && socket.write(block)) written += block.length;
      };
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n');
      socket.on('drain', pump);
      pump();
      return null;
    });
    const raw = stage.opened(await RawHttp2.connect(proxy.httpsPort));
    raw.send(headers(1, request('/endless')));
    await eventually(() => raw.body(1).length === 65_535);
    let before = -1;
    await eventually(async () => {
      const now = written;
      for (let i = 0; i < 20; i++) await client.request();
      const still = now === written && now === before;
      before = now;
      return still;
    });
    expect(raw.body(1).length).toBe(65_535);
    // Socket buffers of both ends, and a few reads of ours.
    expect(written).toBeLessThan(20_000_000);
    raw.socket.destroy();
  });

  it('uploads faster than the backend reads is held back by its window', async () => {
    const { proxy, client } = await to(
      (_, socket) => {
        socket.removeAllListeners('data').pause();
        return null;
      },
      { maxRequestBodySize: 0 },
    );
    const stream = client.open({ ':method': 'POST' });
    stream.on('error', () => undefined);
    let sent = 0;
    const block = Buffer.alloc(65_536);
    const pump = (): void => {
      let taken = true;
      for (; taken && sent < 200_000_000; sent += block.length) taken = stream.write(block);
    };
    stream.on('drain', pump);
    pump();
    let before = -1;
    await eventually(async () => {
      const still = sent > 0 && sent === before;
      before = sent;
      for (let i = 0; i < 20; i++) await client.request({ ':method': 'HEAD', ':authority': 'nobody.example' });
      return still;
    });
    // Socket buffers of both ends, and the windows.
    expect(sent).toBeLessThan(20_000_000);
    stream.close();
    await eventually(() => proxy.runtime.census().streams === 0);
  });
});
