/** One request from its head to the last byte of its response: route, endpoint, tries, answer. */
import { grpcAnswer, HEALTHY, isGrpc, OVERLOADED, page, redirect, withSlash, type Answer } from './answers.ts';
import { misdirected, type Refusal } from './client-auth/check.ts';
import type { CompiledRoute } from './compiled-route.ts';
import type { Encoder, EncoderHandler } from './compression/encoder.ts';
import type { Downstream } from './downstream.ts';
import { ERRORS, type ProxyError } from './errors.ts';
import { allowedTrailers } from './http1/chunked.ts';
import type { ExchangeContext } from './http1/connection-context.ts';
import { fallbackFields, newRequestId } from './http1/forward-request.ts';
import type { ResponseHead } from './http1/head/response-head.ts';
import { LARGE_PIECE } from './outbox.ts';
import { isFailure } from './upstream/health.ts';
import { REFUSING } from './workers/overload.ts';
import { Replay } from './upstream/replay.ts';
import { decideRetry, isStale } from './upstream/retry.ts';
import type { LiveGroup, Target } from './upstream/group.ts';
import type { Pool } from './upstream/pool.ts';
import type { ResponseHandler, UpstreamStream } from './upstream/stream.ts';

const NONE_TRIED: readonly Pool[] = [];

export class Exchange implements ResponseHandler, EncoderHandler {
  /** Whose request it is: one exchange serves many, one after the other. */
  downstream: Downstream;
  /** Null until the request is routed, and for requests refused before. */
  route: CompiledRoute | null = null;
  /** The final status; 0 while there is none; 499 when the client went away first. */
  status = 0;
  error: ProxyError | null = null;
  /** Milliseconds of the worker's deadlines; 0 when it did not happen. */
  startedAt = 0;
  upstreamStartedAt = 0;
  connectedAt = 0;
  headReceivedAt = 0;
  finishedAt = 0;
  /** Bytes of the request, head and body. */
  requestBytes = 0;
  /** Response body bytes from the upstream. */
  responseBytes = 0;
  upstreamStatus = 0;
  /** The endpoints that were tried, in order, as nginx's `$upstream_addr` lists them; empty when there was none. */
  tried = '';
  requestId = '';
  active = false;

  readonly #context: ExchangeContext;
  #group: LiveGroup | null = null;
  #fallback = false;
  /** The endpoint that is tried now, or was last. */
  #target: Target | null = null;
  #upstream: UpstreamStream | null = null;
  /** Stands between the response's body and the client when it is compressed. It may outlast the upstream. */
  #encoder: Encoder | null = null;
  #triedPools: readonly Pool[] = NONE_TRIED;
  #tries = 0;
  /** This try is the second at the same endpoint. */
  #fresh = false;
  readonly #replay = new Replay();
  #requestEnded = false;
  /** Of the request, filtered. */
  #trailers = '';
  #responseStarted = false;
  #tunnel = false;
  #bodyBytes = 0;
  /** Counts exchanges, so that a late look-up of a name cannot meddle with the next one. */
  #generation = 0;
  /** When the look-up of a name ends, in milliseconds of the deadlines. */
  #resolveDeadline = Infinity;

  constructor(downstream: Downstream, context: ExchangeContext) {
    this.downstream = downstream;
    this.#context = context;
  }

  /** When the upstream or its name server is late; Infinity when there is none, or the downstream's deadline covers it. */
  get upstreamDeadline(): number {
    return this.#upstream?.deadline ?? this.#resolveDeadline;
  }

  /** Begins with the head the downstream has parsed; `headBytes`: its size. The body follows by `onRequestData`. */
  begin(headBytes: number): void {
    const { head, client } = this.downstream;
    this.#reset(headBytes);
    this.#requestEnded = !head.hasBody();
    if (this.#context.admission.level === REFUSING) return this.#refuseForOverload();
    if (head.method === 'TRACE' || head.method === 'CONNECT') return this.#refuse(ERRORS.methodNotAllowed);
    const settings = this.#context.settings();
    this.requestId = head.requestId !== '' ? head.requestId : settings.generateRequestId ? newRequestId() : '';
    const found = this.#context.router.find(head.host, head.rawPath, head.pathIsPlain);
    if (found.badPath) return this.#refuse(ERRORS.badRequest);
    if (found.forwarded !== null) head.forwardedTarget = found.forwarded + head.target.slice(head.rawPath.length);
    const { route, slashRedirect } = found;
    // As ingress-nginx, whose location for it is in the catch-all server and beats "/".
    if (head.rawPath === settings.healthCheckPath && !this.#context.router.knows(head.host)) return this.#answer(HEALTHY);
    if (route === null) return this.#refuse(ERRORS.noRoute);
    this.route = route;
    if (route.clientGate !== null || client.certificate !== null) {
      if (this.#isRefused(misdirected(route.clientAuth, client))) return;
      if (client.scheme === 'https' && this.#isRefused(route.clientGate?.refuses(client) ?? null)) return;
    }
    if (slashRedirect) return this.#answer(redirect(301, withSlash(head, client, settings)));
    for (const check of route.checks) {
      const answer = check(head, client, settings);
      if (answer !== null) return this.#answer(answer);
    }
    // Plain HTTP is redirected first, where it is.
    if (route.clientGate !== null && client.scheme === 'http' && this.#isRefused(route.clientGate.refuses(client))) return;
    if (settings.maxRequestBodySize > 0 && head.contentLength > settings.maxRequestBodySize)
      return this.#refuse(ERRORS.bodyTooLarge);
    const { target } = route;
    if (target.kind === 'answer') return this.#refuse(target.status === 404 ? ERRORS.noRoute : ERRORS.routeUnavailable);
    const way = target.overTls !== null && this.downstream.client.scheme === 'https' ? target.overTls : target;
    this.#group = way.group;
    if (way.group.targets.length === 0 && way.fallback !== null) {
      this.#group = way.fallback;
      this.#fallback = true;
    }
    // A client of HTTP/1.0 does not know 1xx (RFC 9110 §10.1.1).
    if (head.expectContinue && head.minor === 1 && !this.#requestEnded) this.downstream.continue();
    this.#tryNext();
  }

  /** Request body bytes; they are not changed after the call. */
  onRequestData(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    this.requestBytes += length;
    this.#bodyBytes += length;
    const upstream = this.#upstream;
    if (!this.active || upstream === null) return;
    const { maxRequestBodySize } = this.#context.settings();
    if (maxRequestBodySize > 0 && this.#bodyBytes > maxRequestBodySize) return this.fail(ERRORS.bodyTooLarge);
    this.#replay.add(bytes, start, end);
    upstream.sendData(bytes, start, end);
    // Until there is a connection, no more than what is at hand is read: all of it can still go elsewhere.
    if (length > LARGE_PIECE && !upstream.connected) this.downstream.pauseBody();
  }

  /** The request body is complete. Said again where an empty one ends with a frame of its own. */
  onRequestEnd(trailers: string): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (!this.active) return;
    this.#trailers = allowedTrailers(trailers);
    this.#upstream?.sendEnd(this.#trailers);
  }

  /** The client takes no more data for now. */
  onClientBlocked(): void {
    this.#encoder?.pause();
    this.#upstream?.pause();
  }

  /** The client takes data again. */
  onClientDrain(): void {
    if (this.#encoder?.resume() !== false) this.#upstream?.resume();
  }

  /** The client went away, or was cut off. */
  onClientGone(error: ProxyError): void {
    if (!this.active) return;
    this.#dropUpstream();
    if (!this.#responseStarted) this.status = 499;
    this.#finish(error);
  }

  /** Bytes from the client of an upgraded connection. */
  onTunnelClientData(bytes: Buffer): void {
    this.requestBytes += bytes.length;
    this.#upstream?.tunnelData(bytes);
  }

  onTunnelClientEnd(): void {
    this.#upstream?.tunnelEnd();
  }

  /** Ends the exchange with an error page, or by cutting the connection when the response has begun. */
  fail(error: ProxyError): void {
    if (!this.active) return;
    this.#dropUpstream();
    if (this.#responseStarted) {
      this.downstream.abort();
      this.#finish(error);
    } else this.#refuse(error);
  }

  onConnected(): void {
    this.connectedAt = this.#context.deadlines.now;
    if (this.#upstream?.blocked === false) this.downstream.resumeBody();
  }

  onInterim(head: ResponseHead): void {
    if (this.downstream.head.minor === 1) this.downstream.sendInterim(head);
  }

  onResponseHead(head: ResponseHead): void {
    this.headReceivedAt = this.#context.deadlines.now;
    this.status = this.upstreamStatus = head.status;
    this.#responseStarted = true;
    this.#replay.close();
    const { health } = this.#target!;
    if (isFailure(head.status)) health.failed();
    else if (health.probing) health.answering();
    if (head.status === 101) {
      this.#tunnel = true;
      health.succeeded();
      this.downstream.startTunnel(head);
    } else {
      const { compression } = this.#context;
      if (compression.enabled) this.#encoder = compression.begin(this.downstream.head, head, this);
      this.downstream.sendHead(compression.enabled ? compression.head : head);
    }
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.responseBytes += end - start;
    if (this.#encoder === null) this.downstream.sendData(bytes, start, end);
    else if (!this.#encoder.write(bytes, start, end)) this.#upstream?.pause();
  }

  onResponseEnd(trailers: string): void {
    this.#upstream = null;
    const { health } = this.#target!;
    if (health.failures > 0 && !isFailure(this.upstreamStatus)) health.succeeded();
    const rest = this.downstream.head.acceptsTrailers ? allowedTrailers(trailers) : '';
    if (this.#encoder !== null) return this.#encoder.end(rest);
    this.downstream.sendEnd(rest);
    this.#finish(null);
  }

  onResponseSent(): void {
    this.#finish(null);
  }

  onUpstreamBlocked(): void {
    if (!this.#requestEnded || this.#tunnel) this.downstream.pauseBody();
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
    const failed = this.#upstream;
    this.#upstream = null;
    if (!this.#tunnel && !isStale(error, failed?.reused ?? false)) this.#target!.health.failed();
    if (this.#tunnel || this.#responseStarted) {
      this.downstream.abort();
      return this.#finish(this.#tunnel ? null : error);
    }
    const attempt = {
      method: this.downstream.head.method,
      tries: this.#tries,
      // Once: an upstream that sends everybody away would be asked for ever.
      reused: !this.#fresh && (failed?.reused ?? false),
      replayable: this.#replay.complete,
      spent: this.#context.deadlines.now - this.startedAt,
      budget: this.#group!.retryBudget,
    };
    const decision = failed === null ? 'no' : decideRetry(error, attempt, this.#context.settings());
    if (failed === null || decision === 'no') return this.#refuse(error);
    if (decision === 'next') return this.#tryNext(error);
    this.#tries--;
    this.#connect(failed.address, this.#target!.pool, true);
  }

  /** `previous`: why the last endpoint did not do. */
  #tryNext(previous: ProxyError = ERRORS.noEndpoints): void {
    const target = this.#group?.pick(this.#triedPools) ?? null;
    if (target === null) return this.#refuse(previous);
    this.#target = target;
    this.#triedPools = this.#triedPools.length === 0 ? target.pool.alone : [...this.#triedPools, target.pool];
    if (!target.endpoint.dns) return this.#connect(target.endpoint.address, target.pool, false);
    this.#resolve(target);
  }

  /** A name server that does not answer costs no more than a connect that hangs. What calls back, nothing else guards. */
  #resolve(target: Target): void {
    const generation = this.#generation;
    const timeout = this.#context.settings().upstreamConnectTimeout;
    this.#resolveDeadline = this.#context.deadlines.now + timeout;
    if (!this.#requestEnded) this.downstream.pauseBody();
    this.#context.resolver.resolve(target.endpoint.address, timeout, (address) => {
      if (generation !== this.#generation || !this.active) return;
      this.#context.deadlines.tick();
      this.#resolveDeadline = Infinity;
      try {
        if (address === null) this.#tryNext(ERRORS.resolveFailed);
        else this.#connect(address, target.pool, false);
      } catch (error) {
        this.downstream.onBug(error);
      }
    });
  }

  #connect(address: string, pool: Pool, fresh: boolean): void {
    const { head } = this.downstream;
    this.#fresh = fresh;
    this.#tries++;
    this.tried = this.tried === '' ? pool.label : `${this.tried}, ${pool.label}`;
    this.upstreamStartedAt = this.#context.deadlines.now;
    const upstream = pool.take(address, fresh);
    this.#upstream = upstream;
    const route = this.route!;
    const identity = route.clientGate === null ? '' : route.clientGate.fields(this.downstream.client);
    const extra = this.#fallback ? identity + fallbackFields(route.model, head.accept) : identity;
    this.downstream.forwardHead(upstream.begin(head), this.requestId, extra);
    // What of the body was already read is sent again.
    this.#replay.sendTo(upstream);
    if (this.#requestEnded) upstream.sendEnd(this.#trailers);
    // Only now: a connection that is there already lets the body flow at once, and it must follow the head.
    upstream.attach(this);
  }

  #refuse(error: ProxyError): void {
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

  #answer(answer: Answer): void {
    this.#dropUpstream();
    this.status = answer.status;
    this.#responseStarted = true;
    const { http2, head } = this.downstream;
    // What is written down is what happened; a client of gRPC looks for it elsewhere.
    this.downstream.sendAnswer(answer.status >= 400 && http2 && isGrpc(head) ? grpcAnswer(answer) : answer);
    this.#finish(this.error);
  }

  #dropUpstream(): void {
    const upstream = this.#upstream;
    this.#upstream = null;
    upstream?.destroy();
  }

  #finish(error: ProxyError | null): void {
    this.error = error;
    this.active = false;
    this.#encoder?.destroy();
    this.#encoder = null;
    this.#replay.close();
    this.#resolveDeadline = Infinity;
    this.finishedAt = this.#context.deadlines.now;
    this.#context.onExchangeDone(this);
    this.downstream.exchangeDone();
  }

  #reset(headBytes: number): void {
    this.active = true;
    this.#generation++;
    this.route = null;
    this.status = this.upstreamStatus = 0;
    this.error = null;
    this.startedAt = this.#context.deadlines.now;
    this.upstreamStartedAt = this.connectedAt = this.headReceivedAt = 0;
    this.requestBytes = headBytes;
    this.responseBytes = 0;
    this.requestId = '';
    this.tried = '';
    this.#triedPools = NONE_TRIED;
    this.#tries = 0;
    this.#group = null;
    this.#fallback = false;
    this.#responseStarted = this.#tunnel = false;
    this.#bodyBytes = 0;
    this.#trailers = '';
    this.#replay.open(this.#context.settings().maxReplayedBody);
  }
}
