/** Responses in content codings, for tests: how they are asked for, and read. */
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import type { ProxySettings } from '../../src/settings/settings.ts';
import type { RawClient, RawResponse } from './raw-client.ts';

/** All codings on, for all types and lengths. */
export const ALL_CODINGS: Partial<ProxySettings> = {
  useGzip: true,
  gzipTypes: ['*'],
  gzipMinLength: 0,
  useBrotli: true,
  brotliTypes: ['*'],
  brotliMinLength: 0,
  useZstd: true,
  zstdTypes: ['*'],
  zstdMinLength: 0,
};

/** Our codings by name, as node:zlib reads them. `partial`: what there is so far of a body that goes on. */
const DECODERS: Record<string, (bytes: Buffer, partial: boolean) => Buffer> = {
  gzip: (bytes, partial) => zlib.gunzipSync(bytes, partial ? { finishFlush: zlib.constants.Z_SYNC_FLUSH } : {}),
  br: (bytes, partial) =>
    zlib.brotliDecompressSync(bytes, partial ? { finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH } : {}),
  zstd: (bytes, partial) => zlib.zstdDecompressSync(bytes, partial ? { finishFlush: zlib.constants.ZSTD_e_flush } : {}),
};

export const CODING_NAMES = ['gzip', 'br', 'zstd'] as const;

/** The text of a whole body in this coding; throws when it is cut short. */
export function decoded(coding: string, bytes: Buffer | string): string {
  return DECODERS[coding]!(Buffer.from(bytes as string, 'latin1'), false).toString('latin1');
}

/** The text of what has come so far of a body in this coding. */
export function decodedSoFar(coding: string, bytes: Buffer | string): string {
  return DECODERS[coding]!(Buffer.from(bytes as string, 'latin1'), true).toString('latin1');
}

/** A GET on `app.example`. */
export function get(accept: string, fields = '', path = '/'): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.example\r\n${accept === '' ? '' : `Accept-Encoding: ${accept}\r\n`}${fields}\r\n`;
}

/** Asks for a coding, and answers the text of the body, which must be in it. */
export async function fetchCoded(client: RawClient, coding: string, path = '/'): Promise<RawResponse & { text: string }> {
  const response = await client.request(get(coding, '', path));
  assert.deepEqual(response.headers.get('content-encoding'), [coding]);
  return { ...response, text: decoded(coding, response.body) };
}

/** The data of the whole chunks at the start of a chunked body. */
export function dechunked(text: string): string {
  let data = '';
  let at = 0;
  for (;;) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (line < 0 || !(size > 0) || text.length < line + 2 + size) return data;
    data += text.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}

/** Text that compresses to about a third. */
export function prose(length: number): string {
  let text = '';
  for (let i = 0; text.length < length; i++) text += `{"id":${i},"value":"${((i * 2654435761) >>> 0).toString(36)}"},`;
  return text.slice(0, length);
}

/** Bytes, as Latin-1, that do not compress. */
export function noise(length: number): string {
  const bytes = Buffer.allocUnsafe(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes.toString('latin1');
}
