/** One request from its head to the last byte of its response: route, policies, tries, answer. */
import type { Answer } from '../../policies/answer.ts';
import { grpcAnswer, HEALTHY, isGrpc, overloadRefusal } from './answers.ts';
import { Attempts, type AttemptsOwner } from './attempts.ts';
import { misdirected, type Refusal } from '../client-auth/check.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { wayOf, type CompiledRoute } from '../routing/compiled-route.ts';
import { ResponseBody, type ResponseBodyOwner } from '../body/response-body.ts';
import type { Downstream } from './downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import { allowedTrailers } from '../http1/chunked.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import { newRequestId } from '../http1/forward-request.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import { LARGE_PIECE } from '../outbox.ts';
import { beginCopy } from '../mirror/copied-head.ts';
import type { Copy } from '../mirror/copy.ts';
import { ErrorPage, type ErrorPageOwner } from './error-page.ts';
import { Passage, passageWithoutSteps, type PassageOwner } from './passage.ts';
import { enterLocation, locate, redirectToSlash, relocate } from './relocation.ts';
import { isFailure } from '../upstream/health.ts';

export class Exchange implements AttemptsOwner, ErrorPageOwner, ResponseBodyOwner, PassageOwner {
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
  /** As they are for its route. */
  settings: ProxySettings;
  readonly attempts: Attempts;
  /** The request's way through the policies of its route; null: it has none. */
  passage: Passage | null = null;
  requestEnded = false;
  /** Of the request, filtered. */
  trailers = '';

  readonly #context: ExchangeContext;
  /** Of the response. */
  readonly #body: ResponseBody;
  #responseStarted = false;
  #tunnel = false;
  #bodyBytes = 0;
  /** The body is read whole before a backend is asked. */
  #gathering = false;
  readonly #errorPage: ErrorPage;
  /** Of the request, while it comes in; null: it is not copied, or was. */
  #copy: Copy | null = null;

  constructor(downstream: Downstream, context: ExchangeContext) {
    this.downstream = downstream;
    this.#context = context;
    this.settings = context.settings();
    this.attempts = new Attempts(this, context);
    this.#body = new ResponseBody(this, context);
    this.#errorPage = new ErrorPage(this);
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
    if (this.isRefused(overloadRefusal(this.#context.admission))) return;
    if (head.method === 'TRACE' || head.method === 'CONNECT') return this.refuse(ERRORS.methodNotAllowed);
    const { settings } = this;
    this.requestId = head.requestId !== '' ? head.requestId : settings.generateRequestId ? newRequestId() : '';
    const found = this.#context.router.find(head.host, head.rawPath, head.pathIsPlain);
    if (found.badPath) return this.refuse(ERRORS.badRequest);
    if (found.forwarded !== null) head.forwardedTarget = found.forwarded + head.target.slice(head.rawPath.length);
    const { route, slashRedirect } = found;
    // As ingress-nginx, whose location for it is in the catch-all server and beats "/".
    if (head.rawPath === settings.healthCheckPath && !this.#context.router.knows(head.host)) return this.answerInstead(HEALTHY);
    if (route === null) return this.refuse(ERRORS.noRoute);
    this.route = route;
    if (route.tuning !== null) this.settings = this.#context.tuned.of(settings, route.tuning);
    if (route.clientGate !== null || client.certificate !== null) {
      if (this.isRefused(misdirected(route.clientAuth, client))) return;
      if (client.scheme === 'https' && this.isRefused(route.clientGate?.refuses(client) ?? null)) return;
    }
    const { steps } = route;
    if (steps === null) return slashRedirect ? redirectToSlash(this) : this.proceed();
    const passage = new Passage(this, steps, this.#context, found.path);
    this.passage = passage;
    const answer = passage.enterHost();
    if (answer !== null) return this.answerInstead(answer);
    // The server's own rewriting costs none of the times that a location may be looked for again.
    if (passage.rewriting.changed) return locate(this, this.#context);
    enterLocation(this, passage, slashRedirect);
  }

  /** A policy changed the path. */
  relocate(): void {
    relocate(this, this.#context);
  }

  /** Sends the request to a backend, now that no policy is against it. */
  proceed(): void {
    const { downstream } = this;
    const { head, client } = downstream;
    const route = this.route!;
    const { maxRequestBodySize } = this.settings;
    // Plain HTTP is redirected first, where it is.
    if (route.clientGate !== null && client.scheme === 'http' && this.isRefused(route.clientGate.refuses(client))) return;
    if (maxRequestBodySize > 0 && head.contentLength > maxRequestBodySize) return this.refuse(ERRORS.bodyTooLarge);
    const { target } = route;
    if (target.kind === 'answer') return this.refuse(target.status === 404 ? ERRORS.noRoute : ERRORS.routeUnavailable);
    const forwarded = this.passage === null ? '' : this.passage.target;
    if (forwarded === null) return this.refuse(ERRORS.badRequest);
    if (forwarded !== '') head.forwardedTarget = forwarded;
    // A client of HTTP/1.0 does not know 1xx (RFC 9110 §10.1.1).
    if (head.expectContinue && head.minor === 1 && !this.requestEnded) downstream.continue();
    if (this.passage !== null) this.#copy = beginCopy(this.#context.mirrors, downstream, this.passage, this.requestEnded);
    if (this.requestEnded) return this.#ask();
    const { requestBuffering, requestBufferSize } = this.settings;
    // Calls of gRPC may go both ways at once; nginx streams them too (ngx_http_grpc_handler).
    this.#gathering = requestBuffering && wayOf(route, client)?.group.targets[0]?.pool.transport.http2 === false;
    this.attempts.body.begin(requestBufferSize, this.#gathering);
    if (this.#gathering) downstream.resumeBody();
    else this.#ask();
  }

  #ask(): void {
    const { group, fallback } = wayOf(this.route!, this.downstream.client)!;
    if (this.passage?.upstream.http10 === true && this.downstream.head.chunked) return this.refuse(ERRORS.lengthRequired);
    this.attempts.begin(group, fallback);
  }

  variables(): Passage {
    return this.passage ?? passageWithoutSteps(this, this.#context);
  }

  /** Request body bytes; they are not changed after the call. */
  onRequestData(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.requestBytes += length;
    this.#bodyBytes += length;
    this.#copy?.add(bytes, start, end);
    const { upstream, body } = this.attempts;
    if (!this.active || (upstream === null && !this.#gathering) || this.#errorPage.asked) return;
    const { maxRequestBodySize } = this.settings;
    if (maxRequestBodySize > 0 && this.#bodyBytes > maxRequestBodySize) return this.fail(ERRORS.bodyTooLarge);
    const added = body.add(bytes, start, end);
    if (upstream === null) {
      if (added === 'wait') this.downstream.pauseBody();
      else if (added !== 'taken') this.fail(added === 'failed' ? ERRORS.bodyNotHeld : ERRORS.tempSpaceUsedUp);
      return;
    }
    upstream.sendData(bytes, start, end);
    // Until there is a connection, no more than what is at hand is read: all of it can still go elsewhere.
    if (length > LARGE_PIECE && !upstream.connected) this.downstream.pauseBody();
  }

  /** The request body is complete. Said again where an empty one ends with a frame of its own. */
  onRequestEnd(trailers: string): void {
    if (this.requestEnded) return;
    this.requestEnded = true;
    this.#copy?.end();
    if (!this.active || this.#errorPage.asked) return;
    this.trailers = allowedTrailers(trailers);
    if (this.#gathering) this.#gathered();
    else this.attempts.upstream?.sendEnd(this.trailers);
  }

  /** All of the body is there. What came in chunks goes with a length, as nginx sends it, unless trailers follow it. */
  #gathered(): void {
    this.#gathering = false;
    if (this.trailers === '') this.downstream.head.measured(this.#bodyBytes);
    this.#ask();
  }

  onBodyRoom(): void {
    if (this.#gathering) this.downstream.resumeBody();
  }

  /** The client takes no more data for now. */
  onClientBlocked(): void {
    this.#body.onClientBlocked();
  }

  /** The client takes data again. */
  onClientDrain(): void {
    this.#body.onClientDrain();
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
    if (this.attempts.upstream?.blocked === false) this.onUpstreamDrain();
  }

  onInterim(head: ResponseHead): void {
    if (this.downstream.head.minor === 1 && !this.#errorPage.asked) this.downstream.sendInterim(head);
  }

  onResponseHead(head: ResponseHead): void {
    if (head.status >= 403 && this.attempts.passOver(head.status)) return;
    this.headReceivedAt = this.#context.deadlines.now;
    if (this.#context.keepsResponses()) this.responseText = head.text;
    this.upstreamStatus = head.status;
    this.attempts.answered(isFailure(head.status));
    const { errors } = this.route!;
    if (errors !== null && this.#errorPage.takesResponse(errors, head)) return;
    this.status = head.status;
    this.#responseStarted = true;
    let more = this.passage === null ? '' : this.passage.leave(head, this.#errorPage.asked);
    if (errors !== null) more += this.#errorPage.kept;
    const { choice } = this.attempts;
    if (choice !== null && choice.cookie !== '') more += `Set-Cookie: ${choice.cookie}\r\n`;
    if (head.status === 101) {
      this.#tunnel = true;
      this.attempts.succeeded();
      this.downstream.startTunnel(head, more);
    } else {
      const compressible = this.passage?.response.compressible !== false;
      this.downstream.sendHead(this.#body.begin(head, this.settings, compressible), more);
    }
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    if (this.#body.direct) this.downstream.sendData(bytes, start, end);
    else this.#body.write(bytes, start, end);
  }

  onResponseEnd(trailers: string): void {
    this.attempts.upstream = null;
    if (!isFailure(this.upstreamStatus)) this.attempts.succeeded();
    const rest = this.downstream.head.acceptsTrailers ? allowedTrailers(trailers) : '';
    if (!this.#body.direct) return this.#body.end(rest);
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
    if (this.#errorPage.asked) return;
    this.attempts.body.onUpstreamDrain();
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
    this.#errorPage.refuse(error);
  }

  isRefused(refusal: Refusal | null): boolean {
    if (refusal === null) return false;
    this.error = refusal.error;
    this.answerAtLast(refusal.answer);
    return true;
  }

  /** An answer of our own instead of a backend's, or another backend's page for it. */
  answerInstead(answer: Answer): void {
    if (!this.#errorPage.takesAnswer(answer)) this.answerAtLast(answer);
  }

  answerAtLast(given: Answer): void {
    this.attempts.drop();
    if (given.status === 444) return this.refuse(ERRORS.closed);
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
    this.#body.close();
    this.attempts.finish();
    if (!this.requestEnded) this.#copy?.drop();
    this.#copy = null;
    this.finishedAt = this.#context.deadlines.now;
    // First, for what a policy counts must be given back whatever comes.
    this.passage?.finish();
    this.#context.onExchangeDone(this);
    this.downstream.exchangeDone();
  }

  #reset(headBytes: number): void {
    this.active = true;
    this.settings = this.#context.settings();
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
    this.#responseStarted = this.#tunnel = this.#gathering = false;
    this.#bodyBytes = 0;
    this.#errorPage.reset();
    this.trailers = '';
    this.attempts.reset();
  }
}
