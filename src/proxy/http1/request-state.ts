/**
 * What a request takes besides its connection: parsed head, body reader, exchange. A connection that waits for its next request
 * has none of it, for there may be ten thousand that wait; it takes one from the worker's store with the first byte of a request,
 * and gives it back after the last.
 */
import type { Downstream } from '../exchange/downstream.ts';
import { Exchange } from '../exchange/exchange.ts';
import { forgetIfLarge } from './closing.ts';
import type { ExchangeContext } from './connection-context.ts';
import { RequestHead } from './head/request-head.ts';
import { RequestHeadReader } from './head/request-head-reader.ts';
import { RequestBody } from './request-body.ts';

/** So many are kept: more than are at work at once for long. */
const MAX_KEPT = 512;

export class RequestState {
  readonly head = new RequestHead();
  readonly headReader = new RequestHeadReader(this.head);
  readonly exchange: Exchange;
  readonly body: RequestBody;

  constructor(downstream: Downstream, context: ExchangeContext) {
    this.exchange = new Exchange(downstream, context);
    this.body = new RequestBody(this.exchange);
  }
}

/** The states of a worker that no connection uses. */
export class RequestStates {
  readonly #free: RequestState[] = [];

  /** One for `downstream`. */
  take(downstream: Downstream, context: ExchangeContext): RequestState {
    const state = this.#free.pop();
    if (state === undefined) return new RequestState(downstream, context);
    state.exchange.downstream = downstream;
    return state;
  }

  /** The request is over, or its connection. Returns what its connection has instead. */
  give(state: RequestState): null {
    // What is missing of a body that was cut is not the next connection's to send.
    state.body.abandon();
    forgetIfLarge(state.exchange);
    if (this.#free.length < MAX_KEPT) this.#free.push(state);
    return null;
  }
}
