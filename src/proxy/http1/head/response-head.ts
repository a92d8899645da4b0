/** The strict parser of the response heads of upstreams (RFC 9112 §4–§6). As strict as for requests: what is ambiguous is a 502. */
import type { Sink } from '../../outbox.ts';
import { COLON, CR, HTAB, LF, NAME_CLASS, SP, VALUE_CHAR } from './chars.ts';
import { FieldNames } from './field-names.ts';
import { connectionOptions } from './hop-by-hop.ts';
import { LineRuns } from './line-runs.ts';
import { parseLength } from './request-fields.ts';

const CONTENT_LENGTH = 1;
const TRANSFER_ENCODING = 2;
const CONNECTION = 3;
const UPGRADE = 4;
const SERVER = 5;
const DATE = 6;
const STRICT_TRANSPORT_SECURITY = 7;
/** Of one hop only, or instructions to a proxy that are not for clients (nginx hides these too). */
const DROPPED = 8;

const RESPONSE_FIELDS = new FieldNames({
  'content-length': CONTENT_LENGTH,
  'transfer-encoding': TRANSFER_ENCODING,
  connection: CONNECTION,
  upgrade: UPGRADE,
  server: SERVER,
  date: DATE,
  'strict-transport-security': STRICT_TRANSPORT_SECURITY,
  'keep-alive': DROPPED,
  'proxy-connection': DROPPED,
  trailer: DROPPED,
  te: DROPPED,
  'x-pad': DROPPED,
  'x-accel-redirect': DROPPED,
  'x-accel-buffering': DROPPED,
  'x-accel-charset': DROPPED,
  'x-accel-expires': DROPPED,
  'x-accel-limit-rate': DROPPED,
});

/** What the parser needs of the settings. */
export interface ResponseHeadLimits {
  readonly maxResponseHeadSize: number;
  readonly maxResponseHeaders: number;
  readonly allowBackendServerHeader: boolean;
  /** Not null: we send it ourselves on https, and the upstream's is dropped. */
  readonly strictTransportSecurity: string | null;
}

/** A response head, parsed. One object per upstream connection, filled anew by every parse. */
export class ResponseHead {
  /** What it was parsed from: valid until more is read. */
  bytes: Buffer = NOTHING;
  /** Where in `bytes` it begins, and where its status line ends. */
  start = 0;
  statusEnd = 0;
  /** Where it ends. */
  end = 0;
  status = 0;
  minor = 1;
  contentLength = -1;
  chunked = false;
  /** The upstream keeps the connection open. */
  keepAlive = true;
  upgrade = '';
  hasDate = false;
  /** The header lines to forward; Content-Length is among them. */
  readonly runs = new LineRuns();
  /** The head is longer than allowed, or has too many fields. */
  tooLarge = false;

  /** The head as Latin-1. */
  get text(): string {
    return this.bytes.toString('latin1', this.start, this.end);
  }

  /** Takes the lines with these names out of those to forward. Cheap where there is none. */
  remove(lowerNames: readonly string[]): void {
    if (this.runs.has(this.bytes, this.start, lowerNames)) this.runs.remove(this.text, lowerNames);
  }

  /** The values of the lines to forward that have this name. */
  valuesOf(lowerName: string): readonly string[] {
    return this.runs.has(this.bytes, this.start, [lowerName]) ? this.runs.values(this.text, lowerName) : NONE;
  }

  /** Sends the status line, as HTTP/1.1, and the lines to forward. */
  sendTo(sink: Sink): void {
    if (this.minor === 1) sink.copy(this.bytes, this.start, this.statusEnd);
    else {
      sink.text('HTTP/1.1');
      sink.copy(this.bytes, this.start + 8, this.statusEnd);
    }
    this.runs.sendTo(sink, this.bytes, this.start);
  }
}

const NOTHING = Buffer.alloc(0);
const NONE: readonly string[] = [];

/**
 * Parses the head at `bytes[start, end)` into `head`. Returns the offset after the head, 0 if it is incomplete, or -1 if it is
 * no acceptable response head.
 */
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  head: ResponseHead,
  limits: ResponseHeadLimits,
): number {
  const limit = start + limits.maxResponseHeadSize;
  const last = end < limit ? end : limit;
  head.tooLarge = false;
  if (last - start < 13) return startsLikeHttp(bytes, start, last) ? 0 : -1;
  // "HTTP/1.x 200"
  if (!startsLikeHttp(bytes, start, last) || bytes[start + 8] !== SP) return -1;
  const minor = bytes[start + 7]! - 0x30;
  const status = (bytes[start + 9]! - 0x30) * 100 + (bytes[start + 10]! - 0x30) * 10 + (bytes[start + 11]! - 0x30);
  for (let i = 9; i < 12; i++) if (bytes[start + i]! < 0x30 || bytes[start + i]! > 0x39) return -1;
  if (status < 100 || status > 599) return -1;
  let at = start + 12;
  // The space before an empty reason is often left out, and everybody takes that.
  if (bytes[at] !== SP && bytes[at] !== CR) return -1;
  while (at < last && VALUE_CHAR[bytes[at]!] === 1) at++;
  if (at + 1 >= last) return at < last && bytes[at] !== CR ? -1 : more(head, last === limit);
  if (bytes[at] !== CR || bytes[at + 1] !== LF) return -1;
  at += 2;

  head.bytes = bytes;
  head.start = start;
  head.statusEnd = at;
  head.minor = minor;
  head.status = status;
  head.contentLength = -1;
  head.chunked = false;
  head.hasDate = false;
  const runs = head.runs;
  runs.clear();
  let runStart = -1;
  let fields = 0;
  let connectionStart = 0;
  let connectionEnd = 0;
  let earlier = '';
  let upgradeStart = 0;
  let upgradeEnd = 0;
  for (;;) {
    const nameStart = at;
    while (at < last && NAME_CLASS[bytes[at]!] !== 0) at++;
    if (at === last) return more(head, last === limit);
    if (bytes[at] !== COLON) {
      if (bytes[at] !== CR || at !== nameStart) return -1;
      if (at + 1 === last) return more(head, last === limit);
      if (bytes[at + 1] !== LF) return -1;
      break;
    }
    const nameEnd = at++;
    if (nameEnd === nameStart) return -1;
    while (at < last && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    while (at < last && VALUE_CHAR[bytes[at]!] === 1) at++;
    if (at + 1 >= last) return at < last && bytes[at] !== CR ? -1 : more(head, last === limit);
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return -1;
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    at += 2;
    if (++fields > limits.maxResponseHeaders) {
      head.tooLarge = true;
      return -1;
    }

    let keep = true;
    switch (RESPONSE_FIELDS.find(bytes, nameStart, nameEnd)) {
      case 0:
        break;
      case CONTENT_LENGTH: {
        const length = parseLength(bytes, valueStart, valueEnd);
        if (length < 0 || head.contentLength >= 0) return -1;
        head.contentLength = length;
        break;
      }
      case TRANSFER_ENCODING:
        if (head.chunked || bytes.toString('latin1', valueStart, valueEnd).toLowerCase() !== 'chunked') return -1;
        head.chunked = true;
        keep = false;
        break;
      case CONNECTION: {
        if (connectionEnd > 0) earlier += `${bytes.toString('latin1', connectionStart, connectionEnd)}, `;
        connectionStart = valueStart;
        connectionEnd = valueEnd;
        keep = false;
        break;
      }
      case UPGRADE:
        upgradeStart = valueStart;
        upgradeEnd = valueEnd;
        keep = false;
        break;
      case SERVER:
        keep = limits.allowBackendServerHeader;
        break;
      case DATE:
        head.hasDate = true;
        break;
      case STRICT_TRANSPORT_SECURITY:
        keep = limits.strictTransportSecurity === null;
        break;
      default:
        keep = false;
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
  if (head.chunked && (head.contentLength >= 0 || minor === 0)) return -1;

  head.end = at;
  head.keepAlive = minor === 1;
  head.upgrade = upgradeEnd === 0 ? '' : bytes.toString('latin1', upgradeStart, upgradeEnd);
  if (connectionEnd > 0) {
    const options = connectionOptions(earlier + bytes.toString('latin1', connectionStart, connectionEnd));
    head.keepAlive = options.close ? false : head.keepAlive || options.keepAlive;
    if (options.removed.length > 0) runs.remove(head.text, options.removed);
  }
  return at;
}

function more(head: ResponseHead, atLimit: boolean): 0 | -1 {
  head.tooLarge = atLimit;
  return atLimit ? -1 : 0;
}

const PREFIX = Buffer.from('HTTP/1.', 'latin1');

function startsLikeHttp(bytes: Buffer, start: number, end: number): boolean {
  for (let i = 0; i < PREFIX.length && start + i < end; i++) if (bytes[start + i] !== PREFIX[i]) return false;
  const minor = start + 7 < end ? bytes[start + 7]! - 0x30 : 1;
  return minor === 0 || minor === 1;
}
