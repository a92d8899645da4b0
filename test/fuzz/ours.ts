/** Our parsers, driven as the connections drive them. */
import { BODY_END, ChunkedReader, HAVE_DATA, MALFORMED } from '../../src/proxy/http1/chunked.ts';
import { HeadForwarder } from '../../src/proxy/http1/forward-request.ts';
import { parseRequestHead, RequestHead } from '../../src/proxy/http1/request-head.ts';
import type { ResponseHead } from '../../src/proxy/http1/response-head.ts';
import type { ResponseHandler } from '../../src/proxy/upstream/connection.ts';
import { COMPLETE, FAILED, MORE, ResponseReader } from '../../src/proxy/upstream/response-reader.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { sentBy } from '../support/text-sink.ts';
import { trimmed, type Message, type Reading } from './message.ts';

const SETTINGS = DEFAULT_SETTINGS.proxy;

/** A request as we saw it, and what the upstream would get. */
export interface OurRequest extends Message {
  readonly minor: number;
  readonly host: string;
  readonly chunked: boolean;
  readonly contentLength: number;
  readonly connection: string;
  forwarded: string;
}

const head = new RequestHead();
const forwarder = new HeadForwarder({ scheme: 'http', address: '127.0.0.1' });
const chunks = new ChunkedReader();

/** Reads the requests of a stream that comes in pieces. `ends`: where each piece ends. */
export function readRequests(bytes: Buffer, ends: readonly number[]): Reading<OurRequest> {
  const messages: OurRequest[] = [];
  let at = 0;
  let current: OurRequest | null = null;
  for (const end of ends) {
    for (;;) {
      if (current === null) {
        if (at >= end) break;
        const next = parseRequestHead(bytes, at, end, head, SETTINGS);
        if (next < 0) return { messages, refused: head.error.code };
        if (next === 0) break;
        at = next;
        current = {
          start: head.method,
          target: head.target,
          fields: pairs(sentBy((sink) => head.runs.sendText(sink, head.text))),
          body: '',
          complete: !head.hasBody(),
          trailers: '',
          minor: head.minor,
          host: head.host,
          chunked: head.chunked,
          contentLength: head.contentLength,
          connection: head.connection,
          forwarded: sentBy((sink) => forwarder.send(sink, head, SETTINGS, '', '')),
        };
        messages.push(current);
        chunks.reset(SETTINGS);
      } else if (!current.chunked) {
        const piece = bytes.toString('latin1', at, Math.min(end, at + current.contentLength - current.body.length));
        if (piece === '') break;
        current.body += piece;
        current.forwarded += piece;
        at += piece.length;
        current.complete = current.body.length === current.contentLength;
      } else {
        if (at >= end) break;
        const result = chunks.read(bytes, at, end);
        if (result === MALFORMED) return { messages, refused: 'malformed chunks' };
        at = chunks.at;
        if (result === HAVE_DATA) {
          const piece = bytes.toString('latin1', chunks.dataStart, chunks.dataEnd);
          current.body += piece;
          current.forwarded += `${piece.length.toString(16)}\r\n${piece}\r\n`;
        } else if (result === BODY_END) {
          current.complete = true;
          current.trailers = chunks.trailers;
          current.forwarded += '0\r\n\r\n';
        } else break;
      }
      if (!current.complete) continue;
      if (!head.keepAlive) return { messages, refused: 'closed' };
      current = null;
    }
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
      fields: pairs(sentBy((sink) => one.runs.sendText(sink, one.text))),
      body: '',
      complete,
      trailers: '',
    });
  }
}

function nothing(): void {}

/** Reads the response of a stream that comes in pieces and then ends. */
export function readResponse(bytes: Buffer, toHead: boolean, ends: readonly number[]): Reading {
  const reader = new ResponseReader(() => SETTINGS);
  const collector = new Collector();
  const { messages } = collector;
  reader.begin(collector, toHead, false);
  let from = 0;
  for (const end of ends) {
    const result = reader.read(bytes.subarray(from, end), end - from);
    from = end;
    if (result === FAILED) return { messages, refused: reader.error.code };
    if (result === COMPLETE) {
      messages.at(-1)!.complete = true;
      messages.at(-1)!.trailers = reader.trailers;
      return { messages, refused: '' };
    }
    if (result !== MORE) return { messages, refused: 'switched' };
  }
  if (!reader.endsWithConnection) return { messages, refused: 'cut short' };
  messages.at(-1)!.complete = true;
  return { messages, refused: '' };
}

function pairs(lines: string): [string, string][] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), trimmed(line.slice(colon + 1))];
    });
}
