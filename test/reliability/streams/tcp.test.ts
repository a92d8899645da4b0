/**
 * A connection of a TCP service lives for hours and knows no requests: nothing may be lost, doubled or cut at its ends, whatever
 * happens to endpoints, entries and the other side meanwhile.
 * Source: RFC 9293 §3.6 (half-close); reliability of nginx's stream proxy (`proxy_next_upstream`, `proxy_timeout`).
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { OPEN, REFUSING } from '../../../src/proxy/workers/overload.ts';
import { REFUSED, STREAM_BYTES_RECEIVED, STREAM_BYTES_SENT, STREAMS } from '../../../src/observe/series.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { group, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { ipv4Addresses, proxyV2 } from '../../support/proxy-header.ts';
import { Stage } from '../../support/stage.ts';
import { tcpBackend, tcpEcho } from '../../support/stream-backend.ts';
import { stream } from '../../support/streams.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** A proxy with one TCP service, which listens. */
async function start(
  ports: readonly number[],
  changes: Parameters<typeof stream>[2] = {},
  settings: Partial<ProxySettings> = {},
): Promise<{ proxy: TestProxy; port: number }> {
  const port = await freePort();
  const entry = stream('TCP', port, changes);
  const proxy = stage.watched(await startProxy(table([], [group('app', ports)], { streams: [entry] }), settings));
  await proxy.runtime.listenStream(entry.id);
  return { proxy, port };
}

/** A table with other endpoints, or another service, for the same port. */
function change(proxy: TestProxy, port: number, ports: readonly number[], changes: Parameters<typeof stream>[2] = {}): void {
  proxy.runtime.apply(table([], [group('app', ports)], { streams: [stream('TCP', port, changes)] }));
}

/** What becomes of a connection on which nothing is sent: the code of its error, or what it got before it ended. */
function fate(port: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(port, '127.0.0.1');
    socket.on('data', (chunk) => {
      text += chunk.toString();
      socket.destroy();
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? ''));
    socket.on('close', () => resolve(text));
  });
}

/** Waits until bytes move no more: whoever does not read has filled the buffers on the way. */
async function halt(moved: () => number): Promise<void> {
  let before = 0;
  let still = 0;
  await eventually(() => {
    const now = moved();
    still = now > 0 && now === before ? still + 1 : 0;
    before = now;
    return still >= 50;
  });
}

describe('a TCP service', () => {
  it('passes what is sent, both ways, and counts it', async () => {
    const echo = stage.opened(await tcpEcho('hi '));
    const { proxy, port } = await start([echo.port]);
    const client = await stage.client(port);
    client.send('there');
    await client.until(() => client.buffer === 'hi there');
    client.socket.end();
    await client.closed();
    expect(client.reset).toBe(false);
    await eventually(() => proxy.counters[STREAMS] === 1);
    expect([proxy.counters[STREAM_BYTES_SENT], proxy.counters[STREAM_BYTES_RECEIVED]]).toEqual([8, 5]);
  });

  it('passes 32 MiB through with the client reading late, in constant memory', async () => {
    const echo = stage.opened(await tcpEcho());
    const { port } = await start([echo.port]);
    const client = await stage.client(port);
    const block = Buffer.alloc(65_536, 'abcdefgh');
    let received = 0;
    let mostUnderWay = 0;
    client.socket.removeAllListeners('data');
    client.socket.pause();
    for (let i = 0; i < 512; i++) client.socket.write(block);
    client.socket.end();
    await halt(() => echo.sockets[0]?.bytesRead ?? 0);
    client.socket.on('data', (chunk: Buffer) => {
      mostUnderWay = Math.max(mostUnderWay, echo.sockets[0]!.bytesRead - received);
      for (let i = 0; i < chunk.length; i += 997) assert.equal(chunk[i], block[(received + i) % 8]);
      received += chunk.length;
    });
    client.socket.resume();
    await client.closed();
    expect(received).toBe(512 * block.length);
    // What the kernel's buffers of three connections hold, and little more.
    expect(mostUnderWay).toBeLessThan(20 * 1024 * 1024);
  });

  it('takes no more from a client than an endpoint takes', async () => {
    const deaf = stage.opened(await tcpBackend((socket) => void socket.pause()));
    const { port } = await start([deaf.port]);
    const client = await stage.client(port);
    const block = Buffer.alloc(65_536);
    const total = 1024 * block.length;
    let taken = 0;
    const send = (): void => {
      while (taken < total) {
        taken += block.length;
        if (!client.socket.write(block)) return;
      }
    };
    client.socket.on('drain', send);
    send();
    await halt(() => taken);
    expect(taken).toBeLessThan(total / 2);
    let received = 0;
    deaf.sockets[0]!.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
    await eventually(() => received === total);
  });

  it('lets either side end first', async () => {
    const late = stage.opened(
      await tcpBackend((socket) => {
        let all = '';
        socket.on('data', (bytes) => (all += bytes.toString()));
        socket.on('end', () => socket.end(`got ${all}`));
      }),
    );
    const early = stage.opened(
      await tcpBackend((socket) => {
        socket.end('bye');
        socket.on('data', () => undefined);
      }),
    );
    const first = await start([late.port]);
    const client = await stage.client(first.port);
    client.send('all of it');
    client.socket.end();
    await client.closed();
    expect(client.buffer).toBe('got all of it');
    const second = await start([early.port]);
    const talker = await stage.client(second.port);
    await talker.until(() => talker.ended);
    expect(talker.buffer).toBe('bye');
    // Its own half is still open.
    talker.send('more');
    await eventually(() => early.sockets[0]!.bytesRead === 4);
    talker.socket.end();
  });

  it('makes a reset of a reset, so that nobody takes a part for the whole', async () => {
    const backend = stage.opened(await tcpBackend((socket) => socket.write('part')));
    const { port } = await start([backend.port]);
    const client = await stage.client(port);
    await client.until(() => client.buffer === 'part');
    backend.sockets[0]!.resetAndDestroy();
    await client.closed();
    expect(client.reset).toBe(true);
    const other = await stage.client(port);
    await other.until(() => other.buffer === 'part');
    other.socket.resetAndDestroy();
    await eventually(() => backend.sockets[1]!.destroyed);
    expect(backend.sockets[1]!.errored).toMatchObject({ code: 'ECONNRESET' });
  });

  it('reads and sends PROXY headers', async () => {
    const echo = stage.opened(await tcpEcho());
    const { proxy, port } = await start([echo.port], { decodeProxy: true, encodeProxy: true });
    const client = await stage.client(port);
    client.send(Buffer.concat([proxyV2(ipv4Addresses()), Buffer.from('data')]));
    await client.until(() => client.buffer.endsWith('data'));
    expect(client.buffer).toBe('PROXY TCP4 203.0.113.7 198.51.100.1 51000 80\r\ndata');
    const bad = await stage.client(port);
    bad.send('no header');
    await bad.closed();
    change(proxy, port, [echo.port], { encodeProxy: true });
    const plain = await stage.client(port);
    plain.send('x');
    await plain.until(() => plain.buffer.endsWith('x'));
    expect(plain.buffer).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${plain.socket.localPort} ${port}\r\nx`);
    // Of a peer that is not trusted, nothing is believed.
    const strict = await start([echo.port], { decodeProxy: true, encodeProxy: true }, { trustedProxies: ['10.0.0.1'] });
    const liar = await stage.client(strict.port);
    liar.send(proxyV2(ipv4Addresses()));
    await liar.until(() => liar.buffer.endsWith('\r\n'));
    expect(liar.buffer).toContain('TCP4 127.0.0.1 127.0.0.1 ');
  });
});

describe('endpoints of a TCP service', () => {
  it('that are down are passed over, and a connection that finds none is reset', async () => {
    const echo = stage.opened(await tcpEcho('ok'));
    const down = await freePort();
    const { proxy, port } = await start([down, echo.port]);
    for (let i = 0; i < 6; i++) {
      const client = await stage.client(port);
      await client.until(() => client.buffer === 'ok');
    }
    change(proxy, port, [down]);
    expect(await fate(port)).toBe('ECONNRESET');
    change(proxy, port, []);
    expect(await fate(port)).toBe('ECONNRESET');
  });

  it('change under open connections without a word to them', async () => {
    const echo = stage.opened(await tcpEcho());
    const other = stage.opened(await tcpEcho('other '));
    const { proxy, port } = await start([echo.port]);
    const client = await stage.client(port);
    let sent = '';
    for (let i = 0; i < 100; i++) {
      change(proxy, port, i % 2 === 0 ? [other.port] : [echo.port]);
      client.send(`${i} `);
      sent += `${i} `;
      await client.until(() => client.buffer === sent);
    }
    const fresh = await stage.client(port);
    fresh.send('x');
    await fresh.until(() => fresh.buffer === 'x');
  });

  it('are not tried again with proxy-stream-next-upstream off, nor more often than allowed', async () => {
    const echo = stage.opened(await tcpEcho('ok'));
    const down = [await freePort(), await freePort()];
    for (const settings of [{ streamNextUpstream: false }, { streamTries: 1 }]) {
      const { port } = await start([...down, echo.port], {}, settings);
      const outcomes = new Set<string>();
      for (let i = 0; i < 6; i++) {
        outcomes.add(await fate(port));
      }
      expect(outcomes).toEqual(new Set(['ok', 'ECONNRESET']));
    }
  });

  it('that swallow connections cost the connect timeout, and a silent connection its idle time', async () => {
    const silent = stage.opened(await tcpBackend(() => undefined));
    const { port } = await start([silent.port], {}, { streamTimeout: 300 });
    const client = await stage.client(port);
    await client.closed();
    expect(client.reset).toBe(true);
  });
});

it('a worker that refuses requests for want of memory takes no new connection either, and keeps those it has', async () => {
  const echo = stage.opened(await tcpEcho());
  const { proxy, port } = await start([echo.port]);
  const old = await stage.client(port);
  old.send('a');
  await old.until(() => old.buffer === 'a');
  proxy.runtime.memory(REFUSING);
  expect(await fate(port)).toBe('ECONNRESET');
  expect(proxy.counters[REFUSED]).toBe(1);
  old.send('b');
  await old.until(() => old.buffer === 'ab');
  proxy.runtime.memory(OPEN);
  const client = await stage.client(port);
  client.send('c');
  await client.until(() => client.buffer === 'c');
});

describe('an entry that is removed', () => {
  it('closes its listener; open connections finish', async () => {
    const echo = stage.opened(await tcpEcho());
    const { proxy, port } = await start([echo.port]);
    const client = await stage.client(port);
    client.send('a');
    await client.until(() => client.buffer === 'a');
    proxy.runtime.apply(table([], []));
    await eventually(async () => (await fate(port)) === 'ECONNREFUSED');
    client.send('b');
    await client.until(() => client.buffer === 'ab');
    client.socket.end();
    await client.closed();
    expect(client.reset).toBe(false);
  });

  it('keeps the listener when only its Service changes', async () => {
    const echo = stage.opened(await tcpEcho());
    const { proxy, port } = await start([echo.port]);
    const stop = { at: 30 };
    const clients = Array.from({ length: 4 }, async () => {
      for (let i = 0; i < stop.at; i++) {
        const client = await stage.client(port);
        client.send('x');
        await client.until(() => client.buffer === 'x');
        client.close();
      }
    });
    for (let i = 0; i < 50; i++) {
      proxy.runtime.apply({
        ...table([], [group('app', [echo.port]), group('other', [echo.port])], {
          streams: [stream('TCP', port, { service: i % 2 === 0 ? 'other' : 'app' })],
        }),
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(clients);
  });
});
