/** Backends that speak TCP and UDP of no particular protocol, and clients that wait for what they expect. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

/** A TCP backend. */
export interface TcpBackend {
  readonly port: number;
  readonly sockets: net.Socket[];
  readonly close: () => Promise<void>;
}

/** Calls `serve` with each connection; half-closed ones stay open. */
export async function tcpBackend(serve: (socket: net.Socket) => void, port = 0): Promise<TcpBackend> {
  const sockets: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Sends everything back, and ends when the client does. `greeting`: said first. */
export function tcpEcho(greeting = '', port = 0): Promise<TcpBackend> {
  return tcpBackend((socket) => {
    if (greeting !== '') socket.write(greeting);
    socket.pipe(socket);
  }, port);
}

/** A UDP backend. */
export interface UdpBackend {
  readonly port: number;
  /** The datagrams that came. */
  readonly received: string[];
  readonly close: () => void;
}

/** Answers each datagram with what `answer` makes of it. */
export async function udpBackend(answer: (text: string) => readonly string[], address = '127.0.0.1'): Promise<UdpBackend> {
  const received: string[] = [];
  const socket = dgram.createSocket('udp4');
  socket.on('message', (bytes, from) => {
    const text = bytes.toString('latin1');
    received.push(text);
    for (const reply of answer(text)) socket.send(reply, from.port, from.address);
  });
  socket.bind(0, address);
  await once(socket, 'listening');
  return { port: socket.address().port, received, close: () => void socket.close() };
}

/** A UDP client with one port of its own. */
export class UdpClient {
  readonly #socket = dgram.createSocket('udp4');
  readonly #answers: string[] = [];
  #wake: () => void = () => undefined;

  private constructor(port: number) {
    this.#socket.on('message', (bytes, from) => {
      // What does not come from the port of the service would not reach a client behind NAT.
      if (from.port === port) this.#answers.push(bytes.toString('latin1'));
      this.#wake();
    });
  }

  static async to(port: number): Promise<UdpClient> {
    const client = new UdpClient(port);
    client.#socket.bind(0, '127.0.0.1');
    await once(client.#socket, 'listening');
    client.#port = port;
    return client;
  }

  #port = 0;

  send(text: string): void {
    this.#socket.send(text, this.#port, '127.0.0.1');
  }

  /** The next answer. */
  async answer(): Promise<string> {
    while (this.#answers.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#answers.shift()!;
  }

  /** Sends until an answer comes: UDP may lose either. */
  async ask(text: string): Promise<string> {
    const again = setInterval(() => this.send(text), 500);
    this.send(text);
    try {
      return await this.answer();
    } finally {
      clearInterval(again);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
