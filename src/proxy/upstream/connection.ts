/** One HTTP/1.1 connection to an endpoint: it sends requests one after the other and reads their responses. */
import net from 'node:net';
import type { Deadlines, Timed } from '../deadlines.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { BODY_END, ChunkedReader, HAVE_DATA, MALFORMED } from '../http1/chunked.ts';
import { parseResponseHead, ResponseHead, type ResponseHeadLimits } from '../http1/response-head.ts';
import type { EndpointPool } from './pool.ts';

/** Interim responses (1xx) to one request; more are a flood. */
const MAX_INTERIM = 10;

/** Who uses a connection: gets the response to its request, or the failure. */
export interface ResponseHandler {
  /** The connection is established. Called at once for a reused one. */
  readonly onConnected: () => void;
  /** A 1xx other than 100 and 101. */
  readonly onInterim: (head: ResponseHead) => void;
  readonly onResponseHead: (head: ResponseHead) => void;
  /** Response body bytes, valid only during the call. */
  readonly onResponseData: (bytes: Buffer, start: number, end: number) => void;
  /** The response is complete; the connection is no longer the caller's. `trailers`: lines with CRLF. */
  readonly onResponseEnd: (trailers: string) => void;
  /** All that one read brought was delivered: time to write it out. */
  readonly onFlush: () => void;
  /** The connection is gone, and with it the response. */
  readonly onUpstreamFailed: (error: ProxyError) => void;
  /** The upstream takes more of the request again. */
  readonly onUpstreamDrain: () => void;
  /** Bytes of an upgraded connection, valid only during the call. */
  readonly onTunnelData: (bytes: Buffer, start: number, end: number) => void;
  readonly onTunnelEnd: () => void;
}

/** What a connection needs of its worker. */
export interface UpstreamContext {
  readonly deadlines: Deadlines;
  readonly limits: () => ResponseHeadLimits;
  readonly connectTimeout: () => number;
  readonly readTimeout: () => number;
  readonly sendTimeout: () => number;
  /** All connections of a worker read into the same memory: what they read is used up before the next read. */
  readonly readBuffer: Buffer;
}

type State = 'connecting' | 'idle' | 'head' | 'body' | 'tunnel' | 'closed';
type Framing = 'none' | 'length' | 'chunked' | 'close';

export class UpstreamConnection implements Timed {
  readonly pool: EndpointPool;
  /** The IP address it goes to. */
  readonly address: string;
  readonly head = new ResponseHead();
  /** Requests sent, the current one included. */
  requests = 0;
  /** When it was opened, in milliseconds of the worker's deadlines. */
  readonly openedAt: number;
  deadline = Infinity;
  readonly #context: UpstreamContext;
  readonly #socket: net.Socket;
  readonly #chunks = new ChunkedReader();
  #state: State = 'connecting';
  #connected = false;
  #handler: ResponseHandler | null = null;
  /** The request in flight is a HEAD: its response has no body. */
  #headRequest = false;
  #wantsUpgrade = false;
  #framing: Framing = 'none';
  #remaining = 0;
  #interim = 0;
  /** Bytes of a head that came in pieces. */
  #partial: Buffer | null = null;
  /** A 204 that announces a body: what follows cannot be told from the next response. */
  #bodyForbidden = false;
  #requestComplete = false;
  #paused = false;

  constructor(pool: EndpointPool, context: UpstreamContext, address: string) {
    this.pool = pool;
    this.address = address;
    this.#context = context;
    this.openedAt = context.deadlines.now;
    this.deadline = context.deadlines.after(context.connectTimeout());
    context.deadlines.add(this);
    this.#socket = net.connect({
      host: address,
      port: pool.port,
      noDelay: true,
      allowHalfOpen: true,
      autoSelectFamily: false,
      onread: {
        buffer: context.readBuffer,
        callback: (length: number, bytes: Uint8Array) => {
          this.#onRead(bytes as Buffer, length);
          return !this.#paused;
        },
      },
    });
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('error', () => this.#fail());
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('close', () => this.#fail());
    this.#socket.on('drain', () => this.#onDrain());
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

  /** The endpoint as `address:port`, for logs. */
  get remote(): string {
    return this.pool.label;
  }

  /** Takes the connection for one exchange. */
  attach(handler: ResponseHandler, options: { headRequest: boolean; wantsUpgrade: boolean; requestComplete: boolean }): void {
    this.requests++;
    this.#handler = handler;
    this.#headRequest = options.headRequest;
    this.#wantsUpgrade = options.wantsUpgrade;
    this.#requestComplete = options.requestComplete;
    this.#interim = 0;
    if (!this.#connected) return;
    this.#state = 'head';
    this.#touch();
    handler.onConnected();
  }

  /** Sends text (Latin-1). Returns false when the socket wants to drain first. */
  writeText(text: string): boolean {
    return this.#wrote(this.#socket.write(text, 'latin1'));
  }

  /** Sends bytes, which must not change afterwards. */
  writeBytes(bytes: Buffer): boolean {
    return this.#wrote(this.#socket.write(bytes));
  }

  /** The request was sent whole: from now on the read timeout runs. */
  requestSent(): void {
    this.#requestComplete = true;
    if (this.#connected) this.#touch();
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

  /** Half-closes an upgraded connection. */
  end(): void {
    this.#socket.end();
  }

  /** Tunnel: any traffic on either side keeps both alive. */
  touch(): void {
    this.#touch();
  }

  /** Closes without a word. The handler, if any, hears nothing more. */
  destroy(): void {
    this.#handler = null;
    this.#close();
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

  #wrote(flushed: boolean): boolean {
    if (!flushed && this.#connected) this.deadline = this.#context.deadlines.after(this.#context.sendTimeout());
    return flushed;
  }

  /** An event happened: the upstream has its read timeout again. While the client is still sending, its deadline counts. */
  #touch(): void {
    if (this.#paused) this.deadline = Infinity;
    else if (this.#socket.writableNeedDrain) this.deadline = this.#context.deadlines.after(this.#context.sendTimeout());
    else if (this.#requestComplete) this.deadline = this.#context.deadlines.after(this.#context.readTimeout());
    else this.deadline = Infinity;
  }

  #onConnect(): void {
    this.#connected = true;
    if (this.#handler === null) return this.destroy();
    this.#state = 'head';
    this.#touch();
    this.#handler.onConnected();
  }

  #onDrain(): void {
    if (this.#state === 'closed') return;
    this.#touch();
    this.#handler?.onUpstreamDrain();
  }

  #onRead(bytes: Buffer, length: number): void {
    // Bytes on an idle connection belong to nobody: the next client must not get them (CVE-2026-48931).
    if (this.#state === 'idle' || this.#handler === null) return this.destroy();
    const handler = this.#handler;
    this.#touch();
    if (this.#state === 'tunnel') {
      handler.onTunnelData(bytes, 0, length);
      return;
    }
    this.#read(bytes, length, handler);
    handler.onFlush();
  }

  #read(bytes: Buffer, length: number, handler: ResponseHandler): void {
    let at = 0;
    let end = length;
    let source = bytes;
    while (this.#state === 'head') {
      if (this.#partial !== null) {
        source = Buffer.concat([this.#partial, source.subarray(at, end)]);
        at = 0;
        end = source.length;
        this.#partial = null;
      }
      const next = parseResponseHead(source, at, end, this.head, this.#context.limits());
      if (next < 0) return this.#failWith(this.head.tooLarge ? ERRORS.responseHeadTooLarge : ERRORS.badResponse);
      if (next === 0) {
        // Copied: the buffer is shared by all connections.
        if (at < end) this.#partial = Buffer.from(source.subarray(at, end));
        return;
      }
      at = next;
      if (!this.#takeHead(handler)) return;
      if (at === end && this.#state === 'head') return;
    }
    if (this.#state === 'tunnel') {
      if (at < end) handler.onTunnelData(source, at, end);
      return;
    }
    this.#readBody(source, at, end, handler);
  }

  /** Returns false when the connection failed. */
  #takeHead(handler: ResponseHandler): boolean {
    const { head } = this;
    if (head.status < 200) {
      if (head.status === 101) {
        if (!this.#wantsUpgrade) {
          this.#failWith(ERRORS.badResponse);
          return false;
        }
        this.#state = 'tunnel';
        handler.onResponseHead(head);
        return true;
      }
      if (++this.#interim > MAX_INTERIM) {
        this.#failWith(ERRORS.badResponse);
        return false;
      }
      // We have answered Expect ourselves.
      if (head.status !== 100) handler.onInterim(head);
      return true;
    }
    this.#state = 'body';
    this.#remaining = 0;
    this.#bodyForbidden = head.status === 204 && (head.chunked || head.contentLength > 0);
    // RFC 9112 §6.3, in its order.
    if (this.#headRequest || head.status === 204 || head.status === 304) this.#framing = 'none';
    else if (head.chunked) {
      this.#framing = 'chunked';
      this.#chunks.reset();
    } else if (head.contentLength >= 0) {
      this.#framing = 'length';
      this.#remaining = head.contentLength;
    } else this.#framing = 'close';
    handler.onResponseHead(head);
    return this.#handler === handler;
  }

  #readBody(bytes: Buffer, from: number, end: number, handler: ResponseHandler): void {
    let at = from;
    switch (this.#framing) {
      case 'none':
        return this.#finish(handler, '', at < end);
      case 'length': {
        const take = Math.min(end - at, this.#remaining);
        this.#remaining -= take;
        if (take > 0) handler.onResponseData(bytes, at, at + take);
        if (this.#remaining === 0 && this.#handler === handler) this.#finish(handler, '', at + take < end);
        return;
      }
      case 'close':
        if (at < end) handler.onResponseData(bytes, at, end);
        return;
      case 'chunked':
        while (at < end) {
          const result = this.#chunks.read(bytes, at, end);
          at = this.#chunks.at;
          if (result === HAVE_DATA) {
            handler.onResponseData(bytes, this.#chunks.dataStart, this.#chunks.dataEnd);
            if (this.#handler !== handler) return;
          } else if (result === BODY_END) return this.#finish(handler, this.#chunks.trailers, at < end);
          else if (result === MALFORMED) return this.#failWith(ERRORS.badResponse);
          else return;
        }
    }
  }

  /** The response is complete: back to the pool, unless something forbids it. */
  #finish(handler: ResponseHandler, trailers: string, excess: boolean): void {
    this.#handler = null;
    // Unread bytes would be taken for the next response; an unfinished request would be taken for the next one.
    const reusable =
      this.head.keepAlive &&
      !excess &&
      this.#requestComplete &&
      !this.#socket.writableNeedDrain &&
      this.#framing !== 'close' &&
      !this.#bodyForbidden;
    if (reusable) {
      this.#state = 'idle';
      if (this.#paused) {
        this.#paused = false;
        this.#socket.resume();
      }
      this.pool.release(this);
    } else this.#close();
    handler.onResponseEnd(trailers);
  }

  #onEnd(): void {
    const handler = this.#handler;
    if (handler === null) return this.#close();
    if (this.#state === 'tunnel') return handler.onTunnelEnd();
    if (this.#state === 'body' && this.#framing === 'close') {
      this.#handler = null;
      this.#close();
      handler.onResponseEnd('');
      handler.onFlush();
      return;
    }
    this.#failWith(this.#state === 'body' ? ERRORS.responseAborted : ERRORS.upstreamReset);
  }

  #fail(): void {
    if (this.#state === 'closed') return;
    if (!this.#connected) this.#failWith(ERRORS.connectFailed);
    else this.#failWith(this.#state === 'body' || this.#state === 'tunnel' ? ERRORS.responseAborted : ERRORS.upstreamReset);
  }

  #failWith(error: ProxyError): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#close();
    handler?.onUpstreamFailed(error);
  }

  #close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#context.deadlines.delete(this);
    this.pool.forget(this);
    this.#socket.destroy();
  }
}
