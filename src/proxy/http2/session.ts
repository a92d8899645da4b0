/** One HTTP/2 connection of a client: a session of `node:http2` on a TLS socket, its streams, and what it may do (RFC 9113). */
import {
  constants,
  performServerHandshake,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { page } from '../../policies/answer.ts';
import type { Timed } from '../deadlines.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { listenGuarded } from '../guarded.ts';
import { hostName } from '../routing/host.ts';
import { DRAIN_IDLE, Lifetime } from '../http1/closing.ts';
import type { ConnectionContext, OpenConnection } from '../http1/connection-context.ts';
import { type ClientInfo, HeadForwarder } from '../http1/forward-request.ts';
import { parseRequestHead } from '../http1/head/request-head.ts';
import { OPEN } from '../workers/overload.ts';
import { sessionOptions } from './options.ts';
import { NOT_IMPLEMENTED, RequestText } from './request-text.ts';
import { ClientStream, type StreamOwner } from './stream.ts';

/** How often a session is looked at, in milliseconds; what Node does not tell of is found then. */
const LOOK = 750;
/** Streams kept to be used again. */
const MAX_FREE = 16;
/** Bytes of a PING frame; and what one frame of another kind, or what goes with a stream, may have besides its payload. */
const PING_SIZE = 17;
const FRAME_ALLOWANCE = 256;
/** Between the GOAWAY of a session that was cut off and the end of its connection, in milliseconds. */
const LAST_WORD = 250;

const text = new RequestText();
/** Heads are parsed where all sessions of the worker write them. */
let scratch = Buffer.allocUnsafeSlow(16_384);

type Phase = 'preface' | 'open' | 'closing' | 'closed';

export class ClientSession implements OpenConnection, StreamOwner, Timed {
  readonly context: ConnectionContext;
  readonly client: ClientInfo;
  readonly forwarder: HeadForwarder;
  deadline: number;
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session;
  readonly #lifetime: Lifetime;
  readonly #streams = new Set<ClientStream>();
  readonly #free: ClientStream[] = [];
  #phase: Phase = 'preface';
  #requests = 0;
  /** Since when no stream is open, in milliseconds of the deadlines. */
  #idleSince: number;
  /** When idleness ends that is not to last as long as usual. */
  #idleUntil = Infinity;
  /** Since the last look: control frames, and bytes that have a purpose. */
  #controls = 0;
  #allowance = 0;
  /** The socket's counts at the last look. */
  #read = 0;
  #written = 0;

  constructor(socket: TLSSocket, client: ClientInfo, context: ConnectionContext) {
    this.context = context;
    this.#socket = socket;
    this.#lifetime = new Lifetime(context);
    this.client = client;
    this.forwarder = new HeadForwarder(client);
    const settings = context.settings();
    this.#idleSince = context.deadlines.now;
    this.deadline = context.deadlines.after(settings.http2PrefaceTimeout);
    this.#session = performServerHandshake(socket, sessionOptions(settings));
    this.#session.setLocalWindowSize(settings.http2ConnectionWindow);
    context.deadlines.add(this);
    const onControl = (): void => this.#onControl();
    const onBug = (error: unknown): void => this.onBug(error);
    this.#session.on('stream', (stream: ServerHttp2Stream, _: IncomingHttpHeaders, flags: number, raw: string[]) => {
      try {
        this.#onStream(stream, flags, raw);
      } catch (error) {
        this.onBug(error);
      }
    });
    listenGuarded(
      this.#session,
      {
        // The connection's close follows.
        error: () => undefined,
        remoteSettings: () => this.#onSettings(),
        ping: () => this.#onPing(),
        priority: onControl,
      },
      onBug,
    );
    const onClose = (): void => this.#onClose();
    listenGuarded(socket, { error: () => undefined, close: onClose }, onBug);
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** An idle session closes after `idle` milliseconds; a busy one takes no further stream, and closes after its last. */
  drain(idle: number = DRAIN_IDLE): void {
    if (this.#phase !== 'open' && this.#phase !== 'preface') return;
    if (this.#streams.size > 0) this.#session.close();
    else this.#idleUntil = Math.min(this.#idleUntil, this.context.deadlines.after(idle));
  }

  /** Closes at once, whatever is in flight. */
  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
    this.#onClose();
  }

  onBug(error: unknown): void {
    this.context.onBug(error);
    this.destroy();
  }

  received(length: number): void {
    // Payload may come in small frames, and padded.
    this.#allowance += 2 * length;
  }

  /**
   * Requests for other hosts are for other connections. Where it is the host of the handshake, its demand has changed since: no request
   * for it would be served here any more, and the client would have no reason to connect anew.
   */
  misdirected(host: string): void {
    const { servername } = this.#socket as { readonly servername?: string | false };
    if (typeof servername !== 'string' || hostName(servername) === hostName(host)) this.#session.close();
  }

  release(stream: ClientStream): void {
    this.#streams.delete(stream);
    if (this.#free.length < MAX_FREE) this.#free.push(stream);
    if (this.#streams.size === 0) this.#idleSince = this.context.deadlines.now;
  }

  expire(): void {
    switch (this.#phase) {
      case 'preface':
        // As a connection that never sent a byte: without a word.
        return this.destroy();
      case 'open':
        return this.#look();
      case 'closing':
        this.#socket.destroy();
        return this.#onClose();
      case 'closed':
    }
  }

  #onStream(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): void {
    const { context } = this;
    context.deadlines.tick();
    this.#requests++;
    this.#idleUntil = Infinity;
    // Reset before we heard of it: nothing is asked of an upstream (CVE-2023-44487).
    if (stream.destroyed || stream.closed || stream.aborted) return void stream.on('error', () => undefined);
    const one = this.#free.pop() ?? new ClientStream(this);
    this.#streams.add(one);
    const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    const { head } = one;
    const refusal = text.write(raw, ended);
    const { length } = text.text;
    let end = -1;
    if (refusal === 0) {
      const limits = context.requestLimits();
      if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(2 * length);
      end = parseRequestHead(scratch, 0, scratch.write(text.text, 'latin1'), head, limits);
    } else head.error = refusal === NOT_IMPLEMENTED ? ERRORS.notImplemented : ERRORS.badRequest;
    this.#allowance += FRAME_ALLOWANCE + length;
    if (context.admission.level !== OPEN || !this.#lifetime.allows(this.#requests)) this.#session.close();
    if (end === length) one.begin(stream, length, ended, text.webSocketKey);
    else this.#refuse(one, stream, end === 0 ? ERRORS.headTooLarge : head.error);
  }

  /** Refuses what never became an exchange. */
  #refuse(one: ClientStream, stream: ServerHttp2Stream, error: ProxyError): void {
    this.context.onRefused(this, error);
    one.refuse(stream, page(error.status), text.method === 'HEAD');
  }

  /** The client's part of the preface is there, or it changes its settings. */
  #onSettings(): void {
    if (this.#phase === 'preface') {
      this.context.deadlines.tick();
      this.#phase = 'open';
      this.deadline = this.context.deadlines.after(LOOK);
    }
    this.#onControl();
  }

  #onPing(): void {
    this.#allowance += PING_SIZE;
    this.#onControl();
  }

  #onControl(): void {
    if (++this.#controls > this.context.settings().http2MaxControlFrames) this.#cut();
  }

  /** The client asks for more than is good for others. */
  #cut(): void {
    if (this.#phase === 'closing' || this.#phase === 'closed') return;
    this.#phase = 'closing';
    this.deadline = this.context.deadlines.after(LAST_WORD);
    this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Deadlines of streams, idleness, and what only the counts of the socket show. */
  #look(): void {
    const { deadlines, settings } = this.context;
    const { now } = deadlines;
    this.deadline = deadlines.after(LOOK);
    if (this.#session.destroyed || (this.#session.closed && this.#streams.size === 0)) return this.#linger();
    const { bytesRead, bytesWritten } = this.#socket;
    const spare = bytesRead - this.#read - this.#allowance;
    const allowed = settings().http2MaxOverhead + bytesWritten - this.#written;
    this.#read = bytesRead;
    this.#written = bytesWritten;
    this.#allowance = this.#controls = 0;
    if (spare > allowed) return this.#cut();
    if (this.#streams.size === 0) this.#idle();
    else for (const stream of this.#streams) if (stream.deadline <= now) stream.expire();
  }

  /** A head that is not complete is idleness too: Node tells of streams, and nothing before. */
  #idle(): void {
    // There may be thousands of idle sessions.
    if (this.#free.length > 1) this.#free.length = 1;
    const { deadlines, settings, admission } = this.context;
    const { clientHeaderTimeout, keepAliveTimeout } = settings();
    const limit = this.#requests === 0 ? clientHeaderTimeout : admission.level === OPEN ? keepAliveTimeout : DRAIN_IDLE;
    if (deadlines.now - this.#idleSince <= limit && deadlines.now <= this.#idleUntil) return;
    this.#session.close();
    this.#linger();
  }

  /** The client may read our last words; a session with half a frame in it would wait for the other half. */
  #linger(): void {
    this.#phase = 'closing';
    this.deadline = this.#lifetime.ends(false);
  }

  #onClose(): void {
    if (!this.context.connections.delete(this)) return;
    this.context.deadlines.tick();
    this.context.deadlines.delete(this);
    this.#phase = 'closed';
    for (const stream of this.#streams) stream.onAborted();
    this.#streams.clear();
  }
}
