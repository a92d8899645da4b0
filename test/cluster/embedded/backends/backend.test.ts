import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Backend } from '../../../../src/cluster/embedded/backends/backend.ts';
import type { Behaviour } from '../../../../src/cluster/embedded/backends/behaviour.ts';
import { eventually } from '../../../support/eventually.ts';

const backends: Backend[] = [];

async function start(behaviour: Behaviour = {}, ports: readonly number[] = [0]): Promise<Backend> {
  const backend = await Backend.start({ pod: 'web-1', namespace: 'shop', address: '127.0.0.1', ports, behaviour });
  backends.push(backend);
  return backend;
}

afterEach(async () => {
  await Promise.all(backends.splice(0).map((backend) => backend.kill()));
});

interface Answer {
  readonly status: number;
  readonly head: IncomingMessage;
  readonly body: Buffer;
}

function send(backend: Backend, path: string, options: RequestOptions = {}, body?: Buffer[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: backend.address, port: backend.ports[0], path, agent: false, ...options }, (head) => {
      const pieces: Buffer[] = [];
      head.on('data', (piece: Buffer) => pieces.push(piece));
      head.on('error', reject);
      head.on('end', () => resolve({ status: head.statusCode ?? 0, head, body: Buffer.concat(pieces) }));
    });
    request.on('error', reject);
    for (const piece of body ?? []) request.write(piece);
    request.end();
  });
}

function json(answer: Answer): Record<string, unknown> {
  return JSON.parse(answer.body.toString()) as Record<string, unknown>;
}

async function open(
  backend: Backend,
): Promise<{ socket: Socket; text: () => string; bytes: () => Buffer; ended: Promise<unknown> }> {
  const socket = connect({ host: backend.address, port: backend.ports[0] ?? 0, allowHalfOpen: true });
  let received = Buffer.alloc(0);
  socket.on('data', (piece: Buffer) => {
    received = Buffer.concat([received, piece]);
  });
  socket.on('error', () => {});
  const ended = new Promise((resolve) => {
    socket.once('close', resolve);
  });
  socket.on('end', () => socket.end());
  await once(socket, 'connect');
  return { socket, text: () => received.toString('latin1'), bytes: () => received, ended };
}

async function websocket(backend: Backend): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${backend.address}:${backend.ports[0]}/ws`);
  socket.binaryType = 'arraybuffer';
  await once(socket as unknown as EventTarget, 'open');
  return socket;
}

describe('the JSON answer', () => {
  it('describes the request and who answered it', async () => {
    const backend = await start();
    const answer = await send(backend, '/a/b?x=1', { headers: { Host: 'shop.example', 'X-One': 'a', 'X-Two': ['b', 'c'] } });
    expect(answer.status).toBe(200);
    expect(json(answer)).toEqual({
      pod: 'web-1',
      namespace: 'shop',
      ip: '127.0.0.1',
      port: backend.ports[0],
      method: 'GET',
      path: '/a/b?x=1',
      host: 'shop.example',
      httpVersion: '1.1',
      headers: { host: 'shop.example', 'x-one': 'a', 'x-two': ['b', 'c'], connection: 'close' },
      bodyLength: 0,
    });
  });

  it('counts the bytes of a body, announced or chunked, and hashes it on demand', async () => {
    const backend = await start();
    const body = randomBytes(300_000);
    const chunked = await send(backend, '/?hash=1', { method: 'POST' }, [body.subarray(0, 7), body.subarray(7)]);
    const sha256 = createHash('sha256').update(body).digest('hex');
    expect(json(chunked)).toMatchObject({ bodyLength: 300_000, bodySha256: sha256 });
    expect(json(chunked)['headers']).toMatchObject({ 'transfer-encoding': 'chunked' });
    const plain = await send(backend, '/', { method: 'PUT', headers: { 'Content-Length': 300_000 } }, [body]);
    expect(json(plain)).toMatchObject({ method: 'PUT', bodyLength: 300_000 });
  });

  it('listens on every port and says which', async () => {
    const backend = await start({}, [0, 0]);
    const second = await send(backend, '/', { port: backend.ports[1] });
    expect(json(second)['port']).toBe(backend.ports[1]);
    expect(backend.ports[1]).not.toBe(backend.ports[0]);
  });
});

describe('directives', () => {
  it('sets status, headers and Connection: close from query, header or Pod, in that order', async () => {
    const backend = await start({ status: 500 });
    expect((await send(backend, '/')).status).toBe(500);
    const headers = { 'X-Backend-Status': '502', 'X-Backend-Header': 'X-Answer: 42' };
    const byHeader = await send(backend, '/', { headers });
    expect([byHeader.status, byHeader.head.headers['x-answer']]).toEqual([502, '42']);
    const agent = new Agent({ keepAlive: true });
    const byQuery = await send(backend, '/?status=503&close=1', { headers, agent });
    expect([byQuery.status, byQuery.head.headers.connection]).toEqual([503, 'close']);
    agent.destroy();
  });

  it('refuses a value it cannot understand', async () => {
    const backend = await start();
    const answer = await send(backend, '/?status=9&delay=soon');
    expect(answer.status).toBe(400);
    expect(json(answer)['error']).toBe('cannot understand status=9, delay=soon');
  });

  it('streams chunks, sends bodies of a size, and answers 204 without a body', async () => {
    const backend = await start();
    const streamed = await send(backend, '/?stream=10x1024@1ms');
    expect([streamed.body.length, streamed.head.headers['transfer-encoding']]).toEqual([10_240, 'chunked']);
    const sized = await send(backend, '/?size=1000001');
    expect([sized.body.length, sized.head.headers['content-length']]).toEqual([1_000_001, '1000001']);
    expect(sized.body.subarray(-4).toString()).toBe('def0');
    const none = await send(backend, '/?status=204');
    expect([none.status, none.body.length, none.head.headers['content-length']]).toEqual([204, 0, undefined]);
  });

  it('echoes a body with its type and sends trailers', async () => {
    const backend = await start();
    const body = randomBytes(200_000);
    const headers = { 'Content-Type': 'image/png' };
    const answer = await send(backend, '/?echo=1&trailer=X-Sum:7', { method: 'POST', headers }, [body]);
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.head.headers['content-type']).toBe('image/png');
    expect(answer.head.trailers).toEqual({ 'x-sum': '7' });
  });

  it('resets before the head or in the body', async () => {
    const backend = await start();
    await expect(send(backend, '/?reset=before-head')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(send(backend, '/?reset=in-body')).rejects.toMatchObject({ code: 'ECONNRESET' });
    const raw = await open(backend);
    raw.socket.write('GET /?size=1000&reset=in-body HTTP/1.1\r\nHost: a\r\n\r\n');
    await raw.ended;
    expect(raw.text()).toContain('Content-Length: 1000');
    expect(raw.text()).toContain('0123456789abcdef');
  });

  it('answers early, sends 103, and refuses a body that asked for leave', async () => {
    const backend = await start();
    const raw = await open(backend);
    raw.socket.write('POST /?early=1&hints=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n');
    await eventually(() => raw.text().includes('"bodyLength":0'));
    expect(raw.text()).toMatch(/^HTTP\/1\.1 103 Early Hints\r\n/);
    raw.socket.destroy();
    const expecting = await open(backend);
    expecting.socket.write('POST /?status=413 HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n');
    await expecting.ended;
    expect(expecting.text()).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('upgrades', () => {
  const HANDSHAKE =
    'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';

  it('answers the handshake of RFC 6455 §1.3', async () => {
    const raw = await open(await start());
    raw.socket.write(HANDSHAKE);
    await eventually(() => raw.text().includes('\r\n\r\n'));
    expect(raw.text()).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    raw.socket.destroy();
  });

  it('echoes messages of every length class and the close', async () => {
    const socket = await websocket(await start());
    for (const size of [0, 5, 200, 70_000, 3_000_000]) {
      const message = randomBytes(size);
      socket.send(message);
      const [event] = (await once(socket as unknown as EventTarget, 'message')) as [MessageEvent];
      expect(Buffer.from(event.data as ArrayBuffer).equals(message)).toBe(true);
    }
    socket.close(4001, 'bye');
    const [closed] = (await once(socket as unknown as EventTarget, 'close')) as [CloseEvent];
    expect([closed.code, closed.reason]).toEqual([4001, 'bye']);
  });

  it('answers a ping, keeps fragments, and closes with 1002 on an unmasked frame', async () => {
    const raw = await open(await start());
    const zeroMask = [0, 0, 0, 0];
    raw.socket.write(HANDSHAKE);
    await eventually(() => raw.text().includes('\r\n\r\n'));
    const from = raw.bytes().length;
    // Text without FIN, ping between the fragments, the final continuation, then a frame without a mask.
    raw.socket.write(Buffer.from([0x01, 0x81, ...zeroMask, 0x61, 0x89, 0x81, ...zeroMask, 0x70]));
    raw.socket.write(Buffer.from([0x80, 0x81, 1, 0, 0, 0, 0x63, 0x81, 0x01, 0x61]));
    await raw.ended;
    expect([...raw.bytes().subarray(from)]).toEqual([0x01, 1, 0x61, 0x8a, 1, 0x70, 0x80, 1, 0x62, 0x88, 2, 0x03, 0xea]);
  });

  it('echoes raw bytes after Upgrade: echo, half-close included', async () => {
    const raw = await open(await start());
    raw.socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst ');
    raw.socket.end('second');
    await raw.ended;
    expect(raw.text().split('\r\n\r\n')[1]).toBe('first second');
  });

  it('takes an upgrade it does not know as a plain request', async () => {
    const answer = await send(await start(), '/', { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } });
    expect(json(answer)['headers']).toMatchObject({ upgrade: 'h2c' });
  });
});

describe('termination', () => {
  it('serves on during the drain delay, saying Connection: close, until it is killed', async () => {
    const backend = await start();
    const agent = new Agent({ keepAlive: true });
    const done = backend.terminate({ drainDelayMs: 1e9, graceMs: 1e9 });
    for (let i = 0; i < 20; i += 1) {
      const answer = await send(backend, '/', { agent });
      expect([answer.status, answer.head.headers.connection]).toEqual([200, 'close']);
    }
    await backend.kill();
    await done;
    await expect(send(backend, '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    agent.destroy();
  });

  it('finishes what is in flight, closes idle connections, and is gone', async () => {
    const backend = await start();
    const [idle, fresh, busy] = [await open(backend), await open(backend), await open(backend)];
    idle.socket.write('GET /idle HTTP/1.1\r\nHost: a\r\n\r\n');
    busy.socket.write('POST /?echo=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc');
    await eventually(() => idle.text().includes('/idle') && busy.text().includes('abc'));
    const done = backend.terminate({ drainDelayMs: 0, graceMs: 1e9 });
    await Promise.all([idle.ended, fresh.ended]);
    busy.socket.write('def');
    await Promise.all([busy.ended, done]);
    expect(busy.text()).toMatch(/abcdef$/);
  });

  it('tells WebSockets with 1001 that it goes away', async () => {
    const backend = await start();
    const socket = await websocket(backend);
    const closed = once(socket as unknown as EventTarget, 'close') as Promise<[CloseEvent]>;
    await backend.terminate({ drainDelayMs: 0, graceMs: 1e9 });
    expect((await closed)[0].code).toBe(1001);
  });

  it('cuts off what is left when the grace is over', async () => {
    const backend = await start();
    const stuck = await open(backend);
    stuck.socket.write('GET /?delay=1000s HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => backend.requests === 1);
    await backend.terminate({ drainDelayMs: 0, graceMs: 1 });
    await stuck.ended;
    expect(stuck.text()).toBe('');
  });

  it('holds no port when one of several cannot be had', async () => {
    const first = await start();
    const taken = first.ports[0] ?? 0;
    const probe = await start();
    const free = probe.ports[0] ?? 0;
    await probe.kill();
    await expect(start({}, [free, taken])).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect((await start({}, [free])).ports).toEqual([free]);
  });
});
