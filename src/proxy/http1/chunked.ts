/**
 * The strict reader of chunked bodies (RFC 9112 §7.1), for requests and responses. It finds the data in the bytes as they
 * come, copies nothing, and refuses whatever two readers could take differently: bare LF, signs, spaces, overlong sizes.
 */
import { CR, HEX_VALUE, HTAB, LF, NAME_CLASS, SP, VALUE_CHAR, COLON } from './head/chars.ts';

const SIZE = 0;
const SIZE_DIGITS = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILER_START = 7;
const TRAILER_NAME = 8;
const TRAILER_VALUE = 9;
const TRAILER_LF = 10;
const END_LF = 11;
const DONE = 12;

/** 2^52: far beyond any body, and exact in a double. */
const MAX_SIZE_DIGITS = 13;

/** What a call of `read` found. */
const NEED_MORE = 0;
/** `dataStart` and `dataEnd` delimit some of the data. Call again. */
export const HAVE_DATA = 1;
/** The body ended; `at` is behind it. */
export const BODY_END = 2;
/** Not a chunked body. */
export const MALFORMED = 3;

export type ChunkedResult = typeof NEED_MORE | typeof HAVE_DATA | typeof BODY_END | typeof MALFORMED;

/** What the reader needs of the settings. */
export interface ChunkedLimits {
  readonly maxChunkExtensionSize: number;
  readonly maxTrailerSize: number;
  readonly maxTrailers: number;
}

/** Before the first `reset`. */
const NO_EXTRAS: ChunkedLimits = { maxChunkExtensionSize: 0, maxTrailerSize: 2, maxTrailers: 0 };

/** Reads one chunked body after the other. */
export class ChunkedReader {
  /** Where `read` stopped. */
  at = 0;
  dataStart = 0;
  dataEnd = 0;
  #state = SIZE;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerBytes = 0;
  #trailerFields = 0;
  #trailers = '';
  #limits: ChunkedLimits = NO_EXTRAS;

  /** Makes ready for a body. */
  reset(limits: ChunkedLimits): void {
    this.#limits = limits;
    this.#state = SIZE;
    this.#remaining = this.#digits = this.#extensionBytes = this.#trailerBytes = this.#trailerFields = 0;
    this.#trailers = '';
  }

  /** The trailer section as read, each line with its CRLF. */
  get trailers(): string {
    return this.#trailers;
  }

  /** Reads `bytes[from, end)` until data is found, the body ends, or more is needed. */
  read(bytes: Buffer, from: number, end: number): ChunkedResult {
    let at = from;
    while (at < end) {
      switch (this.#state) {
        case SIZE: {
          const digit = HEX_VALUE[bytes[at]!]!;
          if (digit === 255) return MALFORMED;
          this.#remaining = digit;
          this.#digits = 1;
          this.#state = SIZE_DIGITS;
          at++;
          break;
        }
        case SIZE_DIGITS: {
          const byte = bytes[at]!;
          const digit = HEX_VALUE[byte]!;
          at++;
          if (digit !== 255) {
            if (++this.#digits > MAX_SIZE_DIGITS) return MALFORMED;
            this.#remaining = this.#remaining * 16 + digit;
          } else if (byte === CR) this.#state = SIZE_LF;
          else if (byte === 0x3b) this.#state = EXTENSION;
          else return MALFORMED;
          break;
        }
        case EXTENSION: {
          const byte = bytes[at]!;
          at++;
          if (++this.#extensionBytes > this.#limits.maxChunkExtensionSize) return MALFORMED;
          if (byte === CR) this.#state = SIZE_LF;
          else if (VALUE_CHAR[byte] !== 1) return MALFORMED;
          break;
        }
        case SIZE_LF:
          if (bytes[at++] !== LF) return MALFORMED;
          this.#state = this.#remaining === 0 ? TRAILER_START : DATA;
          break;
        case DATA: {
          const available = end - at;
          const take = available < this.#remaining ? available : this.#remaining;
          this.dataStart = at;
          this.dataEnd = at += take;
          this.#remaining -= take;
          if (this.#remaining === 0) this.#state = DATA_CR;
          this.at = at;
          return HAVE_DATA;
        }
        case DATA_CR:
          if (bytes[at++] !== CR) return MALFORMED;
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (bytes[at++] !== LF) return MALFORMED;
          this.#state = SIZE;
          break;
        default:
          at = this.#readTrailers(bytes, at, end);
          if (at < 0) return MALFORMED;
          if (this.#state === DONE) {
            this.at = at;
            return BODY_END;
          }
      }
    }
    this.at = at;
    return NEED_MORE;
  }

  /** Returns where it stopped, or -1 if the trailer section is malformed. */
  #readTrailers(bytes: Buffer, from: number, end: number): number {
    let at = from;
    const { maxTrailerSize, maxTrailers } = this.#limits;
    while (at < end && this.#state !== DONE) {
      const byte = bytes[at++]!;
      if (++this.#trailerBytes > maxTrailerSize) return -1;
      switch (this.#state) {
        case TRAILER_START:
          if (byte === CR) this.#state = END_LF;
          else if (NAME_CLASS[byte] === 0 || ++this.#trailerFields > maxTrailers) return -1;
          else this.#state = TRAILER_NAME;
          break;
        case TRAILER_NAME:
          if (byte === COLON) this.#state = TRAILER_VALUE;
          else if (NAME_CLASS[byte] === 0) return -1;
          break;
        case TRAILER_VALUE:
          if (byte === CR) this.#state = TRAILER_LF;
          else if (VALUE_CHAR[byte] !== 1 && byte !== SP && byte !== HTAB) return -1;
          break;
        case TRAILER_LF:
          if (byte !== LF) return -1;
          this.#state = TRAILER_START;
          break;
        default:
          if (byte !== LF) return -1;
          this.#state = DONE;
      }
    }
    this.#trailers += bytes.toString('latin1', from, at);
    if (this.#state === DONE) this.#trailers = this.#trailers.slice(0, -2);
    return at;
  }
}

/** Fields that have no business in a trailer section (RFC 9110 §6.5.1): framing, routing, authentication, hop-by-hop. */
const FORBIDDEN_TRAILER =
  /^(?:transfer-encoding|content-length|content-encoding|content-type|content-range|host|connection|keep-alive|proxy(?:-.*)?|te|trailer|upgrade|expect|range|if-.*|authorization|www-authenticate|set-cookie|cookie|age|cache-control|expires|date|location|retry-after|vary|warning|max-forwards|pragma|http2-settings|forwarded|x-forwarded-.*|x-original-.*|x-real-ip|x-request-id|x-scheme|ssl-client-.*)$/i;

/** A backend may take "_" for "-" (CVE-2026-39858). */
function forbidden(name: string): boolean {
  return FORBIDDEN_TRAILER.test(name.replaceAll('_', '-'));
}

/** The trailer lines that may be passed on, each with its CRLF. */
export function allowedTrailers(trailers: string): string {
  if (trailers === '') return '';
  let kept = '';
  for (const line of trailers.split('\r\n')) {
    if (line !== '' && !forbidden(line.slice(0, line.indexOf(':')))) kept += `${line}\r\n`;
  }
  return kept;
}
