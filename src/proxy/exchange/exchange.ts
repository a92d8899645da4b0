/** One request from its head to the last byte of its response: route, policies, tries, answer. */
import { page, redirect, type Answer } from '../../policies/answer.ts';
import { grpcAnswer, HEALTHY, isGrpc, OVERLOADED, withSlash } from './answers.ts';
import { Attempts, type AttemptsOwner } from './attempts.ts';
import { misdirected, type Refusal } from '../client-auth/check.ts';
import type { CompiledRoute } from '../routing/compiled-route.ts';
import type { Encoder, EncoderHandler } from '../compression/encoder.ts';
import type { Downstream } from './downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { allowedTrailers } from '../http1/chunked.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import { newRequestId } from '../http1/forward-request.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import { LARGE_PIECE } from '../outbox.ts';
import { NO_STEPS, Passage, type PassageOwner } from './passage.ts';
import { escapeControls, escapePath, MAX_RELOCATIONS, type Rewriting } from '../../policies/rewriting.ts';
import { isFailure } from '../upstream/health.ts';
import { REFUSING } from '../workers/overload.ts';

export class Exchange implements AttemptsOwner, EncoderHandler, PassageOwner {
  /** Whose request it is: one exchange serves many, one after the other. */
  downstream: Downstream;
  /** Null until the request is routed, and for requests refused before. */
  route: CompiledRoute | null = null;
  /** The final status; 0 while there is none; 499 when the client went away first. */
  status = 0;
  error: ProxyError | null = null;
  /** Milliseconds of the worker's deadlines; 0 when it did not happen. */
  startedAt = 0;
  headReceivedAt = 0;
  finishedAt = 0;
  /** Bytes of the request, head and body. */
  requestBytes = 0;
  /** Response body bytes from the upstream. */
  responseBytes = 0;
  upstreamStatus = 0;
  /** The head of the backend's response, where the access log asks for it. */
  responseText = '';
  /** What was answered in place of a backend. */
  answer: Answer | null = null;
  /** The canary that has the request, as `$proxy_alternative_upstream_name`; empty: none has. */
  alternativeName = '';
  requestId = '';
  active = false;
  readonly attempts: Attempts;
  /** The request's way through the policies of its route; null: it has none. */
  passage: Passage | null = null;
  requestEnded = false;
  /** Of the request, filtered. */
  trailers = '';

  readonly #context: ExchangeContext;
  /** Stands between the response's body and the client when it is compressed. It may outlast the upstream. */
  #encoder: Encoder | null = null;
  #responseStarted = false;
  #tunnel = false;
  #bodyBytes = 0;

  constructor(downstream: Downstream, context: ExchangeContext) {
    this.downstream = downstream;
    this.#context = context;
    this.attempts = new Attempts(this, context);
  }

  /** When the upstream or its name server is late; Infinity when there is none, or the downstream's deadline covers it. */
  get upstreamDeadline(): number {
    return this.attempts.upstream?.deadline ?? this.attempts.resolveDeadline;
  }

  /** The value of Strict-Transport-Security for an answer over TLS; null: a policy sends its own, or none. */
  get security(): string | null {
    const replaced = this.passage !== null && this.passage.response.removes('strict-transport-security');
    return replaced ? null : this.#context.settings().strictTransportSecurity;
  }

  /** Begins with the head the downstream has parsed; `headBytes`: its size. The body follows by `onRequestData`. */
  begin(headBytes: number): void {
    const { head, client } = this.downstream;
    this.#reset(headBytes);
    this.requestEnded = !head.hasBody();
    if (this.#context.admission.level === REFUSING) return this.#refuseForOverload();
    if (head.method === 'TRACE' || head.method === 'CONNECT') return this.refuse(ERRORS.methodNotAllowed);
    const settings = this.#context.settings();
    this.requestId = head.requestId !== '' ? head.requestId : settings.generateRequestId ? newRequestId() : '';
    const found = this.#context.router.find(head.host, head.rawPath, head.pathIsPlain);
    if (found.badPath) return this.refuse(ERRORS.badRequest);
    if (found.forwarded !== null) head.forwardedTarget = found.forwarded + head.target.slice(head.rawPath.length);
    const { route, slashRedirect } = found;
    // As ingress-nginx, whose location for it is in the catch-all server and beats "/".
    if (head.rawPath === settings.healthCheckPath && !this.#context.router.knows(head.host)) return this.#answer(HEALTHY);
    if (route === null) return this.refuse(ERRORS.noRoute);
    this.route = route;
    if (route.clientGate !== null || client.certificate !== null) {
      if (this.#isRefused(misdirected(route.clientAuth, client))) return;
      if (client.scheme === 'https' && this.#isRefused(route.clientGate?.refuses(client) ?? null)) return;
    }
    const { steps } = route;
    if (steps === null) {
      if (slashRedirect) return this.#answer(redirect(301, withSlash(head, client, settings)));
      return this.proceed();
    }
    const passage = new Passage(this, steps, this.#context, found.path);
    this.passage = passage;
    const answer = passage.enterHost();
    if (answer !== null) return this.#answer(answer);
    // The server's own rewriting costs none of the times that a location may be looked for again.
    if (passage.rewriting.changed) return this.#locate(passage.rewriting);
    this.#enter(passage, slashRedirect);
  }

  #enter(passage: Passage, slashRedirect: boolean): void {
    const { head, client } = this.downstream;
    const { rewriting } = passage;
    const answer = passage.enterLocations();
    if (answer !== null) return this.#answer(answer);
    if (rewriting.changed) return this.relocate();
    if (!slashRedirect) return passage.enter();
    const query = rewriting.query === '' ? '' : `?${rewriting.query}`;
    const location = rewriting.rewritten
      ? `${passage.variable('scheme')}://${passage.variable('host')}${escapePath(rewriting.path)}/${escapeControls(query)}`
      : withSlash(head, client, this.#context.settings());
    this.#answer(redirect(301, location));
  }

  /** A policy changed the path: the request goes on in the location of that one, of the same host. */
  relocate(): void {
    const { rewriting } = this.passage!;
    if (rewriting.relocations === MAX_RELOCATIONS) return this.refuse(ERRORS.internal);
    rewriting.relocate();
    this.#locate(rewriting);
  }

  #locate(rewriting: Rewriting): void {
    rewriting.changed = false;
    rewriting.fields = null;
    const { head, client } = this.downstream;
    if (rewriting.target === null) return this.refuse(ERRORS.badRequest);
    const { route, slashRedirect } = this.#context.router.find(head.host, rewriting.path, true);
    if (route === null) return this.refuse(ERRORS.noRoute);
    this.route = route;
    // What was decided for the location before is no more, but that changes of the client's head are of this request.
    const passage = new Passage(this, route.steps ?? NO_STEPS, this.#context, rewriting.path, rewriting);
    this.passage?.handOver(passage);
    this.passage = passage;
    if (client.scheme === 'https' && this.#isRefused(route.clientGate?.refuses(client) ?? null)) return;
    this.#enter(passage, slashRedirect);
  }

  /** A policy answers instead of the backend. */
  answerInstead(answer: Answer): void {
    this.#answer(answer);
  }

  /** Sends the request to a backend, now that no policy is against it. */
  proceed(): void {
    const { downstream } = this;
    const { head, client } = downstream;
    const route = this.route!;
    const { maxRequestBodySize } = this.#context.settings();
    // Plain HTTP is redirected first, where it is.
    if (route.clientGate !== null && client.scheme === 'http' && this.#isRefused(route.clientGate.refuses(client))) return;
    if (maxRequestBodySize > 0 && head.contentLength > maxRequestBodySize) return this.refuse(ERRORS.bodyTooLarge);
    const { target } = route;
    if (target.kind === 'answer') return this.refuse(target.status === 404 ? ERRORS.noRoute : ERRORS.routeUnavailable);
    if (this.passage !== null) {
      const { upstream, rewriting } = this.passage;
      const forwarded = upstream.target ?? (rewriting.rewritten ? rewriting.target : '');
      if (forwarded === null) return this.refuse(ERRORS.badRequest);
      if (forwarded !== '') head.forwardedTarget = forwarded;
    }
    // A client of HTTP/1.0 does not know 1xx (RFC 9110 §10.1.1).
    if (head.expectContinue && head.minor === 1 && !this.requestEnded) downstream.continue();
    const way = target.overTls !== null && client.scheme === 'https' ? target.overTls : target;
    this.attempts.begin(way.group, way.fallback);
  }

  /** Request body bytes; they are not changed after the call. */
  onRequestData(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.requestBytes += length;
    this.#bodyBytes += length;
    const { upstream, replay } = this.attempts;
    if (!this.active || upstream === null) return;
    const { maxRequestBodySize } = this.#context.settings();
    if (maxRequestBodySize > 0 && this.#bodyBytes > maxRequestBodySize) return this.fail(ERRORS.bodyTooLarge);
    replay.add(bytes, start, end);
    upstream.sendData(bytes, start, end);
    // Until there is a connection, no more than what is at hand is read: all of it can still go elsewhere.
    if (length > LARGE_PIECE && !upstream.connected) this.downstream.pauseBody();
  }

  /** The request body is complete. Said again where an empty one ends with a frame of its own. */
  onRequestEnd(trailers: string): void {
    if (this.requestEnded) return;
    this.requestEnded = true;
    if (!this.active) return;
    this.trailers = allowedTrailers(trailers);
    this.attempts.upstream?.sendEnd(this.trailers);
  }

  /** The client takes no more data for now. */
  onClientBlocked(): void {
    this.#encoder?.pause();
    this.attempts.upstream?.pause();
  }

  /** The client takes data again. */
  onClientDrain(): void {
    if (this.#encoder?.resume() !== false) this.attempts.upstream?.resume();
  }

  /** The client went away, or was cut off. */
  onClientGone(error: ProxyError): void {
    if (!this.active) return;
    this.attempts.drop();
    if (!this.#responseStarted) this.status = 499;
    this.#finish(error);
  }

  /** Bytes from the client of an upgraded connection. */
  onTunnelClientData(bytes: Buffer): void {
    this.requestBytes += bytes.length;
    this.attempts.upstream?.tunnelData(bytes);
  }

  onTunnelClientEnd(): void {
    this.attempts.upstream?.tunnelEnd();
  }

  /** Ends the exchange with an error page, or by cutting the connection when the response has begun. */
  fail(error: ProxyError): void {
    if (!this.active) return;
    this.attempts.drop();
    if (this.#responseStarted) {
      this.downstream.abort();
      this.#finish(error);
    } else this.refuse(error);
  }

  onConnected(): void {
    this.attempts.connectedAt = this.#context.deadlines.now;
    if (this.attempts.upstream?.blocked === false) this.downstream.resumeBody();
  }

  onInterim(head: ResponseHead): void {
    if (this.downstream.head.minor === 1) this.downstream.sendInterim(head);
  }

  onResponseHead(head: ResponseHead): void {
    this.headReceivedAt = this.#context.deadlines.now;
    if (this.#context.keepsResponses()) this.responseText = head.text;
    this.status = this.upstreamStatus = head.status;
    this.#responseStarted = true;
    this.attempts.answered(isFailure(head.status));
    const more = this.passage === null ? '' : this.passage.leave(head);
    if (head.status === 101) {
      this.#tunnel = true;
      this.attempts.succeeded();
      this.downstream.startTunnel(head, more);
    } else {
      const { compression } = this.#context;
      const compresses = compression.enabled && this.passage?.response.compressible !== false;
      if (compresses) this.#encoder = compression.begin(this.downstream.head, head, this);
      this.downstream.sendHead(compresses ? compression.head : head, more);
    }
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    if (this.#encoder === null) this.downstream.sendData(bytes, start, end);
    else if (!this.#encoder.write(bytes, start, end)) this.attempts.upstream?.pause();
  }

  onResponseEnd(trailers: string): void {
    this.attempts.upstream = null;
    if (!isFailure(this.upstreamStatus)) this.attempts.succeeded();
    const rest = this.downstream.head.acceptsTrailers ? allowedTrailers(trailers) : '';
    if (this.#encoder !== null) return this.#encoder.end(rest);
    this.downstream.sendEnd(rest);
    this.#finish(null);
  }

  onResponseSent(): void {
    this.#finish(null);
  }

  onUpstreamBlocked(): void {
    if (!this.requestEnded || this.#tunnel) this.downstream.pauseBody();
  }

  onUpstreamDrain(): void {
    this.downstream.resumeBody();
  }

  onTunnelData(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    this.downstream.tunnelData(bytes, start, end);
  }

  onTunnelEnd(): void {
    this.downstream.tunnelEnd();
  }

  onBug(): void {
    // The connection's close ends the exchange.
    this.downstream.abort();
  }

  onUpstreamFailed(error: ProxyError): void {
    const failed = this.attempts.upstream;
    this.attempts.upstream = null;
    if (!this.#tunnel) this.attempts.blame(error, failed);
    if (this.#tunnel || this.#responseStarted) {
      this.downstream.abort();
      return this.#finish(this.#tunnel ? null : error);
    }
    this.attempts.retry(error, failed);
  }

  refuse(error: ProxyError): void {
    this.error = error;
    if (error.status === 0) {
      this.downstream.abort();
      return this.#finish(error);
    }
    this.#answer(page(error.status));
  }

  #isRefused(refusal: Refusal | null): boolean {
    if (refusal === null) return false;
    this.error = refusal.error;
    this.#answer(refusal.answer);
    return true;
  }

  #refuseForOverload(): void {
    this.#context.admission.refused();
    this.error = ERRORS.overloaded;
    this.#answer(OVERLOADED);
  }

  #answer(given: Answer): void {
    this.attempts.drop();
    // nginx's NGX_HTTP_CLOSE.
    if (given.status === 444) {
      this.status = 444;
      this.downstream.abort();
      return this.#finish(this.error);
    }
    const answer = this.passage === null ? given : this.passage.leaveWith(given);
    this.status = answer.status;
    this.answer = answer;
    this.#responseStarted = true;
    const { http2, head } = this.downstream;
    // What is written down is what happened; a client of gRPC looks for it elsewhere.
    this.downstream.sendAnswer(answer.status >= 400 && http2 && isGrpc(head) ? grpcAnswer(answer) : answer);
    this.#finish(this.error);
  }

  #finish(error: ProxyError | null): void {
    this.error = error;
    this.active = false;
    this.#encoder?.destroy();
    this.#encoder = null;
    this.attempts.finish();
    this.finishedAt = this.#context.deadlines.now;
    this.#context.onExchangeDone(this);
    this.passage?.finish();
    this.downstream.exchangeDone();
  }

  #reset(headBytes: number): void {
    this.active = true;
    this.route = null;
    this.passage = null;
    this.status = this.upstreamStatus = 0;
    this.error = null;
    this.startedAt = this.#context.deadlines.now;
    this.headReceivedAt = 0;
    this.requestBytes = headBytes;
    this.responseBytes = 0;
    this.requestId = this.responseText = this.alternativeName = '';
    this.answer = null;
    this.#responseStarted = this.#tunnel = false;
    this.#bodyBytes = 0;
    this.trailers = '';
    this.attempts.reset();
  }
}
