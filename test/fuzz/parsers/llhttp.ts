/** The first independent parser: llhttp, as node:http drives it, with every leniency off. */
import { createRequire } from 'node:module';
import { fieldsOfPairs, type Message, type Reading } from './message.ts';

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
let pairs: string[] = [];
let target = '';
let messages: Message[] = [];
/** A request with Upgrade is the last that llhttp reads. */
let upgraded = false;
/** Of each final response to come, whether it answers a HEAD. */
let toHeads: readonly boolean[] = [];
let finals = 0;

function parser(type: number): Parser {
  const one = new HTTPParser();
  const response = type === HTTPParser.RESPONSE;
  one[HTTPParser.kOnHeaders] = (more: string[], url: string) => {
    const last = messages.at(-1);
    if (last?.complete === false) {
      last.trailers = [...last.trailers, ...fieldsOfPairs(more)];
      return;
    }
    pairs.push(...more);
    target += url;
  };
  one[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    headers: string[] | undefined,
    method: number,
    url: string,
    status: number,
    _text: string,
    upgrade: boolean,
    keepAlive: boolean,
  ): number => {
    messages.push({
      start: response ? String(status) : (methods[method] ?? ''),
      target: headers === undefined ? target : (url ?? ''),
      minor,
      fields: fieldsOfPairs(headers ?? pairs),
      body: '',
      complete: false,
      trailers: [],
      keepAlive,
    });
    pairs = [];
    target = '';
    if (!response) {
      upgraded ||= upgrade;
      return 0;
    }
    if (status < 200) return status === 101 ? 2 : 1;
    return toHeads[finals++] === true ? 1 : 0;
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

function begin(one: Parser, type: number): void {
  pairs = [];
  target = '';
  messages = [];
  upgraded = false;
  finals = 0;
  one.initialize(type, {}, MAX_HEAD, 0);
}

/** Reads all requests of a stream. */
export function readRequests(bytes: Buffer): Reading & { readonly upgraded: boolean } {
  begin(requestParser, HTTPParser.REQUEST);
  const result = requestParser.execute(bytes);
  return { messages, refused: typeof result === 'number' ? '' : result.reason, upgraded };
}

/** Reads all responses of a stream, interim ones and those to `heads.length` requests, and its end. `heads`: to a HEAD. */
export function readResponses(bytes: Buffer, heads: readonly boolean[]): Reading & { readonly upgraded: boolean } {
  begin(responseParser, HTTPParser.RESPONSE);
  toHeads = heads;
  const result = responseParser.execute(bytes);
  let refused = typeof result === 'number' ? '' : result.reason;
  if (typeof result === 'number' && responseParser.finish() instanceof Error) refused = 'incomplete at the end';
  return { messages, refused, upgraded: messages.at(-1)?.start === '101' };
}

/** Reads the interim responses and the final one (or 101); the stream ends after `bytes`. */
export function readResponse(bytes: Buffer, toHead: boolean): Reading {
  const { messages: all, refused } = readResponses(bytes, [toHead]);
  const seen = all.findIndex(({ start }) => start === '101' || Number(start) >= 200);
  if (seen < 0) return { messages: all, refused };
  return { messages: all.slice(0, seen + 1), refused: all[seen]!.complete ? '' : refused };
}
