/** One HTTP/1.1 connection of a client: heads and bodies in, responses out, one exchange after the other. */
import type { Socket } from 'node:net';
import { page, type Answer } from '../../policies/answer.ts';
import type { RequestChanges } from '../../policies/changes.ts';
import type { Timed } from '../deadlines.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { own, type SocketOwner } from '../guarded.ts';
import { OPEN } from '../workers/overload.ts';
import type { ConnectionContext, OpenConnection } from './connection-context.ts';
import { closesConnection, DRAIN_IDLE, Lifetime, reset } from './closing.ts';
import { Output, type Sender, type Sink } from '../outbox.ts';
import { HeadForwarder, type ClientInfo } from './forward-request.ts';
import type { RequestHead } from './head/request-head.ts';
import type { ResponseHead } from './head/response-head.ts';
import type { RequestState } from './request-state.ts';
import { connectionLine, responseFraming, ResponseWriter } from './response-writer.ts';

type Phase = 'idle' | 'head' | 'exchange' | 'tunnel' | 'linger' | 'closed';

export class ClientConnection implements Downstream, OpenConnection, Sender, SocketOwner, Timed {
  readonly client: ClientInfo;
  readonly http2 = false;
  deadline = Infinity;
  /** Requests begun on this connection. */
  requests = 0;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  /** The request at hand; null while the connection waits for one. */
  request: RequestState | null = null;
  readonly #output: Output;
  readonly #writer: ResponseWriter;
  readonly #forwarder: HeadForwarder;
  #phase: Phase = 'idle';
  /** Read and not used yet. */
  #input: Buffer | null = null;
  #processing = false;
  readonly #lifetime: Lifetime;
  #keepAlive = true;
  #clientEnded = false;
  #bodyPaused = false;
  /** Bytes sent when a half-closed connection was last looked at. */
  #sentBefore = 0;

  constructor(socket: Socket, client: ClientInfo, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    this.#lifetime = new Lifetime(context);
    this.client = client;
    this.#output = new Output(socket, this, context.outbox);
    this.#writer = new ResponseWriter(this.#output);
    this.#forwarder = new HeadForwarder(this.client);
    context.deadlines.add(this);
    this.deadline = context.deadlines.after(context.settings().clientHeaderTimeout);
    own(socket, this);
  }

  get head(): RequestHead {
    return this.request!.head;
  }

  forwardHead(upstream: Sink, requestId: string, extra: string, changes: RequestChanges | null): void {
    this.#forwarder.send(upstream, this.head, this.#context.settings(), requestId, extra, changes);
  }

  bytesSent(): number {
    return this.#writer.sent;
  }

  bodyBytesSent(): number {
    return this.#writer.sent - this.#writer.headSize;
  }

  /** An idle connection closes after `idle` milliseconds (what comes before that is answered), a busy one after its response. */
  drain(idle: number = DRAIN_IDLE): void {
    if (this.#phase === 'idle') this.deadline = Math.min(this.deadline, this.#context.deadlines.after(idle));
  }

  /** Closes at once, whatever is in flight. */
  destroy(): void {
    this.#socket.destroy();
    this.onClose();
  }

  /** An exception nobody expected: this connection ends, the others go on. */
  onBug(error: unknown): void {
    this.#context.onBug(error);
    this.destroy();
  }

  expire(): void {
    switch (this.#phase) {
      case 'head':
        return this.#refuse(ERRORS.headerTimeout);
      case 'exchange':
        if (this.#socket.writableNeedDrain) this.#cut(ERRORS.sendTimeout);
        else if (!this.#clientEnded) this.request!.exchange.fail(ERRORS.bodyTimeout);
        else if (this.#writer.sent === this.#sentBefore) this.#cut(ERRORS.clientGone);
        else this.#setDeadline();
        this.#sentBefore = this.#writer.sent;
        return;
      case 'tunnel':
        return this.#cut(ERRORS.sendTimeout);
      case 'linger':
        // What the client did not take would look like the end of the response.
        return this.#socket.writableLength > 0 ? this.abort() : this.destroy();
      case 'idle':
      case 'closed':
        // As nginx closes a connection that is idle or never sent a byte: without a word.
        this.destroy();
    }
  }

  continue(): void {
    this.#writer.continue();
  }

  sendInterim(head: ResponseHead): void {
    this.#writer.interim(head);
  }

  sendHead(head: ResponseHead, more: string): void {
    const framing = responseFraming(this.head, head);
    if (framing === 'close') this.#keepAlive = false;
    this.#decideKeepAlive();
    this.#writer.head(head, framing, this.#security(), more + connectionLine(this.#keepAlive, this.head));
  }

  sendData(bytes: Buffer, start: number, end: number): void {
    this.#writer.data(bytes, start, end);
  }

  sendEnd(trailers: string): void {
    this.#writer.end(trailers);
  }

  sendAnswer(answer: Answer): void {
    this.#decideKeepAlive(answer.status);
    this.#writer.answer(answer, this.head.method === 'HEAD', this.#security(), connectionLine(this.#keepAlive, this.head));
  }

  onBlocked(): void {
    if (this.#phase === 'closed') return;
    this.deadline = this.#context.deadlines.after(this.#context.settings().clientSendTimeout);
    this.request?.exchange.onClientBlocked();
  }

  abort(): void {
    this.#keepAlive = false;
    this.#output.flush();
    this.#phase = 'closed';
    // A reset, not a FIN: the client must not take what it has for the whole response. With TLS the missing close_notify says so.
    if (this.client.scheme === 'http') reset(this.#socket);
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

  startTunnel(head: ResponseHead, more: string): void {
    this.#phase = 'tunnel';
    this.deadline = Infinity;
    this.#writer.switching(head, more);
    if (this.#input !== null) {
      const early = this.#input;
      this.#input = null;
      this.request!.exchange.onTunnelClientData(early);
    }
    if (this.#clientEnded) this.request!.exchange.onTunnelClientEnd();
    this.#socket.resume();
  }

  tunnelData(bytes: Buffer, start: number, end: number): void {
    this.#writer.data(bytes, start, end);
  }

  tunnelEnd(): void {
    this.#end();
  }

  exchangeDone(): void {
    if (this.#phase === 'closed') return;
    if (this.#phase === 'tunnel' || !this.#keepAlive) return this.#finish();
    this.#phase = 'idle';
    this.#bodyPaused = false;
    this.#setDeadline();
    if (this.#socket.isPaused()) this.#socket.resume();
    if (!this.#processing) this.#process();
  }

  onData(chunk: Buffer): void {
    this.#context.deadlines.tick();
    switch (this.#phase) {
      case 'tunnel':
        this.request!.exchange.onTunnelClientData(chunk);
        return;
      case 'linger':
        if (this.#socket.writableLength === 0) this.deadline = this.#lifetime.lingers();
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
      const inBody = this.#phase === 'exchange' || this.request?.body.open === true;
      const used = inBody ? this.#readBody(input) : this.#readHead(input);
      if (this.#input !== input) break;
      if (used === input.length) this.#input = null;
      else if (used > 0) this.#input = input.subarray(used);
      else break;
    }
    this.#processing = false;
    if (this.#phase === 'idle' && this.#input === null && this.request?.body.open === false)
      this.request = this.#context.states.give(this.request);
    if (this.#phase === 'exchange') {
      // What is left belongs to the next request, which waits its turn.
      if (this.#input !== null && !this.request!.body.open) this.#socket.pause();
      this.#setDeadline();
    } else if (this.#phase === 'idle' && this.#clientEnded && this.#input === null) this.#linger();
  }

  /** Returns how many bytes it used; 0 to wait. */
  #readHead(input: Buffer): number {
    if (this.#phase === 'idle') {
      if (this.#socket.writableNeedDrain) {
        // A client that pipelines but does not read would fill the memory with answers.
        this.#socket.pause();
        return 0;
      }
      this.#phase = 'head';
      this.request ??= this.#context.states.take(this, this.#context);
      this.request.headReader.begin();
      if (this.requests > 0) this.deadline = this.#context.deadlines.after(this.#context.settings().clientHeaderTimeout);
    }
    if (this.#phase !== 'head') return 0;
    const end = this.request!.headReader.read(input, this.#context.requestLimits());
    if (end > 0) this.#begin(end);
    else if (end < 0) this.#refuse(this.head.error);
    else if (this.#clientEnded) this.#linger(); // The rest of it will not come.
    return Math.max(end, 0);
  }

  #begin(headBytes: number): void {
    const { head } = this;
    this.requests++;
    this.#phase = 'exchange';
    this.#sentBefore = 0;
    this.#writer.begin();
    this.#keepAlive = head.keepAlive && this.#lifetime.allows(this.requests);
    this.request!.body.begin(head, this.#context.settings());
    this.request!.exchange.begin(headBytes);
  }

  #readBody(input: Buffer): number {
    if (!this.request!.body.open || this.#bodyPaused) return 0;
    const used = this.request!.body.read(input);
    if (used < 0) {
      this.#keepAlive = false;
      if (this.request!.exchange.active) this.request!.exchange.fail(ERRORS.badRequest);
      else this.destroy();
      return 0;
    }
    if (this.#phase === 'idle' && !this.request!.body.open) this.#setDeadline();
    return used;
  }

  /** A response that tells the client to close also lets it stop sending what is left of its body. */
  #decideKeepAlive(answer = 0): void {
    const discardable = this.request!.body.canBeDiscarded() && !(this.request!.body.open && this.head.expectContinue);
    // A half-closed client may have pipelined more before.
    const last = this.#clientEnded && this.#input === null;
    if (this.#context.admission.level !== OPEN || last || !discardable || closesConnection(answer, this.head))
      this.#keepAlive = false;
  }

  #security(): string | null {
    return this.client.scheme === 'https' ? this.request!.exchange.security : null;
  }

  /** No state without a deadline of its own, unless the upstream's covers it. */
  #setDeadline(): void {
    const { deadlines, settings } = this.#context;
    if (this.#socket.writableNeedDrain) this.deadline = deadlines.after(settings().clientSendTimeout);
    else if (this.request?.body.open === true)
      this.deadline = this.#bodyPaused ? Infinity : deadlines.after(settings().clientBodyTimeout);
    else if (this.#phase === 'idle') this.deadline = this.#lifetime.idles();
    else if (this.#phase === 'exchange')
      this.deadline = this.#clientEnded ? deadlines.after(settings().halfClosedTimeout) : Infinity;
  }

  onDrain(): void {
    this.#context.deadlines.tick();
    if (this.#phase === 'tunnel') this.deadline = Infinity;
    else this.#setDeadline();
    this.request?.exchange.onClientDrain();
    if (this.#phase === 'idle' && this.#input !== null) {
      this.#socket.resume();
      this.#process();
    }
  }

  onEnd(): void {
    this.#context.deadlines.tick();
    this.#clientEnded = true;
    switch (this.#phase) {
      case 'tunnel':
        return this.request!.exchange.onTunnelClientEnd();
      case 'exchange':
        // A half-closed client still gets its answer, unless its request cannot become complete.
        if (this.request!.body.open) this.#cut(ERRORS.clientGone);
        else this.#setDeadline();
        return;
      case 'idle':
      case 'head':
        this.#linger();
        return;
      case 'linger':
      case 'closed':
        this.#end();
    }
  }

  /** Closes our side, after all that was sent. */
  #end(): void {
    this.#output.flush();
    if (!this.#socket.writableEnded) this.#socket.end();
  }

  onClose(): void {
    if (!this.#context.connections.delete(this)) return;
    this.#context.deadlines.tick();
    this.#context.deadlines.delete(this);
    this.#phase = 'closed';
    this.#input = null;
    const request = this.request;
    if (request === null) return;
    request.exchange.onClientGone(ERRORS.clientGone);
    this.request = this.#context.states.give(request);
  }

  /** The client is at fault, or gone: the exchange ends here, and the connection with it. */
  #cut(error: ProxyError): void {
    // Closed first, so that no further request begins.
    this.abort();
    this.request!.exchange.onClientGone(error);
  }

  /** Refuses what never became an exchange. */
  #refuse(error: ProxyError): void {
    this.#keepAlive = false;
    this.#context.onRefused(this, error);
    this.#writer.answer(page(error.status), false, null, 'Connection: close\r\n');
    this.#linger();
  }

  /** After the last exchange. A client that asked for the close sends nothing more that a reset could answer. */
  #finish(): void {
    this.#output.flush();
    const agreed = this.#phase === 'exchange' && !this.head.keepAlive && !this.request!.body.open && this.#input === null;
    if (agreed && this.client.scheme === 'http' && this.#output.empty) this.destroy();
    else this.#linger();
  }

  /** Closes our side, and reads on for a while, so that no reset overtakes the answer (RFC 9112 §9.6). */
  #linger(): void {
    this.#phase = 'linger';
    this.#input = null;
    this.#end();
    const sending = this.#socket.writableLength > 0;
    this.deadline = this.#lifetime.ends(sending);
    // Over TLS something always is still on its way.
    if (sending) this.#socket.once('finish', () => (this.deadline = Math.min(this.deadline, this.#lifetime.ends(false))));
    this.#socket.resume();
  }
}
