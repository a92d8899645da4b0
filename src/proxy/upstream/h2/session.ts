/** One HTTP/2 connection to an endpoint, in clear text (h2c with prior knowledge, RFC 9113 §3.3) or TLS. */
import http2, { type ClientHttp2Session, type ClientSessionOptions } from 'node:http2';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Timed } from '../../deadlines.ts';
import { ERRORS, type ProxyError } from '../../errors.ts';
import { listenGuarded } from '../../guarded.ts';
import type { Idle } from '../idle.ts';
import type { PoolContext } from '../pool.ts';
import { connectPlain, connectTls } from '../transport.ts';
import type { SessionPool } from './pool.ts';
import type { SessionStream } from './stream.ts';

/** Streams that one connection carries at most, whatever its upstream allows: what one connection loses, all of them lose. */
const MAX_STREAMS = 100;
/** What a stream may send us that nobody takes yet, and all streams of a session together. */
const STREAM_WINDOW = 65_535;
const SESSION_WINDOW = 1_048_576;
/** Megabytes that Node keeps for a session before it refuses streams: as many full windows as there can be, twice. */
const SESSION_MEMORY = 16;
/** Beside the fields that are counted as lines of a head: the status. */
const PSEUDO_FIELDS = 1;

type State = 'connecting' | 'handshake' | 'open' | 'leaving' | 'closed';

export class UpstreamSession implements Idle, Timed {
  readonly address: string;
  /** Streams begun. */
  requests = 0;
  /** When it was opened, in milliseconds of the worker's deadlines. */
  readonly openedAt: number;
  deadline: number;
  idleBefore: Idle | null = null;
  idleAfter: Idle | null = null;
  readonly #pool: SessionPool;
  readonly #context: PoolContext;
  readonly #socket: Socket;
  readonly #streams = new Set<SessionStream>();
  #session: ClientHttp2Session | null = null;
  #state: State = 'connecting';
  #ready = false;
  #maxStreams: number;
  /** The last stream that the upstream says it has looked at. */
  #lastProcessed = Infinity;

  constructor(pool: SessionPool, context: PoolContext, address: string) {
    this.#pool = pool;
    this.#context = context;
    this.#maxStreams = Math.min(pool.maxStreams, MAX_STREAMS);
    this.address = address;
    this.openedAt = context.deadlines.now;
    const options = { host: address, port: pool.port, noDelay: true, allowHalfOpen: false, autoSelectFamily: false };
    const { tls } = pool.transport;
    this.#socket = tls === null ? connectPlain(options) : connectTls(options, tls, true, pool.tlsSession);
    // After what may throw, or nothing would ever take it out again.
    this.deadline = context.deadlines.after(context.connectTimeout());
    context.deadlines.add(this);
    const onLost = (): void => this.#onLost();
    listenGuarded(
      this.#socket,
      {
        connect: () => (tls === null ? this.#onConnect() : this.#onHandshake()),
        secureConnect: () => this.#onConnect(),
        error: onLost,
        close: onLost,
      },
      (error) => this.onBug(error),
    );
  }

  /** Its upstream has said what it takes: streams may be opened. */
  get connected(): boolean {
    return this.#ready;
  }

  /** It is gone, or about to be. */
  get lost(): boolean {
    return this.#state === 'closed' || (this.#session !== null && (this.#session.destroyed || this.#session.closed));
  }

  /** It takes another stream. */
  get takes(): boolean {
    return this.#state !== 'leaving' && this.#streams.size < this.#maxStreams && !this.lost;
  }

  get secure(): boolean {
    return this.#pool.transport.tls !== null;
  }

  /** The upstream said, in a GOAWAY, that it has not looked at this stream (RFC 9113 §6.8). */
  ignored(streamId: number | undefined): boolean {
    return streamId !== undefined && streamId > this.#lastProcessed;
  }

  /** A request begins. `connectTimeout`: of its route, where that is another. Returns how many there have been, this one included. */
  add(stream: SessionStream, connectTimeout: number | null = null): number {
    this.#streams.add(stream);
    this.#pool.idle.delete(this);
    if (this.connected) this.deadline = Infinity;
    else if (connectTimeout !== null && this.requests === 0) this.deadline = this.#context.deadlines.after(connectTimeout);
    return ++this.requests;
  }

  /** Opens a stream on the wire. Throws when Node does not take the fields. */
  request(fields: string[], options: { endStream: boolean; waitForTrailers: boolean }): http2.ClientHttp2Stream {
    return this.#session!.request(fields, options);
  }

  /** A request is over. */
  delete(stream: SessionStream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0 || this.#state === 'closed') return;
    if (this.#state === 'open' && this.#pool.keeps(this)) return;
    this.destroy();
  }

  /** Takes no more streams, and closes after the last. */
  retire(): void {
    if (this.#streams.size === 0) return this.destroy();
    if (this.#state === 'open') this.#session!.close();
    if (this.#state !== 'closed') this.#state = 'leaving';
  }

  destroy(): void {
    this.#fail(ERRORS.upstreamReset);
  }

  expire(): void {
    this.#fail(this.connected ? ERRORS.upstreamReset : ERRORS.connectTimeout);
  }

  /** An exception nobody expected: this connection and the exchanges on it end. */
  onBug(error: unknown): void {
    this.#context.onBug(error);
    const streams = [...this.#streams];
    this.#close();
    for (const stream of streams) stream.abandon();
  }

  #onHandshake(): void {
    if (this.#state === 'connecting') this.#state = 'handshake';
  }

  #onConnect(): void {
    if (this.#state === 'closed') return;
    this.#context.deadlines.tick();
    // What it would answer in another protocol could only be garbage (RFC 9113 §3.2).
    if (this.#socket instanceof TLSSocket && this.#socket.alpnProtocol !== 'h2') return this.#fail(ERRORS.tlsFailed);
    const session = http2.connect(this.secure ? 'https://upstream' : 'http://upstream', {
      ...sessionOptions(this.#context),
      createConnection: () => this.#socket,
    });
    this.#session = session;
    session.setLocalWindowSize(SESSION_WINDOW);
    listenGuarded(
      session,
      {
        remoteSettings: ({ maxConcurrentStreams = MAX_STREAMS }: http2.Settings) => {
          this.#pool.maxStreams = maxConcurrentStreams;
          this.#maxStreams = Math.min(maxConcurrentStreams, MAX_STREAMS);
          if (!this.#ready) this.#onReady();
        },
        error: () => undefined,
        close: () => this.#onLost(),
      },
      (error) => this.onBug(error),
    );
    session.on('goaway', (_, lastStreamId) => {
      this.#lastProcessed = lastStreamId;
      this.#leave();
    });
  }

  /**
   * The upstream's preface is there. Not before it is anything sent: who sends a hundred requests to an upstream that takes ten has ninety
   * refused, and what does not speak HTTP/2 learns nothing of them.
   */
  #onReady(): void {
    if (this.#state === 'closed') return;
    this.#context.deadlines.tick();
    this.#ready = true;
    if (this.#state !== 'leaving') this.#state = 'open';
    this.deadline = Infinity;
    let room = this.#maxStreams;
    // Who is sent elsewhere may come back.
    const waiting = [...this.#streams];
    for (const stream of waiting) {
      if (room-- > 0) stream.onSessionOpen();
      else stream.onSessionLost(ERRORS.streamRefused);
    }
    // Whoever opened it may have gone meanwhile.
    if (this.#streams.size === 0) this.destroy();
  }

  #leave(): void {
    if (this.#state !== 'open') return;
    this.#state = 'leaving';
    if (this.#streams.size === 0) this.destroy();
  }

  /** The connection is gone, or never was. */
  #onLost(): void {
    if (this.#state === 'closed') return;
    this.#context.deadlines.tick();
    if (this.#state === 'handshake') return this.#fail(ERRORS.tlsFailed);
    this.#fail(this.connected ? ERRORS.upstreamReset : ERRORS.connectFailed);
  }

  #fail(error: ProxyError): void {
    if (this.#state === 'closed') return;
    const streams = [...this.#streams];
    this.#close();
    for (const stream of streams) stream.onSessionLost(error);
  }

  #close(): void {
    this.#state = 'closed';
    this.#streams.clear();
    this.#context.deadlines.delete(this);
    this.#pool.forget(this);
    this.#session?.destroy();
    this.#socket.destroy();
  }
}

/** What `node:http2` sees to itself. */
function sessionOptions({ limits }: PoolContext): ClientSessionOptions {
  const { maxResponseHeadSize, maxResponseHeaders } = limits();
  const options: ClientSessionOptions & { readonly strictSingleValueFields: boolean } = {
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW, maxHeaderListSize: maxResponseHeadSize },
    maxHeaderListPairs: maxResponseHeaders + PSEUDO_FIELDS,
    maxReservedRemoteStreams: 0,
    maxSessionMemory: SESSION_MEMORY,
    // A request may have a field several times, as in HTTP/1.1.
    strictSingleValueFields: false,
  };
  return options;
}
