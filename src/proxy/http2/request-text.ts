/**
 * The header list of an HTTP/2 request, written as the head of an HTTP/1.1 request for the one strict parser to read: what could not be such a
 * head is refused here, and everything else there (RFC 9113 §8.2–§8.5; RFC 8441 §4).
 */
import { createHash, randomBytes } from 'node:crypto';

/** What is refused before it becomes text: it is malformed (RFC 9113 §8.1.1), or asks for a protocol that is not spoken. */
export const MALFORMED = 1;
export const NOT_IMPLEMENTED = 2;

/** Byte → 1 where it may stand in a field name (RFC 9113 §8.2.1): the tchars of RFC 9110 without capital letters. */
const NAME_CHAR: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) =>
  /[a-z0-9!#$%&'*+.^_`|~-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

function isName(name: string): boolean {
  for (let i = 0; i < name.length; i++) if (NAME_CHAR[name.charCodeAt(i)] !== 1) return false;
  return name.length > 0;
}

/**
 * No control character, nothing that is more than a byte, no white space at the ends (RFC 9113 §8.2.1). A line break would become a field of
 * its own in the text.
 */
function isValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f || code > 0xff) return false;
  }
  return value.charCodeAt(0) > 0x20 && value.charCodeAt(length - 1) > 0x20;
}

/** What one header list becomes. One object, filled anew by every call of `write`. */
export class RequestText {
  /** The head, Latin-1, to the empty line. */
  text = '';
  /** As the client sent it. */
  method = '';
  /** Extended CONNECT: the key that was made up for the backend's handshake; else empty. */
  webSocketKey = '';

  /** `raw`: name, value, name … as they came; `ended`: no body follows. Returns 0, or why the request is refused. */
  write(raw: readonly string[], ended: boolean): 0 | typeof MALFORMED | typeof NOT_IMPLEMENTED {
    this.webSocketKey = '';
    let method = '';
    this.method = '';
    let path = '';
    let scheme = '';
    let authority: string | null = null;
    let protocol = '';
    let host: string | null = null;
    let cookie = '';
    let fields = '';
    let length = '';
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!;
      const value = raw[i + 1]!;
      if (!isValue(value)) return MALFORMED;
      switch (name) {
        case ':method':
          if (method !== '') return MALFORMED;
          this.method = method = value;
          continue;
        case ':path':
          if (path !== '') return MALFORMED;
          path = value;
          continue;
        case ':scheme':
          if (scheme !== '') return MALFORMED;
          scheme = value;
          continue;
        case ':authority':
          if (authority !== null) return MALFORMED;
          authority = value;
          continue;
        case ':protocol':
          if (protocol !== '') return MALFORMED;
          protocol = value;
          continue;
        case 'host':
          if (host !== null) return MALFORMED;
          host = value;
          continue;
        case 'cookie':
          // RFC 9113 §8.2.3: cut into pieces for the compression.
          cookie = cookie === '' ? value : `${cookie}; ${value}`;
          continue;
        case 'sec-websocket-key':
          // Has no meaning in HTTP/2 (RFC 8441 §5), and could be another than ours.
          continue;
        case 'content-length':
          if (length !== '') return MALFORMED;
          length = value;
          break;
        case 'te':
          if (value !== 'trailers') return MALFORMED;
          break;
        case 'connection':
        case 'keep-alive':
        case 'proxy-connection':
        case 'transfer-encoding':
        case 'upgrade':
          return MALFORMED;
        default:
          if (!isName(name)) return MALFORMED;
      }
      fields += `${name}: ${value}\r\n`;
    }
    // RFC 9113 §8.3.1. What two readers could take for different hosts is refused.
    if (authority === null || authority === '') authority = host;
    else if (host !== null && host.toLowerCase() !== authority.toLowerCase()) return MALFORMED;
    if (authority === null || method === '') return MALFORMED;
    if (method === 'CONNECT') {
      if (protocol === '') {
        // RFC 9113 §8.5: neither scheme nor path. It is refused where CONNECT is in HTTP/1.1.
        if (scheme !== '' || path !== '') return MALFORMED;
        path = '/';
      } else {
        if (protocol !== 'websocket') return NOT_IMPLEMENTED;
        if (length !== '') return MALFORMED;
        method = 'GET';
        this.webSocketKey = randomBytes(16).toString('base64');
        fields += `connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${this.webSocketKey}\r\n`;
        ended = true;
      }
    } else if (protocol !== '') return MALFORMED;
    else if (scheme !== 'https' && scheme !== 'http') return MALFORMED;
    if (path.charCodeAt(0) !== 0x2f) return MALFORMED;
    if (ended) {
      if (length !== '' && !/^0+$/.test(length)) return MALFORMED;
    } else if (length === '') fields += 'transfer-encoding: chunked\r\n';
    if (cookie !== '') fields += `cookie: ${cookie}\r\n`;
    this.text = `${method} ${path} HTTP/1.1\r\nhost: ${authority}\r\n${fields}\r\n`;
    return 0;
  }
}

/** What a backend that has read the key answers (RFC 6455 §4.2.2). */
export function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}

/** The fields of a trailer section as lines with CRLF; null if it is malformed or beyond the limits. */
export function trailerText(raw: readonly string[], maxSize: number, maxFields: number): string | null {
  let text = '';
  if (raw.length > 2 * maxFields) return null;
  for (let i = 0; i < raw.length; i += 2) {
    if (!isName(raw[i]!) || !isValue(raw[i + 1]!)) return null;
    text += `${raw[i]!}: ${raw[i + 1]!}\r\n`;
  }
  return text.length > maxSize ? null : text;
}
