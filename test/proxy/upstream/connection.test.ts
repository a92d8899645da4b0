/** The deadlines of a connection to an upstream whose client is slower than it. */
import { afterEach, describe, expect, it } from 'vitest';
import { EndpointPool } from '../../../src/proxy/upstream/pool.ts';
import type { UpstreamConnection } from '../../../src/proxy/upstream/connection.ts';
import { PLAIN } from '../../../src/proxy/upstream/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, rawBackend, response, startProxy, table } from '../../support/proxy.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';
import { ask, testUpstreams, type Asked, type TestUpstreams } from '../../support/upstream.ts';

const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** A connection in the middle of a response of ten bytes, of which five have come. Its timeouts are 1000 ms. */
async function halfway(): Promise<{
  upstreams: TestUpstreams;
  connection: UpstreamConnection;
  asked: Asked;
  finish: () => void;
}> {
  const upstream = await rawBackend(() => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello');
  const upstreams = testUpstreams();
  const pool = new EndpointPool('127.0.0.1', upstream.port, PLAIN, upstreams.context);
  const connection = pool.take('127.0.0.1', false);
  open.push(upstream, upstreams, { close: () => connection.destroy() });
  const asked = ask(connection);
  await eventually(() => asked.received() === 5);
  return { upstreams, connection, asked, finish: () => void upstream.sockets[0]!.write('world') };
}

describe('an upstream connection', () => {
  it('that waits for the upstream ends at the read timeout', async () => {
    const { upstreams, connection, asked } = await halfway();
    upstreams.advance(1000);
    expect(asked.error()).toBeNull();
    upstreams.advance(250);
    expect(asked.error()?.code).toBe('upstream_timeout');
    expect(connection.closed).toBe(true);
  });

  it('that waits for its client does not, whatever happens meanwhile; and then does again', async () => {
    const { upstreams, connection, asked } = await halfway();
    connection.pause();
    upstreams.advance(100_000);
    // The end of the request comes late.
    connection.sendEnd('');
    upstreams.advance(100_000);
    connection.tunnelData(Buffer.from('x'));
    upstreams.advance(100_000);
    expect(asked.error()).toBeNull();
    connection.resume();
    upstreams.advance(1000);
    expect(asked.error()).toBeNull();
    upstreams.advance(250);
    expect(asked.error()?.code).toBe('upstream_timeout');
  });

  it('that waited for its client reads on from where it was', async () => {
    const { upstreams, connection, asked, finish } = await halfway();
    connection.pause();
    finish();
    upstreams.advance(100_000);
    connection.resume();
    expect(await asked.body).toBe('helloworld');
  });
});

describe('a client that is slower than proxy-read-timeout', () => {
  it('gets all of a response that fits in no buffer', async () => {
    const size = 24 << 20;
    const upstream = await rawBackend((head, socket) => {
      // Unanswered: for the time that passes.
      if (head.startsWith('GET /silent')) return null;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      socket.write(Buffer.alloc(size, 'x'));
      return null;
    });
    open.push(upstream);
    const proxy = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', [upstream.port])]), {
      upstreamReadTimeout: 50,
      upstreamTries: 1,
    });
    open.push(proxy);
    const client = await RawClient.connect(proxy.port);
    open.push(client);
    client.send('GET /large HTTP/1.1\r\nHost: app.example\r\n\r\n');
    const step = async (bytes: number): Promise<void> => {
      await client.until(() => client.buffer.length >= bytes || client.ended);
      client.socket.pause();
      // A request made now that waits for its upstream is ended for the timeout: it has passed for the paused one too.
      expect((await exchange(proxy.port, 'GET /silent HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(504);
      client.socket.resume();
    };
    await step(1);
    await step(1 << 20);
    const reply = await client.response();
    expect(reply.status).toBe(200);
    expect(reply.body.length).toBe(size);
    expect(proxy.bugs).toEqual([]);
  });

  it('is told apart from an upstream that sends nothing more', async () => {
    const upstream = await rawBackend(() => response('x').replace('Content-Length: 1', 'Content-Length: 2'));
    open.push(upstream);
    const proxy = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', [upstream.port])]), {
      upstreamReadTimeout: 50,
    });
    open.push(proxy);
    const client = await RawClient.connect(proxy.port);
    open.push(client);
    client.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await client.closed();
    expect(client.reset).toBe(true);
  });
});
