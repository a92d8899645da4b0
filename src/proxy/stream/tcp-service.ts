/** A TCP port of ours whose connections go to a Service. */
import net from 'node:net';
import type { Stream } from '../../model/table.ts';
import { addresses, readProxied } from '../listener/accept.ts';
import { listen } from '../listener/bind.ts';
import { proxyHeaderText, type ProxyHeader } from '../listener/proxy-protocol.ts';
import type { StreamContext } from './context.ts';
import { splice } from './splice.ts';

export class TcpService {
  readonly #context: StreamContext;
  #stream: Stream;
  #server: net.Server | null = null;

  constructor(stream: Stream, context: StreamContext) {
    this.#stream = stream;
    this.#context = context;
  }

  /** From the next connection on. The listener stays: closing one resets what waits in its queue. */
  change(stream: Stream): void {
    this.#stream = stream;
  }

  /** Does nothing when it listens already. Rejects with the system's error. */
  async listen(address: string): Promise<void> {
    if (this.#server !== null) return;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      if (!this.#context.admits(socket)) return;
      if (this.#stream.decodeProxy) readProxied(socket, this.#context, (proxied) => this.#splice(socket, proxied));
      else this.#splice(socket, null);
    });
    this.#server = server;
    try {
      await listen(server, address, this.#stream.port);
    } catch (error) {
      this.#server = null;
      throw error;
    }
    // An accept that fails (EMFILE) must not end the worker.
    server.on('error', () => undefined);
  }

  /** Open connections go on. */
  close(): void {
    this.#server?.close();
  }

  #splice(socket: net.Socket, proxied: ProxyHeader | null): void {
    const { group, encodeProxy } = this.#stream;
    const { source, destination } = addresses(socket, proxied);
    const header = encodeProxy ? proxyHeaderText(source, destination) : '';
    splice(socket, source.address, this.#context.group(group), header, this.#context);
  }
}
