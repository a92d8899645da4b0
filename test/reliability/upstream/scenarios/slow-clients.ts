/** C13: clients that take a response without an end slowly, or not at all. */
import { eventually } from '../../../support/eventually.ts';
import { collectGarbage } from '../../../support/garbage.ts';
import { proxySettings } from '../../../support/proxy.ts';
import type { RawClient } from '../../../support/raw-client.ts';
import type { Stage } from '../../../support/stage.ts';

/** Bytes of buffers that a client which does not read may cost. */
const MOST_PER_CLIENT = 512 << 10;

export interface SlowClientsResult {
  /** The clients cost no more each, all buffers of the test included. */
  readonly bounded: boolean;
  /** Clients that were still connected when each had waited too long. */
  readonly left: number;
  /** A client that reads was served meanwhile. */
  readonly served: boolean;
}

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

/** Bytes of buffers in use. */
function buffersHeld(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

export async function slowClients(stage: Stage, count: number): Promise<SlowClientsResult> {
  const block = Buffer.alloc(1 << 16);
  const endless = await stage.backend((head, socket) => {
    if (head.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n';
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    const pump = (): void => {
      while (!socket.destroyed && socket.write('10000\r\n') && socket.write(block) && socket.write('\r\n'));
    };
    socket.on('drain', pump);
    pump();
    return null;
  });
  const proxy = await stage.proxyTo([endless.port], { clientSendTimeout: 600_000 });
  const before = buffersHeld();
  const clients: RawClient[] = [];
  for (let i = 0; i < count; i++) {
    const client = await stage.client(proxy.port);
    client.socket.pause();
    client.send(GET);
    clients.push(client);
  }
  // Until the upstreams are stopped: what they have written is in the buffers of sockets, and no more is added.
  await eventually(() => endless.sockets.length === count);
  let written = -1;
  let still = 0;
  await eventually(() => {
    const now = endless.sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0);
    still = now === written ? still + 1 : 0;
    written = now;
    return still === 20;
  }, 60_000);
  // What is free again is known a little later: a thread of V8's own frees it.
  const bounded = await eventually(() => (buffersHeld() - before) / count < MOST_PER_CLIENT).catch(() => false);
  const well = await stage.client(proxy.port);
  const { status } = await well.request('HEAD / HTTP/1.1\r\nHost: app.example\r\n\r\n');
  well.close();
  // From now on the wait has an end. Each takes a little, is served on, and then takes nothing more.
  proxy.runtime.configure(proxySettings({ clientSendTimeout: 100 }));
  for (const client of clients) {
    client.socket.once('data', () => client.socket.pause());
    client.socket.resume();
  }
  await eventually(() => proxy.runtime.connections.size === 0, 60_000).catch(() => undefined);
  return { bounded, left: proxy.runtime.connections.size, served: status === 200 };
}
