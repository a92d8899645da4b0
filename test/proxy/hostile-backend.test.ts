/**
 * Backends that are broken or mean harm: their connection suffers, clients see an error, and no other response is touched. The
 * numbered cases are in test/reliability/upstream.
 */
import { afterEach, describe, expect, it } from 'vitest';
import {
  group,
  host,
  prefixRoute,
  response,
  startProxy,
  table,
  type rawBackend,
  type RawBackend,
  type TestProxy,
} from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

async function proxyTo(answer: Parameters<typeof rawBackend>[0]): Promise<{ proxy: TestProxy; upstream: RawBackend }> {
  const upstream = await stage.backend(answer);
  return { upstream, proxy: await stage.proxyTo([upstream.port]) };
}

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

describe('a backend', () => {
  it.each([
    ['Content-Length', 'Content-Length: 5\r\n'],
    ['Transfer-Encoding', 'Transfer-Encoding: chunked\r\n'],
  ])('that frames an interim response (%s) is 502 (RFC 9110 §8.6, RFC 9112 §6.1)', async (_, field) => {
    const { proxy } = await proxyTo(() => `HTTP/1.1 103 Early Hints\r\n${field}\r\n${response('x')}`);
    const one = await stage.client(proxy.port);
    one.send(GET);
    expect((await one.response()).status).toBe(502);
  });

  it.each(['Transfer-Encoding: chunked\r\n', 'Content-Length: 7\r\n'])(
    'that announces a body with 204 (%j) has that taken out, and its connection closed',
    async (field) => {
      const { proxy, upstream } = await proxyTo(() => `HTTP/1.1 204 No Content\r\n${field}\r\n`);
      const one = await stage.client(proxy.port);
      for (let i = 1; i <= 2; i++) {
        const reply = await one.request(GET);
        expect(reply.status).toBe(204);
        expect(reply.head).not.toMatch(/transfer-encoding|content-length/i);
        expect(upstream.sockets).toHaveLength(i);
      }
    },
  );

  it('that drips its head byte by byte is answered all the same', async () => {
    const { proxy } = await proxyTo((_, socket) => {
      socket.setNoDelay(true);
      void (async () => {
        for (const char of 'HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') {
          socket.write(char);
          await new Promise(setImmediate);
        }
      })();
      return null;
    });
    const one = await stage.client(proxy.port);
    one.send(GET);
    expect((await one.response()).status).toBe(103);
    expect((await one.response()).body).toBe('ok');
  });

  it('that half-closes instead of answering is tried again elsewhere, then 502', async () => {
    const { proxy } = await proxyTo((_, socket) => {
      socket.end();
      return null;
    });
    expect((await exchange(proxy.port, GET)).status).toBe(502);
  });
});

describe('an endpoint with a port that cannot be', () => {
  it.each([true, false])('costs the connection of its client, and nobody else (looked up: %s)', async (dns) => {
    const upstream = await stage.backend(() => response('ok'));
    const endpoints = [{ address: dns ? 'ext.example' : '127.0.0.1', port: 70_000, dns }];
    const patch = table(
      [host('app.example', [prefixRoute('/bad', 'bad'), prefixRoute('/', 'app')])],
      [group('app', [upstream.port]), { ...group('bad', []), endpoints }],
    );
    const proxy = await startProxy(patch, {}, (_, done) => setImmediate(() => done(null, ['192.0.2.1'])));
    const other = await stage.client(proxy.port);
    expect((await other.request(GET)).status).toBe(200);
    const one = await stage.client(proxy.port);
    one.send('GET /bad HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await one.closed();
    expect(proxy.bugs).toHaveLength(1);
    expect((await other.request(GET)).status).toBe(200);
    expect(proxy.runtime.census()).toEqual({
      connections: 1,
      streams: 0,
      deadlines: 2,
      upstreams: 1,
      idleUpstreams: 1,
      udpSessions: 0,
      compressions: 0,
      tempFiles: 0,
      tempBytes: 0,
    });
    await proxy.close();
  });
});
