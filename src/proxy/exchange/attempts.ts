/** The tries of one exchange: which endpoint, over which connection, and what follows a failure before the response. */
import type { CompiledRoute } from '../routing/compiled-route.ts';
import type { Downstream } from './downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { isFailure } from '../upstream/health.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import type { RequestChanges } from '../../policies/changes.ts';
import { fallbackChanges, type InternalRequest } from './internal-request.ts';
import type { Passage } from './passage.ts';
import { failedTry, NO_FAILED_TRIES, type FailedTry } from '../record/tries.ts';
import { RequestForBalance } from './request-for-balance.ts';
import type { Balance } from '../upstream/balance/balance.ts';
import type { Choice } from '../upstream/balance/choices.ts';
import type { LiveGroup, Target } from '../upstream/group.ts';
import type { Pool } from '../upstream/pool.ts';
import { HeldBody, type HeldBodyOwner } from '../body/held-body.ts';
import { decideRetry, isStale, passesOver, type Attempt } from '../upstream/retry.ts';
import type { Asked, ResponseHandler, UpstreamStream } from '../upstream/stream.ts';

const NONE_TRIED: readonly Pool[] = [];

/** The head, for a connection that is used otherwise. */
function alone(head: Asked, { connection }: RequestChanges): Asked {
  const { method, chunked, acceptsTrailers } = head;
  return { method, chunked, acceptsTrailers, upgrade: '', closes: connection !== 'keep-alive' };
}

/** What the tries need of their exchange. */
export interface AttemptsOwner extends ResponseHandler, Pick<HeldBodyOwner, 'onBodyRoom'> {
  readonly downstream: Downstream;
  readonly route: CompiledRoute | null;
  readonly passage: Passage | null;
  readonly requestId: string;
  readonly startedAt: number;
  readonly active: boolean;
  /** As they are for its route. */
  readonly settings: ProxySettings;
  /** The request's body is complete, and these are its trailers. */
  readonly requestEnded: boolean;
  readonly trailers: string;
  /** Of the head that an upstream sent; 0: none did. */
  readonly upstreamStatus: number;
  /** What gives the values of nginx's variables, also for a route without policies. */
  readonly variables: () => Pick<Passage, 'variable'>;
  /** As `Exchange.alternativeName`. */
  alternativeName: string;
  /** No endpoint did. */
  readonly refuse: (error: ProxyError) => void;
  /** It cannot go on, whatever it has come to. */
  readonly fail: (error: ProxyError) => void;
}

export class Attempts implements HeldBodyOwner {
  /** The endpoints that were tried, in order, as nginx's `$upstream_addr` lists them; empty when there was none. */
  tried = '';
  /** Milliseconds of the worker's deadlines; 0 when it did not happen. */
  startedAt = 0;
  connectedAt = 0;
  /** Tries that came to nothing, and whether the last one did. */
  failures: readonly FailedTry[] = NO_FAILED_TRIES;
  ended = false;
  /** The stream at work; null while there is none. */
  upstream: UpstreamStream | null = null;
  /** When the look-up of a name ends, in milliseconds of the deadlines. */
  resolveDeadline = Infinity;
  readonly body: HeldBody;
  /** How endpoints are chosen for this request; null: in turn. */
  choice: Choice | null = null;
  readonly #owner: AttemptsOwner;
  readonly #context: ExchangeContext;
  #group: LiveGroup | null = null;
  #fallback = false;
  /** The endpoint that is tried now, or was last. */
  #target: Target | null = null;
  #triedPools: readonly Pool[] = NONE_TRIED;
  #tries = 0;
  /** This try is the second at the same endpoint. */
  #fresh = false;
  /** A request of our own in place of the client's; null: it is the client's. */
  #internal: InternalRequest | null = null;
  /** Counts exchanges, so that a late look-up of a name cannot meddle with the next one. */
  #generation = 0;

  constructor(owner: AttemptsOwner, context: ExchangeContext) {
    this.#owner = owner;
    this.#context = context;
    this.body = new HeldBody(this, context.files);
  }

  /** A new exchange begins. */
  reset(): void {
    this.#generation++;
    this.tried = '';
    this.startedAt = this.connectedAt = 0;
    this.failures = NO_FAILED_TRIES;
    this.ended = false;
    this.#triedPools = NONE_TRIED;
    this.#tries = 0;
    this.#group = null;
    this.choice = null;
    this.#fallback = false;
    this.#internal = null;
  }

  /** The exchange is over. */
  finish(): void {
    this.body.close();
    this.resolveDeadline = Infinity;
    if (this.choice !== null) this.#observe(this.choice);
  }

  /** The first try, at an endpoint of this group, or of the other when it has none. */
  begin(group: LiveGroup, fallback: LiveGroup | null): void {
    this.#fallback = group.targets.length === 0 && fallback !== null;
    this.#group = this.#fallback ? fallback : group;
    this.choice = null;
    if (group.balance !== null) this.#choose(group.balance, this.#group!);
    this.#next(ERRORS.noEndpoints);
  }

  /** A request of our own, in place of the client's that has come to its end. */
  ask(group: LiveGroup, request: InternalRequest): void {
    // A name that is still looked up is nobody's any more.
    this.#generation++;
    this.resolveDeadline = Infinity;
    if (this.choice !== null) this.#observe(this.choice);
    this.choice = null;
    this.body.settle();
    this.#internal = request;
    this.#fallback = false;
    this.#group = group;
    this.#triedPools = NONE_TRIED;
    this.#tries = 0;
    if (this.tried !== '') this.tried += ' : ';
    this.#next(ERRORS.noEndpoints);
  }

  #choose(balance: Balance, own: LiveGroup): void {
    const choice = balance.begin(own, new RequestForBalance(this.#owner));
    this.choice = choice;
    this.#group = choice.group;
    if (!choice.isCanary) return;
    this.#fallback = false;
    this.#owner.alternativeName = choice.group.name;
  }

  /** What no response came of says nothing about how fast the endpoint is, nor does how long a tunnel was of use. */
  #observe(choice: Choice): void {
    const { upstreamStatus } = this.#owner;
    if (upstreamStatus === 0 || upstreamStatus === 101 || this.#target === null) return;
    const connecting = this.connectedAt > this.startedAt ? this.connectedAt - this.startedAt : 0;
    choice.observe(this.#target.pool, connecting + this.#context.deadlines.now - this.startedAt);
  }

  /** The response that began is not wanted. */
  discard(): void {
    const { upstream } = this;
    this.upstream = null;
    upstream?.discard();
  }

  /** Ends the try at hand without a word. */
  drop(): void {
    const { upstream } = this;
    this.upstream = null;
    upstream?.destroy();
  }

  /** The endpoint began a response with this status; what is left of the request need not be sent again. `failed`: it counts as one. */
  answered(failed: boolean): void {
    this.body.settle();
    const { health } = this.#target!;
    if (failed) health.failed();
    else if (health.probing) health.answering();
  }

  /** The endpoint did well to the end. */
  succeeded(): void {
    const { health } = this.#target!;
    if (health.failures > 0) health.succeeded();
  }

  /** The try failed before a response began, or within it. Says so of the endpoint. */
  blame(error: ProxyError, failed: UpstreamStream | null): void {
    if (!isStale(error, failed?.reused ?? false)) this.#target!.health.failed();
  }

  /** After a failure before the response: tries again, or refuses the request. */
  retry(error: ProxyError, failed: UpstreamStream | null): void {
    if (failed === null) return this.#owner.refuse(error);
    this.failures = [...this.failures, failedTry(error, this.startedAt, this.connectedAt, this.#context.deadlines.now)];
    this.ended = true;
    const decision = decideRetry(error, this.#attempt(failed), this.#owner.settings);
    if (decision === 'no') return this.#owner.refuse(error);
    if (decision === 'next') return this.#next(error);
    this.#tries--;
    this.#connect(failed.address, this.#target!.pool, true);
  }

  /** The endpoint began a response with this status: true if another is asked instead, and nothing of this one is heard any more. */
  passOver(status: number): boolean {
    const { upstream } = this;
    if (upstream === null || this.#internal !== null) return false;
    const attempt = this.#attempt(upstream);
    if (!passesOver(status, attempt, this.#owner.settings)) return false;
    const target = this.#pick();
    if (target === null || !attempt.budget.spend()) return false;
    const { now } = this.#context.deadlines;
    const connectTime = (this.connectedAt - this.startedAt) / 1000;
    this.failures = [...this.failures, { status, connectTime, responseTime: (now - this.startedAt) / 1000 }];
    if (isFailure(status)) this.#target!.health.failed();
    this.drop();
    this.#try(target);
    return true;
  }

  onBodyRoom(): void {
    this.#owner.onBodyRoom();
  }

  onBodySent(): void {
    this.upstream?.sendEnd(this.#owner.trailers);
  }

  onBodyLost(): void {
    this.#owner.fail(ERRORS.bodyNotHeld);
  }

  #attempt(upstream: UpstreamStream): Attempt {
    return {
      method: (this.#internal?.asked ?? this.#owner.downstream.head).method,
      tries: this.#tries,
      // Once: an upstream that sends everybody away would be asked for ever.
      reused: !this.#fresh && upstream.reused,
      replayable: this.#internal !== null || this.body.complete,
      spent: this.#context.deadlines.now - this.#owner.startedAt,
      budget: this.#group!.retryBudget,
    };
  }

  /** `previous`: why the last endpoint did not do. */
  #next(previous: ProxyError): void {
    const target = this.#pick();
    if (target === null) return this.#owner.refuse(previous);
    this.#try(target);
  }

  /** An endpoint that was not tried yet. */
  #pick(): Target | null {
    return (this.choice ?? this.#group)?.pick(this.#triedPools) ?? null;
  }

  #try(target: Target): void {
    this.#target = target;
    this.#triedPools = this.#triedPools.length === 0 ? target.pool.alone : [...this.#triedPools, target.pool];
    if (!target.endpoint.dns) return this.#connect(target.endpoint.address, target.pool, false);
    this.#resolve(target);
  }

  /** A name server that does not answer costs no more than a connect that hangs. What calls back, nothing else guards. */
  #resolve(target: Target): void {
    const generation = this.#generation;
    const { downstream } = this.#owner;
    const timeout = this.#owner.settings.upstreamConnectTimeout;
    this.resolveDeadline = this.#context.deadlines.now + timeout;
    if (!this.#owner.requestEnded) downstream.pauseBody();
    this.#context.resolver.resolve(target.endpoint.address, timeout, (address) => {
      if (generation !== this.#generation || !this.#owner.active) return;
      this.#context.deadlines.tick();
      this.resolveDeadline = Infinity;
      try {
        if (address === null) this.#next(ERRORS.resolveFailed);
        else this.#connect(address, target.pool, false);
      } catch (error) {
        downstream.onBug(error);
      }
    });
  }

  #connect(address: string, pool: Pool, fresh: boolean): void {
    const owner = this.#owner;
    const { downstream } = owner;
    const { head } = downstream;
    this.#fresh = fresh;
    this.#tries++;
    this.tried += this.tried === '' || this.tried.endsWith(' ') ? pool.label : `, ${pool.label}`;
    this.startedAt = this.#context.deadlines.now;
    this.connectedAt = 0;
    this.ended = false;
    const upstream = pool.take(address, fresh);
    this.upstream = upstream;
    const route = owner.route!;
    const limits = route.tuning === null ? null : owner.settings;
    if (this.#internal !== null) {
      const { asked, changes } = this.#internal;
      downstream.forwardHead(upstream.begin(asked, limits), owner.requestId, '', changes);
      upstream.sendEnd('');
      return upstream.attach(owner);
    }
    const identity = route.clientGate === null ? '' : route.clientGate.fields(downstream.client);
    let changes = owner.passage === null ? null : owner.passage.upstream;
    if (this.#fallback) changes = fallbackChanges(changes, route.model, head.accept);
    const asked = changes !== null && changes.ofConnection ? alone(head, changes) : head;
    downstream.forwardHead(upstream.begin(asked, limits), owner.requestId, identity, changes);
    // What of the body was already read is sent again.
    if (this.body.sendTo(upstream) && owner.requestEnded) upstream.sendEnd(owner.trailers);
    // Only now: a connection that is there already lets the body flow at once, and it must follow the head.
    upstream.attach(owner);
  }
}
