/** A request on its way through the policies of its route. Made only where there are any. */
import type { Answer } from '../../policies/answer.ts';
import {
  PENDING,
  type ClientView,
  type Passage as PolicyPassage,
  type RequestStep,
  type RouteSteps,
} from '../../policies/acting.ts';
import { RequestChanges, ResponseChanges } from '../../policies/changes.ts';
import type { TraceContext } from '../../observe/tracing/trace-context.ts';
import type { Tracer } from '../../observe/tracing/tracer.ts';
import type { ClientCounts } from '../../policies/limits/client-counts.ts';
import type { Route } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { CompiledRoute } from '../routing/compiled-route.ts';
import type { Downstream } from './downstream.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import { forwardedForValue, forwardedInfo } from '../http1/forward-request.ts';
import type { RequestHead } from '../http1/head/request-head.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import { variableOf } from './variables.ts';

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
}

export class Passage implements PolicyPassage {
  readonly request: RequestHead;
  readonly route: Route;
  readonly settings: ProxySettings;
  readonly path: string;
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
  #callbacks: (() => void)[] | null = null;

  /** `path`: normalised. */
  constructor(owner: PassageOwner, steps: RouteSteps, context: ExchangeContext, path: string) {
    this.owner = owner;
    this.request = owner.downstream.head;
    this.route = owner.route!.model;
    this.settings = context.settings();
    this.path = path;
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

  variable(name: string): string {
    return variableOf(name, this);
  }

  /** The steps of the host. None of them waits for anything. */
  enterHost(): Answer | null {
    for (const step of this.#steps.host) {
      const answer = step(this);
      if (answer === PENDING) throw new Error('a step of the server rewrite phase cannot wait');
      if (answer !== null) return answer;
    }
    return null;
  }

  /** The steps of the route, and then whatever they come to. */
  enter(): void {
    const { request: steps } = this.#steps;
    while (this.#at < steps.length) {
      const answer = this.#take(steps[this.#at++]!);
      if (answer === PENDING) return;
      if (answer !== null) return this.owner.answerInstead(answer);
    }
    this.owner.proceed();
  }

  #take(step: RequestStep): ReturnType<RequestStep> {
    const answer = step(this);
    if (answer !== PENDING) return answer;
    this.#pending = true;
    if (!this.owner.requestEnded) this.owner.downstream.pauseBody();
    return PENDING;
  }

  /** What calls back, nothing else guards. */
  resume(answer: Answer | null): void {
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
    (this.#callbacks ??= []).push(callback);
  }

  /** The response of the backend: takes out of its head what policies replace, and returns the lines to send beside it. */
  leave(head: ResponseHead): string {
    for (const step of this.#steps.response) step(this, head.status, false);
    const { removed, lines } = this.response;
    if (removed.length > 0) head.runs.remove(head.text, removed);
    return lines;
  }

  /** The same for an answer of our own. */
  leaveWith(answer: Answer): Answer {
    for (const step of this.#steps.response) step(this, answer.status, true);
    const { lines } = this.response;
    return lines === '' ? answer : { ...answer, fields: answer.fields + lines };
  }

  /** The exchange is over. */
  finish(): void {
    for (const callback of this.#callbacks ?? []) callback();
  }
}
