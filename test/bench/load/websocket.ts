/** WebSocket echo: every connection sends its next message when it has the last one back. */
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { clientOptions } from './clients.ts';
import { type LoadResult, percentiles, printResult } from './result.ts';
import { acceptKey, clientFrame, serverFrame } from './websocket-frames.ts';

/** What to do. */
export interface WebSocketOptions {
  readonly port: number;
  readonly host: string;
  readonly connections: number;
  readonly seconds: number;
}

const MESSAGE = Buffer.alloc(32, 'm');

const options = clientOptions() as WebSocketOptions;
const durations: number[] = [];
let errors = 0;
let stopping = false;

async function open(): Promise<net.Socket> {
  const socket = net.connect({ port: options.port, host: '127.0.0.1', noDelay: true });
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET / HTTP/1.1\r\nHost: ${options.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  let head = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    head += (chunk as Buffer).toString('latin1');
    if (head.endsWith('\r\n\r\n')) break;
  }
  const accept = /\r\nsec-websocket-accept: *(\S+)\r\n/i.exec(head)?.[1];
  if (!head.startsWith('HTTP/1.1 101') || accept !== acceptKey(key)) throw new Error(`no WebSocket: ${head}`);
  return socket;
}

/** Sends and receives until it is time; an echo that is not the message is an error. */
function echo(socket: net.Socket): Promise<void> {
  const frame = clientFrame(MESSAGE, randomBytes(4));
  const expected = serverFrame(MESSAGE);
  let pending: Buffer = Buffer.alloc(0);
  let sent = performance.now();
  return new Promise((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      if (pending.length < expected.length) return;
      if (!pending.equals(expected)) {
        socket.destroy(new Error('another message'));
        return;
      }
      pending = Buffer.alloc(0);
      const now = performance.now();
      durations.push(now - sent);
      sent = now;
      if (stopping) socket.destroy();
      else socket.write(frame);
    });
    socket.on('error', () => errors++);
    socket.on('close', () => {
      if (!stopping) errors++;
      resolve();
    });
    socket.write(frame);
  });
}

const sockets = await Promise.all(Array.from({ length: options.connections }, open));
const start = performance.now();
setTimeout(() => (stopping = true), options.seconds * 1000);
await Promise.all(sockets.map(echo));
printResult({
  requests: durations.length,
  seconds: (performance.now() - start) / 1000,
  ...percentiles(Float64Array.from(durations)),
  errors,
} satisfies LoadResult);
