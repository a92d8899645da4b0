/** The request body of one exchange as it comes in: by length or in chunks. */
import type { Exchange } from '../exchange/exchange.ts';
import { BODY_END, type ChunkedLimits, ChunkedReader, HAVE_DATA, MALFORMED } from './chunked.ts';
import type { RequestHead } from './head/request-head.ts';

/** What it needs of the settings. */
export interface RequestBodyLimits extends ChunkedLimits {
  readonly maxDiscardedBody: number;
}

export class RequestBody {
  /** More of it is to come. */
  open = false;
  readonly #exchange: Exchange;
  readonly #chunks = new ChunkedReader();
  #chunked = false;
  #remaining = 0;
  #discarded = 0;
  #maxDiscarded = 0;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  begin(head: RequestHead, limits: RequestBodyLimits): void {
    this.open = head.hasBody();
    this.#chunked = head.chunked;
    this.#remaining = head.contentLength;
    this.#discarded = 0;
    this.#maxDiscarded = limits.maxDiscardedBody;
    if (head.chunked) this.#chunks.reset(limits);
  }

  /** Nothing more of it comes. */
  abandon(): void {
    this.open = false;
  }

  /** So little is missing that it can be read off after an early answer, and the connection be kept. */
  canBeDiscarded(): boolean {
    return !this.open || (!this.#chunked && this.#remaining <= this.#maxDiscarded);
  }

  /**
   * Hands body bytes to the exchange, or drops them when it is over. Returns how many bytes were used; -1 if the body is
   * malformed, or too much is left of one that nobody wants.
   */
  read(input: Buffer): number {
    if (!this.#exchange.active) {
      this.#discarded += input.length;
      if (this.#discarded > 2 * this.#maxDiscarded) return -1;
    }
    if (!this.#chunked) {
      const take = Math.min(this.#remaining, input.length);
      this.#remaining -= take;
      this.#exchange.onRequestData(input, 0, take);
      if (this.#remaining === 0) this.#end('');
      return take;
    }
    const result = this.#chunks.read(input, 0, input.length);
    if (result === MALFORMED) return -1;
    if (result === HAVE_DATA) this.#exchange.onRequestData(input, this.#chunks.dataStart, this.#chunks.dataEnd);
    else if (result === BODY_END) this.#end(this.#chunks.trailers);
    return this.#chunks.at;
  }

  #end(trailers: string): void {
    this.open = false;
    this.#exchange.onRequestEnd(trailers);
  }
}
