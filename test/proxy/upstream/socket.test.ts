/** A socket whose write meets a reset still reads what came before it. */
import { once } from 'node:events';
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { UpstreamSocket } from '../../../src/proxy/upstream/socket.ts';
import { eventually } from '../../support/eventually.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

interface Meeting {
  readonly socket: UpstreamSocket;
  readonly server: net.Socket;
  readonly read: () => number;
  readonly errors: NodeJS.ErrnoException[];
}

/** A socket that is paused or not, whose peer has sent so many bytes and then reset. Nothing of that was read yet. */
async function meetReset(size: number, paused: boolean): Promise<Meeting> {
  const backend = await stage.backend(() => null);
  let read = 0;
  const errors: NodeJS.ErrnoException[] = [];
  const options = {
    port: backend.port,
    host: '127.0.0.1',
    allowHalfOpen: true,
    onread: {
      buffer: Buffer.alloc(1000),
      callback: (length: number) => {
        read += length;
        return true;
      },
    },
  };
  const socket = new UpstreamSocket(options).connect(options);
  stage.opened({ close: () => void socket.destroy() });
  socket.on('error', (error) => errors.push(error));
  await once(socket, 'connect');
  socket.pause();
  const server = await eventually(() => backend.sockets[0]);
  if (size > 0) await new Promise((resolve) => server.write(Buffer.alloc(size), resolve));
  server.resetAndDestroy();
  await once(server, 'close');
  if (!paused) socket.resume();
  return { socket, server, read: () => read, errors };
}

function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

describe('a write that meets a reset', () => {
  it.each([0, 1, 1000, 100_000])('is an error after the %i bytes that came before it', async (size) => {
    const { socket, read, errors } = await meetReset(size, false);
    socket.write('x');
    expect(socket.destroyed).toBe(false);
    await closed(socket);
    expect([read(), errors.map(({ syscall }) => syscall)]).toEqual([size, ['write']]);
  });

  it('waits while nothing may be read, and then reads all', async () => {
    const { socket, read, errors } = await meetReset(100_000, true);
    socket.write('x');
    // Further writes fail too, and change nothing.
    await new Promise(setImmediate);
    socket.write('y');
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    expect([socket.destroyed, read(), errors]).toEqual([false, 0, []]);
    socket.resume();
    await closed(socket);
    expect([read(), errors.length]).toEqual([100_000, 1]);
  });

  it('and a socket that is given up meanwhile is closed at once', async () => {
    const { socket, read, errors } = await meetReset(1000, true);
    socket.write('x');
    await new Promise(setImmediate);
    socket.destroy();
    expect(socket.destroyed).toBe(true);
    await closed(socket);
    expect([read(), errors]).toEqual([0, []]);
  });
});

it('a connection that is refused is an error at once', async () => {
  const backend = await stage.backend(() => null);
  await backend.close();
  const socket = new UpstreamSocket({ allowHalfOpen: true }).connect({ port: backend.port, host: '127.0.0.1' });
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
  expect([error.syscall, socket.destroyed]).toEqual(['connect', true]);
});
