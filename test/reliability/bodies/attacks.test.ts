/** Clients that want to fill the disk, and disks that are full: request bodies that are read whole before a backend is asked. */
import fs from 'node:fs';
import http2 from 'node:http2';
import os from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { TempFileSystem } from '../../../src/proxy/body/temp-files.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, serve, service } from '../../support/ingress.ts';
import { response, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { wholeBackend, type WholeBackend } from '../../support/whole-backend.ts';

const stage = new Stage();
afterEach(() => stage.close());

async function scene(
  settings: Partial<ProxySettings> = {},
  fileSystem?: TempFileSystem,
): Promise<{ readonly proxy: TestProxy; readonly backend: WholeBackend }> {
  const backend = stage.opened(await wholeBackend());
  const proxy = await serve([ingress({ 'proxy-body-size': '0' }), ...service('app', [backend.port])], {
    proxy: { requestBuffering: true, requestBufferSize: 1024, ...settings },
    ...(fileSystem && { fileSystem }),
  });
  return { proxy: stage.watched(proxy), backend };
}

function head(length: number): string {
  return `POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${length}\r\n\r\n`;
}

/** A call of the system that fails with this code. */
function failing(code: string): never {
  return ((...all: unknown[]) => {
    const done = all.at(-1) as (error: Error) => void;
    setImmediate(() => done(Object.assign(new Error(code), { code })));
  }) as never;
}

describe('slow bodies that fill what files may hold', () => {
  it('cost the next large one a 503, small ones nothing, and nothing is left of them', async () => {
    const { proxy, backend } = await scene({ maxTempSize: 100_000 });
    const slow = await stage.client(proxy.port);
    slow.send(head(200_000));
    slow.send('x'.repeat(90_000));
    await eventually(() => proxy.runtime.census().tempBytes > 80_000);
    const other = await stage.client(proxy.port);
    expect((await other.request(head(30_000) + 'y'.repeat(30_000))).status).toBe(503);
    const small = await stage.client(proxy.port);
    expect((await small.request(head(1000) + 'z'.repeat(1000))).status).toBe(200);
    slow.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().tempFiles === 0);
    expect(proxy.runtime.census().tempBytes).toBe(0);
    const again = await stage.client(proxy.port);
    expect((await again.request(head(30_000) + 'y'.repeat(30_000))).status).toBe(200);
    expect(backend.requests).toHaveLength(2);
  });

  it('their own deadline ends them', async () => {
    const { proxy } = await scene({ clientBodyTimeout: 300 });
    const clients = [];
    for (let i = 0; i < 20; i++) {
      const client = await stage.client(proxy.port);
      client.send(head(100_000) + 'x'.repeat(50_000));
      clients.push(client);
    }
    for (const client of clients) expect((await client.response()).status).toBe(408);
    await eventually(() => proxy.runtime.census().tempFiles === 0);
  });
});

describe('a client that goes in the middle', () => {
  it.each([0, 500, 5000, 70_000, 150_000])('after %i bytes leaves nothing, and no backend hears of it', async (sent) => {
    const { proxy, backend } = await scene();
    const client = await stage.client(proxy.port);
    client.send(head(200_000) + 'x'.repeat(sent));
    if (sent > 1024) await eventually(() => proxy.runtime.census().tempFiles === 1);
    client.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().connections === 0 && proxy.runtime.census().tempFiles === 0);
    expect(backend.requests).toEqual([]);
  });

  it('while its body is on its way to the backend leaves nothing', async () => {
    const deaf = await stage.backend((_, socket) => {
      socket.pause();
      return null;
    });
    const proxy = await serve([ingress({ 'proxy-body-size': '0' }), ...service('app', [deaf.port])], {
      proxy: { requestBuffering: true },
    });
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send(head(20_000_000));
    client.send(Buffer.alloc(20_000_000));
    await eventually(() => deaf.received.length === 1);
    expect(proxy.runtime.census().tempFiles).toBe(1);
    client.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.census().tempFiles === 0);
  });

  it('a backend that answers before it has all of it is heard, and nothing is left', async () => {
    const early = await stage.backend(() => response('early'));
    const proxy = await serve([ingress({ 'proxy-body-size': '0' }), ...service('app', [early.port])], {
      proxy: { requestBuffering: true },
    });
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send(head(5_000_000));
    client.send(Buffer.alloc(5_000_000));
    expect((await client.response()).body).toBe('early');
    await eventually(() => proxy.runtime.census().tempFiles === 0);
    // The connection goes on.
    expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).body).toBe('early');
  });
});

describe('a disk that fails', () => {
  it.each([
    ['open', 'EACCES'],
    ['open', 'EROFS'],
    ['open', 'EMFILE'],
    ['write', 'ENOSPC'],
    ['write', 'EIO'],
  ] as const)('%s: %s costs large bodies a 500, small ones nothing', async (call, code) => {
    const { proxy, backend } = await scene({}, { ...fs, [call]: failing(code) });
    const client = await stage.client(proxy.port);
    client.send(head(3_000_000));
    // More comes than waits to be written.
    client.send(Buffer.alloc(2_999_000));
    expect((await client.response()).status).toBe(500);
    const small = await stage.client(proxy.port);
    expect((await small.request(`${head(100)}${'x'.repeat(100)}`)).status).toBe(200);
    expect(backend.requests).toHaveLength(1);
    await eventually(() => proxy.runtime.census().tempFiles === 0);
    // What was opened before it failed was removed.
    expect(fs.readdirSync(os.tmpdir()).filter((name) => name.startsWith('sluice-') && name.length === 31)).toEqual([]);
  });

  it('a body that cannot be read back is 500, and no half of it is taken for the whole', async () => {
    const { proxy, backend } = await scene({}, { ...fs, read: failing('EIO') });
    const client = await stage.client(proxy.port);
    client.send(head(1_000_000));
    client.send(Buffer.alloc(999_999));
    await eventually(() => proxy.runtime.census().tempBytes > 900_000);
    client.send('x');
    expect((await client.response()).status).toBe(500);
    expect(backend.requests).toEqual([]);
  });
});

describe('HTTP/2', () => {
  it('bodies without a length arrive whole and with one, their trailers in chunks', async () => {
    const { proxy, backend } = await scene();
    const session = http2.connect(`https://127.0.0.1:${proxy.httpsPort}`, {
      rejectUnauthorized: false,
      servername: 'app.example',
    });
    stage.opened({ close: () => new Promise<void>((resolve) => session.close(resolve)) });
    const body = Buffer.alloc(300_000, '0123456789');
    const post = (trailers: boolean): Promise<number> =>
      new Promise((resolve, reject) => {
        const stream = session.request(
          { ':method': 'POST', ':path': '/', ':authority': 'app.example' },
          { waitForTrailers: trailers },
        );
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }));
        stream.on('response', (headers) => resolve(headers[':status']!));
        stream.on('error', reject);
        stream.resume();
        stream.end(body);
      });
    expect([await post(false), await post(true)]).toEqual([200, 200]);
    expect(backend.requests.map((request) => request.body.equals(body))).toEqual([true, true]);
    expect(backend.requests.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']])).toEqual([
      [String(body.length), undefined],
      [undefined, 'chunked'],
    ]);
  });

  it('many streams of one client that are reset in the middle leave nothing', async () => {
    const { proxy, backend } = await scene();
    const session = http2.connect(`https://127.0.0.1:${proxy.httpsPort}`, {
      rejectUnauthorized: false,
      servername: 'app.example',
    });
    stage.opened({ close: () => session.destroy() });
    session.on('error', () => undefined);
    const streams = Array.from({ length: 15 }, () => {
      const stream = session.request({ ':method': 'POST', ':path': '/', ':authority': 'app.example' });
      stream.on('error', () => undefined);
      stream.write(Buffer.alloc(20_000));
      return stream;
    });
    await eventually(() => proxy.runtime.census().tempFiles === 15);
    for (const stream of streams) stream.close(http2.constants.NGHTTP2_CANCEL);
    await eventually(() => proxy.runtime.census().tempFiles === 0);
    expect(backend.requests).toEqual([]);
  });
});
