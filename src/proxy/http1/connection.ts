/** One HTTP/1.1 connection of a client: heads and bodies in, responses out, one exchange after the other. */
import type { Socket } from 'node:net';
import { page, type Answer } from '../answers.ts';
import type { Deadlines, Timed } from '../deadlines.ts';
import type { Downstream } from '../downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { Exchange, type ExchangeContext } from '../exchange.ts';
import { BODY_END, ChunkedReader, HAVE_DATA, MALFORMED } from './chunked.ts';
import { connectionFields, type ClientInfo } from './forward-request.ts';
import { parseRequestHead, RequestHead, type RequestHeadLimits } from './request-head.ts';
import type { ResponseHead } from './response-head.ts';
import { answerText, interimText, responseHeadText, switchingText } from './response-text.ts';

/** What a connection needs of its worker. */
export interface ConnectionContext extends ExchangeContext {
  readonly deadlines: Deadlines;
  readonly requestLimits: () => RequestHeadLimits;
  /** The connections of the worker. */
  readonly connections: Set<ClientConnection>;
  /** The worker is on its way out: every response closes its connection. */
  readonly draining: () => boolean;
  /** A request that was refused before it became an exchange. */
  readonly onRefused: (connection: ClientConnection, error: ProxyError) => void;
}

/** Request body bytes that are read and thrown away, so that a connection can be used again after an early answer. */
const MAX_DISCARD = 65_536;
/** A refused client may go on sending: reading it off for a while lets it see the answer instead of a reset. */
const LINGER_TIMEOUT = 2_000;
const MAX_LINGER = 1_048_576;
/**
 * A client that sent FIN may still read (RFC 9112 §9.6 calls it half-closed), or be gone: it gets its answer if that comes
 * within this time, in milliseconds, or keeps coming. nginx takes every FIN for a client that is gone.
 */
const HALF_CLOSED_TIMEOUT = 2_000;
/** How long an idle connection is kept on shutdown. */
const DRAIN_IDLE = 500;
/** Response data up to this size is joined to the head as text; more is copied to a buffer of its own. */
const TEXT_DATA = 16_384;

type Phase = 'idle' | 'head' | 'exchange' | 'tunnel' | 'linger' | 'closed';
type Framing = 'none' | 'length' | 'chunked' | 'close';

export class ClientConnection implements Downstream, Timed {
  readonly client: ClientInfo;
  readonly head = new RequestHead();
  readonly exchange: Exchange;
  deadline = Infinity;
  /** Requests begun on this connection. */
  requests = 0;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #chunks = new ChunkedReader();
  #phase: Phase = 'idle';
  #fields = '';
  /** Bytes read and not used yet. */
  #input: Buffer | null = null;
  /** How much of an incomplete head was looked at. */
  #scanned = 0;
  #processing = false;
  #bodyRemaining = 0;
  #bodyOpen = false;
  #discarded = 0;
  #keepAlive = true;
  #clientEnded = false;
  #bodyPaused = false;
  #out = '';
  #framing: Framing = 'none';
  #sent = 0;
  /** `#sent` when a half-closed connection was last looked at. */
  #sentBefore = 0;

  constructor(socket: Socket, scheme: 'http' | 'https', context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    const address = socket.remoteAddress ?? '';
    this.client = { scheme, address: address.startsWith('::ffff:') ? address.slice(7) : address };
    this.exchange = new Exchange(this, context);
    context.deadlines.add(this);
    this.deadline = context.deadlines.after(context.settings().clientHeaderTimeout);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => this.#onClose());
    socket.on('close', () => this.#onClose());
  }

  get connectionFields(): string {
    if (this.#fields === '') this.#fields = connectionFields(this.client, this.#context.settings());
    return this.#fields;
  }

  get idle(): boolean {
    return this.#phase === 'idle';
  }

  /** The settings changed: what was derived from them is derived again. */
  forgetSettings(): void {
    this.#fields = '';
  }

  bytesSent(): number {
    return this.#sent;
  }

  /** On shutdown: an idle connection closes after a moment, a busy one after its response. */
  drain(): void {
    // A client that is about to send its next request still gets an answer, with Connection: close.
    if (this.#phase === 'idle') this.deadline = Math.min(this.deadline, this.#context.deadlines.after(DRAIN_IDLE));
  }

  /** Closes at once, whatever is in flight. */
  destroy(): void {
    this.#socket.destroy();
    this.#onClose();
  }

  expire(): void {
    switch (this.#phase) {
      case 'idle':
        // nginx closes a connection that never sent a byte, or is idle, without a word.
        this.destroy();
        return;
      case 'head':
        this.#refuse(ERRORS.headerTimeout);
        return;
      case 'exchange':
        if (this.#socket.writableNeedDrain) this.#cut(ERRORS.sendTimeout);
        else if (this.#clientEnded) this.#expireHalfClosed();
        else this.exchange.fail(ERRORS.bodyTimeout);
        return;
      case 'tunnel':
        this.#cut(ERRORS.sendTimeout);
        return;
      case 'linger':
      case 'closed':
        this.destroy();
    }
  }

  continue(): void {
    this.#socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  sendInterim(head: ResponseHead): void {
    this.#socket.write(interimText(head), 'latin1');
  }

  sendHead(head: ResponseHead): void {
    const { settings, draining } = this.#context;
    if (head.status === 101) {
      this.#out = switchingText(head);
      this.#framing = 'close';
      return;
    }
    if (draining() || this.#clientEnded || this.head.upgrade !== '' || !this.#bodyCanBeDiscarded()) this.#keepAlive = false;
    if (this.head.method === 'HEAD' || head.status === 204 || head.status === 304) this.#framing = 'none';
    else if (head.contentLength >= 0) this.#framing = 'length';
    else if (this.head.minor === 1) this.#framing = 'chunked';
    else {
      this.#framing = 'close';
      this.#keepAlive = false;
    }
    const security = this.client.scheme === 'https' ? settings().strictTransportSecurity : null;
    this.#out += responseHeadText(head, this.#framing === 'chunked', security, this.#connectionText());
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    if (this.#framing === 'none') return;
    const length = end - start;
    if (this.#framing === 'chunked') this.#out += `${length.toString(16)}\r\n`;
    if (length <= TEXT_DATA) this.#out += bytes.toString('latin1', start, end);
    else this.#writeCopy(bytes, start, end);
    if (this.#framing === 'chunked') this.#out += '\r\n';
  }

  sendEnd(trailers: string): void {
    if (this.#framing === 'chunked') this.#out += `0\r\n${trailers}\r\n`;
    this.flush();
  }

  sendAnswer(answer: Answer): void {
    if (this.#context.draining() || this.#clientEnded || !this.#bodyCanBeDiscarded()) this.#keepAlive = false;
    const security = this.client.scheme === 'https' ? this.#context.settings().strictTransportSecurity : null;
    this.#out += answerText(answer, this.head.method === 'HEAD', security, this.#connectionText());
    this.flush();
  }

  flush(): void {
    if (this.#out === '') return;
    const text = this.#out;
    this.#out = '';
    this.#sent += text.length;
    if (!this.#socket.write(text, 'latin1')) this.#waitForClient();
  }

  blocked(): boolean {
    return this.#socket.writableNeedDrain;
  }

  abort(): void {
    this.#keepAlive = false;
    this.#phase = 'closed';
    // A reset, not a FIN: the client must not take what it has for the whole response. With TLS the missing close_notify says so.
    if (this.client.scheme === 'http') this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  pauseBody(): void {
    if (this.#bodyPaused || (this.#phase !== 'exchange' && this.#phase !== 'tunnel')) return;
    this.#bodyPaused = true;
    this.#socket.pause();
    if (!this.#socket.writableNeedDrain) this.deadline = Infinity;
  }

  resumeBody(): void {
    if (!this.#bodyPaused) return;
    this.#bodyPaused = false;
    this.#socket.resume();
    this.#setDeadline();
    if (this.#input !== null && !this.#processing) this.#process();
  }

  startTunnel(): void {
    this.#phase = 'tunnel';
    this.deadline = Infinity;
    this.flush();
    if (this.#input !== null) {
      const early = this.#input;
      this.#input = null;
      this.exchange.onTunnelClientData(early);
    }
    if (this.#clientEnded) this.exchange.onTunnelClientEnd();
    this.#socket.resume();
  }

  tunnelData(bytes: Buffer, start: number, end: number): void {
    this.#writeCopy(bytes, start, end);
  }

  tunnelEnd(): void {
    this.#socket.end();
  }

  exchangeDone(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'tunnel') {
      this.destroy();
      return;
    }
    if (!this.#keepAlive) {
      this.#linger();
      return;
    }
    if (this.#bodyPaused) {
      this.#bodyPaused = false;
      this.#socket.resume();
    }
    this.#becomeIdle();
    if (!this.#processing && this.#input !== null) this.#process();
  }

  #onData(chunk: Buffer): void {
    switch (this.#phase) {
      case 'tunnel':
        this.exchange.onTunnelClientData(chunk);
        return;
      case 'linger':
        this.#discarded += chunk.length;
        if (this.#discarded > MAX_LINGER) this.destroy();
        return;
      case 'closed':
        return;
      case 'idle':
      case 'head':
      case 'exchange':
        this.#input = this.#input === null ? chunk : Buffer.concat([this.#input, chunk]);
        this.#process();
    }
  }

  /** Uses the input up: heads and bodies, until more is needed or an exchange must end first. */
  #process(): void {
    this.#processing = true;
    while (this.#input !== null) {
      const input = this.#input;
      const used = this.#phase === 'exchange' || this.#bodyOpen ? this.#readBody(input) : this.#readHead(input);
      if (this.#input !== input) break;
      if (used === input.length) this.#input = null;
      else if (used > 0) this.#input = input.subarray(used);
      else break;
    }
    this.#processing = false;
    if (this.#phase === 'exchange') {
      this.exchange.flushRequest();
      // What is left belongs to the next request, which waits its turn.
      if (this.#input !== null && !this.#bodyOpen) this.#socket.pause();
      this.#setDeadline();
    }
  }

  /** Returns how many bytes it used; 0 to wait. */
  #readHead(input: Buffer): number {
    if (this.#phase === 'idle') {
      this.#phase = 'head';
      this.#scanned = 0;
      if (this.requests > 0) this.deadline = this.#context.deadlines.after(this.#context.settings().clientHeaderTimeout);
    }
    if (this.#phase !== 'head') return 0;
    // A head that drips in is parsed again only when it may be complete, or has doubled.
    if (this.#scanned > 0 && input.length < 2 * this.#scanned && !input.includes('\r\n\r\n', Math.max(0, this.#scanned - 3)))
      return 0;
    const end = parseRequestHead(input, 0, input.length, this.head, this.#context.requestLimits());
    if (end === 0) {
      this.#scanned = input.length;
      return 0;
    }
    if (end < 0) {
      this.#refuse(this.head.error);
      return 0;
    }
    this.#begin(end);
    return end;
  }

  #begin(headBytes: number): void {
    const { head } = this;
    this.requests++;
    this.#phase = 'exchange';
    this.#sent = this.#sentBefore = 0;
    this.#discarded = 0;
    const { keepAliveRequests, keepAliveTimeout } = this.#context.settings();
    this.#keepAlive = head.keepAlive && keepAliveTimeout > 0 && this.requests < keepAliveRequests;
    this.#bodyOpen = head.hasBody();
    this.#bodyRemaining = head.contentLength;
    if (head.chunked) this.#chunks.reset();
    this.exchange.begin(headBytes);
  }

  #readBody(input: Buffer): number {
    if (!this.#bodyOpen || this.#bodyPaused) return 0;
    if (!this.exchange.active) this.#discarded += input.length;
    if (this.#discarded > MAX_DISCARD + MAX_LINGER) {
      this.destroy();
      return 0;
    }
    if (!this.head.chunked) {
      const take = Math.min(this.#bodyRemaining, input.length);
      this.#bodyRemaining -= take;
      this.exchange.onRequestData(input, 0, take);
      if (this.#bodyRemaining === 0) this.#endBody('');
      return take;
    }
    const result = this.#chunks.read(input, 0, input.length);
    if (result === MALFORMED) {
      if (this.exchange.active) {
        this.#keepAlive = false;
        this.exchange.fail(ERRORS.badRequest);
      } else this.destroy();
      return 0;
    }
    if (result === HAVE_DATA) this.exchange.onRequestData(input, this.#chunks.dataStart, this.#chunks.dataEnd);
    else if (result === BODY_END) this.#endBody(this.#chunks.trailers);
    return this.#chunks.at;
  }

  #endBody(trailers: string): void {
    this.#bodyOpen = false;
    this.exchange.onRequestEnd(trailers);
    if (this.#phase === 'idle') this.#setDeadline();
  }

  /** Is so little of the request's body missing that it can be read off after an early answer? */
  #bodyCanBeDiscarded(): boolean {
    return !this.#bodyOpen || (!this.head.chunked && !this.head.expectContinue && this.#bodyRemaining <= MAX_DISCARD);
  }

  #connectionText(): string {
    if (!this.#keepAlive) return 'Connection: close\r\n';
    return this.head.minor === 0 ? 'Connection: keep-alive\r\n' : '';
  }

  #becomeIdle(): void {
    this.#phase = 'idle';
    this.#setDeadline();
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** No state without a deadline of its own, unless the upstream's covers it. */
  #setDeadline(): void {
    const { deadlines, settings } = this.#context;
    if (this.#socket.writableNeedDrain) this.deadline = deadlines.after(settings().clientSendTimeout);
    else if (this.#bodyOpen) this.deadline = this.#bodyPaused ? Infinity : deadlines.after(settings().clientBodyTimeout);
    else if (this.#phase === 'idle')
      this.deadline = deadlines.after(this.#context.draining() ? DRAIN_IDLE : settings().keepAliveTimeout);
    else if (this.#phase === 'exchange') this.deadline = this.#clientEnded ? deadlines.after(HALF_CLOSED_TIMEOUT) : Infinity;
  }

  #expireHalfClosed(): void {
    if (this.#sent === this.#sentBefore) return this.#cut(ERRORS.clientGone);
    this.#sentBefore = this.#sent;
    this.#setDeadline();
  }

  #waitForClient(): void {
    if (this.#phase === 'exchange' || this.#phase === 'tunnel') {
      this.deadline = this.#context.deadlines.after(this.#context.settings().clientSendTimeout);
    }
  }

  #writeCopy(bytes: Buffer, start: number, end: number): void {
    const head = this.#out;
    this.#out = '';
    const copy = Buffer.allocUnsafeSlow(head.length + end - start);
    if (head !== '') copy.write(head, 0, 'latin1');
    bytes.copy(copy, head.length, start, end);
    this.#sent += copy.length;
    if (!this.#socket.write(copy)) this.#waitForClient();
  }

  #onDrain(): void {
    if (this.#phase === 'tunnel') this.deadline = Infinity;
    else this.#setDeadline();
    this.exchange.onClientDrain();
  }

  #onEnd(): void {
    this.#clientEnded = true;
    switch (this.#phase) {
      case 'tunnel':
        this.exchange.onTunnelClientEnd();
        return;
      case 'exchange':
        // A half-closed client still gets its answer, unless its request cannot become complete.
        if (this.#bodyOpen) this.#cut(ERRORS.clientGone);
        else this.#setDeadline();
        return;
      case 'idle':
      case 'head':
        this.#linger();
        return;
      case 'linger':
      case 'closed':
        this.#socket.end();
    }
  }

  #onClose(): void {
    const wasOpen = this.#context.connections.delete(this);
    if (!wasOpen) return;
    this.#context.deadlines.delete(this);
    this.#phase = 'closed';
    this.#input = null;
    this.exchange.onClientGone(ERRORS.clientGone);
  }

  /** The client is at fault, or gone: the exchange ends here, and the connection with it. */
  #cut(error: ProxyError): void {
    this.exchange.onClientGone(error);
    this.destroy();
  }

  /** Refuses what never became an exchange. */
  #refuse(error: ProxyError): void {
    this.#keepAlive = false;
    this.#context.onRefused(this, error);
    this.#out += answerText(page(error.status), false, null, 'Connection: close\r\n');
    this.flush();
    this.#linger();
  }

  /** Closes our side, and reads on for a while, so that no reset overtakes the answer (RFC 9112 §9.6). */
  #linger(): void {
    this.#phase = 'linger';
    this.#input = null;
    this.#discarded = 0;
    this.deadline = this.#context.deadlines.after(
      this.#socket.writableNeedDrain ? this.#context.settings().clientSendTimeout : LINGER_TIMEOUT,
    );
    this.#socket.end();
    this.#socket.resume();
  }
}
