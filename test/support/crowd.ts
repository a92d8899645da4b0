/** Many connections at once that do little: what slow and idle clients are made of. */
import net from 'node:net';
import { once } from 'node:events';

export class Crowd {
  readonly sockets: net.Socket[] = [];
  /** Connections the proxy has closed, or never took. */
  closed = 0;
  /** What came back, all connections together. */
  received = 0;

  /** Opens `count` connections, some at a time, as the accept queue takes them. `each` is called with every one that is there. */
  async join(port: number, count: number, each: (socket: net.Socket, index: number) => void = () => undefined): Promise<void> {
    for (let begun = 0; begun < count; begun += 200) {
      const some = Array.from({ length: Math.min(200, count - begun) }, (_, i) => this.#open(port, begun + i, each));
      await Promise.all(some);
    }
  }

  /** Connections that are open. */
  get open(): number {
    return this.sockets.length - this.closed;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async #open(port: number, index: number, each: (socket: net.Socket, index: number) => void): Promise<void> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    this.sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => (this.received += chunk.length));
    socket.on('close', () => this.closed++);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
    if (!socket.destroyed) each(socket, index);
  }
}
