/** C17: an upgraded connection through which random bytes go both ways at once. */
import { createHash, randomBytes } from 'node:crypto';
import type net from 'node:net';
import { once } from 'node:events';
import type { Stage } from '../../../support/stage.ts';

export const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: app.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n';
export const SWITCHING =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: y\r\n\r\n';

/** Both sides: SHA-256 of what was sent and what arrived, in hex. */
export interface TunnelResult {
  readonly up: readonly [sent: string, received: string];
  readonly down: readonly [sent: string, received: string];
}

/** Sends `size` random bytes in pieces of random sizes, as fast as they are taken, then ends its side. Answers their hash. */
async function sendRandom(socket: net.Socket, size: number): Promise<string> {
  const hash = createHash('sha256');
  for (let left = size; left > 0;) {
    const piece = randomBytes(Math.min(left, 1 + (randomBytes(2).readUInt16LE() % 50_000)));
    left -= piece.length;
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

/** The hash of all that comes until the other side ends, after a head if there is one. */
async function receive(socket: net.Socket, afterHead: boolean): Promise<string> {
  const hash = createHash('sha256');
  let head = afterHead ? Buffer.alloc(0) : null;
  socket.on('data', (bytes: Buffer) => {
    if (head === null) return void hash.update(bytes);
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    hash.update(head.subarray(end + 4));
    head = null;
  });
  await once(socket, 'end');
  return hash.digest('hex');
}

/** `size` bytes each way through one upgraded connection. */
export async function tunnel(stage: Stage, size: number): Promise<TunnelResult> {
  const both = (socket: net.Socket, afterHead: boolean): Promise<[string, string]> =>
    Promise.all([sendRandom(socket, size), receive(socket, afterHead)]);
  let upstreamDone: Promise<[string, string]> | null = null;
  const upstream = await stage.backend((_, socket) => {
    socket.removeAllListeners('data').removeAllListeners('end');
    socket.write(SWITCHING);
    upstreamDone = both(socket, false);
    return null;
  });
  const proxy = await stage.proxyTo([upstream.port]);
  const { socket } = await stage.client(proxy.port);
  socket.removeAllListeners('data');
  // Nothing may follow the head before it was answered: it would not be for the upstream, should that refuse.
  socket.write(UPGRADE);
  const answered = once(socket, 'data');
  const received = receive(socket, true);
  await answered;
  const [upSent, downReceived] = [await sendRandom(socket, size), await received];
  const [downSent, upReceived] = await upstreamDone!;
  return { up: [upSent, upReceived], down: [downSent, downReceived] };
}
