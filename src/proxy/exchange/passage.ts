/** A request on its way through the policies of its route. Made only where there are any. */
import type { Answer } from '../../policies/answer.ts';
import {
  PENDING,
  RELOCATE,
  type ClientView,
  type Passage as PolicyPassage,
  type RequestStep,
  type RouteSteps,
} from '../../policies/acting.ts';
import { RequestChanges, ResponseChanges, without } from '../../policies/changes.ts';
import type { TraceContext } from '../../observe/tracing/trace-context.ts';
import type { Tracer } from '../../observe/tracing/tracer.ts';
import { Rewriting } from '../../policies/rewriting.ts';
import type { ClientCounts } from '../../policies/limits/client-counts.ts';
import type { Route } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { isSafeTarget } from '../routing/path.ts';
import type { CompiledRoute } from '../routing/compiled-route.ts';
import type { Downstream } from './downstream.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import { forwardedForValue, forwardedInfo } from '../http1/forward-request.ts';
import type { RequestHead } from '../http1/head/request-head.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import { fieldsOf, withoutFields } from './response-fields.ts';
import { queryOf, variableOf } from './variables.ts';

/** What a passage needs of its exchange. */
export interface PassageOwner {
  readonly downstream: Downstream;
  readonly route: CompiledRoute | null;
  readonly passage: Passage | null;
  readonly requestId: string;
  readonly active: boolean;
  readonly requestEnded: boolean;
  /** The final one; 0 while there is none. */
  readonly status: number;
  readonly answerInstead: (answer: Answer) => void;
  /** All steps let the request go on. */
  readonly proceed: () => void;
  /** The URI was changed: the request goes on in another location. */
  readonly relocate: () => void;
}

const NONE: readonly string[] = [];

/** Of a plain route. */
export const NO_STEPS: RouteSteps = { host: [], locations: [], request: [], response: [] };

export class Passage implements PolicyPassage {
  readonly request: RequestHead;
  readonly route: Route;
  readonly settings: ProxySettings;
  readonly rewriting: Rewriting;
  readonly upstream = new RequestChanges();
  readonly response = new ResponseChanges();
  trace: TraceContext | null = null;
  readonly owner: PassageOwner;
  readonly #steps: RouteSteps;
  readonly #context: ExchangeContext;
  /** The step that comes next. */
  #at = 0;
  #client: ClientView | null = null;
  #pending = false;
  /** A step is being called, and said this meanwhile; undefined: nothing. */
  #calling = false;
  #early: Answer | null | undefined = undefined;
  #over = false;
  #callbacks: (() => void)[] | null = null;
  /** The answer came before a location was found: what the route does to answers is not about it. */
  #outside = false;
  /** The fields of the answer, once there is one, by their names in lower case. */
  #answered: ReadonlyMap<string, string> | null = null;
  #head: ResponseHead | null = null;

  /** `path`: normalised. `rewriting`: of the location before, when the request comes from there. */
  constructor(owner: PassageOwner, steps: RouteSteps, context: ExchangeContext, path: string, rewriting?: Rewriting) {
    this.owner = owner;
    this.request = owner.downstream.head;
    this.route = owner.route!.model;
    this.settings = context.settings();
    this.rewriting = rewriting ?? new Rewriting(path, queryOf(this.request.target));
    this.#steps = steps;
    this.#context = context;
  }

  get client(): ClientView {
    if (this.#client === null) {
      const { scheme, clientAddress: address, host } = forwardedInfo(this.request, this.owner.downstream.client, this.settings);
      this.#client = { scheme, address, host };
    }
    return this.#client;
  }

  /** nginx's `$args`. */
  get query(): string {
    return this.rewriting.query;
  }

  get path(): string {
    return this.rewriting.path;
  }

  /** The request target for the backend; empty: the client's; null: nothing that may be sent. */
  get target(): string | null {
    const target = this.upstream.target ?? (this.rewriting.rewritten ? this.rewriting.target : '');
    // What is left of a segment can be ".." (CVE-2025-66490): no rule knows where that would lead.
    return target === null || target === '' || isSafeTarget(target) ? target : null;
  }

  get serverName(): string {
    return this.owner.route!.host;
  }

  get tracer(): Tracer | null {
    return this.#context.tracer();
  }

  get status(): number {
    return this.owner.status;
  }

  get http2(): boolean {
    return this.owner.downstream.http2;
  }

  get requestId(): string {
    return this.owner.requestId;
  }

  get forwardedFor(): string {
    return forwardedForValue(this.request, this.owner.downstream.client, this.settings, this.client.address);
  }

  get certificateFields(): string {
    return this.owner.route!.clientGate?.fields(this.owner.downstream.client) ?? '';
  }

  get now(): number {
    return this.#context.deadlines.now;
  }

  get counts(): ClientCounts {
    return this.#context.counts;
  }

  field(lower: string): string {
    return this.rewriting.input?.get(lower) ?? this.request.field(lower);
  }

  variable(name: string): string {
    return this.rewriting.variables?.get(name) ?? variableOf(name, this);
  }

  get answering(): boolean {
    return this.#head !== null;
  }

  backendFields(lowerName: string): readonly string[] {
    return this.#head === null ? NONE : this.#head.valuesOf(lowerName);
  }

  /** A field of the answer, once there is one: of the backend's, or of our own. In lower case. */
  answered(lower: string): string {
    if (this.#answered === null && this.#head !== null) this.#answered = fieldsOf(this.#head);
    return this.#answered?.get(lower) ?? '';
  }

  /** The steps of the host. None of them waits for anything. */
  enterHost(): Answer | null {
    return this.#outsideSteps(this.#steps.host);
  }

  /** The locations of the host beside its routes. */
  enterLocations(): Answer | null {
    return this.#outsideSteps(this.#steps.locations);
  }

  #outsideSteps(steps: readonly RequestStep[]): Answer | null {
    for (const step of steps) {
      const answer = step(this);
      if (answer === PENDING || answer === RELOCATE) throw new Error('a step before the location can only answer');
      if (answer === null) continue;
      this.#outside = true;
      return answer;
    }
    return null;
  }

  /** The steps of the route, and then whatever they come to. */
  enter(): void {
    const { request: steps } = this.#steps;
    while (this.#at < steps.length) {
      const answer = this.#take(steps[this.#at++]!);
      if (answer === PENDING) return;
      if (answer === RELOCATE) return this.owner.relocate();
      if (answer !== null) return this.owner.answerInstead(answer);
    }
    this.owner.proceed();
  }

  #take(step: RequestStep): ReturnType<RequestStep> {
    this.#early = undefined;
    this.#calling = true;
    const answer = step(this);
    this.#calling = false;
    if (answer !== PENDING) return answer;
    if (this.#early !== undefined) return this.#early;
    this.#pending = true;
    if (!this.owner.requestEnded) this.owner.downstream.pauseBody();
    return PENDING;
  }

  /** What calls back, nothing else guards. */
  resume(answer: Answer | null): void {
    // What a step knows already, it may say before it has returned.
    if (this.#calling && this.#early === undefined) this.#early = answer;
    if (!this.#pending || !this.owner.active || this.owner.passage !== this) return;
    this.#pending = false;
    this.#context.deadlines.tick();
    try {
      if (answer === null) this.enter();
      else this.owner.answerInstead(answer);
    } catch (error) {
      this.owner.downstream.onBug(error);
    }
  }

  onDone(callback: () => void): void {
    if (this.#over) callback();
    else (this.#callbacks ??= []).push(callback);
  }

  /**
   * The response of the backend: takes out of its head what policies replace, and returns the lines to send beside it. `own`: it is an
   * error backend's.
   */
  leave(head: ResponseHead, own: boolean): string {
    this.#head = head;
    for (const step of this.#steps.response) step(this, head.status, own);
    const { response } = this;
    if (response.removedBeginnings.length > 0) {
      for (const name of fieldsOf(head).keys()) if (response.removes(name)) response.hide(name);
    }
    const { removed } = response;
    // What frames the body is not for anybody to remove.
    if (removed.includes('content-length')) removed.splice(removed.indexOf('content-length'), 1);
    if (removed.length > 0) head.remove(removed);
    if (removed.includes('date')) head.hasDate = true;
    return response.lines;
  }

  /** The same for an answer of our own. */
  leaveWith(answer: Answer): Answer {
    const { response } = this;
    if (!this.#outside) {
      this.#answered = new Map([['content-type', answer.contentType]]);
      for (const step of this.#steps.response) step(this, answer.status, true);
    }
    // It has a date already.
    const lines = without(response.lines, 'date');
    const kept = withoutFields(answer.fields, response);
    const contentType = response.removes('content-type') ? '' : answer.contentType;
    if (lines === '' && kept === answer.fields && contentType === answer.contentType) return answer;
    return { ...answer, fields: kept + lines, contentType };
  }

  /** The request goes on in another location: what is to be done when the exchange ends still is. */
  handOver(next: Passage): void {
    for (const callback of this.#callbacks ?? []) next.onDone(callback);
    this.#callbacks = null;
  }

  /** The exchange is over. */
  finish(): void {
    this.#over = true;
    for (const callback of this.#callbacks ?? []) callback();
  }
}

/** What gives the values of variables for a request whose route has no policies. */
export function passageWithoutSteps(owner: PassageOwner, context: ExchangeContext): Passage {
  const { head } = owner.downstream;
  const { path } = context.router.find(head.host, head.rawPath, head.pathIsPlain);
  return new Passage(owner, NO_STEPS, context, path);
}
