/** One sub-request on its way: tried once, and once more where a kept connection turned out to be closed. */
import type { Subrequest, SubrequestResponse } from '../../policies/subrequest.ts';
import type { Timed } from '../deadlines.ts';
import type { ProxyError } from '../errors.ts';
import { RequestHead } from '../http1/head/request-head.ts';
import type { ResponseHead } from '../http1/head/response-head.ts';
import { trimOws } from '../http1/head/hop-by-hop.ts';
import { isStale } from '../upstream/retry.ts';
import type { Pool } from '../upstream/pool.ts';
import type { ResponseHandler, UpstreamStream } from '../upstream/stream.ts';

/** Of a body that nobody wants, so much is read to keep the connection. */
const MAX_DISCARDED = 65_536;

/** What the connection reads of a request: whether its response has a body. */
const ANY = new RequestHead();
ANY.method = 'GET';
const HEAD = new RequestHead();
HEAD.method = 'HEAD';

/** Who made it. */
export interface CallOwner {
  /** There is a response, or there will be none (null). */
  readonly onResponse: (response: SubrequestResponse | null) => void;
  /** It needs nothing any more. */
  readonly onDone: (call: Call) => void;
  readonly onBug: (error: unknown) => void;
}

export class Call implements ResponseHandler, Timed {
  readonly request: Subrequest;
  deadline: number;
  readonly #owner: CallOwner;
  #pool: Pool | null = null;
  #address = '';
  #stream: UpstreamStream | null = null;
  #answered = false;
  #done = false;
  #discarded = 0;

  constructor(request: Subrequest, deadline: number, owner: CallOwner) {
    this.request = request;
    this.deadline = deadline;
    this.#owner = owner;
  }

  /** It has a response, or never will. */
  get over(): boolean {
    return this.#done;
  }

  start(pool: Pool, address: string): void {
    this.#pool = pool;
    this.#address = address;
    this.#try(false);
  }

  /** Without a response. */
  fail(): void {
    this.#drop();
    this.#answer(null);
    this.#finish();
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    this.#answered = true;
    this.#drop();
    this.#finish();
  }

  expire(): void {
    this.fail();
  }

  #try(fresh: boolean): void {
    const stream = this.#pool!.take(this.#address, fresh);
    this.#stream = stream;
    const { method, head } = this.request;
    stream.begin(method === 'HEAD' ? HEAD : ANY).text(head);
    stream.sendEnd('');
    stream.attach(this);
  }

  onConnected(): void {}

  onInterim(): void {}

  onResponseHead(head: ResponseHead): void {
    const { status, text } = head;
    // It would speak something else from now on.
    if (status === 101 || this.request.method === 'CONNECT') this.#drop();
    this.#answer(status === 101 ? null : { status, field: (name) => valuesOf(text, name) });
    if (this.#stream === null) this.#finish();
  }

  onResponseData(_: Buffer, start: number, end: number): void {
    this.#discarded += end - start;
    if (this.#discarded <= MAX_DISCARDED) return;
    this.#drop();
    this.#finish();
  }

  onResponseEnd(): void {
    this.#stream = null;
    this.#finish();
  }

  onUpstreamFailed(error: ProxyError): void {
    const reused = this.#stream?.reused ?? false;
    this.#stream = null;
    if (!this.#answered && isStale(error, reused)) return this.#try(true);
    this.#answer(null);
    this.#finish();
  }

  onUpstreamBlocked(): void {}

  onUpstreamDrain(): void {}

  onTunnelData(): void {}

  onTunnelEnd(): void {}

  onBug(error?: unknown): void {
    if (error !== undefined) this.#owner.onBug(error);
    this.fail();
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = null;
    stream?.destroy();
  }

  #answer(response: SubrequestResponse | null): void {
    if (this.#answered) return;
    this.#answered = true;
    try {
      this.#owner.onResponse(response);
    } catch (error) {
      this.#owner.onBug(error);
    }
  }

  #finish(): void {
    if (this.#done) return;
    this.#done = true;
    this.#owner.onDone(this);
  }
}

/** The values of a field in a head. */
function valuesOf(text: string, lowerName: string): string[] {
  const wanted = lowerName.replaceAll('_', '-');
  const values: string[] = [];
  for (let at = text.indexOf('\r\n') + 2, end = 0; (end = text.indexOf('\r\n', at)) > at; at = end + 2) {
    const colon = at + wanted.length;
    // As nginx's $upstream_http_…, which knows no difference between the two.
    if (text[colon] === ':' && text.slice(at, colon).toLowerCase().replaceAll('_', '-') === wanted)
      values.push(trimOws(text.slice(colon + 1, end)));
  }
  return values;
}
