/** TCP ports of this machine. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/**
 * Below every system's range for ports that the system picks itself (Linux from 32768, others from 49152): a port from
 * there, closed again, may be anybody's a moment later - a server of another test file, or a client's own end.
 */
const FIRST = 10_000;
const END = 32_768;

/** A port of 127.0.0.1 that nobody listens on, and that nobody gets who asks for any port. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = randomInt(FIRST, END);
    const server = createServer().listen(port, '127.0.0.1');
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error(`no free port from ${FIRST} to ${END - 1}`);
}

/** Whether somebody accepts there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
