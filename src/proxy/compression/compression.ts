/**
 * The compression of responses in one worker: which are compressed, with what, and how many at once. The conditions are those of
 * nginx's gzip and brotli filters as ingress-nginx sets them up (gzip_proxied any, gzip_vary on, gzip_http_version 1.1).
 */
import { compileRegex, type UserRegex } from '../../settings/values/regex.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { Deadlines } from '../deadlines.ts';
import type { RequestHead } from '../http1/head/request-head.ts';
import { ResponseHead } from '../http1/head/response-head.ts';
import { FLUSH, makeCoder } from './coders.ts';
import { Encoder, type EncoderHandler } from './encoder.ts';
import { codableType, copyHead, linesOf, variedLines } from './head.ts';
import { acceptEncoding, CODINGS, preferred, type Coding } from './negotiate.ts';

/** One coding that is turned on. */
interface Offer {
  readonly coding: Coding;
  readonly level: number;
  readonly minLength: number;
  readonly allTypes: boolean;
  readonly types: ReadonlySet<string>;
}

/** nginx's word for Internet Explorer 6 and before; gzip_disable has no other. */
const MSIE6 = String.raw`MSIE [4-6]\.`;

function offer(coding: Coding, level: number, minLength: number, types: readonly string[]): Offer {
  return { coding, level, minLength, allTypes: types.includes('*'), types: new Set([...types, 'text/html']) };
}

function offersOf(settings: ProxySettings): Offer[] {
  const offers: Record<Coding, Offer | null> = {
    br: settings.useBrotli ? offer('br', settings.brotliLevel, settings.brotliMinLength, settings.brotliTypes) : null,
    zstd: settings.useZstd ? offer('zstd', settings.zstdLevel, settings.zstdMinLength, settings.zstdTypes) : null,
    gzip: settings.useGzip ? offer('gzip', settings.gzipLevel, settings.gzipMinLength, settings.gzipTypes) : null,
  };
  return CODINGS.map((coding) => offers[coding]).filter((one) => one !== null);
}

export class Compression {
  /** Any coding is turned on. */
  enabled = false;
  /** Responses that are being compressed now. */
  atWork = 0;
  /** After `begin`: the head to send. */
  head = new ResponseHead();
  readonly #deadlines: Deadlines;
  readonly #changed = new ResponseHead();
  readonly #onClosed = (): void => {
    this.atWork--;
  };
  #offers: readonly Offer[] = [];
  #max = 0;
  #withoutGzip: UserRegex | null = null;

  constructor(settings: ProxySettings, deadlines: Deadlines) {
    this.#deadlines = deadlines;
    this.configure(settings);
  }

  /** From the next response on. */
  configure(settings: ProxySettings): void {
    this.#offers = offersOf(settings);
    this.#max = settings.maxCompressions;
    this.enabled = this.#offers.length > 0;
    const { gzipDisable } = settings;
    const pattern = gzipDisable === '' ? null : compileRegex(gzipDisable === 'msie6' ? MSIE6 : gzipDisable, true);
    if (typeof pattern === 'string') throw new Error(`gzip-disable: ${pattern}`);
    this.#withoutGzip = pattern;
  }

  /**
   * Decides about a final response, and leaves in `head` what is to be sent of its head. Returns what compresses its body; null: it is
   * sent as it comes. What might have been compressed says so by Vary, or a cache would give it to the wrong client.
   */
  begin(request: RequestHead, response: ResponseHead, handler: EncoderHandler): Encoder | null {
    this.head = response;
    const { status, contentLength } = response;
    if ((status !== 200 && status !== 403 && status !== 404) || request.method === 'HEAD' || contentLength === 0) return null;
    const lines = linesOf(response);
    const type = codableType(lines);
    if (type === null) return null;
    const offers = this.#offers.filter(
      ({ allTypes, types, minLength }) => (allTypes || types.has(type)) && (contentLength < 0 || contentLength >= minLength),
    );
    if (offers.length === 0) return null;
    const chosen = this.#choose(request, offers);
    const coding = chosen?.coding ?? null;
    this.head = this.#changed;
    copyHead(response, variedLines(lines, coding), chosen === null ? contentLength : -1, this.#changed);
    if (chosen === null) return null;
    const coder = makeCoder(chosen.coding, chosen.level, contentLength);
    this.atWork++;
    return new Encoder(coder, FLUSH[chosen.coding], this.#deadlines, handler, this.#onClosed);
  }

  #choose(request: RequestHead, offers: readonly Offer[]): Offer | null {
    // HTTP/1.0 has no chunks: such a body would end where the connection breaks, and nobody could tell.
    if (request.minor === 0 || this.atWork >= this.#max) return null;
    const accepted = acceptEncoding(request.text);
    if (accepted === '') return null;
    const gzipDisabled = this.#withoutGzip?.test(request.userAgent) ?? false;
    const available = offers.map(({ coding }) => coding).filter((coding) => coding !== 'gzip' || !gzipDisabled);
    const coding = preferred(accepted, available);
    return offers.find((one) => one.coding === coding) ?? null;
  }
}
