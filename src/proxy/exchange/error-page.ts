/** An error that another backend answers: what the client would get, and what of it goes with that backend's page. */
import { page, type Answer } from '../../policies/answer.ts';
import { isGrpc, linesOf } from './answers.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import type { Downstream } from './downstream.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import type { CompiledRoute } from '../routing/compiled-route.ts';
import { errorGroup, type RouteErrors } from '../routing/route-errors.ts';
import type { Attempts } from './attempts.ts';
import { errorRequest } from './internal-request.ts';

interface StandIn {
  /** Sent when that backend fails. */
  readonly original: Answer;
  /** Lines that go with the page: without them, nobody can answer a challenge (as nginx, RFC 9110 §11.6.1). */
  readonly kept: string;
}

/**
 * Another backend has the page for this status. Not for clients that take no page: of gRPC, and for tunnels in HTTP/2, where 2xx opens
 * one.
 */
function isForeign({ codes }: RouteErrors, status: number, { http2, head }: Downstream): boolean {
  return codes.has(status) && (!http2 || (head.upgrade === '' && !isGrpc(head)));
}

/** Of a backend's response, which itself is dropped. */
function standInForResponse(head: ResponseHead): StandIn {
  const challenges = head.status === 401 ? head.valuesOf('www-authenticate') : [];
  const kept = challenges.map((challenge) => `WWW-Authenticate: ${challenge}\r\n`).join('');
  return { original: { ...page(head.status), fields: kept }, kept };
}

/** What it needs of its exchange. */
export interface ErrorPageOwner {
  readonly downstream: Downstream;
  readonly route: CompiledRoute | null;
  readonly attempts: Attempts;
  readonly requestEnded: boolean;
  /** The final word. */
  readonly answerAtLast: (answer: Answer) => void;
}

/** The page of another backend for an error of one exchange. */
export class ErrorPage {
  readonly #owner: ErrorPageOwner;
  #standIn: StandIn | null = null;

  constructor(owner: ErrorPageOwner) {
    this.#owner = owner;
  }

  /** That backend is asked, or has answered: what follows is final. */
  get asked(): boolean {
    return this.#standIn !== null;
  }

  /** Lines that go with the page. */
  get kept(): string {
    return this.#standIn === null ? '' : this.#standIn.kept;
  }

  reset(): void {
    this.#standIn = null;
  }

  /** True: it has the response of a backend dropped, and another asked. */
  takesResponse(errors: RouteErrors, head: ResponseHead): boolean {
    const { downstream, attempts } = this.#owner;
    if (this.#standIn !== null || !errors.intercepts || !isForeign(errors, head.status, downstream)) return false;
    const standIn = standInForResponse(head);
    attempts.discard();
    this.#ask(errors, standIn);
    return true;
  }

  /** True: another backend is asked in place of an answer of our own. */
  takesAnswer(answer: Answer): boolean {
    const { downstream, attempts, route } = this.#owner;
    const errors = route?.errors ?? null;
    if (this.#standIn !== null || errors === null || !isForeign(errors, answer.status, downstream)) return false;
    attempts.drop();
    this.#ask(errors, { original: answer, kept: answer.status === 401 ? linesOf(answer.fields, 'www-authenticate') : '' });
    return true;
  }

  /** The client gets the page of this error; of another, when that backend failed. */
  refuse(error: ProxyError): void {
    const answer = this.#standIn === null ? page(error.status) : this.#standIn.original;
    // What a client does wrong while it sends is between it and us (nginx just closes).
    const ours = error.source === 'downstream' && error !== ERRORS.bodyTooLarge;
    if (ours || !this.takesAnswer(answer)) this.#owner.answerAtLast(answer);
  }

  /** Once: what that backend answers, the client gets. */
  #ask(errors: RouteErrors, standIn: StandIn): void {
    const { downstream, attempts, requestEnded, route } = this.#owner;
    const { head } = downstream;
    this.#standIn = standIn;
    const group = errorGroup(errors);
    if (group === null) return this.#owner.answerAtLast({ ...page(404), fields: standIn.kept });
    if (!requestEnded) downstream.pauseBody();
    head.forwardedTarget = '/';
    attempts.ask(group, errorRequest(route!.model, head, standIn.original.status));
  }
}
