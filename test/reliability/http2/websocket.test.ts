/**
 * WebSocket over HTTP/2: the stream of an extended CONNECT becomes an upgrade over HTTP/1.1, whose ends and failures are others. What comes before the backend has
 * agreed must not reach it, and only an agreement opens the tunnel. Source: RFC 8441; RFC 6455 §4; Pingora CVE-2026-2833 (R33); reliability reference C17.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ClientHttp2Stream } from 'node:http2';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Http2Client, responseOf } from '../../support/http2/stage.ts';
import { group, host, prefixRoute, response, table, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

/** RFC 6455 §4.2.2. */
function switching(head: string): string {
  const key = /^sec-websocket-key: (.*)\r$/im.exec(head)![1]!;
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\n`;
}

/** Switches, and lets `use` have the connection; echoes unless told otherwise. */
function backendWith(use: (socket: net.Socket) => void = echo): Promise<RawBackend> {
  return stage.backend((head, socket) => {
    socket.removeAllListeners('data').removeAllListeners('end');
    socket.write(switching(head));
    use(socket);
    return null;
  });
}

function echo(socket: net.Socket): void {
  socket.on('data', (bytes) => socket.write(bytes));
  socket.on('end', () => socket.end());
}

async function clientOf(proxy: TestProxy): Promise<Http2Client> {
  const client = stage.opened(new Http2Client(proxy.httpsPort));
  await new Promise((resolve) => client.session.once('remoteSettings', resolve));
  return client;
}

function connect(client: Http2Client, fields: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
  const stream = client.open({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/ws',
    'sec-websocket-version': '13',
    ...fields,
  });
  stream.on('error', () => undefined);
  return stream;
}

async function statusOf(stream: ClientHttp2Stream): Promise<number> {
  return new Promise((resolve) => stream.once('response', (fields) => resolve(Number(fields[':status']))));
}

/** All that comes, as it comes. */
function collect(stream: ClientHttp2Stream): { text: string; ended: boolean } {
  const got = { text: '', ended: false };
  stream.on('data', (bytes: Buffer) => (got.text += bytes.toString('latin1')));
  stream.on('end', () => (got.ended = true));
  return got;
}

describe('C17: a WebSocket over HTTP/2', () => {
  it('is an upgrade to the backend, with a key of ours, and 200 to the client', async () => {
    const backend = await backendWith();
    const client = await clientOf(await stage.proxyTo([backend.port]));
    const stream = connect(client, {
      'sec-websocket-key': 'client',
      'sec-websocket-protocol': 'chat',
      origin: 'https://app.example',
    });
    const fields = await new Promise<Record<string, unknown>>((resolve) => stream.once('response', resolve));
    expect(fields).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    for (const name of ['upgrade', 'connection', 'sec-websocket-accept']) expect(fields).not.toHaveProperty(name);
    const [head = ''] = backend.received;
    expect(head).toMatch(/^GET \/ws HTTP\/1\.1\r\nHost: app\.example\r\n/);
    for (const line of [
      'Upgrade: websocket',
      'Connection: upgrade',
      'sec-websocket-version: 13',
      'origin: https://app.example',
    ])
      expect(head).toContain(`${line}\r\n`);
    expect(head.match(/^sec-websocket-key:.*/gim)).toHaveLength(1);
    expect(head).not.toContain('client');
    const got = collect(stream);
    stream.write('hello');
    await eventually(() => got.text === 'hello');
    stream.end();
    await eventually(() => got.ended);
  });

  it('carries megabytes both ways at once, to the last byte the same, and each end', async () => {
    const size = 3_000_000;
    const [up, down] = [randomBytes(size), randomBytes(size)];
    const hash = createHash('sha256');
    let arrived = '';
    const backend = await backendWith((socket) => {
      socket.on('data', (bytes) => hash.update(bytes));
      socket.on('end', () => (arrived = hash.digest('hex')));
      socket.end(down);
    });
    const stream = connect(await clientOf(await stage.proxyTo([backend.port])));
    stream.end(up);
    const { body, code } = await responseOf(stream);
    expect([body.length, body.equals(down), code]).toEqual([size, true, 0]);
    await eventually(() => arrived === createHash('sha256').update(up).digest('hex'));
  });

  it('whose client has ended goes on the other way, and the other way round', async () => {
    let ended: net.Socket | null = null;
    const backend = await backendWith((socket) => {
      socket.on('data', (bytes) => socket.write(bytes));
      socket.on('end', () => (ended = socket));
    });
    const client = await clientOf(await stage.proxyTo([backend.port]));
    const stream = connect(client);
    await statusOf(stream);
    const got = collect(stream);
    stream.end('last words');
    const socket = await eventually(() => ended ?? undefined);
    await eventually(() => got.text === 'last words');
    expect(got.ended).toBe(false);
    socket.end(', answered');
    await eventually(() => got.ended);
    expect(got.text).toBe('last words, answered');
  });

  it('R33: sends nothing on before the backend has agreed', async () => {
    let agree: (() => void) | null = null;
    const backend = await stage.backend((head, socket) => {
      agree = () => socket.write(switching(head));
      return null;
    });
    const client = await clientOf(await stage.proxyTo([backend.port]));
    const stream = connect(client);
    stream.write('GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n');
    const go = await eventually(() => agree ?? undefined);
    // Answered, so everything before it was handled.
    await client.request({ ':authority': 'nobody.example' });
    expect(backend.received[0]).not.toContain('smuggled');
    go();
    await statusOf(stream);
    await eventually(() => backend.received[0]!.includes('smuggled'));
    stream.close();
  });

  it.for([
    ['refuses', 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', 403],
    ['answers as if it were a page', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', null],
    [
      'switches without our key',
      'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
      null,
    ],
    ['switches without any', 'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n', null],
  ] as const)('a backend that %s opens no tunnel', async ([, bytes, status]) => {
    const backend = await stage.backend(() => bytes);
    const proxy = await stage.proxyTo([backend.port]);
    const client = await clientOf(proxy);
    const stream = connect(client);
    const { headers, code } = await responseOf(stream);
    if (status === null) expect([headers[':status'] ?? 502, code > 0]).toEqual([502, headers[':status'] === undefined]);
    else expect(headers[':status']).toBe(status);
    await eventually(() => proxy.runtime.census().streams === 0);
  });

  it('whose client resets it ends at the backend, and the other way round', async () => {
    let closed = 0;
    const sockets: net.Socket[] = [];
    const backend = await backendWith((socket) => {
      sockets.push(socket);
      socket.resume();
      socket.on('close', () => closed++);
      socket.on('error', () => undefined);
    });
    const proxy = await stage.proxyTo([backend.port]);
    const client = await clientOf(proxy);
    const first = connect(client);
    await statusOf(first);
    first.close(8);
    await eventually(() => proxy.runtime.census().upstreams === 0);
    const second = connect(client);
    await statusOf(second);
    const done = responseOf(second);
    sockets[1]!.resetAndDestroy();
    expect((await done).code).not.toBe(0);
  });

  it('whose backend was slow for a while goes on as long as it likes', async () => {
    let slow: net.Socket | null = null;
    const backend = await stage.backend((head, socket) => {
      if (!head.startsWith('GET /ws')) return head.startsWith('GET') ? response('ok') : null;
      socket.removeAllListeners('data').removeAllListeners('end');
      socket.write(switching(head));
      slow = socket.pause();
      return null;
    });
    const proxy = await stage.proxyTo([backend.port], { clientBodyTimeout: 100 });
    const client = await clientOf(proxy);
    const stream = connect(client);
    await statusOf(stream);
    const got = collect(stream);
    const size = 10_000_000;
    stream.write(Buffer.alloc(size));
    let window = -1;
    await eventually(async () => {
      const before = window;
      window = stream.state.localWindowSize ?? 0;
      for (let i = 0; i < 20; i++) await client.request();
      return before === window;
    });
    let arrived = 0;
    slow!.on('data', (bytes: Buffer) => {
      arrived += bytes.length;
      if (arrived > size) slow!.write(bytes);
    });
    slow!.resume();
    await eventually(() => arrived === size);
    // An upload that begins only now is cut before this is looked at again.
    const upload = client.open({ ':method': 'POST' });
    upload.write('part');
    expect((await responseOf(upload)).headers[':status']).toBe(408);
    stream.write('still there');
    await eventually(() => got.text === 'still there');
    stream.close();
  });

  it('that is idle is closed', async () => {
    const backend = await backendWith();
    const proxy = await stage.proxyTo([backend.port], { upstreamReadTimeout: 300 });
    const client = await clientOf(proxy);
    const stream = connect(client);
    await statusOf(stream);
    await responseOf(stream);
    await eventually(() => proxy.runtime.census().upstreams === 0);
  });

  it('and one over HTTP/1.1 survive 100 changes of their routes', async () => {
    const backend = await backendWith();
    const proxy = await stage.proxyTo([backend.port]);
    const client = await clientOf(proxy);
    const stream = connect(client);
    await statusOf(stream);
    const http2 = collect(stream);
    const http1 = await stage.client(proxy.port);
    http1.send(
      'GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n',
    );
    await http1.until(() => http1.buffer.includes('\r\n\r\n'));
    http1.buffer = '';
    let expected = '';
    for (let change = 0; change < 100; change++) {
      // Another route, another Service, and for every third change the host is gone.
      const hosts =
        change % 3 === 0 ? [] : [host('app.example', [prefixRoute(`/${change}`, 'other'), prefixRoute('/', 'app')])];
      proxy.runtime.apply(table(hosts, [group('app', [backend.port]), group('other', [backend.port])]));
      stream.write(`${change} `);
      http1.send(`${change} `);
      expected += `${change} `;
      await eventually(() => http2.text === expected && http1.buffer === expected);
    }
    stream.end();
    http1.socket.end();
    await eventually(() => http2.ended && http1.ended);
  });
});
