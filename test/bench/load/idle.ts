/**
 * Connections that each made one request and then stay. Prints READY when all are there, and ends with an error as soon as one
 * is closed.
 */
import net from 'node:net';
import { clientOptions } from './clients.ts';
import { responseLength } from './response.ts';

/** What to do. */
export interface IdleOptions {
  readonly port: number;
  readonly request: string;
  readonly connections: number;
}

/** Opened at the same time: fewer than any listener's backlog. */
const AT_ONCE = 100;

const { port, request, connections } = clientOptions() as IdleOptions;
let opened = 0;

function open(): Promise<void> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0);
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    socket.write(request, 'latin1');
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (responseLength(received) === received.length) resolve();
    });
    socket.on('close', () => {
      throw new Error(`connection closed, of ${opened}`);
    });
  });
}

await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (opened < connections) {
      opened++;
      await open();
    }
  }),
);
process.stdout.write('READY\n');
