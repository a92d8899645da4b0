/**
 * B8: clients that open the TLS port and do not finish their handshake, as slowloris does before any byte of HTTP. Traefik had no
 * deadline there (CVE-2026-22045, CVE-2026-25949) or cleared it after the first bytes (CVE-2026-26999); a handshake that does not
 * count to the limit of connections is a way around it.
 */
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { REJECTED } from '../../../src/observe/series.ts';
import { clientHello } from '../../support/client-hello.ts';
import { eventually } from '../../support/eventually.ts';
import { response, type TestProxy } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';
import { handshake } from '../../support/tls-client.ts';
import { slowHandshakes } from './slow-handshakes.ts';

let stage = new Stage();

afterEach(async () => {
  const last = stage;
  stage = new Stage();
  await last.close();
});

async function start(settings: Partial<ProxySettings>): Promise<TestProxy> {
  const upstream = await stage.backend(() => response('x'));
  return stage.proxyTo([upstream.port], settings);
}

/** Connects to the TLS port, sends `bytes`, and never goes on. Resolves once the proxy knows of it. */
async function silent(proxy: TestProxy, bytes: Buffer = Buffer.alloc(0)): Promise<RawClient> {
  const before = proxy.runtime.census().connections;
  const client = await stage.client(proxy.httpsPort);
  if (bytes.length > 0) client.socket.write(bytes);
  await eventually(() => proxy.runtime.census().connections > before);
  return client;
}

describe('B8: a handshake that does not end', () => {
  it('is closed at its deadline, whatever comes meanwhile, and good traffic goes on', async () => {
    const tlsHandshakeTimeout = 500;
    const proxy = await start({ tlsHandshakeTimeout });
    const { closedAfter, statuses, requests, handshakes } = await slowHandshakes(proxy, 12);
    for (const [kind, times] of closedAfter) {
      expect([kind, times.length]).toEqual([kind, 12]);
      // Not before; Node's timers go by the time at which a turn of the event loop began, and turns are long in a burst.
      expect([kind, Math.min(...times) > tlsHandshakeTimeout / 2]).toEqual([kind, true]);
    }
    expect([...statuses]).toEqual([200]);
    expect([requests > 0, handshakes > 0]).toEqual([true, true]);
  });

  it('ends at once when the client ends it, resets it, or sends what is no TLS', async () => {
    const proxy = await start({ tlsHandshakeTimeout: 60_000 });
    for (const bytes of [Buffer.alloc(0), clientHello(null).subarray(0, 40), clientHello(null)]) {
      const half = await silent(proxy, bytes);
      half.socket.end();
      await half.closed();
      const gone = await silent(proxy, bytes);
      gone.socket.resetAndDestroy();
      await eventually(() => proxy.runtime.census().connections === 0);
    }
    for (const garbage of ['GET / HTTP/1.1\r\nHost: app.example\r\n\r\n', '\x16\x03\x01\xff\xff', '\0\0\0\0\0\0']) {
      const client = await RawClient.connect(proxy.httpsPort);
      client.send(garbage);
      await client.closed();
      client.close();
    }
    await eventually(() => proxy.runtime.census().connections === 0);
    expect((await handshake(proxy.httpsPort, 'app.example')).resumed).toBe(false);
  });
});

describe('the limit of connections', () => {
  it('counts handshakes: beyond it both ports close at once, and serve again when the deadline has made room', async () => {
    const maxConnections = 8;
    const proxy = await start({ maxConnections, tlsHandshakeTimeout: 1_000 });
    const held: RawClient[] = [];
    for (let i = 0; i < maxConnections; i++) held.push(await silent(proxy));
    for (const port of [proxy.port, proxy.httpsPort]) {
      const refused = await stage.client(port);
      await refused.closed();
      expect(refused.buffer).toBe('');
    }
    expect(proxy.counters[REJECTED]).toBe(2);
    for (const client of held) await client.closed();
    await eventually(() => proxy.runtime.census().connections === 0);
    const client = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
    for (let i = 0; i < 2; i++) expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(200);
    client.close();
  });

  it('counts a connection once, in its handshake and after it', async () => {
    const proxy = await start({ maxConnections: 2 });
    for (let i = 0; i < 6; i++) {
      const client = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
      expect((await client.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(200);
      expect(proxy.runtime.census().connections).toBe(1);
      client.close();
      await eventually(() => proxy.runtime.census().connections === 0);
    }
  });
});

describe('a worker that stops', () => {
  it('lets handshakes in progress finish, and closes the others by force', async () => {
    const proxy = await start({ tlsHandshakeTimeout: 60_000 });
    const never = await silent(proxy);
    const raw = net.connect(proxy.httpsPort, '127.0.0.1');
    await eventually(() => proxy.runtime.census().connections === 2);
    const stopped = proxy.runtime.stop(300);
    const finished = await RawClient.connectTls(0, { socket: raw, servername: 'app.example' });
    expect((await finished.request('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n')).headers.get('connection')).toEqual([
      'close',
    ]);
    finished.close();
    await stopped;
    await never.closed();
  });
});
