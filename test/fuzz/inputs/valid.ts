/**
 * Messages that are valid by construction, and what they say: the opinion of somebody who has parsed nothing. A parser that
 * refuses one of them, or sees something else in it, is wrong.
 */
import type { Field, Message } from '../parsers/message.ts';
import type { Random } from '../random.ts';

/** A stream of requests. */
export interface ValidRequests {
  readonly text: string;
  readonly messages: readonly Message[];
}

/** The response to one request. */
export interface ValidResponse {
  readonly text: string;
  /** Without 100 Continue, which is for us. The last is the final one, or 101. */
  readonly messages: readonly Message[];
  readonly toHead: boolean;
  readonly wantsUpgrade: boolean;
}

const DIGITS = '0123456789';
const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const LOWER = UPPER.toLowerCase();
const NAME_CHARS = `${LOWER}${UPPER}${DIGITS}---`;
const ODD_NAME_CHARS = "!#$%&'*+.^_`|~";
const VISIBLE = Array.from({ length: 94 }, (_, i) => String.fromCharCode(0x21 + i)).join('');
const OBS_TEXT = Array.from({ length: 128 }, (_, i) => String.fromCharCode(0x80 + i)).join('');
const TARGET_CHARS = VISIBLE.split('')
  .filter((char) => char !== '#' && char !== '\\')
  .join('');
const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'HEAD',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'QUERY',
  'PROPFIND',
  'M-SEARCH',
];
const HOSTS = [
  'a',
  'a:80',
  'a:',
  'app.example',
  'APP.example.:65535',
  '[::1]',
  '[2001:DB8::1.2.3.4]:8080',
  '1.2.3.4',
  'a_b-c.d',
];
/** Fields that mean something to a proxy, with values that are valid for each. */
const KNOWN: readonly Field[] = [
  ['Accept', '*/*'],
  ['Cookie', 'a=b; c="d"'],
  ['TE', 'trailers'],
  ['Te', 'deflate;q=0.5'],
  ['Upgrade', 'websocket'],
  ['User-Agent', 'x/1 (y; z)'],
  ['Referer', 'http://a/b?c#d'],
  ['X-Forwarded-For', '1.2.3.4, ::1'],
  ['X-Forwarded-Host', 'evil'],
  ['x-forwarded-proto', 'https'],
  ['X-Forwarded-Port', '1'],
  ['X-Real-IP', '1.1.1.1'],
  ['X-Request-ID', 'abc'],
  ['X-Original-URI', '/x'],
  ['Keep-Alive', 'timeout=5'],
  ['Proxy', 'http://a'],
  ['Proxy-Connection', 'close'],
  ['Trailer', 'X-T'],
  ['Authorization', 'Basic YTpi'],
  ['Date', 'Sun, 22 Nov 2026 22:46:27 GMT'],
  ['Server', 'x'],
  ['Set-Cookie', 'a=b'],
  ['Content-Type', 'text/plain'],
  ['X-Accel-Redirect', '/x'],
];
const CONNECTIONS = [
  'keep-alive',
  'Keep-Alive',
  'close',
  'x-a',
  'x-a, close',
  'keep-alive,X-F,,cookie',
  '',
  ', ,',
  'te',
  'close, keep-alive',
  'upgrade',
  'keep-alive, Upgrade',
];
const OWS = ['', ' ', ' ', ' ', '  ', '\t', ' \t '];
const EXTENSIONS = [';a', ';a=b', ';a="b;c"', ';a=b;c'];
/** Responses without a body, whatever their fields say. */
const BODILESS = ['204', '304'];
const STATUSES = ['200', '200', '200', '201', '206', '205', '301', '404', '418', '500', '503', '599', ...BODILESS];
const REASONS = [' ', ' OK', ' \tOh no\t', ' \xe4\xf6', ''];
const TRAILERS: readonly Field[] = [
  ['X-T', 'a'],
  ['Grpc-Status', '0'],
  ['x_t', ''],
  ['Host', 'a'],
  ['ETag', '"x"'],
];

function text(random: Random, chars: string, least: number, most: number): string {
  let out = '';
  for (let left = least + random.below(most - least + 1); left > 0; left--) out += chars[random.below(chars.length)]!;
  return out;
}

/** All kinds of bytes, to cut bodies from. */
const NOISE = Array.from({ length: 30_000 }, (_, i) => String.fromCharCode((i * i + (i >> 3)) & 0xff)).join('');

/** Without white space at its ends. */
function value(random: Random): string {
  if (random.oneIn(6)) return '';
  const chars = random.oneIn(4) ? `${VISIBLE}${OBS_TEXT} \t` : `${VISIBLE} `;
  return text(random, chars, 1, random.oneIn(20) ? 900 : 20).replace(/^[ \t]+|[ \t]+$/g, '');
}

function field(random: Random): Field {
  if (random.oneIn(3)) return random.pick(KNOWN);
  const odd = random.oneIn(8) ? text(random, ODD_NAME_CHARS, 1, 2) : '';
  return [`X-${random.oneIn(3) ? 'a' : text(random, NAME_CHARS, 1, 12)}${odd}`, value(random)];
}

function line(random: Random, [name, content]: Field): string {
  return `${name}:${random.pick(OWS)}${content}${random.oneIn(8) ? random.pick(OWS) : ''}\r\n`;
}

function seen(fields: readonly Field[]): Field[] {
  return fields.map(([name, content]) => [name.toLowerCase(), content]);
}

/** A few fields, once in a while as many as are allowed; none of them twice but those that may. */
function someFields(random: Random, connection: string | null): Field[] {
  const fields: Field[] = [];
  for (let count = random.oneIn(60) ? 90 : random.below(6); count > 0; count--) fields.push(field(random));
  // Credentials are said once.
  const said = fields.findIndex(([name]) => name === 'Authorization');
  for (let i = fields.length - 1; i > said && said >= 0; i--) if (fields[i]![0] === 'Authorization') fields.splice(i, 1);
  if (connection !== null) fields.splice(random.below(fields.length + 1), 0, ['Connection', connection]);
  return fields;
}

interface Content {
  /** The field that frames it; null: none. */
  readonly framing: Field | null;
  readonly body: string;
  /** As it is sent. */
  readonly sent: string;
  readonly trailers: readonly Field[];
}

const NOTHING: Content = { framing: null, body: '', sent: '', trailers: [] };

function bytes(random: Random): string {
  if (random.oneIn(8))
    return random.pick(['GET / HTTP/1.1\r\nHost: b\r\n\r\n', '0\r\n\r\n', '\r\n', 'HTTP/1.1 200 OK\r\n\r\n', '\0\n\r']);
  const length = 1 + random.below(random.oneIn(100) ? 20_000 : 24);
  const start = random.below(NOISE.length - length);
  return NOISE.slice(start, start + length);
}

function chunked(random: Random): Content {
  let body = '';
  let sent = '';
  const extension = (): string => (random.oneIn(6) ? random.pick(EXTENSIONS) : '');
  for (let count = random.below(4); count > 0; count--) {
    const data = bytes(random);
    const size = data.length.toString(16);
    sent += `${random.oneIn(10) ? '0' : ''}${random.oneIn(3) ? size.toUpperCase() : size}${extension()}\r\n${data}\r\n`;
    body += data;
  }
  const trailers: Field[] = [];
  if (random.oneIn(4)) for (let count = 1 + random.below(3); count > 0; count--) trailers.push(random.pick(TRAILERS));
  sent += `${random.oneIn(10) ? '000' : '0'}${extension()}\r\n${trailers.map((one) => line(random, one)).join('')}\r\n`;
  const name = random.pick(['Transfer-Encoding', 'transfer-encoding', 'TRANSFER-ENCODING']);
  return { framing: [name, random.pick(['chunked', 'chunked', 'Chunked'])], body, sent, trailers };
}

function sized(random: Random): Content {
  const body = random.oneIn(5) ? '' : bytes(random);
  const length = `${random.oneIn(12) ? '00' : ''}${body.length}`;
  return { framing: [random.pick(['Content-Length', 'content-length']), length], body, sent: body, trailers: [] };
}

function keepsAlive(minor: number, connection: string | null): boolean {
  const said = (connection ?? '').toLowerCase().split(/ *, */);
  if (said.includes('close')) return false;
  return minor === 1 || said.includes('keep-alive');
}

function message(start: string, target: string, fields: readonly Field[], content: Content, keepAlive: boolean): Message {
  return {
    start,
    target,
    fields: seen(fields),
    body: content.body,
    complete: true,
    trailers: seen(content.trailers),
    keepAlive,
  };
}

function targetOf(random: Random): string {
  let target = '/';
  for (let parts = random.below(5); parts > 0; parts--) {
    target += random.pick(['a', 'b/', '%2e%2E/', '//', '?', '..', '=', ';', '%zz', text(random, TARGET_CHARS, 1, 12)]);
  }
  return random.oneIn(200) ? `${target}?${'q'.repeat(4000)}` : target;
}

/** One to four requests in a row. */
export function validRequests(random: Random): ValidRequests {
  const messages: Message[] = [];
  let out = '';
  for (let left = random.oneIn(2) ? 1 : 2 + random.below(3); left > 0; left--) {
    const minor = random.oneIn(8) ? 0 : 1;
    const method = random.oneIn(12) ? text(random, `${UPPER}-_`, 1, 12) : random.pick(METHODS);
    const connection = random.oneIn(4) ? random.pick(CONNECTIONS) : null;
    const content = method === 'GET' && !random.oneIn(6) ? NOTHING : requestContent(random, minor);
    const fields = someFields(random, connection);
    const host = random.pick(HOSTS);
    const hostField: Field = [random.pick(['Host', 'host', 'HOST']), host];
    if (random.oneIn(12) && minor === 1) fields.push(['Expect', random.pick(['100-continue', '100-Continue'])]);
    if (minor === 1 || random.oneIn(2)) fields.splice(random.below(fields.length + 1), 0, hostField);
    if (content.framing !== null) fields.splice(random.below(fields.length + 1), 0, content.framing);
    const target = targetOf(random);
    const absolute = random.oneIn(12);
    const sentTarget = absolute ? `${random.pick(['http', 'HTTPS'])}://${host}${target}` : target;
    if (random.oneIn(12)) out += '\r\n';
    out += `${method} ${sentTarget} HTTP/1.${minor}\r\n${fields.map((one) => line(random, one)).join('')}\r\n${content.sent}`;
    const keepAlive = keepsAlive(minor, connection);
    messages.push(message(method, target, fields, content, keepAlive));
    if (!keepAlive) break;
  }
  return { text: out, messages };
}

/** HTTP/1.0 knows no chunks. */
function requestContent(random: Random, minor: number): Content {
  if (random.oneIn(5)) return NOTHING;
  return minor === 0 || random.oneIn(2) ? sized(random) : chunked(random);
}

/** Interim responses, and the final one or 101. */
export function validResponse(random: Random): ValidResponse {
  const messages: Message[] = [];
  let out = '';
  for (let interim = random.oneIn(4) ? 1 + random.below(3) : 0; interim > 0; interim--) {
    const status = random.pick(['100', '102', '103', '199']);
    const fields = someFields(random, null);
    out += `HTTP/1.1 ${status}${random.pick(REASONS)}\r\n${fields.map((one) => line(random, one)).join('')}\r\n`;
    if (status !== '100') messages.push(message(status, '', fields, NOTHING, false));
  }
  const toHead = random.oneIn(6);
  const wantsUpgrade = !toHead && random.oneIn(8);
  if (wantsUpgrade && random.oneIn(2)) {
    const fields: Field[] = [...someFields(random, null), ['Connection', 'Upgrade'], ['Upgrade', 'websocket']];
    out += `HTTP/1.1 101 Switching\r\n${fields.map((one) => line(random, one)).join('')}\r\n${random.oneIn(2) ? bytes(random) : ''}`;
    messages.push(message('101', '', fields, NOTHING, false));
    return { text: out, messages, toHead, wantsUpgrade };
  }
  const minor = random.oneIn(8) ? 0 : 1;
  const status = random.pick(STATUSES);
  const connection = random.oneIn(4) ? random.pick(CONNECTIONS) : null;
  const choice = random.below(8);
  let content = choice < 4 ? sized(random) : choice < 7 && minor === 1 ? chunked(random) : { ...NOTHING, body: bytes(random) };
  const bodiless = toHead || BODILESS.includes(status);
  const framed = content.framing !== null;
  if (!framed) content = { ...content, sent: content.body };
  // The fields may announce what is not sent; a 204 must not (RFC 9110 §8.6).
  if (status === '204') content = NOTHING;
  if (bodiless) content = { ...content, body: '', sent: '', trailers: [] };
  const fields = someFields(random, connection);
  if (content.framing !== null) fields.splice(random.below(fields.length + 1), 0, content.framing);
  out += `HTTP/1.${minor} ${status}${random.pick(REASONS)}\r\n${fields.map((one) => line(random, one)).join('')}\r\n${content.sent}`;
  const keepAlive = keepsAlive(minor, connection) && (framed || bodiless) && !wantsUpgrade;
  messages.push(message(status, '', fields, content, keepAlive));
  return { text: out, messages, toHead, wantsUpgrade };
}
