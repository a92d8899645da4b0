/**
 * A side that has said all it has to say ends its half, often before the other side was reached: what the other side says then must
 * still come through, to its last byte, and nothing may be left of the connection.
 * Source: RFC 9293 §3.6 (half-close); libuv refuses to reset a socket while it shuts down (uv_tcp_close_reset, UV_EINVAL), and Node
 * then never closes it.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { group, startProxy, table } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { tcpBackend, tcpEcho } from '../../support/stream-backend.ts';
import { stream } from '../../support/streams.ts';

const HEADER = 'PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\n';

const stage = new Stage();
afterEach(() => stage.close());

describe('a client that ends its half first', () => {
  it('is not left behind when the endpoint ends at the same moment', async () => {
    const backend = stage.opened(await tcpBackend((socket) => socket.resume().on('end', () => socket.end('bye'))));
    const port = await freePort();
    const entry = stream('TCP', port);
    const proxy = stage.watched(await startProxy(table([], [group('app', [backend.port])], { streams: [entry] })));
    await proxy.runtime.listenStream(entry.id);
    for (let i = 0; i < 50; i++) {
      const client = await stage.client(port);
      client.socket.end('x');
      await client.closed();
      assert.equal(client.buffer, 'bye');
      assert.equal(client.reset, false);
    }
    await eventually(() => proxy.runtime.census().connections === 0);
  });

  it('before its endpoint is reached is still heard, by a name too, and by the second endpoint', async () => {
    const heard: string[] = [];
    const backend = stage.opened(
      await tcpBackend((socket) => {
        let all = '';
        socket.on('data', (bytes) => (all += bytes.toString()));
        socket.on('end', () => {
          heard.push(all);
          socket.end('bye');
        });
      }),
    );
    const port = await freePort();
    const entry = stream('TCP', port, { decodeProxy: true, encodeProxy: true });
    const down = await freePort();
    const endpoints = [...group('app', [down, backend.port]).endpoints, { address: 'app.example', port: 1, dns: true }];
    const groups = [{ ...group('app', []), endpoints }];
    const proxy = stage.watched(
      await startProxy(table([], groups, { streams: [entry] }), {}, (_, done) =>
        setImmediate(() => done(new Error('none'), [])),
      ),
    );
    await proxy.runtime.listenStream(entry.id);
    for (let i = 0; i < 6; i++) {
      const client = await stage.client(port);
      client.socket.end(HEADER);
      await client.closed();
      expect([client.buffer, client.reset]).toEqual(['bye', false]);
    }
    expect(heard).toEqual(Array(6).fill(HEADER));
  });
});

it('an endpoint that ends and is then reset leaves nothing behind', async () => {
  const backend = stage.opened(await tcpEcho());
  const port = await freePort();
  const entry = stream('TCP', port);
  const proxy = stage.watched(await startProxy(table([], [group('app', [backend.port])], { streams: [entry] })));
  await proxy.runtime.listenStream(entry.id);
  for (let i = 0; i < 20; i++) {
    const client = await stage.client(port);
    client.send('x');
    await client.until(() => client.buffer === 'x');
    backend.sockets[i]!.end();
    backend.sockets[i]!.once('finish', () => backend.sockets[i]!.resetAndDestroy());
    await client.until(() => client.ended || client.reset || client.socket.destroyed);
    client.socket.destroy();
  }
  await eventually(() => proxy.runtime.census().connections === 0);
});
