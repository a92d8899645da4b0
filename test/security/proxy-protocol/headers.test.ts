/**
 * Whoever can say who the client is passes every allow list: a PROXY header is required where one is asked for, and believed
 * only of trusted peers; one that is broken, slow or endless costs its own connection and nothing else.
 * Source: haproxy.org, proxy-protocol.txt §2 ("the receiver must be configured to only receive the protocol"); CWE-290.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { PROXY_HEADERS_REFUSED } from '../../../src/observe/series.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { ipv4Addresses, ipv6Addresses, proxyV2 } from '../../support/proxy-header.ts';
import { RawClient } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const REQUEST = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const V1 = 'PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\n';

async function start(settings: Partial<ProxySettings> = {}): Promise<{ proxy: TestProxy; backend: RawBackend }> {
  const backend = await stage.backend(() => response('ok'));
  return { backend, proxy: await stage.proxyTo([backend.port], { useProxyProtocol: true, ...settings }) };
}

/** What the backend got of one field. */
function field(backend: RawBackend, name: string): string | undefined {
  const line = backend.received
    .at(-1)!
    .split('\r\n')
    .findLast((one) => one.toLowerCase().startsWith(`${name.toLowerCase()}: `));
  return line?.slice(name.length + 2);
}

async function ask(proxy: TestProxy, ...pieces: readonly (string | Buffer)[]): Promise<void> {
  const client = await stage.client(proxy.port);
  for (const piece of pieces) client.send(piece);
  expect((await client.response()).status).toBe(200);
}

describe('a PROXY header', () => {
  it('says who the client is, in both versions', async () => {
    const { proxy, backend } = await start();
    for (const [header, address] of [
      [V1, '203.0.113.7'],
      [proxyV2(ipv4Addresses()), '203.0.113.7'],
      [proxyV2(ipv6Addresses(), { family: 0x21 }), '2001:db8::7'],
      [proxyV2(ipv4Addresses(), { tlvs: Buffer.alloc(300, 0xea) }), '203.0.113.7'],
      ['PROXY UNKNOWN\r\n', '127.0.0.1'],
      [proxyV2(Buffer.alloc(0), { command: 0x20, family: 0 }), '127.0.0.1'],
    ] as const) {
      await ask(proxy, header, REQUEST);
      expect([field(backend, 'X-Real-IP'), field(backend, 'X-Forwarded-For')]).toEqual([address, address]);
    }
  });

  it('may come byte by byte, with the request in the same packet or not', async () => {
    const { proxy, backend } = await start();
    for (const bytes of [
      Buffer.concat([Buffer.from(V1), Buffer.from(REQUEST)]),
      Buffer.concat([proxyV2(ipv4Addresses()), Buffer.from(REQUEST)]),
    ]) {
      const client = await stage.client(proxy.port);
      client.socket.setNoDelay(true);
      for (const byte of bytes) {
        client.send(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await client.response()).status).toBe(200);
      expect(field(backend, 'X-Real-IP')).toBe('203.0.113.7');
      // A second request on the connection has no header of its own.
      expect((await client.request(REQUEST)).status).toBe(200);
    }
  });

  it('stands before TLS too', async () => {
    const { proxy, backend } = await start();
    for (const early of [true, false]) {
      const socket = net.connect(proxy.httpsPort, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(V1.slice(0, 20));
      if (!early) await new Promise((resolve) => setImmediate(resolve));
      socket.write(V1.slice(20));
      const client = tls.connect({ socket, rejectUnauthorized: false, servername: 'app.example' });
      client.write(REQUEST);
      const [bytes] = (await once(client, 'data')) as [Buffer];
      expect(bytes.toString()).toContain('200 OK');
      expect([field(backend, 'X-Real-IP'), field(backend, 'X-Forwarded-Proto')]).toEqual(['203.0.113.7', 'https']);
      client.destroy();
    }
  });

  it('tells the port and, by 443, the scheme the client used', async () => {
    const { proxy, backend } = await start();
    await ask(proxy, proxyV2(ipv4Addresses(443)), REQUEST);
    expect([field(backend, 'X-Forwarded-Port'), field(backend, 'X-Forwarded-Proto')]).toEqual(['443', 'https']);
    await ask(proxy, proxyV2(ipv4Addresses(8080)), REQUEST);
    expect([field(backend, 'X-Forwarded-Port'), field(backend, 'X-Scheme')]).toEqual(['8080', 'http']);
  });

  it('wins over X-Forwarded-For, which is appended to where that is asked for', async () => {
    const forwarded = REQUEST.replace('\r\n\r\n', '\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n');
    const { proxy, backend } = await start({ useForwardedHeaders: true });
    await ask(proxy, V1, forwarded);
    expect([field(backend, 'X-Real-IP'), field(backend, 'X-Forwarded-For')]).toEqual(['203.0.113.7', '203.0.113.7']);
    const full = await start({ useForwardedHeaders: true, computeFullForwardedFor: true });
    await ask(full.proxy, V1, forwarded);
    expect(field(full.backend, 'X-Forwarded-For')).toBe('192.0.2.1, 203.0.113.7');
  });

  it('is read off but not believed of a peer that is not trusted', async () => {
    const { proxy, backend } = await start({ trustedProxies: ['10.0.0.0/8'] });
    await ask(proxy, proxyV2(ipv4Addresses(443)), REQUEST);
    expect([field(backend, 'X-Real-IP'), field(backend, 'X-Forwarded-Proto')]).toEqual(['127.0.0.1', 'http']);
  });

  it('is a bad request where none is asked for', async () => {
    const { proxy, backend } = await start({ useProxyProtocol: false });
    const client = await stage.client(proxy.port);
    expect((await client.request(`${V1}${REQUEST}`)).status).toBe(400);
    expect(backend.received).toEqual([]);
  });
});

describe('a connection without a good PROXY header', () => {
  const GARBAGE: Record<string, Buffer> = {
    'a request': Buffer.from(REQUEST),
    'a TLS hello': Buffer.from([22, 3, 1, 0, 200, 1, 0]),
    'a second header': Buffer.from(`${V1.replace('TCP4', 'TCP5')}${REQUEST}`),
    'an endless line': Buffer.from(`PROXY TCP4 ${'1'.repeat(10_000)}`),
    'a huge length': proxyV2(Buffer.alloc(65_535)),
    noise: Buffer.from('\x00\xff\xfe\x80garbage', 'latin1'),
  };

  it.each(Object.keys(GARBAGE))('is closed: %s', async (name) => {
    const { proxy, backend } = await start();
    for (const port of [proxy.port, proxy.httpsPort]) {
      const client = await stage.client(port);
      client.send(GARBAGE[name]!);
      await client.closed();
      expect(client.buffer).toBe('');
    }
    expect(backend.received).toEqual([]);
    expect(proxy.counters[PROXY_HEADERS_REFUSED]).toBe(2);
    await ask(proxy, V1, REQUEST);
  });

  it('is closed when the header takes too long, however its bytes drip in', async () => {
    const { proxy } = await start({ proxyProtocolHeaderTimeout: 300 });
    const slow = await stage.client(proxy.port);
    const silent = await stage.client(proxy.httpsPort);
    const drip = setInterval(() => slow.send('P'.repeat(0)), 20);
    slow.send('PROXY TCP4 ');
    await Promise.all([slow.closed(), silent.closed()]);
    clearInterval(drip);
    expect(proxy.counters[PROXY_HEADERS_REFUSED]).toBe(2);
  });

  it('that comes and goes without a word is a health check, and not counted', async () => {
    const { proxy } = await start();
    const client = await RawClient.connect(proxy.port);
    client.socket.end();
    await client.closed();
    await eventually(() => {
      assert.equal(proxy.runtime.census().connections, 0);
      return true;
    });
    expect(proxy.counters[PROXY_HEADERS_REFUSED]).toBe(0);
  });
});
