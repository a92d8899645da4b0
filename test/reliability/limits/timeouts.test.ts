/**
 * Threat: whoever is slow in one phase of a connection holds it for ever, if that phase has no deadline of its own. Source: R55
 * (slowloris in every phase: CVE-2026-22045, CVE-2026-25949); nginx's timeouts. `deadlines.test.ts` has the proof
 * for every order of events; here each phase runs into its own, over real sockets.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { blackHole } from '../../support/black-hole.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, rawBackend, response, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';

/** The proxy of the running test. */
let current: TestProxy;
const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function proxyTo(ports: readonly number[], settings: Partial<ProxySettings>): Promise<TestProxy> {
  current = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', ports)]), settings);
  open.push(current);
  return current;
}

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

/** So long that a test would fail if another timeout than the one it is about ended the wait. */
const LONG = 600_000;
const ALL_LONG: Partial<ProxySettings> = {
  clientHeaderTimeout: LONG,
  clientBodyTimeout: LONG,
  clientSendTimeout: LONG,
  keepAliveTimeout: LONG,
  lingeringTimeout: LONG,
  halfClosedTimeout: LONG,
  upstreamConnectTimeout: LONG,
  upstreamReadTimeout: LONG,
  upstreamSendTimeout: LONG,
};

/** A client whose first request was answered, so that what is tested is not the first phase of a connection only. */
async function used(answer: Parameters<typeof rawBackend>[0], settings: Partial<ProxySettings>): Promise<RawClient> {
  const upstream = await rawBackend((head, socket, index) =>
    head.startsWith('GET / ') ? response('first') : answer(head, socket, index),
  );
  open.push(upstream);
  const proxy = await proxyTo([upstream.port], { ...ALL_LONG, ...settings });
  const client = await RawClient.connect(proxy.port);
  open.push(client);
  const first = await client.request(GET);
  expect(first.body).toBe('first');
  return client;
}

const SECOND = 'GET /second HTTP/1.1\r\nHost: app.example\r\n\r\n';
const PUT = 'PUT / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 10\r\n\r\n';

describe('R55: after a first request, the phase', () => {
  it('idle ends by keep-alive, without a word', async () => {
    const client = await used(() => null, { keepAliveTimeout: 50 });
    await client.closed();
    expect([client.buffer, client.reset]).toEqual(['', false]);
  });

  it('head ends by client-header-timeout, although bytes keep coming', async () => {
    const client = await used(() => null, { clientHeaderTimeout: 300 });
    client.send('GET /second HTTP/1.1\r\nX: ');
    const drip = setInterval(() => client.send('x'), 20);
    expect((await client.response()).status).toBe(408);
    clearInterval(drip);
  });

  it('body ends by client-body-timeout', async () => {
    const client = await used(() => null, { clientBodyTimeout: 50 });
    expect((await client.request(`${PUT}abc`)).status).toBe(408);
    await client.closed();
  });

  it('waiting for the head of a response ends by proxy-read-timeout', async () => {
    const client = await used(() => null, { upstreamReadTimeout: 50, upstreamTries: 1 });
    expect((await client.request(SECOND)).status).toBe(504);
  });

  it('half of the head of a response ends by proxy-read-timeout', async () => {
    const client = await used(() => 'HTTP/1.1 200 OK\r\nContent-', { upstreamReadTimeout: 50, upstreamTries: 1 });
    expect((await client.request(SECOND)).status).toBe(504);
  });

  it('response body ends by proxy-read-timeout, visibly', async () => {
    const client = await used(() => 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', { upstreamReadTimeout: 50 });
    client.send(SECOND);
    await client.closed();
    expect(client.buffer.endsWith('abc')).toBe(true);
    expect(client.reset).toBe(true);
  });

  it('half-closed ends by its own timeout', async () => {
    const client = await used(() => null, { halfClosedTimeout: 50 });
    client.socket.end(SECOND);
    await client.closed();
  });

  it('after the last answer ends by lingering_timeout', async () => {
    const client = await used(() => response('bye'), { lingeringTimeout: 50 });
    expect((await client.request(SECOND.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))).body).toBe('bye');
    await eventually(() => current.runtime.connections.size === 0);
  });

  it('after the last answer over TLS, of which something always seems to be on its way, does too', async () => {
    const upstream = await rawBackend(() => response('bye'));
    open.push(upstream);
    const proxy = await proxyTo([upstream.port], { ...ALL_LONG, lingeringTimeout: 50 });
    const client = await RawClient.connectTls(proxy.httpsPort, { allowHalfOpen: true });
    open.push(client);
    const reply = await client.request('GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n');
    expect(reply.body).toBe('bye');
    await eventually(() => proxy.runtime.connections.size === 0);
  });

  it('connection ends by keepalive_time, with the answer after it', async () => {
    const client = await used(() => response('old'), { keepAliveTime: 0 });
    await client.closed();
    expect(client.reset).toBe(false);
  });
});

describe('R55: the phase', () => {
  it('end a connect that hangs: the next endpoint is tried, for POST too; 504 when there is none', async () => {
    const hole = await blackHole();
    open.push(hole);
    const good = await rawBackend(() => response('good'));
    open.push(good);
    const both = await proxyTo([hole.port, good.port], { upstreamConnectTimeout: 50 });
    for (let i = 0; i < 2; i++) {
      const reply = await exchange(both.port, 'POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1\r\n\r\na');
      expect(reply.body).toBe('good');
    }
    const alone = await proxyTo([hole.port], { upstreamConnectTimeout: 50 });
    expect((await exchange(alone.port, GET)).status).toBe(504);
  });

  it('end a request that the upstream does not take', async () => {
    const upstream = await rawBackend((_, socket) => {
      socket.pause();
      return null;
    });
    open.push(upstream);
    const proxy = await proxyTo([upstream.port], { upstreamSendTimeout: 50, maxRequestBodySize: 0 });
    const client = await RawClient.connect(proxy.port);
    open.push(client);
    client.send('PUT / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 1000000000\r\n\r\n');
    const block = Buffer.alloc(1 << 20);
    const pump = (): void => {
      while (!client.socket.destroyed && client.socket.write(block));
    };
    client.socket.on('drain', pump);
    pump();
    expect((await client.response()).status).toBe(504);
  });

  it('end a response that the client does not take', async () => {
    const upstream = await rawBackend((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      const block = Buffer.alloc(1 << 20);
      const pump = (): void => {
        while (!socket.destroyed && socket.write(block));
      };
      socket.on('drain', pump);
      pump();
      return null;
    });
    open.push(upstream);
    const proxy = await proxyTo([upstream.port], { clientSendTimeout: 50 });
    const client = await RawClient.connect(proxy.port);
    open.push(client);
    client.socket.pause();
    client.send(GET);
    await eventually(() => upstream.sockets.length === 1);
    await eventually(() => proxy.runtime.connections.size === 0);
    await eventually(() => upstream.sockets[0]!.destroyed);
  });

  it('end an upgraded connection on which nothing moves', async () => {
    const upstream = await rawBackend(() => 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
    open.push(upstream);
    const proxy = await proxyTo([upstream.port], { upstreamReadTimeout: 50 });
    const client = await RawClient.connect(proxy.port);
    open.push(client);
    await client.request('GET / HTTP/1.1\r\nHost: app.example\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    await client.closed();
    await eventually(() => proxy.runtime.connections.size === 0);
  });

  it('close an idle upstream connection, and one that is too old', async () => {
    const upstream = await rawBackend(() => response('x'));
    open.push(upstream);
    const proxy = await proxyTo([upstream.port], { upstreamKeepAliveTimeout: 50 });
    await exchange(proxy.port, GET);
    await eventually(() => upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed);
    const old = await proxyTo([upstream.port], { upstreamKeepAliveTime: 0 });
    await exchange(old.port, GET);
    await exchange(old.port, GET);
    expect(upstream.sockets).toHaveLength(3);
  });

  it('end a TLS handshake that does not come', async () => {
    const proxy = await proxyTo([], { tlsHandshakeTimeout: 50 });
    const client = await RawClient.connect(proxy.httpsPort);
    open.push(client);
    await client.closed();
  });

  it('end the wait for a name server', async () => {
    const endpoints = [{ address: 'ext.example', port: 9, dns: true }];
    const proxy = await startProxy(
      table([host('app.example', [prefixRoute('/', 'app')])], [{ ...group('app', []), endpoints }]),
      { upstreamConnectTimeout: 50 },
      () => undefined,
    );
    open.push(proxy);
    expect((await exchange(proxy.port, GET)).status).toBe(502);
  });
});
