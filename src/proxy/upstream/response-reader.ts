/** Reads the responses of one HTTP/1.1 connection to an upstream: heads, then bodies in their framing (RFC 9112 §6.3). */
import { ERRORS, type ProxyError } from '../errors.ts';
import { BODY_END, type ChunkedLimits, ChunkedReader, HAVE_DATA, MALFORMED } from '../http1/chunked.ts';
import { parseResponseHead, ResponseHead, type ResponseHeadLimits } from '../http1/head/response-head.ts';
import type { ResponseHandler } from './stream.ts';

/** What it needs of the settings. */
export interface ResponseLimits extends ResponseHeadLimits, ChunkedLimits {
  readonly maxInterimResponses: number;
}

/** What came of the bytes of one read. */
export const MORE = 0;
/** The response is complete: `trailers`, and `excess` if bytes followed it. */
export const COMPLETE = 1;
/** It is no acceptable response: `error`. */
export const FAILED = 2;
/** 101: what follows, from `restStart` of `rest`, is not HTTP/1.1 any more. */
export const SWITCHED = 3;
/** The handler let go of the connection in the middle. */
export const ABANDONED = 4;

export type ReadResult = typeof MORE | typeof COMPLETE | typeof FAILED | typeof SWITCHED | typeof ABANDONED;

type Framing = 'none' | 'length' | 'chunked' | 'close';

export class ResponseReader {
  readonly head = new ResponseHead();
  trailers = '';
  excess = false;
  error: ProxyError = ERRORS.badResponse;
  rest: Buffer | null = null;
  restStart = 0;
  restEnd = 0;
  /** The final head was read; its body follows. */
  inBody = false;
  readonly #limits: () => ResponseLimits;
  readonly #chunks = new ChunkedReader();
  #handler: ResponseHandler | null = null;
  #headRequest = false;
  #maxHeadSize: number | null = null;
  #wantsUpgrade = false;
  #last = false;
  #framing: Framing = 'none';
  #remaining = 0;
  #interim = 0;
  /** Bytes of a head that came in pieces. */
  #partial: Buffer | null = null;
  #ambiguous = false;

  constructor(limits: () => ResponseLimits) {
    this.#limits = limits;
  }

  /** Makes ready for the response to one request. `maxHeadSize`: null, as the limits say. `last`: the connection was asked to carry no other. */
  begin(headRequest: boolean, wantsUpgrade: boolean, maxHeadSize: number | null = null, last = false): void {
    this.#maxHeadSize = maxHeadSize;
    this.#headRequest = headRequest;
    this.#wantsUpgrade = wantsUpgrade;
    this.#last = last;
    this.#interim = 0;
    this.inBody = false;
  }

  /** Who gets it. */
  attach(handler: ResponseHandler): void {
    this.#handler = handler;
  }

  /** The handler wants no more of it. */
  abandon(): void {
    this.#handler = null;
  }

  /** The body ends where the connection does. */
  get endsWithConnection(): boolean {
    return this.inBody && this.#framing === 'close';
  }

  /** After this response the connection can carry another (RFC 9112 §9.3). */
  get persistent(): boolean {
    const { head, excess } = this;
    return head.keepAlive && !excess && !this.#last && this.#framing !== 'close' && !this.#ambiguous && !this.#wantsUpgrade;
  }

  /** Bytes of the body to come, once the head was read; Infinity: unknown. */
  get remaining(): number {
    if (this.#framing === 'none') return 0;
    return this.#framing === 'length' ? this.#remaining : Infinity;
  }

  /** Reads `bytes[0, length)`, which may change after the call. */
  read(bytes: Buffer, length: number): ReadResult {
    let at = 0;
    let end = length;
    let source = bytes;
    while (!this.inBody) {
      if (this.#partial !== null) {
        source = Buffer.concat([this.#partial, source.subarray(at, end)]);
        at = 0;
        end = source.length;
        this.#partial = null;
      }
      const next = parseResponseHead(source, at, end, this.head, this.#headLimits());
      if (next < 0) return this.#fail(this.head.tooLarge ? ERRORS.responseHeadTooLarge : ERRORS.badResponse);
      if (next === 0) {
        // Copied: the buffer is shared by all connections.
        if (at < end) this.#partial = Buffer.from(source.subarray(at, end));
        return MORE;
      }
      at = next;
      const result = this.#takeHead();
      if (result === SWITCHED) {
        this.rest = source;
        this.restStart = at;
        this.restEnd = end;
      }
      if (result !== MORE) return result;
      if (at === end && !this.inBody) return MORE;
    }
    return this.#readBody(source, at, end);
  }

  #takeHead(): ReadResult {
    const { head } = this;
    const handler = this.#handler!;
    if (head.status === 101) {
      // Without Upgrade nobody can say to what it switches (RFC 9110 §15.2.2), and some clients take it for an interim response.
      if (!this.#wantsUpgrade || head.upgrade === '' || head.chunked || head.contentLength > 0)
        return this.#fail(ERRORS.badResponse);
      this.#dropLength();
      handler.onResponseHead(head);
      return this.#handler === null ? ABANDONED : SWITCHED;
    }
    if (head.status < 200) {
      // An interim response has no body: what would frame one is a trap for the client (RFC 9110 §8.6, RFC 9112 §6.1).
      if (++this.#interim > this.#limits().maxInterimResponses || head.minor === 0 || head.chunked || head.contentLength >= 0)
        return this.#fail(ERRORS.badResponse);
      // We have answered Expect ourselves.
      if (head.status !== 100) handler.onInterim(head);
      return this.#handler === null ? ABANDONED : MORE;
    }
    this.inBody = true;
    this.excess = false;
    // A 204 that announces a body: what follows cannot be told from the next response.
    this.#ambiguous = head.status === 204 && (head.chunked || head.contentLength > 0);
    if (head.status === 204) this.#dropLength();
    if (this.#headRequest || head.status === 204 || head.status === 304) this.#framing = 'none';
    else if (head.chunked) {
      this.#framing = 'chunked';
      this.#chunks.reset(this.#limits());
    } else if (head.contentLength >= 0) {
      this.#framing = 'length';
      this.#remaining = head.contentLength;
    } else this.#framing = 'close';
    handler.onResponseHead(head);
    return this.#handler === null ? ABANDONED : MORE;
  }

  #headLimits(): ResponseHeadLimits {
    const limits = this.#limits();
    return this.#maxHeadSize === null ? limits : { ...limits, maxResponseHeadSize: this.#maxHeadSize };
  }

  /** 101 and 204 must not carry a Content-Length. */
  #dropLength(): void {
    if (this.head.contentLength >= 0) this.head.runs.remove(this.head.text, ['content-length']);
  }

  #readBody(bytes: Buffer, from: number, end: number): ReadResult {
    switch (this.#framing) {
      case 'none':
        return this.#complete('', from < end);
      case 'length': {
        const take = Math.min(end - from, this.#remaining);
        this.#remaining -= take;
        if (take > 0) this.#handler!.onResponseData(bytes, from, from + take);
        if (this.#handler === null) return ABANDONED;
        return this.#remaining === 0 ? this.#complete('', from + take < end) : MORE;
      }
      case 'close':
        if (from < end) this.#handler!.onResponseData(bytes, from, end);
        return this.#handler === null ? ABANDONED : MORE;
      case 'chunked':
        return this.#readChunks(bytes, from, end);
    }
  }

  #readChunks(bytes: Buffer, from: number, end: number): ReadResult {
    let at = from;
    while (at < end) {
      const result = this.#chunks.read(bytes, at, end);
      if (result === MALFORMED) return this.#fail(ERRORS.badResponse);
      at = this.#chunks.at;
      if (result === BODY_END) return this.#complete(this.#chunks.trailers, at < end);
      if (result !== HAVE_DATA) return MORE;
      this.#handler!.onResponseData(bytes, this.#chunks.dataStart, this.#chunks.dataEnd);
      if (this.#handler === null) return ABANDONED;
    }
    return MORE;
  }

  #complete(trailers: string, excess: boolean): typeof COMPLETE {
    this.trailers = trailers;
    this.excess = excess;
    return COMPLETE;
  }

  #fail(error: ProxyError): typeof FAILED {
    this.error = error;
    return FAILED;
  }
}
