/** One HTTP/2 stream of a client, with the exchange on it. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Answer } from '../../policies/answer.ts';
import type { RequestChanges } from '../../policies/changes.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { Exchange } from '../exchange/exchange.ts';
import { allowedTrailers } from '../http1/chunked.ts';
import type { ConnectionContext } from '../http1/connection-context.ts';
import { forgetIfLarge } from '../http1/closing.ts';
import type { ClientInfo, HeadForwarder } from '../http1/forward-request.ts';
import { RequestHead } from '../http1/head/request-head.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import type { Sink } from '../outbox.ts';
import { acceptOf, trailerText } from './request-text.ts';
import { answerFields, interimFields, responseFields, sizeOf, trailerFields, tunnelFields } from './response-fields.ts';

/** What a stream needs of its session. */
export interface StreamOwner {
  readonly context: ConnectionContext;
  readonly client: ClientInfo;
  readonly forwarder: HeadForwarder;
  /** Body bytes came in. */
  readonly received: (length: number) => void;
  /** A request for `host` was refused on this connection, whose handshake was for another, or demanded something else then. */
  readonly misdirected: (host: string) => void;
  /** The stream is closed, and may be used for another. */
  readonly release: (stream: ClientStream) => void;
  readonly onBug: (error: unknown) => void;
}

const OWNER = Symbol('stream');
type OwnedStream = ServerHttp2Stream & { [OWNER]: ClientStream };

const { NGHTTP2_NO_ERROR } = constants;
/** What a stream is destroyed with: INTERNAL_ERROR to the client. */
const CUT = new Error('the stream was cut');
const PLAIN = {};
const EMPTY = { endStream: true };
const WITH_TRAILERS = { waitForTrailers: true };

// One function for all streams: a closure for each costs more than the call.
function onError(): void {
  // What it was is told by the close that follows.
}
function onAborted(this: OwnedStream): void {
  this[OWNER].guarded(() => this[OWNER].onAborted());
}
function onClose(this: OwnedStream): void {
  this[OWNER].guarded(() => this[OWNER].onClose());
}

type Phase = 'free' | 'exchange' | 'tunnel' | 'ending';

export class ClientStream implements Downstream {
  readonly http2 = true;
  readonly head = new RequestHead();
  readonly exchange: Exchange;
  deadline = Infinity;
  readonly #owner: StreamOwner;
  readonly #context: ConnectionContext;
  #stream: OwnedStream | null = null;
  #phase: Phase = 'free';
  /** More of the request body is to come. */
  #bodyOpen = false;
  #bodyPaused = false;
  #bodyBytes = 0;
  #requestTrailers = '';
  /** The client takes no more for now. */
  #blocked = false;
  /** There is no body in the response, or nothing of it is missing. */
  #ended = false;
  /** Of the response body, so much is announced; -1: unknown. */
  #length = -1;
  #sent = 0;
  #headSize = 0;
  /** The response is to end with these lines; null: it has no trailer section. */
  #trailers: string | null = null;
  #webSocketKey = '';
  /** The answer was sent, and the client goes on sending. */
  #unwanted = false;

  constructor(owner: StreamOwner) {
    this.#owner = owner;
    this.#context = owner.context;
    this.exchange = new Exchange(this, owner.context);
  }

  get client(): ClientInfo {
    return this.#owner.client;
  }

  /** Begins the exchange of a stream whose head was parsed into `head`. `headBytes`: its size. `ended`: no body follows. */
  begin(stream: ServerHttp2Stream, headBytes: number, ended: boolean, webSocketKey: string): void {
    this.#attach(stream);
    this.#phase = 'exchange';
    this.#webSocketKey = webSocketKey;
    this.#bodyOpen = !ended && webSocketKey === '';
    if (this.#bodyOpen) {
      stream.on('data', (chunk: Buffer) => this.guarded(() => this.#onData(chunk)));
      stream.on('trailers', (_, __, raw: string[]) => this.guarded(() => this.#onTrailers(raw)));
      stream.on('end', () => this.guarded(() => this.#onEnd()));
    }
    this.exchange.begin(headBytes);
    if (this.#phase === 'exchange') this.#setDeadline();
  }

  /** Refuses what never became an exchange. */
  refuse(stream: ServerHttp2Stream, answer: Answer, headRequest: boolean): void {
    this.#attach(stream);
    this.#phase = 'ending';
    this.#bodyOpen = !stream.endAfterHeaders;
    this.#respond(answer, headRequest, null);
    this.#finish();
  }

  /** Calls what Node calls back, whose exceptions nobody else would catch. */
  guarded(call: () => void): void {
    try {
      this.#context.deadlines.tick();
      call();
    } catch (error) {
      this.onBug(error);
    }
  }

  forwardHead(upstream: Sink, requestId: string, extra: string, changes: RequestChanges | null): void {
    this.#owner.forwarder.send(upstream, this.head, this.#context.settings(), requestId, extra, changes);
  }

  bytesSent(): number {
    return this.#headSize + this.#sent;
  }

  bodyBytesSent(): number {
    return this.#sent;
  }

  /** An exception nobody expected: this session ends, the others go on. */
  onBug(error: unknown): void {
    this.#owner.onBug(error);
  }

  /** The deadline has passed. */
  expire(): void {
    if (this.#unwanted) return this.#letGo();
    if (this.#phase === 'ending' || this.#blocked) return this.#cut(ERRORS.sendTimeout);
    this.exchange.fail(ERRORS.bodyTimeout);
  }

  continue(): void {
    if (this.#live) this.#stream!.additionalHeaders({ ':status': 100 });
  }

  sendInterim(head: ResponseHead): void {
    if (this.#live) this.#stream!.additionalHeaders(interimFields(head));
  }

  sendHead(head: ResponseHead, more: string): void {
    const { status } = head;
    // To a client that asked for a tunnel, 2xx says that there is one (RFC 8441 §5).
    if (this.#webSocketKey !== '' && status < 300) return this.exchange.fail(ERRORS.badResponse);
    const bodiless = this.head.method === 'HEAD' || status === 204 || status === 205 || status === 304;
    this.#length = head.contentLength;
    this.#ended = bodiless || head.contentLength === 0;
    const trailers = !this.#ended && this.head.acceptsTrailers && head.contentLength < 0;
    this.#sendFields(
      responseFields(head, status, this.#security(), more),
      this.#ended ? EMPTY : trailers ? WITH_TRAILERS : PLAIN,
    );
    if (trailers) {
      this.#trailers = '';
      this.#stream?.on('wantTrailers', () => this.guarded(() => this.#sendTrailers()));
    }
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    if (this.#ended || this.#stream === null) return;
    const copy = Buffer.allocUnsafe(end - start);
    bytes.copy(copy, 0, start, end);
    this.#sent += copy.length;
    if (this.#sent === this.#length) {
      this.#ended = true;
      this.#stream.end(copy);
    } else if (!this.#stream.write(copy)) this.#onBlocked();
  }

  sendEnd(trailers: string): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#trailers !== null) this.#trailers = trailers;
    this.#stream?.end();
  }

  sendAnswer(answer: Answer): void {
    if (answer.status === 421) this.#owner.misdirected(this.head.host);
    this.#respond(answer, this.head.method === 'HEAD', this.#security());
  }

  abort(): void {
    this.#reset();
  }

  pauseBody(): void {
    if (this.#bodyPaused || (!this.#bodyOpen && this.#phase !== 'tunnel')) return;
    this.#bodyPaused = true;
    this.#stream?.pause();
    if (!this.#blocked) this.deadline = Infinity;
  }

  resumeBody(): void {
    if (!this.#bodyPaused) return;
    this.#bodyPaused = false;
    this.#stream?.resume();
    this.#setDeadline();
  }

  startTunnel(head: ResponseHead, more: string): void {
    const accept = /^sec-websocket-accept:[ \t]*(\S*)/im.exec(head.text)?.[1];
    // Whoever does not prove that it read our key does not speak the protocol (RFC 6455 §4.1).
    if (this.#webSocketKey === '' || accept !== acceptOf(this.#webSocketKey)) return this.exchange.fail(ERRORS.badResponse);
    this.#phase = 'tunnel';
    this.deadline = Infinity;
    this.#sendFields(tunnelFields(head, this.#security(), more), PLAIN);
    const stream = this.#stream!;
    this.#bodyOpen = true;
    stream.on('data', (chunk: Buffer) => this.guarded(() => this.#onData(chunk)));
    stream.on('end', () => this.guarded(() => this.#onEnd()));
  }

  tunnelData(bytes: Buffer, start: number, end: number): void {
    this.sendData(bytes, start, end);
  }

  tunnelEnd(): void {
    this.sendEnd('');
  }

  exchangeDone(): void {
    if (this.#phase === 'free' || this.#phase === 'ending') return;
    this.#phase = 'ending';
    this.#finish();
  }

  /** The client reset the stream, or is gone. */
  onAborted(): void {
    if (this.#phase === 'ending' || this.#phase === 'free') return;
    this.#phase = 'ending';
    // Node closes a stream that was reset without an error only when all that came was read.
    this.#stream?.resume();
    this.exchange.onClientGone(ERRORS.clientGone);
  }

  onClose(): void {
    if (this.#stream === null) return;
    // Also what a bug left behind.
    this.exchange.onClientGone(ERRORS.clientGone);
    this.#stream = null;
    this.#phase = 'free';
    this.deadline = Infinity;
    forgetIfLarge(this.exchange);
    this.#owner.release(this);
  }

  /** Something can be sent on it; Node throws otherwise. */
  get #live(): boolean {
    const stream = this.#stream;
    return stream !== null && !stream.destroyed && !stream.closed;
  }

  #attach(stream: ServerHttp2Stream): void {
    const owned = stream as OwnedStream;
    owned[OWNER] = this;
    this.#stream = owned;
    this.#bodyPaused = this.#blocked = this.#ended = this.#unwanted = false;
    this.#bodyBytes = this.#sent = this.#headSize = 0;
    this.#requestTrailers = '';
    this.#length = -1;
    this.#trailers = null;
    owned.on('error', onError);
    owned.on('aborted', onAborted);
    owned.on('close', onClose);
  }

  #onData(chunk: Buffer): void {
    this.#owner.received(chunk.length);
    if (this.#phase === 'tunnel') return this.exchange.onTunnelClientData(chunk);
    if (this.#phase !== 'exchange') return;
    this.#bodyBytes += chunk.length;
    this.exchange.onRequestData(chunk, 0, chunk.length);
    if (this.#phase === 'exchange') this.#setDeadline();
  }

  #onTrailers(raw: readonly string[]): void {
    const { maxTrailerSize, maxTrailers } = this.#context.settings();
    const text = trailerText(raw, maxTrailerSize, maxTrailers);
    if (text !== null) this.#requestTrailers = text;
    else if (this.exchange.active) this.exchange.fail(ERRORS.badRequest);
  }

  #onEnd(): void {
    if (!this.#bodyOpen) return;
    this.#bodyOpen = false;
    if (this.#phase === 'tunnel') return this.exchange.onTunnelClientEnd();
    // The end of a stream that was reset is not the end of its body.
    if (this.#phase !== 'exchange') return;
    const { contentLength } = this.head;
    if (contentLength >= 0 && contentLength !== this.#bodyBytes) {
      this.#reset();
      return this.exchange.onClientGone(ERRORS.badRequest);
    }
    this.exchange.onRequestEnd(this.#requestTrailers);
    if (this.#phase === 'exchange') this.#setDeadline();
  }

  #onBlocked(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.deadline = this.#context.deadlines.after(this.#context.settings().clientSendTimeout);
    this.#stream!.once('drain', () => this.guarded(() => this.#onDrain()));
    this.exchange.onClientBlocked();
  }

  #onDrain(): void {
    if (!this.#blocked || this.#phase === 'free') return;
    this.#blocked = false;
    if (this.#phase === 'ending') return;
    if (this.#phase === 'tunnel') this.deadline = Infinity;
    else this.#setDeadline();
    this.exchange.onClientDrain();
  }

  #respond(answer: Answer, headRequest: boolean, security: string | null): void {
    this.#ended = true;
    const bodiless = headRequest || answer.body === '';
    this.#sendFields(answerFields(answer, security), bodiless ? EMPTY : PLAIN);
    if (bodiless) return;
    this.#sent = answer.body.length;
    this.#stream?.end(answer.body, 'latin1');
  }

  #sendFields(fields: string[], options: { endStream?: boolean; waitForTrailers?: boolean }): void {
    this.#headSize = sizeOf(fields);
    if (this.#live) this.#stream!.respond(fields, options);
  }

  #sendTrailers(): void {
    if (this.#live) this.#stream!.sendTrailers(trailerFields(allowedTrailers(this.#trailers ?? '')));
  }

  /** No state without a deadline of its own, unless the upstream's covers it. */
  #setDeadline(): void {
    const { deadlines, settings } = this.#context;
    if (this.#blocked) return;
    const body = this.#phase === 'exchange' && this.#bodyOpen && !this.#bodyPaused;
    this.deadline = body ? deadlines.after(settings().clientBodyTimeout) : Infinity;
  }

  /** After the exchange: what is on its way must be taken in time, and a body that nobody wants is not read (RFC 9113 §8.1). */
  #finish(): void {
    this.deadline = this.#context.deadlines.after(this.#context.settings().clientSendTimeout);
    const stream = this.#stream;
    if (stream === null || !this.#bodyOpen) return;
    this.#bodyOpen = false;
    if (!this.#ended) stream.end();
    stream.resume();
    // Not at once: nghttp2 sends a reset before what is left of the answer, trailers among it. Until then what comes is read and forgotten.
    const wait = (): void => {
      this.#unwanted = true;
      this.deadline = this.#context.deadlines.after(0);
    };
    if (stream.writableFinished) wait();
    else stream.once('finish', () => this.guarded(wait));
  }

  /** Asks the client to send no more of a body that nobody wants (RFC 9113 §8.1). */
  #letGo(): void {
    this.#unwanted = false;
    this.deadline = this.#context.deadlines.after(this.#context.settings().clientSendTimeout);
    this.#stream?.close(NGHTTP2_NO_ERROR);
  }

  /** The client is at fault: the exchange ends here, and the stream with it. */
  #cut(error: ProxyError): void {
    this.#reset();
    this.exchange.onClientGone(error);
  }

  /** Node's `close` would end the response first, and a client take it for complete. */
  #reset(): void {
    this.#phase = 'ending';
    this.#bodyOpen = false;
    this.deadline = Infinity;
    this.#stream?.destroy(CUT);
  }

  #security(): string | null {
    return this.exchange.security;
  }
}
