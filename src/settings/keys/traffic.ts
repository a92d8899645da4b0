/** The keys of bodies and their buffers, of timeouts and retries of upstreams, and of limits: what annotations of the same name change for a route. */
import { BOOLEAN, integer, NGINX_SIZE, parseNginxSize, POSITIVE_SECONDS, SECONDS, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

/** nginx's `on` and `off`. ingress-nginx reads them in any case (internal/ingress/annotations/parser, ValidateOptions). */
export const OFF_ON: ValueType<boolean> = {
  word: 'on|off',
  expected: '"on" or "off"',
  parse: (value) => {
    const word = value.toLowerCase();
    return word === 'on' ? true : word === 'off' ? false : undefined;
  },
  format: (value) => (value ? 'on' : 'off'),
};

/** After what another endpoint may be tried: the words of nginx's proxy_next_upstream. */
export const NEXT_UPSTREAM_WORDS = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
] as const;

/** `off` beside other words means `off` alone, as in nginx. */
export const NEXT_UPSTREAM: ValueType<readonly string[]> = {
  word: 'conditions',
  expected: `words separated by spaces, of ${NEXT_UPSTREAM_WORDS.join(', ')}`,
  parse: (value) => {
    const words = [...new Set(value.split(/\s+/).filter((word) => word !== ''))];
    if (words.length === 0 || !words.every((word) => NEXT_UPSTREAM_WORDS.some((known) => known === word))) return undefined;
    return words.includes('off') ? ['off'] : words;
  },
  format: (words) => words.join(' '),
};

/** A size as annotations write it: digits, and `b`, `k`, `m` or `g` in either case (SizeRegex of internal/ingress/annotations/parser). */
export function parseAnnotationSize(text: string): number | undefined {
  return parseNginxSize(text.replace(/(?<=^\d+)b$/i, ''));
}

const COUNT = integer(0);
const POSITIVE = integer(1);
/** nginx's limit_req_status and limit_conn_status. */
const LIMIT_STATUS = integer(400, 599);

/** The least that we take from an upstream as the head of a response. ingress-nginx's 4k fails on ordinary cookies. */
export const RESPONSE_HEAD_SIZE = 16 * 1024;
/** So much of one message is in memory at most, whoever asks for more: an Ingress is not to take the memory of all others. */
export const MAX_BUFFER = 4 * 1024 ** 2;

const KIB = 1024;

/** In the order of the documentation. */
export const TRAFFIC_KEYS: readonly ConfigKey[] = [
  key('proxy-body-size', NGINX_SIZE, 1024 ** 2, 'The largest request body. 0: no limit.', (maxRequestBodySize) => ({
    proxy: { maxRequestBodySize },
  })),
  key(
    'proxy-request-buffering',
    OFF_ON,
    true,
    'Read the whole body of a request before a backend is asked. Not for backends that speak gRPC.',
    (requestBuffering) => ({ proxy: { requestBuffering } }),
  ),
  key(
    'client-body-buffer-size',
    NGINX_SIZE,
    64 * KIB,
    'So much of such a body is held in memory, at most 4m, and the rest in a temporary file. Of a body that is not read whole, so much is kept to send it again.',
    (size) => ({ proxy: { requestBufferSize: Math.min(size, MAX_BUFFER) } }),
  ),
  key(
    'proxy-buffering',
    OFF_ON,
    false,
    'Read responses ahead of their clients, so that backends are done with them sooner.',
    (responseBuffering) => ({ proxy: { responseBuffering } }),
  ),
  key(
    'proxy-buffer-size',
    NGINX_SIZE,
    4 * KIB,
    'The largest response head of an upstream. Anything below 16k means 16k there. Also the size of one buffer of proxy-buffering. At most 4m.',
    (size) => ({
      proxy: {
        maxResponseHeadSize: Math.min(Math.max(RESPONSE_HEAD_SIZE, size), MAX_BUFFER),
        responseBufferSize: Math.min(size, MAX_BUFFER),
      },
    }),
  ),
  key(
    'proxy-buffers-number',
    POSITIVE,
    4,
    'So many buffers of a response are held in memory with proxy-buffering; together at most 4m.',
    (responseBuffers) => ({ proxy: { responseBuffers } }),
  ),
  key(
    'proxy-max-temp-file-size',
    NGINX_SIZE,
    1024 ** 3,
    'So much of a response is held in a temporary file with proxy-buffering. 0: nothing.',
    (maxResponseTempFile) => ({ proxy: { maxResponseTempFile } }),
  ),
  key(
    'max-worker-temp-size',
    NGINX_SIZE,
    512 * 1024 ** 2,
    'Bytes in temporary files of one worker. A request body that needs more gets 503; a response waits for its client.',
    (maxTempSize) => ({ proxy: { maxTempSize } }),
  ),

  key(
    'proxy-connect-timeout',
    POSITIVE_SECONDS,
    5000,
    'The time a connection to an upstream may take.',
    (upstreamConnectTimeout) => ({
      proxy: { upstreamConnectTimeout },
    }),
  ),
  key(
    'proxy-read-timeout',
    POSITIVE_SECONDS,
    60_000,
    'The time between two reads from an upstream.',
    (upstreamReadTimeout) => ({
      proxy: { upstreamReadTimeout },
    }),
  ),
  key('proxy-send-timeout', POSITIVE_SECONDS, 60_000, 'The time between two writes to an upstream.', (upstreamSendTimeout) => ({
    proxy: { upstreamSendTimeout },
  })),
  key(
    'proxy-next-upstream',
    NEXT_UPSTREAM,
    ['error', 'timeout'],
    'After which failures another endpoint is tried. off: after none.',
    (nextUpstream) => ({ proxy: { nextUpstream } }),
  ),
  key('proxy-next-upstream-tries', COUNT, 3, 'Attempts for one request, the first included. 0: no limit.', (upstreamTries) => ({
    proxy: { upstreamTries },
  })),
  key('proxy-next-upstream-timeout', SECONDS, 0, 'The time for all attempts. 0: no limit.', (upstreamTriesTimeout) => ({
    proxy: { upstreamTriesTimeout },
  })),
  key(
    'retry-non-idempotent',
    BOOLEAN,
    false,
    'Send requests again whose method is not known to be idempotent, such as POST.',
    (retryNonIdempotent) => ({
      proxy: { retryNonIdempotent },
    }),
  ),

  key(
    'limit-req-status-code',
    LIMIT_STATUS,
    503,
    'What a request beyond limit-rps or limit-rpm is answered with.',
    (limitReqStatus) => ({ proxy: { limitReqStatus } }),
  ),
  key(
    'limit-conn-status-code',
    LIMIT_STATUS,
    503,
    'What a request beyond limit-connections is answered with.',
    (limitConnStatus) => ({
      proxy: { limitConnStatus },
    }),
  ),
  key('limit-rate', COUNT, 0, 'The most that is sent of one response, in KiB a second. 0: no limit.', (rate) => ({
    proxy: { limitRate: rate * KIB },
  })),
  key('limit-rate-after', COUNT, 0, 'So many KiB of a response are sent before limit-rate counts.', (after) => ({
    proxy: { limitRateAfter: after * KIB },
  })),
];
