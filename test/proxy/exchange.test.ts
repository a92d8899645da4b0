/** Requests through a whole data plane: raw bytes in front, raw bytes behind. */
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { ACCEPTED, REQUESTS } from '../../src/observe/series.ts';
import { groupId } from '../../src/model/table.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import {
  certificate,
  group,
  host,
  prefixRoute,
  proxySettings,
  rawBackend,
  response,
  startProxy,
  table,
  type RawBackend,
  type TestProxy,
} from '../support/proxy.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';

const open: { close: () => Promise<void> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

async function backend(answer: Parameters<typeof rawBackend>[0]): Promise<RawBackend> {
  const one = await rawBackend(answer);
  open.push(one);
  return one;
}

/** A proxy for `app.example` in front of backends on these ports. */
async function proxyTo(ports: readonly number[], settings: Partial<ProxySettings> = {}): Promise<TestProxy> {
  const one = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', ports)]), settings);
  open.push(one);
  return one;
}

async function client(port: number): Promise<RawClient> {
  const one = await RawClient.connect(port);
  open.push(one);
  return one;
}

const GET = 'GET /a?b=c HTTP/1.1\r\nHost: app.example\r\n\r\n';

describe('a request', () => {
  it('reaches the upstream with the fields ingress-nginx sets, and its own in order', async () => {
    const upstream = await backend(() => response('hi', 'X-Up: 1\r\nServer: secret\r\n'));
    const proxy = await proxyTo([upstream.port]);
    const reply = await exchange(
      proxy.port,
      'GET /a?b=c HTTP/1.1\r\nHost: app.example:8080\r\nUser-Agent: t\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nX-Request-ID: abc\r\nAccept: */*\r\nConnection: close\r\n\r\n',
    );
    expect(reply).toMatchObject({ status: 200, body: 'hi' });
    expect(reply.headers.get('x-up')).toEqual(['1']);
    expect(reply.headers.has('server')).toBe(false);
    expect(reply.headers.get('connection')).toEqual(['close']);
    expect(upstream.received[0]).toBe(
      'GET /a?b=c HTTP/1.1\r\nHost: app.example:8080\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\n' +
        `X-Forwarded-Port: ${proxy.port}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Scheme: http\r\nX-Scheme: http\r\nX-Forwarded-Host: app.example:8080\r\n` +
        'X-Request-ID: abc\r\nX-Original-Forwarded-For: 6.6.6.6\r\nX-Original-Forwarded-Host: evil\r\nUser-Agent: t\r\nAccept: */*\r\n\r\n',
    );
  });

  it('gets an id when it has none', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port]);
    await exchange(proxy.port, GET);
    expect(upstream.received[0]).toMatch(/\r\nX-Request-ID: [0-9a-f]{32}\r\n/);
  });

  it('with use-forwarded-headers is believed what a proxy in front says', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port], { useForwardedHeaders: true, computeFullForwardedFor: true });
    await exchange(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: pub.example\r\n\r\n',
    );
    expect(upstream.received[0]).toContain('Host: pub.example\r\n');
    expect(upstream.received[0]).toContain('X-Real-IP: 203.0.113.7\r\nX-Forwarded-For: 203.0.113.7, 127.0.0.1\r\n');
    expect(upstream.received[0]).toContain('X-Forwarded-Proto: https\r\n');
  });

  it('is answered by the endpoints in turn, over connections that are kept', async () => {
    const upstreams = await Promise.all([1, 2, 3].map((n) => backend(() => response(`pod${n}`))));
    const proxy = await proxyTo(upstreams.map(({ port }) => port));
    const one = await client(proxy.port);
    const bodies: string[] = [];
    for (let i = 0; i < 9; i++) bodies.push((await one.request(GET)).body);
    for (const body of ['pod1', 'pod2', 'pod3']) expect(bodies.filter((other) => other === body)).toHaveLength(3);
    for (const { sockets } of upstreams) expect(sockets).toHaveLength(1);
  });

  it('may be pipelined; answers keep their order', async () => {
    const upstream = await backend((head) => response(head.split(' ')[1]!));
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send(
      ['/1', '/none', '/3']
        .map((path) => `GET ${path} HTTP/1.1\r\nHost: ${path === '/none' ? 'other' : 'app.example'}\r\n\r\n`)
        .join(''),
    );
    const replies = [await one.response(), await one.response(), await one.response()];
    expect(replies.map(({ status }) => status)).toEqual([200, 404, 200]);
    expect(replies[2]!.body).toBe('/3');
  });

  it('that comes byte by byte is answered all the same', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.socket.setNoDelay(true);
    for (const char of GET) {
      one.send(char);
      await new Promise(setImmediate);
    }
    expect((await one.response()).status).toBe(200);
  });

  it('of HTTP/1.0 is answered without chunks, and closed unless it asks otherwise', async () => {
    const upstream = await backend(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n');
    const proxy = await proxyTo([upstream.port]);
    const reply = await exchange(proxy.port, 'GET / HTTP/1.0\r\nHost: app.example\r\nConnection: keep-alive\r\n\r\n');
    expect(reply.body).toBe('abc');
    expect(reply.headers.has('transfer-encoding')).toBe(false);
    expect(reply.headers.get('connection')).toEqual(['close']);
  });

  it('and those pipelined before a half-close are all answered', async () => {
    const upstream = await backend((head) => response(head.split(' ')[1]!));
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.socket.end(['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`).join(''), 'latin1');
    for (const path of ['/1', '/2', '/3']) expect((await one.response()).body).toBe(path);
    await one.closed();
  });

  it('of a half-closed client still gets its answer', async () => {
    const upstream = await backend((_, socket) => {
      setImmediate(() => socket.write(response('late')));
      return null;
    });
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.socket.end(GET, 'latin1');
    expect((await one.response()).body).toBe('late');
    await one.closed();
  });
});

describe('a request body', () => {
  it.each([
    ['with a length', 'Content-Length: 11\r\n\r\nhello world', 'Content-Length: 11\r\n\r\nhello world'],
    [
      'in chunks',
      'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
      'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n',
    ],
  ])('%s reaches the upstream', async (_, sent, expected) => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send(`POST / HTTP/1.1\r\nHost: app.example\r\n${sent}`);
    await eventually(() => /world(\r\n0\r\n\r\n)?$/.test(upstream.received[0] ?? ''));
    expect(upstream.received[0]!.endsWith(expected)).toBe(true);
    upstream.sockets[0]!.write(response('done'));
    expect((await one.response()).body).toBe('done');
  });

  it('of megabytes is streamed, and comes back the same', async () => {
    const size = 8 * 1024 * 1024;
    const body = Buffer.alloc(size);
    for (let i = 0; i < size; i++) body[i] = (i * 7 + (i >> 8)) & 0xff;
    const upstream = await backend((head, socket) => {
      const length = Number(/Content-Length: (\d+)/.exec(head)?.[1]);
      socket.removeAllListeners('data');
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      // What came in the packet of the head, then everything as it comes.
      socket.write(Buffer.from(upstream.received[0]!.slice(head.length), 'latin1'));
      socket.on('data', (chunk) => socket.write(chunk));
      return null;
    });
    const proxy = await proxyTo([upstream.port], { maxRequestBodySize: 0 });
    const one = await client(proxy.port);
    one.send(`PUT / HTTP/1.1\r\nHost: app.example\r\nContent-Length: ${size}\r\n\r\n`);
    one.send(body);
    const reply = await one.response();
    expect(Buffer.from(reply.body, 'latin1').equals(body)).toBe(true);
  });

  it('is asked for with 100 Continue by us, and the expectation goes no further', async () => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n');
    expect((await one.response()).status).toBe(100);
    one.send('ab');
    await eventually(() => upstream.received[0]?.endsWith('ab'));
    expect(upstream.received[0]).not.toContain('Expect');
    upstream.sockets[0]!.write(response('ok'));
    expect((await one.response()).body).toBe('ok');
  });

  it.each([
    ['announced', 'Content-Length: 11\r\n\r\nhello world'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n'],
  ])('over the limit is 413: %s', async (_, sent) => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port], { maxRequestBodySize: 10 });
    const reply = await exchange(proxy.port, `POST / HTTP/1.1\r\nHost: app.example\r\n${sent}`);
    expect(reply.status).toBe(413);
  });

  it('at the limit is taken', async () => {
    const upstream = await backend(() => response('ok'));
    const proxy = await proxyTo([upstream.port], { maxRequestBodySize: 10 });
    expect(
      (await exchange(proxy.port, 'POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 10\r\n\r\n0123456789')).status,
    ).toBe(200);
  });

  it('that is cut short never looks complete to the upstream', async () => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send('POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await eventually(() => upstream.received[0]?.endsWith('hello\r\n'));
    one.close();
    await eventually(() => upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed);
    expect(upstream.received[0]).not.toMatch(/0\r\n\r\n$/);
  });

  it('malformed in its chunks is 400, and the upstream sees no end of it', async () => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port]);
    const reply = await exchange(
      proxy.port,
      'POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX0\r\n\r\nGET /admin HTTP/1.1\r\n\r\n',
    );
    expect(reply.status).toBe(400);
    for (const received of upstream.received) expect(received).not.toContain('/admin');
  });

  it('left unread by an early answer does not become the next request', async () => {
    const upstream = await backend((head) => (head.startsWith('POST') ? response('early') : response('smuggled')));
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 100\r\n\r\n');
    expect((await one.response()).body).toBe('early');
    one.send('GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n'.padEnd(100, ' '));
    const next = await one.request(GET).catch(() => null);
    expect(next?.body ?? 'closed').toMatch(/smuggled|closed/);
    expect(upstream.received.join('')).not.toContain('/smuggled');
  });
});

describe('a response', () => {
  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', 'hello'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 'hello'],
    ['without a body (204)', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['not modified (304)', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', ''],
    ['of length 0', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
  ])('%s is passed on, and both connections are used again', async (_, wire, body) => {
    const upstream = await backend(() => wire);
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    for (let i = 0; i < 3; i++) expect((await one.request(GET)).body).toBe(body);
    expect(upstream.sockets).toHaveLength(1);
  });

  it('that ends with its connection becomes chunked', async () => {
    const upstream = await backend((_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end');
      return null;
    });
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    const reply = await one.request(GET);
    expect(reply.body).toBe('until the end');
    expect(reply.headers.get('transfer-encoding')).toEqual(['chunked']);
    expect((await one.request(GET)).body).toBe('until the end');
  });

  it('to HEAD keeps its length and has no body', async () => {
    const upstream = await backend(() => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n');
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    for (let i = 0; i < 2; i++) {
      const reply = await one.request('HEAD / HTTP/1.1\r\nHost: app.example\r\n\r\n');
      expect(reply.headers.get('content-length')).toEqual(['5']);
    }
    expect(upstream.sockets).toHaveLength(1);
  });

  it('has its trailers passed to a client that takes them, without those that frame or route', async () => {
    const upstream = await backend(
      () => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n',
    );
    const proxy = await proxyTo([upstream.port]);
    expect(
      (await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: app.example\r\nTE: trailers\r\nConnection: TE\r\n\r\n')).trailers,
    ).toBe('X-Sum: 1\r\n');
    expect((await exchange(proxy.port, GET)).trailers).toBe('');
  });

  it('may be preceded by 103, which is passed on; 100 is not', async () => {
    const upstream = await backend(
      () => `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${response('x')}`,
    );
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send(GET);
    expect(await one.response()).toMatchObject({ status: 103 });
    expect(await one.response()).toMatchObject({ status: 200, body: 'x' });
  });

  it('has a date, if the upstream gives none', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port]);
    expect((await exchange(proxy.port, GET)).headers.get('date')?.[0]).toMatch(/GMT$/);
  });

  it.each([
    ['cut short of its length', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'],
    ['cut in a chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello'],
    ['with a malformed chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX'],
  ])('%s is cut for the client too, and never looks complete', async (_, wire) => {
    const upstream = await backend((_head, socket) => {
      socket.end(wire);
      return null;
    });
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send(GET);
    await one.closed();
    expect(one.reset).toBe(true);
    expect(one.buffer).not.toMatch(/0\r\n\r\n$/);
  });
});

describe('a failing upstream', () => {
  it('that refuses the connection is passed over, whatever the method', async () => {
    const upstream = await backend(() => response('second'));
    const proxy = await proxyTo([await freePort(), upstream.port]);
    const one = await client(proxy.port);
    for (let i = 0; i < 4; i++) {
      expect((await one.request('POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 3\r\n\r\nabc')).body).toBe('second');
    }
    expect(upstream.received[0]!.match(/\r\n\r\nabc/g)).toHaveLength(4);
  });

  it('is 502 when there is no other', async () => {
    const proxy = await proxyTo([await freePort()]);
    const reply = await exchange(proxy.port, GET);
    expect(reply.status).toBe(502);
    expect(reply.body).toContain('502 Bad Gateway');
  });

  it('that closes an idle connection as we use it costs no request', async () => {
    let requests = 0;
    const upstream = await backend((_, socket) => {
      // Every second request finds its connection closed.
      if (++requests % 2 === 0) {
        socket.destroy();
        return null;
      }
      return response(`n${requests}`);
    });
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    for (let i = 0; i < 5; i++) expect((await one.request(GET)).status).toBe(200);
  });

  it('has no endpoints: 503', async () => {
    const proxy = await proxyTo([]);
    expect((await exchange(proxy.port, GET)).status).toBe(503);
  });
});

describe('a client', () => {
  it.each([
    ['by a reset', (one: RawClient) => one.socket.resetAndDestroy()],
    ['by closing, and no answer comes', (one: RawClient) => one.close()],
  ])('that goes away %s takes its upstream request with it', async (_, leave) => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    one.send(GET);
    await eventually(() => upstream.received[0]?.includes('\r\n\r\n'));
    leave(one);
    await eventually(() => upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed);
    await eventually(() => proxy.runtime.connections.size === 0);
    expect([...proxy.series.values()].map(({ status }) => status)).toEqual(['499']);
  });

  it.each([
    ['that never finishes its head gets 408', 'GET / HTTP/1.1\r\nHost: a', 408],
    ['that never finishes its body gets 408', 'POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 5\r\n\r\nab', 408],
  ])('%s', async (_, text, status) => {
    const upstream = await backend(() => null);
    const proxy = await proxyTo([upstream.port], { clientHeaderTimeout: 50, clientBodyTimeout: 50 });
    const one = await client(proxy.port);
    one.send(text);
    expect((await one.response()).status).toBe(status);
    await one.closed();
  });

  it('that sends nothing is closed', async () => {
    const proxy = await proxyTo([], { clientHeaderTimeout: 50 });
    const one = await client(proxy.port);
    await one.closed();
    expect(one.buffer).toBe('');
  });

  it('that is idle is closed after the keep-alive timeout', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port], { keepAliveTimeout: 50 });
    const one = await client(proxy.port);
    await one.request(GET);
    await one.closed();
  });

  it('is told before its last request', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port], { keepAliveRequests: 2 });
    const one = await client(proxy.port);
    expect((await one.request(GET)).headers.has('connection')).toBe(false);
    expect((await one.request(GET)).headers.get('connection')).toEqual(['close']);
    await one.closed();
  });

  it('beyond the limit of connections is closed at once', async () => {
    const proxy = await proxyTo([], { maxConnections: 1 });
    const first = await client(proxy.port);
    expect((await first.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).status).toBe(404);
    const second = await client(proxy.port);
    await second.closed();
    expect((await first.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).status).toBe(404);
    expect(proxy.counters[ACCEPTED]).toBe(2);
  });

  it('sees an error page that says nothing about the inside', async () => {
    const proxy = await proxyTo([]);
    const reply = await exchange(proxy.port, 'BAD\r\n\r\n');
    expect(reply.status).toBe(400);
    expect(reply.headers.get('connection')).toEqual(['close']);
    expect(`${reply.head}${reply.body}`).not.toMatch(/sluice|node|127\.0\.0\.1|app/i);
  });
});

describe('an upgrade', () => {
  const UPGRADE =
    'GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n';

  it('is a tunnel after 101, and half-closes either way', async () => {
    const upstream = await backend((head, socket) => {
      expect(head).toContain('Upgrade: websocket\r\nConnection: upgrade\r\n');
      socket.removeAllListeners('data');
      socket.on('data', (chunk) => socket.write(chunk));
      return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: y\r\n\r\nfirst';
    });
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    const reply = await one.request(UPGRADE);
    expect(reply.status).toBe(101);
    expect(reply.headers.get('upgrade')).toEqual(['websocket']);
    one.send('echo');
    await one.until(() => one.buffer === 'firstecho');
    one.socket.end('bye');
    await one.closed();
    expect(one.buffer).toBe('firstechobye');
  });

  it('to nothing that is named is none: 502', async () => {
    const upstream = await backend(() => 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n');
    const proxy = await proxyTo([upstream.port]);
    expect((await exchange(proxy.port, UPGRADE)).status).toBe(502);
  });

  it('survives a change of the table', async () => {
    const upstream = await backend((_, socket) => {
      socket.removeAllListeners('data');
      socket.on('data', (chunk) => socket.write(chunk));
      return 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';
    });
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    await one.request(UPGRADE);
    proxy.runtime.apply(table([], []));
    one.send('still here');
    await one.until(() => one.buffer === 'still here');
    expect((await exchange(proxy.port, GET)).status).toBe(404);
  });
});

describe('TLS', () => {
  it('serves the certificate of the name, of its wildcard, or the default', async () => {
    const upstream = await backend(() => response('x'));
    const exact = certificate('exact', ['app.example']);
    const wild = certificate('wild', ['*.wild.example']);
    const proxy = await startProxy(
      table(
        [host('app.example', [prefixRoute('/', 'app')], exact.id), host('*.wild.example', [prefixRoute('/', 'app')], wild.id)],
        [group('app', [upstream.port])],
        { certificates: [exact, wild] },
      ),
    );
    open.push(proxy);
    const subject = async (servername: string): Promise<string | undefined> => {
      const one = await RawClient.connectTls(proxy.httpsPort, { servername });
      const peer = (one.socket as TLSSocket).getPeerCertificate();
      one.close();
      return peer.subjectaltname;
    };
    expect(await subject('APP.example')).toBe('DNS:app.example');
    expect(await subject('a.wild.example')).toBe('DNS:*.wild.example');
    expect(await subject('a.b.wild.example')).toBe('DNS:ingress.local');
    expect(await subject('unknown.example')).toBe('DNS:ingress.local');
    expect(await subject('')).toBe('DNS:ingress.local');

    const one = await RawClient.connectTls(proxy.httpsPort, { servername: 'app.example' });
    open.push(one);
    const reply = await one.request(GET);
    expect(reply.headers.get('strict-transport-security')).toEqual(['max-age=31536000; includeSubDomains']);
    expect(upstream.received[0]).toContain('X-Forwarded-Proto: https\r\n');
    // A new certificate is for the next handshake; the open connection goes on.
    const renewed = certificate('exact', ['app.example', 'renewed.example']);
    proxy.runtime.apply({ ...table([], []), reset: false, hosts: [], certificates: [renewed] });
    expect(await subject('app.example')).toBe('DNS:app.example, DNS:renewed.example');
    expect((await one.request(GET)).status).toBe(200);
  });
});

describe('routes', () => {
  it('redirect to https where their policy says so, and to the path with a slash where nginx does', async () => {
    const upstream = await backend(() => response('x'));
    const secure = prefixRoute('/', 'app', { sslRedirect: { code: 308, preserveTrailingSlash: false } });
    const slash = { ...prefixRoute('/s', 'app'), match: { exact: '/s/', prefix: '/s/', slashRedirect: '/s' } };
    const proxy = await startProxy(
      table([host('tls.example', [secure]), host('app.example', [slash])], [group('app', [upstream.port])]),
    );
    open.push(proxy);
    const secured = await exchange(proxy.port, 'GET /x/?a=b/ HTTP/1.1\r\nHost: tls.example:80\r\n\r\n');
    expect(secured.status).toBe(308);
    expect(secured.headers.get('location')).toEqual(['https://tls.example/x/?a=b']);
    const slashed = await exchange(proxy.port, 'GET /s?a HTTP/1.1\r\nHost: app.example\r\n\r\n');
    expect(slashed.status).toBe(301);
    expect(slashed.headers.get('location')).toEqual(['http://app.example/s/?a']);
    // Where clients use another port, and it was said, redirects name it.
    proxy.runtime.configure(proxySettings({ publicHttpPort: 8080, publicHttpsPort: 8443 }));
    const ported = await exchange(proxy.port, 'GET /s?a HTTP/1.1\r\nHost: app.example:8080\r\n\r\n');
    expect(ported.headers.get('location')).toEqual(['http://app.example:8080/s/?a']);
    const portedTls = await exchange(proxy.port, 'GET /x HTTP/1.1\r\nHost: tls.example:8080\r\n\r\n');
    expect(portedTls.headers.get('location')).toEqual(['https://tls.example:8443/x']);
  });

  it('fall back to the default backend of their Ingress, which is told why', async () => {
    const upstream = await backend(() => response('fallback'));
    const target = {
      kind: 'group',
      group: groupId('default', 'app', '80'),
      fallback: groupId('default', 'errors', '80'),
    } as const;
    const route = { ...prefixRoute('/', target), service: { name: 'app', port: '80' } };
    const proxy = await startProxy(table([host('app.example', [route])], [group('app', []), group('errors', [upstream.port])]));
    open.push(proxy);
    expect((await exchange(proxy.port, GET)).body).toBe('fallback');
    expect(upstream.received[0]).toContain(
      'X-Code: 503\r\nX-Namespace: default\r\nX-Ingress-Name: web\r\nX-Service-Name: app\r\nX-Service-Port: 80\r\n',
    );
  });

  it('of a catch-all leave health checks to us, as in ingress-nginx', async () => {
    const upstream = await backend(() => response('catch-all'));
    const proxy = await startProxy({
      ...table([], [group('app', [upstream.port])]),
      hosts: [host('_', [prefixRoute('/', 'app')])],
    });
    open.push(proxy);
    expect((await exchange(proxy.port, 'GET /healthz HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n')).body).toBe('');
    expect((await exchange(proxy.port, 'GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n')).body).toBe('catch-all');
  });

  it('answer health checks where no Ingress names the host', async () => {
    const proxy = await proxyTo([]);
    expect((await exchange(proxy.port, 'GET /healthz HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n')).status).toBe(200);
    expect((await exchange(proxy.port, 'GET /healthz HTTP/1.1\r\nHost: app.example\r\n\r\n')).status).toBe(503);
  });

  it('to names are resolved, in turn, and never to the loopback', async () => {
    const asked: string[] = [];
    const proxy = await startProxy(
      table(
        [host('app.example', [prefixRoute('/', 'app')])],
        [{ ...group('app', []), endpoints: [{ address: 'ext.example', port: 9, dns: true }] }],
      ),
      {},
      (name, done) => {
        asked.push(name);
        setImmediate(() => done(null, ['127.0.0.1', '::1']));
      },
    );
    open.push(proxy);
    expect((await exchange(proxy.port, GET)).status).toBe(502);
    expect(asked).toEqual(['ext.example']);
  });
});

describe('TLS settings', () => {
  it('are those of the moment, with and without SNI, for the certificate of a host and for the default', async () => {
    const exact = certificate('exact', ['app.example']);
    const tls13: Partial<ProxySettings> = { tlsMinVersion: 'TLSv1.3' };
    const proxy = await startProxy(table([host('app.example', [], exact.id)], [], { certificates: [exact] }));
    open.push(proxy);
    const protocol = async (servername: string, maxVersion: 'TLSv1.2' | 'TLSv1.3', ciphers?: string): Promise<string> => {
      const one = await RawClient.connectTls(proxy.httpsPort, {
        servername,
        maxVersion,
        ...(ciphers === undefined ? {} : { ciphers }),
      });
      const socket = one.socket as TLSSocket;
      const negotiated =
        ciphers === undefined ? `${socket.getProtocol()}` : `${socket.getProtocol()} ${socket.getCipher().name}`;
      one.close();
      return negotiated;
    };
    for (const name of ['', 'app.example', 'other.example']) expect(await protocol(name, 'TLSv1.2')).toBe('TLSv1.2');
    proxy.runtime.configure(proxySettings(tls13));
    for (const name of ['', 'app.example', 'other.example']) {
      await expect(protocol(name, 'TLSv1.2')).rejects.toThrow(/protocol version/i);
      expect(await protocol(name, 'TLSv1.3')).toBe('TLSv1.3');
    }
    const chacha = 'ECDHE-ECDSA-CHACHA20-POLY1305';
    const offered = `ECDHE-ECDSA-AES128-GCM-SHA256:${chacha}`;
    proxy.runtime.configure(proxySettings({ tlsCiphers: chacha }));
    for (const name of ['', 'app.example']) expect(await protocol(name, 'TLSv1.2', offered)).toBe(`TLSv1.2 ${chacha}`);
  });
});

describe('requests are counted', () => {
  it('by the labels of their route, and series end with it', async () => {
    const upstream = await backend(() => response('x'));
    const proxy = await proxyTo([upstream.port]);
    const one = await client(proxy.port);
    await one.request(GET);
    await one.request(GET);
    await one.request('INVENTED / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    const labels = {
      namespace: 'default',
      ingress: 'web',
      service: 'app',
      canary: '',
      host: 'app.example',
      path: '/',
      status: '200',
    };
    expect([...proxy.series.values()]).toEqual([
      { ...labels, method: 'GET' },
      { ...labels, method: 'OTHER' },
    ]);
    expect(proxy.requestsOf(0)).toBe(2);
    expect(proxy.requestsOf(1)).toBe(1);
    expect(proxy.counters[REQUESTS]).toBe(3);
    proxy.runtime.apply(table([], []));
    expect(proxy.series.size).toBe(0);
  });
});
