/** An error that another backend answers: what the client would get, and what of it goes with that backend's page. */
import { page, type Answer } from '../../policies/answer.ts';
import { isGrpc, linesOf } from './answers.ts';
import type { Downstream } from './downstream.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import type { RouteErrors } from '../routing/route-errors.ts';

export interface StandIn {
  /** Sent when that backend fails. */
  readonly original: Answer;
  /** Lines that go with the page: without them, nobody can answer a challenge (as nginx, RFC 9110 §11.6.1). */
  readonly kept: string;
}

/**
 * Another backend has the page for this status. Not for clients that take no page: of gRPC, and for tunnels in HTTP/2, where 2xx opens
 * one.
 */
export function isForeign({ codes }: RouteErrors, status: number, { http2, head }: Downstream): boolean {
  return codes.has(status) && (!http2 || (head.upgrade === '' && !isGrpc(head)));
}

/** Of a backend's response, which itself is dropped. */
export function standInForResponse(head: ResponseHead): StandIn {
  const challenges = head.status === 401 ? head.valuesOf('www-authenticate') : [];
  const kept = challenges.map((challenge) => `WWW-Authenticate: ${challenge}\r\n`).join('');
  return { original: { ...page(head.status), fields: kept }, kept };
}

/** Of an answer of our own. */
export function standInForAnswer(answer: Answer): StandIn {
  return { original: answer, kept: answer.status === 401 ? linesOf(answer.fields, 'www-authenticate') : '' };
}
