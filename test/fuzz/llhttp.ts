/** The independent parser: llhttp, as node:http drives it, with every leniency off. */
import { createRequire } from 'node:module';
import { trimmed, type Message, type Reading } from './message.ts';

interface Parser {
  [callback: number]: (...parameters: never[]) => unknown;
  initialize(type: number, resource: object, maxHeaderSize: number, lenient: number): void;
  execute(bytes: Buffer): number | (Error & { readonly code: string; readonly reason: string });
  finish(): undefined | Error;
}

interface ParserClass {
  new (): Parser;
  readonly REQUEST: number;
  readonly RESPONSE: number;
  readonly kOnHeaders: number;
  readonly kOnHeadersComplete: number;
  readonly kOnBody: number;
  readonly kOnMessageComplete: number;
}

const { HTTPParser, methods: knownMethods } = createRequire(import.meta.url)('node:_http_common') as {
  HTTPParser: ParserClass;
  methods: readonly string[];
};

/** The methods llhttp knows; it refuses all others. */
export const KNOWN_METHODS: ReadonlySet<string> = new Set(knownMethods);

const MAX_HEAD = 65_536;
/** llhttp's number of a method → the method. */
const methods: string[] = [];
let fields: string[] = [];
let target = '';
let messages: Message[] = [];
/** A request of HTTP/1.0, or one with Upgrade, may be the last that llhttp reads. */
let upgraded = false;
let headRequest = false;
/** Of a response only the final one is read. */
let final = false;

function parser(type: number): Parser {
  const one = new HTTPParser();
  const response = type === HTTPParser.RESPONSE;
  one[HTTPParser.kOnHeaders] = (more: string[], url: string) => {
    // Trailers come here too; nothing merges them.
    if (messages.at(-1)?.complete === false) return;
    fields.push(...more);
    target += url;
  };
  one[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    _minor: number,
    headers: string[] | undefined,
    method: number,
    url: string,
    status: number,
    _text: string,
    upgrade: boolean,
  ): number => {
    const all = headers === undefined ? fields : headers;
    fields = [];
    const pairs: [string, string][] = [];
    for (let i = 0; i < all.length; i += 2) pairs.push([all[i]!.toLowerCase(), trimmed(all[i + 1]!)]);
    messages.push({
      start: response ? String(status) : (methods[method] ?? ''),
      target: headers === undefined ? target : (url ?? ''),
      fields: pairs,
      body: '',
      complete: false,
      trailers: '',
    });
    target = '';
    if (!response) {
      upgraded ||= upgrade;
      return 0;
    }
    if (status >= 200) final = true;
    return status < 200 || headRequest ? 1 : 0;
  };
  one[HTTPParser.kOnBody] = (bytes: Buffer) => {
    messages.at(-1)!.body += bytes.toString('latin1');
  };
  one[HTTPParser.kOnMessageComplete] = () => {
    const last = messages.at(-1);
    if (last !== undefined) last.complete = true;
  };
  return one;
}

const requestParser = parser(HTTPParser.REQUEST);
const responseParser = parser(HTTPParser.RESPONSE);

for (const method of knownMethods) {
  const probe = new HTTPParser();
  probe[HTTPParser.kOnHeadersComplete] = (_major: number, _minor: number, _headers: string[], number: number) => {
    methods[number] = method;
    return 0;
  };
  probe.initialize(HTTPParser.REQUEST, {}, MAX_HEAD, 0);
  probe.execute(Buffer.from(`${method} ${method === 'CONNECT' ? 'a:80' : '/'} HTTP/1.1\r\n\r\n`));
}

/** Reads all requests of a stream. */
export function readRequests(bytes: Buffer): Reading & { readonly upgraded: boolean } {
  fields = [];
  target = '';
  messages = [];
  upgraded = false;
  requestParser.initialize(HTTPParser.REQUEST, {}, MAX_HEAD, 0);
  const result = requestParser.execute(bytes);
  return { messages, refused: typeof result === 'number' ? '' : result.reason, upgraded };
}

/** Reads the interim responses and the final one; the stream ends after `bytes`. */
export function readResponse(bytes: Buffer, toHead: boolean): Reading {
  fields = [];
  messages = [];
  headRequest = toHead;
  final = false;
  responseParser.initialize(HTTPParser.RESPONSE, {}, MAX_HEAD, 0);
  const result = responseParser.execute(bytes);
  let refused = typeof result === 'number' ? '' : result.reason;
  if (typeof result === 'number' && responseParser.finish() instanceof Error) refused = 'incomplete at the end';
  const seen = messages.findIndex(({ start }) => Number(start) >= 200);
  if (final && messages[seen]!.complete) refused = '';
  return { messages: seen < 0 ? messages : messages.slice(0, seen + 1), refused };
}
