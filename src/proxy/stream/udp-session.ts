/** The datagrams of one UDP client, to one endpoint and back. */
import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Timed } from '../deadlines.ts';
import { listenGuarded } from '../guarded.ts';
import type { Target } from '../upstream/group.ts';
import type { StreamContext } from './context.ts';

/** Datagrams that wait until the endpoint's name is resolved and the socket connected. */
const MAX_WAITING = 16;

/** The client's side. */
interface Client {
  /** False: it was dropped. */
  readonly answer: (bytes: Buffer) => boolean;
  readonly onClosed: () => void;
}

export class UdpSession implements Timed {
  deadline: number;
  readonly #address: string;
  readonly #target: Target;
  readonly #context: StreamContext;
  readonly #client: Client;
  readonly #startedAt: number;
  #socket: dgram.Socket | null = null;
  #connected = false;
  #waiting: Buffer[] = [];
  #retired = false;
  #closed = false;
  #requests = 0;
  #responses = 0;
  /** Datagrams given to the kernel of which it has not said yet that it has them. */
  #sending = 0;
  #sent = 0;
  #received = 0;
  #status: 200 | 502 = 200;

  /** `address`: the client's, for the log. */
  constructor(address: string, target: Target, context: StreamContext, client: Client) {
    this.#address = address;
    this.#target = target;
    this.#context = context;
    this.#client = client;
    this.#startedAt = context.deadlines.now;
    this.deadline = context.deadlines.after(context.settings().streamTimeout);
  }

  /** Its endpoint is gone, or the Service is another: the client's next datagram begins a new session. */
  get stale(): boolean {
    return this.#retired || this.#target.pool.users === 0;
  }

  start(): void {
    this.#context.deadlines.add(this);
    const { address, dns } = this.#target.endpoint;
    if (!dns) return this.#connect(address);
    this.#context.resolver.resolve(address, this.#context.settings().upstreamConnectTimeout, (found) => {
      if (this.#closed) return;
      // What calls back, nothing else guards.
      try {
        if (found === null) this.#fail();
        else this.#connect(found);
      } catch (error) {
        this.onBug(error);
      }
    });
  }

  retire(): void {
    this.#retired = true;
  }

  fromClient(bytes: Buffer): void {
    this.#touch();
    this.#requests++;
    this.#received += bytes.length;
    if (this.#connected) return this.#send(bytes);
    if (this.#waiting.length >= MAX_WAITING) this.#context.onDropped();
    else this.#waiting.push(bytes);
  }

  expire(): void {
    this.close();
  }

  onBug(error: unknown): void {
    this.#context.onBug(error);
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting = [];
    this.#context.deadlines.delete(this);
    this.#socket?.close();
    this.#client.onClosed();
    this.#context.onUdpSession({
      address: this.#address,
      startedAt: this.#startedAt,
      status: this.#status,
      sent: this.#sent,
      received: this.#received,
    });
  }

  #connect(address: string): void {
    const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    this.#socket = socket;
    // Connected: the kernel drops what comes from anybody else, and tells when nobody listens there.
    listenGuarded(
      socket,
      { connect: () => this.#onConnect(), error: () => this.#fail(), message: (bytes: Buffer) => this.#onAnswer(bytes) },
      (error) => this.onBug(error),
    );
    socket.connect(this.#target.endpoint.port, address);
  }

  #onConnect(): void {
    if (this.#closed) return;
    this.#connected = true;
    for (const bytes of this.#waiting.splice(0)) this.#send(bytes);
  }

  #send(bytes: Buffer): void {
    const socket = this.#socket!;
    if (socket.getSendQueueSize() > this.#context.settings().maxUdpQueue) return this.#context.onDropped();
    this.#sending++;
    socket.send(bytes, () => {
      this.#sending--;
      this.#endIfAnswered();
    });
  }

  #onAnswer(bytes: Buffer): void {
    if (this.#closed) return;
    this.#context.deadlines.tick();
    this.#touch();
    this.#responses++;
    this.#target.health.answering();
    this.#target.health.succeeded();
    if (this.#client.answer(bytes)) this.#sent += bytes.length;
    this.#endIfAnswered();
  }

  /** nginx's `proxy_responses`: all answers that were to come have come. */
  #endIfAnswered(): void {
    const wanted = this.#context.settings().streamResponses * this.#requests;
    if (this.#sending === 0 && this.#waiting.length === 0 && this.#responses >= wanted) this.close();
  }

  #fail(): void {
    if (this.#closed) return;
    this.#status = 502;
    this.#target.health.failed();
    this.close();
  }

  #touch(): void {
    this.deadline = this.#context.deadlines.after(this.#context.settings().streamTimeout);
  }
}
