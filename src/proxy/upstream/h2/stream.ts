/** One HTTP/2 stream to an endpoint: a request and its response. */
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import type { Timed } from '../../deadlines.ts';
import { ERRORS, type ProxyError } from '../../errors.ts';
import { listenGuarded } from '../../guarded.ts';
import { parseResponseHead, ResponseHead } from '../../http1/head/response-head.ts';
import { LARGE_PIECE, type Sink } from '../../outbox.ts';
import type { UpstreamContext } from '../connection.ts';
import type { Asked, ResponseHandler, UpstreamLimits, UpstreamStream } from '../stream.ts';
import { HeadText, linesOf, trailerObject } from './fields.ts';
import type { UpstreamSession } from './session.ts';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/**
 * Not from within what Node calls back for the same session: a stream with trailers that is closed there may be asked for them once it
 * is destroyed, and Node ends the whole process for it (`Http2Stream::OnTrailers`, "Assertion failed: !this->is_destroyed()").
 */
function closeLater(stream: ClientHttp2Stream, code: number): void {
  setImmediate(() => stream.close(code));
}

export class SessionStream implements UpstreamStream, Timed {
  deadline = Infinity;
  readonly #session: UpstreamSession;
  readonly #context: UpstreamContext;
  readonly #head = new ResponseHead();
  #request: Asked | null = null;
  /** Of its route; null: the worker's. */
  #limits: UpstreamLimits | null = null;
  #headText = new HeadText();
  #number = 0;
  #handler: ResponseHandler | null = null;
  /** Null until the session is there, and when all is over. */
  #stream: ClientHttp2Stream | null = null;
  /** What of the body came before the session. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #requestComplete = false;
  #trailers = '';
  #paused = false;
  #interim = 0;
  #headReceived = false;
  /** The response cannot have a body. */
  #bodiless = false;
  /** The upstream ended it, and did not just let go of the stream. */
  #ended = false;
  #responseTrailers = '';
  /** The upstream reset it after looking at it. */
  #reset = false;

  constructor(session: UpstreamSession, context: UpstreamContext) {
    this.#session = session;
    this.#context = context;
  }

  get address(): string {
    return this.#session.address;
  }

  get connected(): boolean {
    return this.#session.connected;
  }

  get blocked(): boolean {
    return this.#stream === null ? this.#waitingBytes > LARGE_PIECE : this.#stream.writableNeedDrain;
  }

  /** Not when the upstream reset just this stream: that is what it says to this request, and its connection is as good as before. */
  get reused(): boolean {
    return this.#number > 1 && !this.#reset;
  }

  begin(request: Asked, limits: UpstreamLimits | null = null): Sink {
    this.#limits = limits;
    this.#request = request;
    this.#number = this.#session.add(this, limits?.upstreamConnectTimeout ?? null);
    this.#context.deadlines.add(this);
    return this.#headText;
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    const piece = bytes.subarray(start, end);
    if (this.#stream === null) {
      this.#waiting.push(piece);
      this.#waitingBytes += piece.length;
      if (this.#waitingBytes > LARGE_PIECE) this.#handler?.onUpstreamBlocked();
    } else if (!this.#stream.write(piece)) {
      this.#touch();
      this.#handler?.onUpstreamBlocked();
    }
  }

  sendEnd(trailers: string): void {
    this.#requestComplete = true;
    this.#trailers = trailers;
    this.#stream?.end();
    if (this.#stream !== null) this.#touch();
  }

  attach(handler: ResponseHandler): void {
    this.#handler = handler;
    if (this.#session.connected) this.onSessionOpen();
  }

  /** The session is there, and this stream may begin. */
  onSessionOpen(): void {
    const handler = this.#handler;
    const request = this.#request;
    if (handler === null || request === null || this.#stream !== null) return;
    const fields = this.#headText.fields(this.#session.secure ? 'https' : 'http', request.acceptsTrailers);
    this.#headText = new HeadText();
    const bodiless = this.#requestComplete && this.#waitingBytes === 0 && this.#trailers === '';
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(fields, { endStream: bodiless, waitForTrailers: !bodiless && request.chunked });
    } catch {
      // Nothing was sent. Node knows fields that HTTP/1.1 lets pass and HTTP/2 does not.
      return this.#failWith(this.#session.lost ? ERRORS.streamRefused : ERRORS.badRequest);
    }
    this.#stream = stream;
    this.#listen(stream);
    for (const piece of this.#waiting) stream.write(piece);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#requestComplete && !bodiless) stream.end();
    this.#touch();
    handler.onConnected();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream?.pause();
    if (this.#stream !== null) this.deadline = Infinity;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#stream === null) return;
    this.#touch();
    this.#stream.resume();
  }

  /** There is no tunnel: HTTP/2 knows no Upgrade (RFC 9113 §8.6). */
  tunnelData(): void {}

  tunnelEnd(): void {}

  /** The client is gone, or wants no more: the upstream learns of it. */
  destroy(): void {
    this.#release(NGHTTP2_CANCEL);
  }

  /** A stream costs nothing. */
  discard(): void {
    this.destroy();
  }

  expire(): void {
    // It may be the whole connection that hears nothing: no further request is to find that out.
    this.#session.retire();
    this.#failWith(this.#requestComplete ? ERRORS.upstreamTimeout : ERRORS.upstreamSendTimeout);
  }

  /** An exception nobody expected: this stream and the exchange on it end. */
  onBug(error: unknown): void {
    this.#context.onBug(error);
    this.abandon();
  }

  /** The session ended for a bug, which was reported. */
  abandon(): void {
    const handler = this.#handler;
    this.#release(NGHTTP2_CANCEL);
    handler?.onBug();
  }

  /** The session is gone. */
  onSessionLost(error: ProxyError): void {
    if (this.#stream === null) return this.#failWith(error);
    const ignored = this.#session.ignored(this.#stream.id) || this.#stream.id === undefined;
    this.#failWith(this.#headReceived ? ERRORS.responseAborted : ignored ? ERRORS.streamRefused : error);
  }

  #listen(stream: ClientHttp2Stream): void {
    listenGuarded(
      stream,
      {
        data: (chunk: Buffer) => this.#onData(chunk),
        end: () => this.#onEnd(),
        drain: () => this.#onDrain(),
        wantTrailers: () => stream.sendTrailers(trailerObject(this.#trailers)),
        // What it was is told by the close that follows.
        error: () => undefined,
        close: () => this.#onClose(stream),
      },
      (error) => this.onBug(error),
    );
    const guarded =
      (call: (raw: string[], flags: number) => void) => (_: IncomingHttpHeaders, flags: number, raw: string[]) => {
        try {
          this.#context.deadlines.tick();
          call(raw, flags);
        } catch (error) {
          this.onBug(error);
        }
      };
    stream.on(
      'headers',
      guarded((raw) => this.#onInterim(raw)),
    );
    stream.on(
      'response',
      guarded((raw, flags) => this.#onHead(raw, flags)),
    );
    stream.on(
      'trailers',
      guarded((raw) => this.#onTrailers(raw)),
    );
    // Node says "end" also when the upstream just resets the stream without an error. Only what came before the reset is an end.
    const push = stream.push.bind(stream);
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null && !stream.closed) this.#ended = true;
      return push(chunk, encoding);
    };
  }

  /** Parses a head. False: it is no acceptable one, and the exchange has failed. */
  #parse(raw: readonly string[], complete: boolean): boolean {
    const status = raw[0] === ':status' ? raw[1]! : '';
    const lines = linesOf(raw);
    const head = this.#head;
    if (lines !== null && /^[1-5]\d\d$/.test(status)) {
      // Without a body from the first: the client, too, learns at once that nothing follows.
      const empty = complete && !/^content-length:/m.test(lines) && !this.#withoutBody(Number(status));
      const text = Buffer.from(`HTTP/1.1 ${status} \r\n${lines}${empty ? 'content-length: 0\r\n' : ''}\r\n`, 'latin1');
      const limits =
        this.#limits === null
          ? this.#context.limits()
          : { ...this.#context.limits(), maxResponseHeadSize: this.#limits.maxResponseHeadSize };
      if (parseResponseHead(text, 0, text.length, head, limits) === text.length && !head.chunked) return true;
    }
    this.#failWith(head.tooLarge ? ERRORS.responseHeadTooLarge : ERRORS.badResponse);
    return false;
  }

  #withoutBody(status: number): boolean {
    return this.#request?.method === 'HEAD' || status === 204 || status === 304;
  }

  #onInterim(raw: readonly string[]): void {
    if (this.#handler === null) return;
    this.#touch();
    if (!this.#parse(raw, false)) return;
    const { status, contentLength } = this.#head;
    if (++this.#interim > this.#context.limits().maxInterimResponses || status === 101 || status >= 200 || contentLength >= 0)
      return this.#failWith(ERRORS.badResponse);
    // We have answered Expect ourselves.
    if (status !== 100) this.#handler.onInterim(this.#head);
  }

  #onHead(raw: readonly string[], flags: number): void {
    if (this.#handler === null) return;
    this.#touch();
    const complete = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    if (!this.#parse(raw, complete)) return;
    const head = this.#head;
    if (head.status < 200) return this.#failWith(ERRORS.badResponse);
    this.#bodiless = this.#withoutBody(head.status);
    if (head.status === 204 && head.contentLength >= 0) head.runs.remove(head.text, ['content-length']);
    this.#headReceived = true;
    this.#ended ||= complete;
    this.#handler.onResponseHead(head);
  }

  #onData(chunk: Buffer): void {
    if (this.#handler === null) return;
    this.#context.deadlines.tick();
    this.#touch();
    if (this.#bodiless) return this.#failWith(ERRORS.badResponse);
    // That it is as long as Content-Length says, nghttp2 sees to.
    this.#handler.onResponseData(chunk, 0, chunk.length);
  }

  #onTrailers(raw: readonly string[]): void {
    const { maxTrailers, maxTrailerSize } = this.#context.limits();
    const lines = linesOf(raw);
    this.#ended = true;
    if (lines === null || raw.length > 2 * maxTrailers || lines.length > maxTrailerSize) this.#failWith(ERRORS.badResponse);
    else this.#responseTrailers = lines;
  }

  #onEnd(): void {
    const handler = this.#handler;
    if (handler === null || !this.#headReceived || !this.#ended) return;
    this.#context.deadlines.tick();
    // What is missing of the request is not wanted any more (RFC 9113 §8.1), also what waits for a window: nobody may ever open it.
    const sent = this.#requestComplete && this.#stream?.writableFinished === true;
    this.#release(sent ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
    handler.onResponseEnd(this.#responseTrailers);
  }

  #onDrain(): void {
    this.#context.deadlines.tick();
    this.#touch();
    this.#handler?.onUpstreamDrain();
  }

  /** The stream is gone; when its end was read before, nobody listens any more. */
  #onClose(stream: ClientHttp2Stream): void {
    if (this.#handler === null) return;
    this.#context.deadlines.tick();
    const refused = stream.rstCode === NGHTTP2_REFUSED_STREAM || this.#session.ignored(stream.id);
    this.#reset = !refused && !this.#session.lost;
    this.#failWith(this.#headReceived ? ERRORS.responseAborted : refused ? ERRORS.streamRefused : ERRORS.upstreamReset);
  }

  /** As on a connection of HTTP/1.1: while the client is still sending, its deadline counts. */
  #touch(): void {
    const { deadlines, readTimeout, sendTimeout } = this.#context;
    const limits = this.#limits;
    if (this.#paused || this.#stream === null) this.deadline = Infinity;
    else if (this.#stream.writableNeedDrain) this.deadline = deadlines.after(limits?.upstreamSendTimeout ?? sendTimeout());
    else if (this.#requestComplete) this.deadline = deadlines.after(limits?.upstreamReadTimeout ?? readTimeout());
    else this.deadline = Infinity;
  }

  #failWith(error: ProxyError): void {
    const handler = this.#handler;
    this.#release(NGHTTP2_CANCEL);
    // Bytes of a response that is not what it says are not to be taken for one.
    handler?.onUpstreamFailed(this.#headReceived && error.status !== 0 ? ERRORS.responseAborted : error);
  }

  /** The handler and this stream have nothing to do with each other any more. */
  #release(code: number): void {
    const stream = this.#stream;
    this.#handler = null;
    this.#waiting = [];
    this.#context.deadlines.delete(this);
    if (stream !== null) {
      if (!stream.closed && code !== NGHTTP2_NO_ERROR) closeLater(stream, code);
      // Nobody reads what it may still bring.
      stream.resume();
    }
    this.#stream = null;
    this.#session.delete(this);
  }
}
