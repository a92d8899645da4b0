/** One HTTP/1.1 connection to an endpoint: it sends requests one after the other and reads their responses. */
import type net from 'node:net';
import type { Deadlines, Timed } from '../deadlines.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { listenGuarded } from '../guarded.ts';
import { LARGE_PIECE, Output, type Outbox, type Sender, type Sink } from '../outbox.ts';
import type { Idle } from './idle.ts';
import type { EndpointPool } from './pool.ts';
import { ABANDONED, COMPLETE, FAILED, MORE, type ResponseLimits, ResponseReader, SWITCHED } from './response-reader.ts';
import { DISCARDING, type Asked, type ResponseHandler, type UpstreamLimits, type UpstreamStream } from './stream.ts';
import { connectPlain, connectTls } from './transport.ts';

/** What a connection needs of its worker. */
export interface UpstreamContext {
  readonly onBug: (error: unknown) => void;
  readonly deadlines: Deadlines;
  readonly outbox: Outbox;
  readonly limits: () => ResponseLimits;
  readonly connectTimeout: () => number;
  readonly readTimeout: () => number;
  readonly sendTimeout: () => number;
  /** All connections of a worker read into the same memory: what they read is used up before the next read. */
  readonly readBuffer: Buffer;
}

/** Of a response that nobody wants, so much is read to keep the connection. */
const MAX_DISCARDED = 65_536;

type State = 'connecting' | 'idle' | 'busy' | 'tunnel' | 'closed';
export class UpstreamConnection implements UpstreamStream, Timed, Sender {
  readonly pool: EndpointPool;
  /** The IP address it goes to. */
  readonly address: string;
  /** Requests sent, the current one included. */
  requests = 0;
  /** When it was opened, in milliseconds of the worker's deadlines. */
  readonly openedAt: number;
  deadline = Infinity;
  /** Where the request is sent. */
  readonly output: Output;
  /** Its neighbours among the idle connections of the worker. */
  idleBefore: Idle | null = null;
  idleAfter: Idle | null = null;
  readonly #context: UpstreamContext;
  readonly #socket: net.Socket;
  readonly #reader: ResponseReader;
  #state: State = 'connecting';
  #connected = false;
  /** Connected, but TLS is not there yet. */
  #handshaking = false;
  #handler: ResponseHandler | null = null;
  /** Of the request at hand; null: the worker's. */
  #limits: UpstreamLimits | null = null;
  #chunked = false;
  #requestComplete = false;
  #paused = false;
  /** The upstream has sent all it had to say through the tunnel. */
  #tunnelEnded = false;
  /** Bytes sent when the connection became idle: those of the requests before this one. */
  #sentBefore = 0;

  constructor(pool: EndpointPool, context: UpstreamContext, address: string) {
    this.pool = pool;
    this.address = address;
    this.#context = context;
    this.#reader = new ResponseReader(context.limits);
    this.openedAt = context.deadlines.now;
    const options = {
      host: address,
      port: pool.port,
      noDelay: true,
      allowHalfOpen: true,
      autoSelectFamily: false,
    };
    const { tls, http2 } = pool.transport;
    this.#socket =
      tls === null
        ? connectPlain({
            ...options,
            onread: {
              buffer: context.readBuffer,
              callback: (length: number, bytes: Uint8Array) => {
                try {
                  this.#onRead(bytes as Buffer, length);
                } catch (error) {
                  this.onBug(error);
                }
                return !this.#paused;
              },
            },
          })
        : connectTls(options, tls, http2, pool.tlsSession);
    this.output = new Output(this.#socket, this, context.outbox);
    // After what may throw (a port out of range), or nothing would ever take it out again.
    this.deadline = context.deadlines.after(context.connectTimeout());
    context.deadlines.add(this);
    const onFailed = (): void => {
      context.deadlines.tick();
      this.#fail();
    };
    listenGuarded(
      this.#socket,
      {
        ...(tls === null
          ? { connect: () => this.#onConnect() }
          : { connect: () => (this.#handshaking = true), secureConnect: () => this.#onConnect() }),
        ...(tls !== null && { data: (chunk: Buffer) => this.#onRead(chunk, chunk.length) }),
        error: onFailed,
        end: () => this.#onEnd(),
        close: onFailed,
        drain: () => this.#onDrain(),
      },
      (error) => this.onBug(error),
    );
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** The socket has more to write than it takes: `onUpstreamDrain` follows. */
  get blocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get reused(): boolean {
    return this.requests > 1;
  }

  begin(request: Asked, limits: UpstreamLimits | null = null): Sink {
    this.requests++;
    this.#limits = limits;
    if (limits !== null && !this.#connected) this.deadline = this.#context.deadlines.after(limits.upstreamConnectTimeout);
    this.#chunked = request.chunked;
    this.#requestComplete = false;
    this.#reader.begin(request.method === 'HEAD', request.upgrade !== '', limits?.maxResponseHeadSize ?? null, request.closes);
    return this.output;
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    const { output } = this;
    const length = end - start;
    // An empty chunk would end the body.
    if (length === 0) return;
    if (this.#chunked) output.text(`${length.toString(16)}\r\n`);
    if (length > LARGE_PIECE) output.bytes(bytes.subarray(start, end));
    else output.copy(bytes, start, end);
    if (this.#chunked) output.text('\r\n');
  }

  /** From now on the read timeout runs. */
  sendEnd(trailers: string): void {
    if (this.#chunked) this.output.text(`0\r\n${trailers}\r\n`);
    this.#requestComplete = true;
    if (this.#state === 'busy') this.#touch();
  }

  attach(handler: ResponseHandler): void {
    this.#handler = handler;
    this.#reader.attach(handler);
    if (!this.#connected) return;
    this.#state = 'busy';
    this.#touch();
    handler.onConnected();
  }

  /** Stops reading: the downstream is slower. Its own send deadline covers the wait. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
    if (this.#connected) this.deadline = Infinity;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#touch();
    this.#socket.resume();
  }

  tunnelData(bytes: Buffer): void {
    // Any traffic on either side keeps both alive.
    this.#touch();
    this.output.bytes(bytes);
  }

  tunnelEnd(): void {
    this.output.flush();
    this.#socket.end();
  }

  /** Closes without a word. The handler, if any, hears nothing more. */
  destroy(): void {
    this.#release();
    this.#close();
  }

  /** Whoever sends little gets rid of it: the connection is worth more than these bytes. */
  discard(): void {
    if (!this.#requestComplete || this.#reader.remaining > MAX_DISCARDED) return this.destroy();
    this.#handler = DISCARDING;
    this.#reader.attach(DISCARDING);
    this.resume();
  }

  /** An exception nobody expected: this connection and the exchange on it end. */
  onBug(error: unknown): void {
    const handler = this.#handler;
    this.#context.onBug(error);
    this.destroy();
    handler?.onBug();
  }

  expire(): void {
    if (this.#state === 'idle') return this.destroy();
    const error = !this.#connected
      ? ERRORS.connectTimeout
      : this.#requestComplete
        ? ERRORS.upstreamTimeout
        : ERRORS.upstreamSendTimeout;
    this.#failWith(error);
  }

  onBlocked(): void {
    if (this.#state === 'closed') return;
    if (this.#connected) this.deadline = this.#context.deadlines.after(this.#sendTimeout);
    this.#handler?.onUpstreamBlocked();
  }

  /** An event happened: the upstream has its read timeout again. While the client is still sending, its deadline counts. */
  #touch(): void {
    if (this.#paused) this.deadline = Infinity;
    else if (this.#socket.writableNeedDrain) this.deadline = this.#context.deadlines.after(this.#sendTimeout);
    else if (this.#requestComplete)
      this.deadline = this.#context.deadlines.after(this.#limits?.upstreamReadTimeout ?? this.#context.readTimeout());
    else this.deadline = Infinity;
  }

  get #sendTimeout(): number {
    return this.#limits?.upstreamSendTimeout ?? this.#context.sendTimeout();
  }

  #onConnect(): void {
    this.#context.deadlines.tick();
    this.#connected = true;
    if (this.#handler === null) return this.destroy();
    this.#state = 'busy';
    this.#touch();
    this.#handler.onConnected();
  }

  #onDrain(): void {
    if (this.#state === 'closed') return;
    this.#context.deadlines.tick();
    this.#touch();
    this.#handler?.onUpstreamDrain();
  }

  #onRead(bytes: Buffer, length: number): void {
    // Bytes on an idle connection belong to nobody: the next client must not get them (CVE-2026-48931).
    if (this.#state === 'idle' || this.#handler === null) return this.destroy();
    const handler = this.#handler;
    this.#context.deadlines.tick();
    // As bytes on an idle connection: nobody's answer.
    if (this.#unsent) return this.#failWith(ERRORS.upstreamClosed);
    this.#touch();
    if (this.#state === 'tunnel') {
      handler.onTunnelData(bytes, 0, length);
      return;
    }
    const result = this.#reader.read(bytes, length);
    switch (result) {
      case COMPLETE:
        // Whoever has it now: it may have been discarded meanwhile.
        this.#finish(this.#handler ?? handler);
        break;
      case FAILED:
        return this.#failWith(this.#reader.error);
      case SWITCHED: {
        const { rest, restStart, restEnd } = this.#reader;
        this.#state = 'tunnel';
        if (rest !== null && restStart < restEnd) handler.onTunnelData(rest, restStart, restEnd);
        return;
      }
      case MORE:
      case ABANDONED:
    }
  }

  /** Nothing of the request has left, so what comes from the upstream now, it began before: no answer to this. */
  get #unsent(): boolean {
    const { pending, total } = this.output;
    return pending > 0 && total - pending === this.#sentBefore;
  }

  /** The connection was lost before the head of the response was complete. */
  get #lost(): ProxyError {
    return this.#unsent ? ERRORS.upstreamClosed : ERRORS.upstreamReset;
  }

  /** The response is complete: back to the pool, unless something forbids it. */
  #finish(handler: ResponseHandler): void {
    const { persistent, trailers } = this.#reader;
    this.#release();
    // An unfinished request would be taken for the next one.
    if (persistent && this.#requestComplete && this.output.empty && this.#socket.errored === null) {
      this.#state = 'idle';
      this.#sentBefore = this.output.total;
      if (this.#paused) {
        this.#paused = false;
        this.#socket.resume();
      }
      this.pool.release(this);
    } else this.#close();
    handler.onResponseEnd(trailers);
  }

  #onEnd(): void {
    this.#context.deadlines.tick();
    const handler = this.#handler;
    if (handler === null) return this.#close();
    if (!this.#connected) return this.#fail();
    if (this.#state === 'tunnel') {
      this.#tunnelEnded = true;
      return handler.onTunnelEnd();
    }
    if (this.#reader.endsWithConnection) {
      this.#release();
      this.#close();
      return handler.onResponseEnd('');
    }
    this.#failWith(this.#reader.inBody ? ERRORS.responseAborted : this.#lost);
  }

  #fail(): void {
    if (this.#state === 'closed') return;
    if (this.#tunnelEnded) {
      const handler = this.#handler;
      this.destroy();
      return handler?.onResponseEnd('');
    }
    if (!this.#connected) this.#failWith(this.#handshaking ? ERRORS.tlsFailed : ERRORS.connectFailed);
    else this.#failWith(this.#reader.inBody || this.#state === 'tunnel' ? ERRORS.responseAborted : this.#lost);
  }

  #failWith(error: ProxyError): void {
    const handler = this.#handler;
    this.#release();
    this.#close();
    handler?.onUpstreamFailed(error);
  }

  /** The handler and this connection have nothing to do with each other any more. */
  #release(): void {
    this.#handler = null;
    this.#reader.abandon();
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#context.deadlines.delete(this);
    this.pool.forget(this);
    this.#socket.destroy();
  }
}
