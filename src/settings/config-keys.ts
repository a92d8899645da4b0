/**
 * Every key of the ConfigMap that is read, once: name, type, default, meaning and the setting it fills. Names, types and
 * defaults are ingress-nginx's (v1.15.1, internal/ingress/controller/config/config.go) but for those under "Sluice's own".
 */
import { BALANCE_KEYS } from './keys/balance.ts';
import { ACCESS_KEYS } from './keys/access.ts';
import { COMPRESSION_KEYS } from './keys/compression.ts';
import { key, type ConfigKey } from './keys/key.ts';
import { RESPONSE_KEYS } from './keys/responses.ts';
import { LOG_KEYS } from './keys/logs.ts';
import { SNIPPET_KEYS } from './annotations/snippets.ts';
import { REDIRECT_KEYS } from './keys/redirects.ts';
import { STREAM_KEYS } from './keys/streams.ts';
import { TELEMETRY_KEYS } from './keys/telemetry.ts';
import { TLS_KEYS } from './keys/tls.ts';
import { TRAFFIC_KEYS } from './keys/traffic.ts';
import {
  BOOLEAN,
  integer,
  NGINX_SIZE,
  NGINX_TIME,
  parseNginxSize,
  POSITIVE_SECONDS,
  SECONDS,
  type ValueType,
} from './values/values.ts';

interface HeadBuffers {
  readonly count: number;
  readonly size: number;
}

const HEAD_BUFFERS: ValueType<HeadBuffers> = {
  word: 'number size',
  expected: 'a number from 1 to 1024 and a size from 1k to 1m, such as "4 8k"',
  parse: (value) => {
    const parts = /^(\d+)\s+(\S+)$/.exec(value);
    const count = integer(1, 1024).parse(parts?.[1] ?? '');
    const size = parseNginxSize(parts?.[2] ?? '');
    return count === undefined || size === undefined || size < 1024 || size > 1024 ** 2 ? undefined : { count, size };
  },
  format: ({ count, size }) => `${count} ${NGINX_SIZE.format(size)}`,
};

const COUNT = integer(0);
const POSITIVE = integer(1);

/** The keys that each fill settings of their own. */
export const CONFIG_KEYS: readonly ConfigKey[] = [
  key(
    'use-forwarded-headers',
    BOOLEAN,
    false,
    "Believe the peer's X-Forwarded-For, -Host, -Port and -Proto.",
    (useForwardedHeaders) => ({ proxy: { useForwardedHeaders } }),
  ),
  key(
    'compute-full-forwarded-for',
    BOOLEAN,
    false,
    'Append to X-Forwarded-For instead of replacing it.',
    (computeFullForwardedFor) => ({ proxy: { computeFullForwardedFor } }),
  ),
  ...STREAM_KEYS,
  key('generate-request-id', BOOLEAN, true, 'Give a request without X-Request-ID one.', (generateRequestId) => ({
    proxy: { generateRequestId },
  })),
  key(
    'proxy-add-original-uri-header',
    BOOLEAN,
    false,
    'Send X-Original-Uri, the URI as the client sent it.',
    (addOriginalUriHeader) => ({ proxy: { addOriginalUriHeader } }),
  ),
  key(
    'enable-underscores-in-headers',
    BOOLEAN,
    false,
    'Keep request header fields with "_" in the name.',
    (underscoresInHeaders) => ({ proxy: { underscoresInHeaders } }),
  ),
  key('allow-backend-server-header', BOOLEAN, false, "Pass the upstream's Server header on.", (allowBackendServerHeader) => ({
    proxy: { allowBackendServerHeader },
  })),

  key('client-header-timeout', POSITIVE_SECONDS, 60_000, 'The time a request head may take.', (clientHeaderTimeout) => ({
    proxy: { clientHeaderTimeout },
  })),
  key(
    'client-body-timeout',
    POSITIVE_SECONDS,
    60_000,
    'The time between two reads of a request body.',
    (clientBodyTimeout) => ({
      proxy: { clientBodyTimeout },
    }),
  ),
  key('keep-alive', SECONDS, 75_000, 'How long an idle client connection is kept. 0: not at all.', (keepAliveTimeout) => ({
    proxy: { keepAliveTimeout },
  })),
  key('keep-alive-requests', COUNT, 1000, 'Requests on one client connection.', (keepAliveRequests) => ({
    proxy: { keepAliveRequests },
  })),
  key(
    'max-worker-connections',
    COUNT,
    16_384,
    'Open client connections of one worker. 0: as many as open files allow, which is also the most.',
    (maxConnections) => ({ proxy: { maxConnections } }),
  ),
  key('use-http2', BOOLEAN, true, 'Offer HTTP/2 to clients over TLS.', (useHttp2) => ({ proxy: { useHttp2 } })),
  key(
    'http2-max-concurrent-streams',
    POSITIVE,
    128,
    'Requests in flight on one HTTP/2 connection.',
    (http2MaxConcurrentStreams) => ({ proxy: { http2MaxConcurrentStreams } }),
  ),
  key(
    'large-client-header-buffers',
    HEAD_BUFFERS,
    { count: 4, size: 8192 },
    'Number and size: a line of a request head is at most the size, the head at most the product.',
    ({ count, size }) => ({ proxy: { maxRequestHeadSize: count * size, maxRequestLineSize: size } }),
  ),

  ...TRAFFIC_KEYS,
  key(
    'upstream-keepalive-connections',
    COUNT,
    320,
    'Idle upstream connections that a worker keeps.',
    (upstreamKeepAliveConnections) => ({ proxy: { upstreamKeepAliveConnections } }),
  ),
  key('upstream-keepalive-requests', POSITIVE, 10_000, 'Requests on one upstream connection.', (upstreamKeepAliveRequests) => ({
    proxy: { upstreamKeepAliveRequests },
  })),
  key(
    'upstream-keepalive-time',
    NGINX_TIME,
    3_600_000,
    'How long an upstream connection is used.',
    (upstreamKeepAliveTime) => ({ proxy: { upstreamKeepAliveTime } }),
  ),
  key(
    'upstream-keepalive-timeout',
    SECONDS,
    60_000,
    'How long an idle upstream connection is kept.',
    (upstreamKeepAliveTimeout) => ({ proxy: { upstreamKeepAliveTimeout } }),
  ),

  ...TLS_KEYS,
  ...REDIRECT_KEYS,
  key(
    'service-upstream',
    BOOLEAN,
    false,
    'Send requests to the cluster IP of a Service instead of its endpoints.',
    (serviceUpstream) => ({ translate: { serviceUpstream } }),
  ),
  ...BALANCE_KEYS,
  key(
    'allow-cross-namespace-resources',
    BOOLEAN,
    false,
    'Annotations may name Secrets of other namespaces.',
    (allowCrossNamespaceResources) => ({ translate: { allowCrossNamespaceResources } }),
  ),
  key(
    'strict-validate-path-type',
    BOOLEAN,
    true,
    'Allow only letters, digits and "/._-" in Exact and Prefix paths.',
    (strictValidatePathType) => ({ translate: { strictValidatePathType } }),
  ),

  ...ACCESS_KEYS,
  ...COMPRESSION_KEYS,
  ...RESPONSE_KEYS,
  ...SNIPPET_KEYS,

  // Sluice's own.
  key(
    'upstream-eject-failures',
    COUNT,
    5,
    'After so many failures in a row (no connection, no answer, 5xx) an endpoint is left out for a while. 0: never.',
    (upstreamEjectFailures) => ({ proxy: { upstreamEjectFailures } }),
  ),
  key(
    'upstream-eject-time',
    POSITIVE_SECONDS,
    30_000,
    'How long it is left out the first time; longer each further time, up to ten times as long.',
    (upstreamEjectTime) => ({ proxy: { upstreamEjectTime } }),
  ),
  key(
    'upstream-eject-percent',
    integer(1, 50),
    50,
    'How many endpoints of a Service may be left out at once; always one, if it is not the only one.',
    (upstreamEjectPercent) => ({ proxy: { upstreamEjectPercent } }),
  ),
  key(
    'upstream-retry-budget',
    COUNT,
    20,
    'Requests sent again after they had reached an endpoint, in percent of the recent requests to the Service. 0: no limit.',
    (upstreamRetryBudget) => ({ proxy: { upstreamRetryBudget } }),
  ),

  key(
    'worker-shutdown-timeout',
    NGINX_TIME,
    240_000,
    'How long requests in flight may take to finish at shutdown.',
    (workerShutdownTimeout) => ({ controller: { workerShutdownTimeout } }),
  ),
  ...LOG_KEYS,
  ...TELEMETRY_KEYS,
];

/** The parts of the header Strict-Transport-Security. */
interface HstsParts {
  readonly hsts: boolean;
  readonly maxAge: number;
  readonly includeSubdomains: boolean;
  readonly preload: boolean;
}

/** One key of the `hsts` family: together they make one setting. */
interface HstsKey {
  readonly name: string;
  readonly expected: string;
  /** A word for the value in lists. */
  readonly word: string;
  readonly defaultText: string;
  readonly meaning: string;
  readonly read: (value: string) => Partial<HstsParts> | undefined;
}

/** ingress-nginx's defaults. */
export const DEFAULT_HSTS: HstsParts = { hsts: true, maxAge: 31_536_000, includeSubdomains: true, preload: false };

function hstsKey<K extends keyof HstsParts>(name: string, part: K, type: ValueType<HstsParts[K]>, meaning: string): HstsKey {
  return {
    name,
    expected: type.expected,
    word: type.word,
    defaultText: type.format(DEFAULT_HSTS[part]),
    meaning,
    read: (text) => {
      const value = type.parse(text.trim());
      return value === undefined ? undefined : { [part]: value };
    },
  };
}

/** The keys of Strict-Transport-Security. */
export const HSTS_KEYS: readonly HstsKey[] = [
  hstsKey('hsts', 'hsts', BOOLEAN, 'Send Strict-Transport-Security (RFC 6797) with every HTTPS response.'),
  hstsKey('hsts-max-age', 'maxAge', COUNT, 'How long a browser remembers it, in seconds.'),
  hstsKey('hsts-include-subdomains', 'includeSubdomains', BOOLEAN, 'It holds for subdomains too.'),
  hstsKey('hsts-preload', 'preload', BOOLEAN, 'Browsers may preload it.'),
];

/** The value of Strict-Transport-Security in the order ingress-nginx writes it; null when it is off. */
export function strictTransportSecurity({ hsts, maxAge, includeSubdomains, preload }: HstsParts): string | null {
  if (!hsts) return null;
  return `max-age=${maxAge}${includeSubdomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
}
