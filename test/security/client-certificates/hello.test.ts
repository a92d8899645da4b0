/**
 * R14, R55, R57: where some host asks for client certificates the ClientHello of every client is read before its handshake. It may
 * come byte by byte, in many records, never, or hold what OpenSSL reads otherwise; none of that may let a client past the demand,
 * cost more than its connection, or keep it open for longer than a handshake may take.
 */
import net from 'node:net';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { clientHello } from '../../support/client-hello.ts';
import { eventually } from '../../support/eventually.ts';
import { RawClient } from '../../support/raw-client.ts';
import { ALICE, demands, Scene } from './scene.ts';

const HOSTS = { 'public.example': null, 'mtls.example': { clientAuth: demands() } };

let scene: Scene;
beforeEach(async () => {
  scene = await Scene.start(HOSTS);
});
afterEach(async () => {
  await eventually(() => scene.proxy.runtime.census().connections === 0);
  await scene.close();
});

/** A TLS client whose bytes pass through `rewrite` on their way. */
async function through(name: string, rewrite: (bytes: Buffer) => Buffer[]): Promise<number> {
  const socket = net.connect({ port: scene.proxy.httpsPort, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  let first = true;
  const pipe = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      const pieces = first ? rewrite(chunk) : [chunk];
      first = false;
      const next = (): void => {
        const piece = pieces.shift();
        if (piece === undefined) done();
        else socket.write(piece, () => setImmediate(next));
      };
      next();
    },
  });
  socket.on('data', (chunk) => pipe.push(chunk)).on('end', () => pipe.push(null));
  socket.on('error', () => undefined);
  const client = tls.connect({ socket: pipe, servername: name, cert: ALICE.chain, key: ALICE.key, rejectUnauthorized: false });
  client.write(`GET / HTTP/1.1\r\nHost: ${name.toLowerCase()}\r\nConnection: close\r\n\r\n`);
  let answer = '';
  client.on('data', (chunk) => (answer += chunk.toString('latin1'))).on('error', () => undefined);
  await eventually(() => answer.includes('\r\n\r\n'));
  socket.destroy();
  client.destroy();
  return Number(answer.slice(9, 12));
}

/** The same handshake message in records of `size` bytes. */
function inRecords(hello: Buffer, size: number): Buffer[] {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.concat([hello.subarray(0, 3), Buffer.from([part.length >> 8, part.length & 255]), part]));
  }
  return records;
}

describe('a ClientHello', () => {
  it.each(['mtls.example', 'MTLS.example', 'mtls.EXAMPLE.', 'public.example'])(
    'is read in whatever pieces it comes: %s',
    async (name) => {
      expect(await through(name, (hello) => [hello])).toBe(200);
      expect(await through(name, (hello) => [...hello].map((byte) => Buffer.of(byte)))).toBe(200);
      expect(await through(name, (hello) => inRecords(hello, 50))).toBe(200);
      expect(await through(name, (hello) => [Buffer.concat(inRecords(hello, 7))])).toBe(200);
    },
  );

  it('that never becomes complete, drips, or is none, ends with the deadline at the latest', async () => {
    await scene.close();
    scene = await Scene.start(HOSTS, { tlsHandshakeTimeout: 300 });
    const hello = clientHello([Buffer.from('mtls.example')]);
    const opened: RawClient[] = [];
    for (const part of ['', hello.subarray(0, 20), 'GET / HTTP/1.1\r\n\r\n', Buffer.alloc(100_000, 22)]) {
      const client = await RawClient.connect(scene.proxy.httpsPort);
      opened.push(client);
      client.send(part);
    }
    const dripping = opened[1]!;
    const drip = setInterval(() => dripping.socket.write(hello.subarray(20, 21)), 20);
    try {
      await Promise.all(opened.map((client) => client.closed()));
      await eventually(() => scene.proxy.runtime.census().connections === 0);
    } finally {
      clearInterval(drip);
      for (const client of opened) client.close();
    }
  });

  it('that is cut off leaves nothing behind', async () => {
    const hello = clientHello([Buffer.from('mtls.example')]);
    for (let length = 0; length < hello.length; length += 9) {
      const socket = net.connect(scene.proxy.httpsPort, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(hello.subarray(0, length));
      if (length % 2 === 0) socket.end();
      else socket.resetAndDestroy();
      if (length % 2 === 0) socket.destroySoon();
    }
    await eventually(() => scene.proxy.runtime.census().connections === 0);
    expect((await scene.get('mtls.example', ALICE)).status).toBe(200);
  });
});

it('the bytes that follow a ClientHello at once are not lost', async () => {
  // A TLS 1.3 client may send its first flight in several packets, of which the peek sees what has come.
  for (let i = 0; i < 20; i++) {
    const name = i % 2 === 0 ? 'mtls.example' : 'public.example';
    expect(await through(name, (hello) => [hello.subarray(0, 5 + i), hello.subarray(5 + i)])).toBe(200);
  }
});
