/** The keys of the compression of responses. ingress-nginx has none for zstd: those are made like brotli's. */
import { BOOLEAN, integer, text, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';
import { compileRegex } from '../values/regex.ts';

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/;

/** As nginx has lists: words between white space. */
const TYPES: ValueType<readonly string[]> = {
  word: 'types',
  expected: 'media types such as "text/css application/json", separated by spaces, or "*"',
  parse: (value) => {
    const types = value
      .toLowerCase()
      .split(/\s+/)
      .filter((type) => type !== '');
    return types.every((type) => type === '*' || MEDIA_TYPE.test(type)) ? types : undefined;
  },
  format: (types) => types.join(' '),
};

const USER_AGENTS = text(
  'regex',
  String.raw`a regular expression without look-around and back-references such as "MSIE [4-6]\.", or "msie6"`,
  (value) => typeof compileRegex(value, true) !== 'string',
);

const COUNT = integer(0);
/** ingress-nginx's default of gzip-types; brotli-types has one more. */
const DEFAULT_TYPES = `application/atom+xml application/javascript application/x-javascript application/json application/rss+xml
  application/vnd.ms-fontobject application/x-font-ttf application/x-web-app-manifest+json application/xhtml+xml application/xml
  font/opentype image/svg+xml image/x-icon text/css text/javascript text/plain text/x-component`.split(/\s+/);
const MORE_TYPES = ['application/xml+rss', ...DEFAULT_TYPES];

const MIN_LENGTH = 'Responses that are known to be shorter, in bytes, are not compressed with it.';
const WHICH_TYPES = 'The media types compressed with it, beside text/html. *: all.';

/** In the order of the documentation. */
export const COMPRESSION_KEYS: readonly ConfigKey[] = [
  key('use-gzip', BOOLEAN, false, 'Compress responses with gzip for clients that take it.', (useGzip) => ({
    proxy: { useGzip },
  })),
  key('gzip-level', integer(1, 9), 1, 'How hard gzip tries.', (gzipLevel) => ({ proxy: { gzipLevel } })),
  key('gzip-min-length', COUNT, 256, MIN_LENGTH, (gzipMinLength) => ({ proxy: { gzipMinLength } })),
  key('gzip-types', TYPES, DEFAULT_TYPES, WHICH_TYPES, (gzipTypes) => ({ proxy: { gzipTypes } })),
  key('gzip-disable', USER_AGENTS, '', 'Clients whose User-Agent it matches, in any case, get no gzip.', (gzipDisable) => ({
    proxy: { gzipDisable },
  })),
  key('enable-brotli', BOOLEAN, false, 'Compress responses with brotli for clients that take it.', (useBrotli) => ({
    proxy: { useBrotli },
  })),
  key('brotli-level', integer(0, 11), 4, 'How hard brotli tries. From 10 on it is very slow.', (brotliLevel) => ({
    proxy: { brotliLevel },
  })),
  key('brotli-min-length', COUNT, 20, MIN_LENGTH, (brotliMinLength) => ({ proxy: { brotliMinLength } })),
  key('brotli-types', TYPES, MORE_TYPES, WHICH_TYPES, (brotliTypes) => ({ proxy: { brotliTypes } })),
  key('enable-zstd', BOOLEAN, false, 'Compress responses with zstd for clients that take it.', (useZstd) => ({
    proxy: { useZstd },
  })),
  key('zstd-level', integer(1, 19), 1, 'How hard zstd tries. From 16 on it is very slow.', (zstdLevel) => ({
    proxy: { zstdLevel },
  })),
  key('zstd-min-length', COUNT, 20, MIN_LENGTH, (zstdMinLength) => ({ proxy: { zstdMinLength } })),
  key('zstd-types', TYPES, MORE_TYPES, WHICH_TYPES, (zstdTypes) => ({ proxy: { zstdTypes } })),
  key(
    'max-worker-compressions',
    COUNT,
    128,
    'Responses that one worker compresses at once; further ones are sent as they came.',
    (maxCompressions) => ({ proxy: { maxCompressions } }),
  ),
];
