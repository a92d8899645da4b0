/**
 * The streams of node:zlib that compress, each with the memory it may take (measured: gzip 0.3 MiB, brotli 1.5 MiB and zstd 0.6 MiB
 * at the default levels), and less for bodies that are known to be short. They work on the threads of libuv, not on the event loop.
 */
import zlib from 'node:zlib';
import type { Coding } from './negotiate.ts';

const { constants } = zlib;

/** A stream that compresses. */
export type Coder = zlib.Gzip | zlib.BrotliCompress | zlib.ZstdCompress;

/** How a coder is told to give out all that was written. */
export const FLUSH: Readonly<Record<Coding, number>> = {
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
  gzip: constants.Z_SYNC_FLUSH,
};

/** Bytes that wait, compressed, for a client that is slow. */
const OUTPUT = 16_384;

const STREAM = { chunkSize: OUTPUT, highWaterMark: OUTPUT };

/** zlib's own, and nginx's brotli_window of 512k. For zstd, 128 KiB: RFC 9659 would allow 8 MiB. Powers of 2. */
const GZIP_WINDOW = 15;
const GZIP_MEMORY = 8;
const BROTLI_WINDOW = 19;
const ZSTD_WINDOW = 17;
const SMALLEST_WINDOW = 10;

/** A coder at this level for a body of `length` bytes; -1: unknown. */
export function makeCoder(coding: Coding, level: number, length: number): Coder {
  switch (coding) {
    case 'gzip': {
      const spared = sparedBits(length);
      return zlib.createGzip({
        ...STREAM,
        level,
        windowBits: GZIP_WINDOW - spared,
        memLevel: Math.max(1, GZIP_MEMORY - spared),
      });
    }
    case 'br':
      return zlib.createBrotliCompress({
        ...STREAM,
        params: {
          [constants.BROTLI_PARAM_QUALITY]: level,
          [constants.BROTLI_PARAM_LGWIN]: windowFor(length, BROTLI_WINDOW),
          [constants.BROTLI_PARAM_SIZE_HINT]: Math.max(0, Math.min(length, 2 ** 30)),
        },
      });
    case 'zstd':
      return zlib.createZstdCompress({
        ...STREAM,
        params: {
          [constants.ZSTD_c_compressionLevel]: level,
          [constants.ZSTD_c_windowLog]: windowFor(length, ZSTD_WINDOW),
        },
      });
  }
}

/** So many bits of zlib's window can be spared for a short body: nginx's rule (ngx_http_gzip_filter_module.c). */
function sparedBits(length: number): number {
  if (length < 0) return 0;
  let bits = GZIP_WINDOW;
  while (length < 2 ** (bits - 1) - 262) bits--;
  return GZIP_WINDOW - bits;
}

/** The smallest window in which the whole body fits, or the largest there is. */
function windowFor(length: number, largest: number): number {
  if (length < 0) return largest;
  let bits = SMALLEST_WINDOW;
  // Brotli's window holds 16 bytes less than it says (RFC 7932 §9.1).
  while (bits < largest && 2 ** bits - 16 < length) bits++;
  return bits;
}
