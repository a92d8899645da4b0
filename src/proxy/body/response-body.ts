/** The way of a response's body from its backend to the client, where something stands between: a coder, what holds it back, or both. */
import type { ProxySettings } from '../../settings/settings.ts';
import type { Encoder, EncoderHandler } from '../compression/encoder.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import type { ExchangeContext } from '../http1/connection-context.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import type { UpstreamStream } from '../upstream/stream.ts';
import { needsOutflow, Outflow, type OutflowOwner } from './outflow.ts';

/** Whose response it is. */
export interface ResponseBodyOwner {
  readonly downstream: Downstream;
  readonly attempts: { readonly upstream: UpstreamStream | null };
  /** The client has got all. */
  readonly onResponseSent: () => void;
  readonly fail: (error: ProxyError) => void;
}

export class ResponseBody implements EncoderHandler, OutflowOwner {
  /** Nothing stands between: bytes go from one side to the other. */
  direct = true;
  readonly #owner: ResponseBodyOwner;
  readonly #context: ExchangeContext;
  /** It may outlast the upstream. */
  #encoder: Encoder | null = null;
  /** So may this, which comes after it. */
  #outflow: Outflow | null = null;

  constructor(owner: ResponseBodyOwner, context: ExchangeContext) {
    this.#owner = owner;
    this.#context = context;
  }

  get downstream(): Downstream {
    return this.#owner.downstream;
  }

  /** Where the coder's bytes go. */
  get out(): EncoderHandler['out'] {
    return this.#outflow ?? this.#owner.downstream;
  }

  /** Decides about a final response. Returns what of its head is to be sent. */
  begin(head: ResponseHead, settings: ProxySettings, compressible: boolean): ResponseHead {
    const { compression } = this.#context;
    const compresses = compression.enabled && compressible;
    if (compresses) this.#encoder = compression.begin(this.downstream.head, head, this);
    if (needsOutflow(settings)) this.#outflow = new Outflow(this, settings, this.#context);
    this.direct = this.#encoder === null && this.#outflow === null;
    return compresses ? compression.head : head;
  }

  /** Bytes of the backend, which may change after the call. */
  write(bytes: Buffer, start: number, end: number): void {
    if (this.#encoder === null) this.#outflow!.sendData(bytes, start, end);
    else if (!this.#encoder.write(bytes, start, end)) this.#owner.attempts.upstream?.pause();
  }

  /** The backend has sent all; `onResponseSent` follows. */
  end(trailers: string): void {
    if (this.#encoder === null) this.#outflow!.sendEnd(trailers);
    else this.#encoder.end(trailers);
  }

  /** The client takes no more for now. */
  onClientBlocked(): void {
    if (this.#outflow === null) this.onOutflowFull();
    else this.#outflow.block();
  }

  onClientDrain(): void {
    if (this.#outflow === null) this.onOutflowRoom();
    else this.#outflow.unblock();
  }

  onOutflowFull(): void {
    this.#encoder?.pause();
    this.#owner.attempts.upstream?.pause();
  }

  onOutflowRoom(): void {
    if (this.#encoder?.resume() !== false) this.#owner.attempts.upstream?.resume();
  }

  onEncoderDrain(): void {
    this.#owner.attempts.upstream?.resume();
  }

  onEncoderEnd(trailers: string): void {
    // What the coder has given out may still be held back.
    if (this.#outflow !== null) return this.#outflow.sendEnd(trailers);
    this.downstream.sendEnd(trailers);
    this.#owner.onResponseSent();
  }

  onOutflowDone(): void {
    this.#outflow = null;
    this.#owner.onResponseSent();
  }

  onOutflowLost(): void {
    this.#owner.fail(ERRORS.bodyNotHeld);
  }

  /** The exchange is over. */
  close(): void {
    if (this.direct) return;
    this.direct = true;
    this.#encoder?.destroy();
    this.#outflow?.close();
    this.#encoder = null;
    this.#outflow = null;
  }
}
