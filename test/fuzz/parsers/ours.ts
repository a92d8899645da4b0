/** Our parsers, driven as the connections drive them: what of the source the fuzzer calls is called here and in `wire.ts`. */
import type { Exchange } from '../../../src/proxy/exchange/exchange.ts';
import { RequestBody } from '../../../src/proxy/http1/request-body.ts';
import { parseRequestHead, RequestHead } from '../../../src/proxy/http1/head/request-head.ts';
import { RequestHeadReader } from '../../../src/proxy/http1/head/request-head-reader.ts';
import type { ResponseHead } from '../../../src/proxy/http1/head/response-head.ts';
import { COMPLETE, FAILED, MORE, ResponseReader, SWITCHED } from '../../../src/proxy/upstream/response-reader.ts';
import type { ResponseHandler } from '../../../src/proxy/upstream/stream.ts';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';
import { sentBy } from '../../support/text-sink.ts';
import { fieldsOf, type Message, type Reading } from './message.ts';

const SETTINGS = DEFAULT_SETTINGS.proxy;

/** A request as we saw it. */
export interface OurRequest extends Message {
  readonly minor: number;
  readonly host: string;
  readonly connection: string;
  readonly upgrade: string;
  readonly chunked: boolean;
  readonly requestId: string;
  readonly forwardedFor: string;
  readonly forwardedHost: string;
  readonly expectContinue: boolean;
  readonly acceptsTrailers: boolean;
}

function seen(head: RequestHead): OurRequest {
  return {
    start: head.method,
    target: head.target,
    fields: [
      ...fieldsOf(sentBy((sink) => head.runs.sendText(sink, head.text))),
      ...(head.rewriteLength ? [['content-length', String(head.contentLength)] as const] : []),
    ],
    body: '',
    complete: !head.hasBody(),
    trailers: [],
    keepAlive: head.keepAlive,
    minor: head.minor,
    host: head.host,
    connection: head.connection,
    upgrade: head.upgrade,
    chunked: head.chunked,
    requestId: head.requestId,
    forwardedFor: head.forwardedFor,
    forwardedHost: head.forwardedHost,
    expectContinue: head.expectContinue,
    acceptsTrailers: head.acceptsTrailers,
  };
}

const head = new RequestHead();
const reader = new RequestHeadReader(head);
let current: OurRequest | null = null;
/** What an exchange is to a body: somebody who takes it. */
const taker = {
  active: true,
  onRequestData(bytes: Buffer, start: number, end: number): void {
    current!.body += bytes.toString('latin1', start, end);
  },
  onRequestEnd(trailers: string): void {
    current!.complete = true;
    current!.trailers = fieldsOf(trailers);
  },
};
const body = new RequestBody(taker as unknown as Exchange);

/**
 * Reads the requests of a stream that comes in pieces. `ends`: where each piece ends. With one piece every head is parsed where
 * it stands; with several, as a connection does it that keeps what it has not used.
 */
export function readRequests(bytes: Buffer, ends: readonly number[]): Reading<OurRequest> {
  const whole = ends.length === 1;
  const messages: OurRequest[] = [];
  let at = 0;
  current = null;
  reader.begin();
  for (const end of ends) {
    while (at < end) {
      if (current === null || current.complete) {
        const next = whole ? parseRequestHead(bytes, at, end, head, SETTINGS) : reader.read(bytes.subarray(at, end), SETTINGS);
        if (next < 0) return { messages, refused: head.error.code };
        if (next === 0) break;
        at = whole ? next : at + next;
        messages.push((current = seen(head)));
        body.begin(head, SETTINGS);
      } else {
        const used = body.read(bytes.subarray(at, end));
        if (used < 0) return { messages, refused: 'malformed body' };
        at += used;
      }
      if (!current.complete) continue;
      if (!current.keepAlive) return { messages, refused: 'closed' };
      reader.begin();
    }
  }
  // A head that drips in is not looked at again for every byte.
  if (!whole && at < bytes.length && current?.complete !== false) {
    const next = parseRequestHead(bytes, at, bytes.length, head, SETTINGS);
    if (next > 0) throw new Error(`the reader waits for a head that is there: ${head.text}`);
    if (next < 0) return { messages, refused: head.error.code };
  }
  return { messages, refused: '' };
}

class Collector implements ResponseHandler {
  readonly messages: Message[] = [];
  readonly onConnected = nothing;
  readonly onResponseEnd = nothing;
  readonly onUpstreamFailed = nothing;
  readonly onUpstreamBlocked = nothing;
  readonly onUpstreamDrain = nothing;
  readonly onTunnelData = nothing;
  readonly onTunnelEnd = nothing;
  readonly onBug = nothing;

  onInterim(interim: ResponseHead): void {
    this.#add(interim, true);
  }

  onResponseHead(final: ResponseHead): void {
    this.#add(final, false);
  }

  onResponseData(bytes: Buffer, start: number, end: number): void {
    this.messages.at(-1)!.body += bytes.toString('latin1', start, end);
  }

  #add(one: ResponseHead, complete: boolean): void {
    this.messages.push({
      start: String(one.status),
      target: '',
      fields: fieldsOf(sentBy((sink) => one.runs.sendText(sink, one.text))),
      body: '',
      complete,
      trailers: [],
      keepAlive: false,
    });
  }
}

function nothing(): void {}

/** All upstream connections read into one buffer, which the next read overwrites. */
const readBuffer = Buffer.alloc(262_144);

/**
 * Reads the interim responses but 100, and the final one (or 101), of a stream that comes in pieces and then ends. `excess`:
 * bytes came with its end that are not of it.
 */
export function readResponse(
  bytes: Buffer,
  toHead: boolean,
  wantsUpgrade: boolean,
  ends: readonly number[],
): Reading & { readonly excess?: boolean } {
  const one = new ResponseReader(() => SETTINGS);
  const collector = new Collector();
  const { messages } = collector;
  one.begin(toHead, wantsUpgrade);
  one.attach(collector);
  let from = 0;
  for (const end of ends) {
    bytes.copy(readBuffer, 0, from, end);
    const result = one.read(readBuffer, end - from);
    if (result === SWITCHED && one.rest !== null) {
      const rest = one.rest.toString('latin1', one.restStart, one.restEnd);
      if (!bytes.toString('latin1', 0, end).endsWith(rest)) throw new Error(`the tunnel begins with ${rest}`);
    }
    readBuffer.fill(0x2a, 0, end - from);
    from = end;
    const last = messages.at(-1);
    if (result === MORE) continue;
    if (result === FAILED) return { messages, refused: one.error.code };
    last!.complete = true;
    if (result === SWITCHED) return { messages, refused: '' };
    if (result !== COMPLETE) throw new Error(`read returned ${result}`);
    last!.trailers = fieldsOf(one.trailers);
    last!.keepAlive = one.persistent;
    return { messages, refused: '', excess: one.excess };
  }
  if (!one.endsWithConnection) return { messages, refused: 'cut short' };
  messages.at(-1)!.complete = true;
  return { messages, refused: '' };
}
