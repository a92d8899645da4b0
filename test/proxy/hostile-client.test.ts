/** Clients that mean harm, or are broken: what they do must stay on their own connection, and leave nothing behind. */
import { afterEach, describe, expect, it } from 'vitest';
import { REQUESTS } from '../../src/observe/series.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { response } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

describe('a client that pipelines', () => {
  it('and does not read gets no more answers than its socket takes', async () => {
    const proxy = await stage.proxyTo([], { keepAliveRequests: 1_000_000 });
    const one = await stage.client(proxy.port);
    one.socket.removeAllListeners('data');
    one.socket.pause();
    const total = 60_000;
    one.send('GET / HTTP/1.1\r\nHost: other\r\n\r\n'.repeat(total));
    let before = -1;
    await eventually(async () => {
      for (let i = 0; i < 100; i++) await new Promise(setImmediate);
      const answered = proxy.counters[REQUESTS]!;
      const settled = answered > 0 && answered === before;
      before = answered;
      return settled;
    });
    // The sockets' buffers take a few megabytes; all answers would be 18.
    expect(before).toBeLessThan(total);
    // It reads on, and is answered on.
    let received = 0;
    one.socket.on('data', (chunk) => (received += chunk.length));
    one.socket.resume();
    await eventually(() => proxy.counters[REQUESTS] === total);
    expect(received).toBeGreaterThan(0);
  });
});

describe('a request body', () => {
  it('never precedes its head when an endpoint fails and another has an idle connection', async () => {
    const upstream = await stage.backend((head) => (head.startsWith('PUT') || head.startsWith('GET') ? response('ok') : null));
    const refused = await freePort();
    const proxy = await stage.proxyTo([upstream.port, refused]);
    // An idle connection to the endpoint that works.
    const first = await stage.client(proxy.port);
    for (let i = 0; i < 3; i++) await first.request(GET);
    const start = upstream.received[0]!.length;
    const data = 'a'.repeat(10_000);
    const chunk = `${data.length.toString(16)}\r\n${data}\r\n`;
    for (let i = 0; i < 4; i++) {
      const one = await stage.client(proxy.port);
      expect(
        (
          await one.request(
            `PUT /p HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}0\r\n\r\n`,
          )
        ).status,
      ).toBe(200);
    }
    // What was read before the endpoint failed goes to the other one as one chunk.
    const merged = `${(2 * data.length).toString(16)}\r\n${data}${data}\r\n`;
    for (const received of [upstream.received[0]!.slice(start), ...upstream.received.slice(1)]) {
      for (const message of received.split('PUT /p ').slice(1))
        expect([`${chunk}${chunk}0\r\n\r\n`, `${merged}0\r\n\r\n`]).toContain(message.slice(message.indexOf('\r\n\r\n') + 4));
      expect(received.startsWith('PUT /p ') || received === '').toBe(true);
    }
  });

  it('that grows too large while the answer is on its way does not put an error page into that answer', async () => {
    const upstream = await stage.backend(() => 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin');
    const proxy = await stage.proxyTo([upstream.port], { maxRequestBodySize: 100 });
    const one = await stage.client(proxy.port);
    one.send('POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n');
    await one.until(() => one.buffer.endsWith('begin'));
    one.send(`c8\r\n${'a'.repeat(200)}\r\n`);
    await one.closed();
    expect(one.buffer).not.toContain('413');
    expect(one.reset).toBe(true);
  });

  it('that nobody reads any more does not keep the client from being noticed when it goes', async () => {
    // The end of the body came while the connection to the upstream was not there yet.
    const upstream = await stage.backend(() => null);
    const proxy = await stage.proxyTo([upstream.port]);
    const one = await stage.client(proxy.port);
    one.send(`POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 20000\r\n\r\n${'a'.repeat(20_000)}`);
    await eventually(() => upstream.received[0]?.endsWith('aaa'));
    one.socket.resetAndDestroy();
    await eventually(() => proxy.runtime.connections.size === 0);
  });
});

describe('a client of HTTP/1.0', () => {
  it('is never sent 100 Continue (RFC 9110 §10.1.1)', async () => {
    const upstream = await stage.backend(() => response('ok'));
    const proxy = await stage.proxyTo([upstream.port]);
    const reply = await exchange(
      proxy.port,
      'POST / HTTP/1.0\r\nHost: app.example\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na',
    );
    expect(reply.status).toBe(200);
  });

  it('sees a reset, not an end, when it reads too slowly for an answer without a length', async () => {
    const upstream = await stage.backend((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const block = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      for (let i = 0; i < 200; i++) socket.write(block, 'latin1');
      socket.write('0\r\n\r\n');
      return null;
    });
    const proxy = await stage.proxyTo([upstream.port], { clientSendTimeout: 300 });
    const one = await stage.client(proxy.port);
    one.socket.pause();
    one.send('GET / HTTP/1.0\r\nHost: app.example\r\n\r\n');
    await eventually(() => proxy.runtime.connections.size === 1);
    await eventually(() => proxy.runtime.connections.size === 0);
    one.socket.resume();
    await one.closed();
    if (one.buffer.length < 200 * 0x10000) expect(one.reset).toBe(true);
  });

  it('is not told of a Transfer-Encoding in the answer to HEAD', async () => {
    const upstream = await stage.backend(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const proxy = await stage.proxyTo([upstream.port]);
    const reply = await exchange(proxy.port, 'HEAD / HTTP/1.0\r\nHost: app.example\r\n\r\n');
    expect(reply.headers.has('transfer-encoding')).toBe(false);
  });
});

describe('a proxy in front that is trusted', () => {
  it.each(['a b', 'evil.example/path', 'u@evil.example', 'a:b:c'])('cannot make %j the Host', async (name) => {
    const upstream = await stage.backend(() => response('ok'));
    const proxy = await stage.proxyTo([upstream.port], { useForwardedHeaders: true });
    await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-Host: ${name}\r\n\r\n`);
    expect(upstream.received[0]).toContain('\r\nHost: app.example\r\n');
  });
});

describe('a tunnel', () => {
  const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

  it('that both sides end delivers everything to a client that reads late', async () => {
    const size = 4 << 20;
    const upstream = await stage.backend((_, socket) => {
      socket.removeAllListeners('end');
      socket.on('end', () => socket.end(Buffer.alloc(size, 0x79)));
      return SWITCH;
    });
    const proxy = await stage.proxyTo([upstream.port]);
    const one = await stage.client(proxy.port);
    expect((await one.request(UPGRADE)).status).toBe(101);
    let received = one.buffer.length;
    one.socket.removeAllListeners('data');
    one.socket.pause();
    one.socket.end();
    await eventually(() => upstream.sockets[0]!.writableEnded);
    // Until all that fits is underway.
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    one.socket.on('data', (chunk) => (received += chunk.length));
    one.socket.resume();
    await one.closed();
    expect(one.reset).toBe(false);
    expect(received).toBe(size);
  });

  it.each(['client', 'upstream'])('closes when the %s is reset', async (who) => {
    const upstream = await stage.backend(() => SWITCH);
    const proxy = await stage.proxyTo([upstream.port]);
    const one = await stage.client(proxy.port);
    expect((await one.request(UPGRADE)).status).toBe(101);
    (who === 'client' ? one.socket : upstream.sockets[0]!).resetAndDestroy();
    await eventually(() => proxy.runtime.connections.size === 0 && proxy.runtime.census().upstreams === 0);
  });

  it('whose peers both stop reading is cut, and not kept for ever', async () => {
    const upstream = await stage.backend((_, socket) => {
      socket.pause();
      const pump = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
        if (!socket.destroyed) socket.once('drain', pump);
      };
      setImmediate(pump);
      return SWITCH;
    });
    const proxy = await stage.proxyTo([upstream.port], {
      clientSendTimeout: 100,
      upstreamSendTimeout: 100,
      upstreamReadTimeout: 100,
    });
    const one = await stage.client(proxy.port);
    one.send(UPGRADE);
    one.socket.pause();
    const pump = (): void => {
      while (!one.socket.destroyed && one.socket.write(Buffer.alloc(65_536)));
      if (!one.socket.destroyed) one.socket.once('drain', pump);
    };
    pump();
    await eventually(() => proxy.runtime.connections.size === 1);
    await eventually(() => proxy.runtime.connections.size === 0 && proxy.runtime.census().upstreams === 0);
  });
});
