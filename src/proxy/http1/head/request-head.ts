/**
 * The strict parser of HTTP/1.1 request heads (RFC 9112 §2–§3, §6; RFC 9110 §5). What is ambiguous is refused, never
 * repaired: requests that two parsers may read differently are how requests are smuggled.
 */
import { ERRORS, type ProxyError } from '../../errors.ts';
import {
  COLON,
  CR,
  HTAB,
  LF,
  METHOD_CHAR,
  NAME_CLASS,
  NAME_ODD,
  NAME_UNDERSCORE,
  SLASH,
  SP,
  TARGET_CHAR,
  VALUE_CHAR,
  isPlain,
} from './chars.ts';
import { validHost } from '../../routing/host.ts';
import { maybeVersion, methodName } from './methods.ts';
import { fieldOf } from './field-of.ts';
import { connectionOptions } from './hop-by-hop.ts';
import { LineRuns } from './line-runs.ts';
import {
  ACCEPT,
  AUTHORIZATION,
  CONNECTION,
  CONTENT_LENGTH,
  EXPECT,
  FieldValues,
  HOST,
  isAlias,
  isForwarded,
  isForwardedFamily,
  isUsualLength,
  parseLength,
  REFERER,
  REQUEST_FIELDS,
  TE,
  TRANSFER_ENCODING,
  UPGRADE,
  USER_AGENT,
  X_FORWARDED_FOR,
  X_FORWARDED_HOST,
  X_FORWARDED_PORT,
  X_FORWARDED_PROTO,
  X_REQUEST_ID,
} from './request-fields.ts';

/** What the parser needs of the settings. */
export interface RequestHeadLimits {
  readonly maxRequestHeadSize: number;
  readonly maxRequestLineSize: number;
  readonly maxRequestHeaders: number;
  readonly underscoresInHeaders: boolean;
  /** The client is a proxy that may say X-Forwarded-*. */
  readonly useForwardedHeaders: boolean;
}

/** A request head, parsed. One object per connection, filled anew by every parse. */
export class RequestHead {
  /** The head's bytes as Latin-1, from the request line to the empty line. */
  text = '';
  /** Where in `text` the request line begins, and where its target ends. */
  lineStart = 0;
  targetEnd = 0;
  method = '';
  /** The request target in origin form, as the client wrote it. */
  target = '';
  /** What the upstream gets in its place, where that differs; else empty. */
  forwardedTarget = '';
  /** The target up to "?", as the client wrote it. */
  rawPath = '';
  /** The path holds no percent-encoding, dot segments, double slashes or parameters (";"). */
  pathIsPlain = true;
  /** The minor version: 0 or 1. */
  minor = 1;
  /** The host the request is for, as the client wrote it, port included. Empty only with HTTP/1.0. */
  host = '';
  /** The Content-Length, or -1. */
  contentLength = -1;
  /** Content-Length is to be written anew, for a backend might read it otherwise as it was sent. */
  rewriteLength = false;
  chunked = false;
  /** The client lets the connection be used again. */
  keepAlive = true;
  /** The value of Upgrade, when Connection names it; else empty. */
  upgrade = '';
  /** Expect: 100-continue. */
  expectContinue = false;
  /** The client wants trailer fields (TE: trailers). */
  acceptsTrailers = false;
  /** The header lines to forward. */
  readonly runs = new LineRuns();
  /** The values of the fields below, for the parser to fill. */
  readonly values = new FieldValues();
  /** Why the head is refused, after a parse that returned -1. */
  error: ProxyError = ERRORS.badRequest;

  /** It says nothing of the connection to the upstream. */
  get closes(): boolean {
    return false;
  }

  get requestId(): string {
    return this.values.get(X_REQUEST_ID, this.text);
  }

  get forwardedFor(): string {
    return this.values.get(X_FORWARDED_FOR, this.text);
  }

  get forwardedHost(): string {
    return this.values.get(X_FORWARDED_HOST, this.text);
  }

  get forwardedProto(): string {
    return this.values.get(X_FORWARDED_PROTO, this.text);
  }

  get forwardedPort(): string {
    return this.values.get(X_FORWARDED_PORT, this.text);
  }

  /** The list of Connection, as sent. */
  get connection(): string {
    return this.values.get(CONNECTION, this.text);
  }

  get userAgent(): string {
    return this.values.get(USER_AGENT, this.text);
  }

  get referer(): string {
    return this.values.get(REFERER, this.text);
  }

  get accept(): string {
    return this.values.get(ACCEPT, this.text);
  }

  get authorization(): string {
    return this.values.get(AUTHORIZATION, this.text);
  }

  /** The method and the target, as the upstream gets them. */
  get requestLine(): string {
    return this.forwardedTarget === ''
      ? this.text.slice(this.lineStart, this.targetEnd)
      : `${this.method} ${this.forwardedTarget}`;
  }

  /** As `fieldOf`: of the fields as the client sent them. */
  field(lowerName: string): string {
    return fieldOf(this.text, this.targetEnd, lowerName);
  }

  /** The lines that backends get, with CRLF, each with its name in lower case. */
  lines(): readonly (readonly [name: string, line: string])[] {
    return this.runs.linesOf(this.text);
  }

  /** The chunked body is this long, and goes with its length. */
  measured(length: number): void {
    if (!this.chunked) return;
    this.chunked = false;
    this.contentLength = length;
    this.rewriteLength = true;
  }

  /** Lets go of the text, and of all that was cut out of it. */
  forget(): void {
    this.text = this.method = this.target = this.forwardedTarget = this.rawPath = this.host = this.upgrade = '';
    this.values.clear();
    this.runs.clear();
  }

  /** True if a request body follows. */
  hasBody(): boolean {
    return this.chunked || this.contentLength > 0;
  }
}

/** A head longer than this is worth a view that reads four bytes at once. */
const LONG_HEAD = 512;

/**
 * Parses the head at `bytes[start, end)` into `head`. Returns the offset after the head, 0 if it is incomplete, or -1 if it is
 * refused, with the reason in `head.error`.
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  head: RequestHead,
  limits: RequestHeadLimits,
): number {
  const limit = start + limits.maxRequestHeadSize;
  const last = end < limit ? end : limit;
  const view = last - start > LONG_HEAD ? new DataView(bytes.buffer, bytes.byteOffset, bytes.length) : null;
  head.error = ERRORS.badRequest;
  let at = start;

  // An empty line before the request line is skipped (RFC 9112 §2.2).
  while (at + 1 < last && bytes[at] === CR && bytes[at + 1] === LF) at += 2;

  const lineStart = at;
  const lineLimit = lineStart + limits.maxRequestLineSize;
  while (at < last && METHOD_CHAR[bytes[at]!] === 1) at++;
  const methodEnd = at;
  if (at === last) return incomplete(head, at - lineStart > limits.maxRequestLineSize || last === limit, ERRORS.headTooLarge);
  if (bytes[at] === CR && at === lineStart) return at + 1 === last ? 0 : -1;
  if (bytes[at] !== SP || methodEnd === lineStart) return -1;
  const targetStart = ++at;
  let plain = true;
  let previous = 0;
  let query = 0;
  while (at < last) {
    const byte = bytes[at]!;
    if (TARGET_CHAR[byte] !== 1) break;
    // Only what precedes "?" is matched against paths.
    if (query === 0) {
      if (byte === 0x3f) query = at;
      else if (byte === 0x25 || byte === 0x3b || (previous === SLASH && (byte === SLASH || byte === 0x2e))) plain = false;
    }
    previous = byte;
    at++;
    if (at > lineLimit) return refuse(head, ERRORS.targetTooLong);
  }
  const targetEnd = at;
  if (last - at < 11) return maybeVersion(bytes, at, last) ? incomplete(head, last === limit, ERRORS.targetTooLong) : -1;
  // " HTTP/1.x\r\n"
  if (bytes[at] !== SP || targetEnd === targetStart) return -1;
  if (bytes[at + 1] !== 0x48 || bytes[at + 2] !== 0x54 || bytes[at + 3] !== 0x54 || bytes[at + 4] !== 0x50) return -1;
  if (bytes[at + 5] !== SLASH || bytes[at + 7] !== 0x2e || bytes[at + 9] !== CR || bytes[at + 10] !== LF) return -1;
  const minor = bytes[at + 8]! - 0x30;
  const major = bytes[at + 6]! - 0x30;
  if (major < 0 || major > 9 || minor < 0 || minor > 9) return -1;
  if (major !== 1 || minor > 1) return refuse(head, ERRORS.versionNotSupported);
  at += 11;

  head.minor = minor;
  head.contentLength = -1;
  head.rewriteLength = false;
  head.chunked = false;
  head.upgrade = '';
  head.values.clear();
  const runs = head.runs;
  runs.clear();
  let runStart = -1;
  let hosts = 0;
  let lengths = 0;
  let encodings = 0;
  let fields = 0;

  for (;;) {
    const nameStart = at;
    let classes = 0;
    let nameClass = 0;
    while (at < last && (nameClass = NAME_CLASS[bytes[at]!]!) !== 0) {
      classes |= nameClass;
      at++;
    }
    if (at === last) return incomplete(head, last === limit, ERRORS.headTooLarge);
    if (bytes[at] !== COLON) {
      // The empty line ends the head.
      if (bytes[at] !== CR || at !== nameStart) return -1;
      if (at + 1 === last) return incomplete(head, last === limit, ERRORS.headTooLarge);
      if (bytes[at + 1] !== LF) return -1;
      break;
    }
    const nameEnd = at++;
    if (nameEnd === nameStart) return -1;
    while (at < last && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    if (view !== null) while (at + 4 <= last && isPlain(view.getInt32(at))) at += 4;
    while (at < last && VALUE_CHAR[bytes[at]!] === 1) at++;
    if (at + 1 >= last) {
      if (at < last && bytes[at] !== CR) return -1;
      return incomplete(head, last === limit, ERRORS.headTooLarge);
    }
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -1;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    at += 2;
    if (at - nameStart > limits.maxRequestLineSize) return refuse(head, ERRORS.headTooLarge);
    if (++fields > limits.maxRequestHeaders) return refuse(head, ERRORS.headTooLarge);

    const id = REQUEST_FIELDS.find(bytes, nameStart, nameEnd);
    let keep = true;
    if (id !== 0 && !head.values.add(id, valueStart - start, valueEnd - start)) return -1;
    if (id === 0) {
      if (classes >= NAME_UNDERSCORE) {
        keep = (classes & NAME_ODD) === 0 && limits.underscoresInHeaders && !isAlias(bytes, nameStart, nameEnd);
      } else if ((bytes[nameStart]! | 0x20) === 0x78 && isForwardedFamily(bytes, nameStart, nameEnd)) {
        keep = limits.useForwardedHeaders;
      }
    } else if (id === HOST) {
      hosts++;
      keep = false;
    } else if (id === CONTENT_LENGTH) {
      const length = parseLength(bytes, valueStart, valueEnd);
      if (length < 0 || ++lengths > 1) return -1;
      head.contentLength = length;
      keep = isUsualLength(bytes, nameStart, valueStart, valueEnd, at);
      head.rewriteLength = !keep;
    } else if (id === TRANSFER_ENCODING) {
      if (++encodings > 1 || bytes.toString('latin1', valueStart, valueEnd).toLowerCase() !== 'chunked') return -1;
      head.chunked = true;
      keep = false;
    } else {
      keep = isForwarded(id);
    }

    if (keep) {
      if (runStart < 0) runStart = nameStart;
    } else if (runStart >= 0) {
      runs.add(runStart - start, nameStart - start);
      runStart = -1;
    }
  }
  if (runStart >= 0) runs.add(runStart - start, at - start);
  at += 2;

  const text = bytes.toString('latin1', start, at);
  head.text = text;
  head.lineStart = lineStart - start;
  head.targetEnd = targetEnd - start;
  head.method = methodName(bytes, lineStart, methodEnd);
  head.target = text.slice(targetStart - start, targetEnd - start);
  head.forwardedTarget = '';
  head.rawPath = query === 0 ? head.target : text.slice(targetStart - start, query - start);
  head.pathIsPlain = plain;

  if (head.chunked && (lengths > 0 || minor === 0)) return -1;
  if (hosts > 1 || (hosts === 0 && minor === 1)) return -1;
  // The requests of a connection mostly name the same host.
  if (head.host === '' || !head.values.is(HOST, head.host, text)) {
    head.host = head.values.get(HOST, text);
    if (hosts === 1 && !validHost(head.host)) return refuseHost(head);
  }
  if (bytes[targetStart] !== SLASH && !takeAbsoluteForm(head)) return refuseHost(head);
  const expectation = head.values.get(EXPECT, text);
  head.expectContinue = expectation !== '' && expectation.toLowerCase() === '100-continue';
  if (expectation !== '' && !head.expectContinue) return refuse(head, ERRORS.expectationFailed);
  const te = head.values.get(TE, text);
  head.acceptsTrailers = te !== '' && /\btrailers\b/i.test(te);
  applyConnection(head);
  return at;
}

/** Nothing is remembered of a host that is none. */
function refuseHost(head: RequestHead): -1 {
  head.host = '';
  return -1;
}

function refuse(head: RequestHead, error: ProxyError): -1 {
  head.error = error;
  return -1;
}

function incomplete(head: RequestHead, atLimit: boolean, error: ProxyError): 0 | -1 {
  return atLimit ? refuse(head, error) : 0;
}

/**
 * RFC 9112 §3.2.2: the authority of an absolute-form target is the request's host. A Host that says otherwise is refused, for
 * the backend might believe the other one.
 */
function takeAbsoluteForm(head: RequestHead): boolean {
  const match = /^https?:\/\/([^/?]*)(.*)$/i.exec(head.target);
  if (match === null) return false;
  const authority = match[1]!;
  if (!validHost(authority) || (head.host !== '' && head.host.toLowerCase() !== authority.toLowerCase())) return false;
  head.host = authority;
  head.target = head.forwardedTarget = match[2]!.startsWith('/') ? match[2]! : `/${match[2]!}`;
  head.rawPath = head.target.split('?', 1)[0]!;
  head.pathIsPlain = false;
  return true;
}

/** Works out persistence and upgrade (RFC 9112 §9.3, RFC 9110 §7.8), and removes what Connection names. */
function applyConnection(head: RequestHead): void {
  head.keepAlive = head.minor === 1;
  const { connection } = head;
  if (connection === '') return;
  const options = connectionOptions(connection);
  const upgrade = options.upgrade ? head.values.get(UPGRADE, head.text) : '';
  if (options.close) head.keepAlive = false;
  else if (options.keepAlive) head.keepAlive = true;
  // h2c would tunnel requests past every rule (bishopfox/h2csmuggler); only a body-less HTTP/1.1 request may upgrade.
  if (head.minor === 1 && !head.hasBody() && !/\bh2c?\b|http\/2/i.test(upgrade)) head.upgrade = upgrade;
  if (options.removed.length > 0) head.runs.remove(head.text, options.removed);
}
