/**
 * The typed settings: what flags, environment and the ConfigMap become. Plain data. `flags.ts` and `configmap.ts` list each
 * key once, with its default and meaning; nothing else in the tree parses a setting.
 */
import type { LogPart } from './values/log-format.ts';
import type { TranslateSettings } from './translate-settings.ts';

/** From where on an overload closes connections after each response, and from where on it refuses requests. */
export interface OverloadThresholds {
  readonly closing: number;
  readonly refusing: number;
}

/** What the workers need. Structured-cloneable. Times are milliseconds, sizes bytes, unless a name says otherwise. */
export interface ProxySettings {
  /** Address to bind; `::` takes IPv4 too. */
  readonly bindAddress: string;
  /** 0: any free port. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /**
   * The ports that X-Forwarded-Port and redirects name: what clients see, not what we bind. Redirects leave out 80 and 443. 0:
   * X-Forwarded-Port names the port that is bound, redirects none without `use-port-in-redirects`.
   */
  readonly publicHttpPort: number;
  readonly publicHttpsPort: number;

  /** `client-header-timeout`: from the first byte of a head to its last, and from accept to the first byte. */
  readonly clientHeaderTimeout: number;
  /** `client-body-timeout`: between two reads of a request body. */
  readonly clientBodyTimeout: number;
  /** Between two successful writes to a client that reads slowly (nginx's send_timeout). */
  readonly clientSendTimeout: number;
  /** From accept to the end of the TLS handshake. */
  readonly tlsHandshakeTimeout: number;
  /** `keep-alive`: how long an idle client connection is kept. 0: keep-alive off. */
  readonly keepAliveTimeout: number;
  /** `keep-alive-requests`: after so many requests a client connection is closed. */
  readonly keepAliveRequests: number;
  /** nginx's keepalive_time: a client connection that is older closes with its next response. */
  readonly keepAliveTime: number;
  /** nginx's lingering_time: so long a client is read off at most that goes on sending after its last answer. */
  readonly lingeringTime: number;
  /** nginx's lingering_timeout: between two reads of such a client. */
  readonly lingeringTimeout: number;
  /**
   * A client that sent FIN may still read (RFC 9112 §9.6 calls it half-closed), or be gone: it gets its answer if that comes
   * within this time, or keeps coming. nginx takes every FIN for a client that is gone.
   */
  readonly halfClosedTimeout: number;
  /**
   * `max-worker-connections`: open client connections of one worker; the next is closed at once. 0: as many as open files
   * allow, which the supervisor works out.
   */
  readonly maxConnections: number;
  /** `--overload-memory`: parts of the memory limit. Null: memory is not watched. */
  readonly overloadMemory: OverloadThresholds | null;
  /** `--overload-delay`: how late the event loop of a worker is. Null: delays are not watched. */
  readonly overloadDelay: OverloadThresholds | null;

  /** `use-http2`: offer HTTP/2 to clients over TLS. */
  readonly useHttp2: boolean;
  /** `http2-max-concurrent-streams`: streams a client may have open at once on one connection. */
  readonly http2MaxConcurrentStreams: number;
  /** From the TLS handshake to the end of the client's connection preface (RFC 9113 §3.4). */
  readonly http2PrefaceTimeout: number;
  /** Bytes of request bodies that a client may send on a stream, and on all streams of a connection, before they are used. */
  readonly http2StreamWindow: number;
  readonly http2ConnectionWindow: number;
  /** In a second, per connection; more closes it: streams that the client resets, or opens beyond the limit (CVE-2023-44487). */
  readonly http2MaxResets: number;
  /** SETTINGS, PING and PRIORITY frames, and those without use (CVE-2019-9512, CVE-2019-9515, CVE-2019-9518). */
  readonly http2MaxControlFrames: number;
  /** Bytes that are neither of a request nor in proportion to what is sent. */
  readonly http2MaxOverhead: number;

  /** `large-client-header-buffers`, number times size: the whole request head, request line included. Over: 431. */
  readonly maxRequestHeadSize: number;
  /** `large-client-header-buffers`, the size: any one line of a request head. Over: 414 for the request line, 431 for a field. */
  readonly maxRequestLineSize: number;
  /** Request header fields. Over: 431. */
  readonly maxRequestHeaders: number;
  /** `proxy-body-size`. Over: 413. 0: unlimited. */
  readonly maxRequestBodySize: number;
  /** Of a body that nobody wants any more, so much is read off to keep the connection; with more to come it closes. */
  readonly maxDiscardedBody: number;
  /** `proxy-request-buffering`: the whole body of a request is read before a backend is asked. */
  readonly requestBuffering: boolean;
  /** `client-body-buffer-size`: so much of it is in memory, the rest in a file. Of a streamed body, so much is kept to send it again. */
  readonly requestBufferSize: number;
  /** `proxy-buffering`: responses are read ahead of their clients. */
  readonly responseBuffering: boolean;
  /** `proxy-buffers-number` and `proxy-buffer-size`: so much of a response is then in memory. */
  readonly responseBuffers: number;
  readonly responseBufferSize: number;
  /** `proxy-max-temp-file-size`: and so much more of it in a file. */
  readonly maxResponseTempFile: number;
  /** `max-worker-temp-size`: bytes in the temporary files of one worker. */
  readonly maxTempSize: number;
  /** `--temp-dir`: where temporary files are. */
  readonly tempFolder: string;
  /** Chunk extensions of one body, request or response. Over: 400, or the response is cut. */
  readonly maxChunkExtensionSize: number;
  /** The trailer section of one body, request or response, and its fields. Over: 400, or the response is cut. */
  readonly maxTrailerSize: number;
  readonly maxTrailers: number;
  /** `proxy-buffer-size`, where it is larger than 16k: the whole response head of an upstream. Over: 502. */
  readonly maxResponseHeadSize: number;
  readonly maxResponseHeaders: number;
  /** Responses 1xx to one request. Over: 502. */
  readonly maxInterimResponses: number;

  /** `proxy-connect-timeout`. */
  readonly upstreamConnectTimeout: number;
  /** `proxy-read-timeout`: between two reads from an upstream; also the idle time of upgraded connections. */
  readonly upstreamReadTimeout: number;
  /** `proxy-send-timeout`: between two writes to an upstream. */
  readonly upstreamSendTimeout: number;
  /** `proxy-next-upstream-tries`: attempts in total, the first included. 0: no limit. */
  readonly upstreamTries: number;
  /** `proxy-next-upstream-timeout`: time for all attempts. 0: no limit. */
  readonly upstreamTriesTimeout: number;
  /** `retry-non-idempotent`: POST and other methods not known to be idempotent may be sent again. */
  readonly retryNonIdempotent: boolean;
  /** `proxy-next-upstream`: the words of `keys/traffic.ts`. */
  readonly nextUpstream: readonly string[];
  /** `limit-req-status-code` and `limit-conn-status-code`. */
  readonly limitReqStatus: number;
  readonly limitConnStatus: number;
  /** `limit-rate`: bytes a second of one response. 0: no limit. */
  readonly limitRate: number;
  /** `limit-rate-after`: so many bytes of it come before. */
  readonly limitRateAfter: number;
  /** `--limit-memory`: bytes for the counts of `limit-rps`, `limit-rpm` and `limit-connections`, of all workers together. */
  readonly limitMemory: number;
  /** `upstream-retry-budget`: requests sent again after they were sent once, in percent of a group's recent requests. 0: no limit. */
  readonly upstreamRetryBudget: number;
  /** `upstream-eject-failures`: failures in a row after which an endpoint is left out for a while. 0: never. */
  readonly upstreamEjectFailures: number;
  /** `upstream-eject-time`: how long the first time; it grows with each. */
  readonly upstreamEjectTime: number;
  /** `upstream-eject-percent`: how much of a group may be left out at once, at most 50; at least one endpoint may. */
  readonly upstreamEjectPercent: number;
  /** `upstream-keepalive-connections`: idle connections kept per worker. */
  readonly upstreamKeepAliveConnections: number;
  /** `upstream-keepalive-requests`: after so many requests an upstream connection is closed. */
  readonly upstreamKeepAliveRequests: number;
  /** `upstream-keepalive-time`: how long an upstream connection is used at all. */
  readonly upstreamKeepAliveTime: number;
  /** `upstream-keepalive-timeout`: how long an idle upstream connection is kept. */
  readonly upstreamKeepAliveTimeout: number;

  /** `use-forwarded-headers`: believe the peer's X-Forwarded-*. */
  readonly useForwardedHeaders: boolean;
  /** `compute-full-forwarded-for`: append to X-Forwarded-For instead of replacing it. */
  readonly computeFullForwardedFor: boolean;
  /** `enable-real-ip`: believe the peer as to the client's address only. */
  readonly enableRealIp: boolean;
  /** `forwarded-for-header`: the field that says the client's address. */
  readonly forwardedForHeader: string;
  /** `proxy-real-ip-cidr`: addresses and ranges of peers that are believed as to the client's address. */
  readonly trustedProxies: readonly string[];
  /** `use-proxy-protocol`: connections for HTTP and HTTPS begin with a PROXY header. */
  readonly useProxyProtocol: boolean;
  /** `proxy-protocol-header-timeout`: from accept to the end of that header. */
  readonly proxyProtocolHeaderTimeout: number;

  /** `proxy-stream-timeout`: how long nothing may pass through a TCP connection, UDP session or TLS passthrough. */
  readonly streamTimeout: number;
  /** `proxy-stream-next-upstream`, `-tries` and `-timeout`: attempts to reach an endpoint; 0: no limit. */
  readonly streamNextUpstream: boolean;
  readonly streamTries: number;
  readonly streamTriesTimeout: number;
  /** `proxy-stream-responses`: datagrams that answer one datagram of a client. */
  readonly streamResponses: number;
  /** `stream-udp-sessions`: UDP sessions of one worker; for a further client the oldest that was never answered ends, or its datagrams are dropped. */
  readonly streamUdpSessions: number;
  /** Bytes of datagrams that wait in one UDP socket for the kernel to take them; further ones are dropped. */
  readonly maxUdpQueue: number;
  /** `ssl-passthrough-proxy-protocol`: backends of TLS passthrough get a PROXY header. */
  readonly passthroughProxyProtocol: boolean;
  /** `--access-log`, `disable-access-log`, `disable-stream-access-log`: a line per TCP connection, UDP session and TLS passthrough. */
  readonly streamAccessLog: boolean;

  /** `generate-request-id`. */
  readonly generateRequestId: boolean;
  /** `proxy-add-original-uri-header`. */
  readonly addOriginalUriHeader: boolean;
  /** `enable-underscores-in-headers`. */
  readonly underscoresInHeaders: boolean;
  /** `allow-backend-server-header`: pass the upstream's Server header. */
  readonly allowBackendServerHeader: boolean;
  /** `hsts` and its kin; null: off. The value of Strict-Transport-Security. */
  readonly strictTransportSecurity: string | null;
  /** `use-gzip`, `gzip-level`: compress responses. */
  readonly useGzip: boolean;
  readonly gzipLevel: number;
  /** `gzip-min-length`: responses whose length is known and less are not compressed. */
  readonly gzipMinLength: number;
  /** `gzip-types`: media types in lower case, beside text/html; `*`: all. */
  readonly gzipTypes: readonly string[];
  /** `gzip-disable`: a regular expression (`regex.ts`); clients whose User-Agent it matches get no gzip. Empty: none. */
  readonly gzipDisable: string;
  /** `enable-brotli` and those that begin with `brotli-`: as for gzip. */
  readonly useBrotli: boolean;
  readonly brotliLevel: number;
  readonly brotliMinLength: number;
  readonly brotliTypes: readonly string[];
  /** `enable-zstd` and those that begin with `zstd-`: as for gzip. */
  readonly useZstd: boolean;
  readonly zstdLevel: number;
  readonly zstdMinLength: number;
  readonly zstdTypes: readonly string[];
  /** `max-worker-compressions`: responses that a worker compresses at once; the next is sent as it came. */
  readonly maxCompressions: number;
  /** `ssl-protocols`. */
  readonly tlsMinVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly tlsMaxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** `ssl-reject-handshake`: no handshake for names that no Ingress has, nor without a name. */
  readonly tlsRejectUnknown: boolean;
  /** `enable-ocsp`: certificates are stapled with what their issuer says of them. */
  readonly ocspStapling: boolean;
  /** `ssl-ciphers`: an OpenSSL cipher list, for TLS 1.2. */
  readonly tlsCiphers: string;
  /** `ssl-ecdh-curve`: key exchange groups, best first, separated by colons; `auto`: OpenSSL's own. */
  readonly tlsCurves: string;
  /** `ssl-session-cache`, `ssl-session-tickets`: either lets clients resume sessions. */
  readonly tlsSessionCache: boolean;
  readonly tlsSessionTickets: boolean;
  /** `ssl-session-timeout`: how long a session can be resumed. */
  readonly tlsSessionTimeout: number;
  /** `--health-check-path`: answered 200 on the HTTP port for hosts that no Ingress names. */
  readonly healthCheckPath: string;
  /** `--access-log`, `disable-access-log`: write an access log line per request to stdout. */
  readonly accessLog: boolean;
  /** `log-format-upstream` and `log-format-stream`; null: ingress-nginx's. */
  readonly logFormat: readonly LogPart[] | null;
  readonly streamLogFormat: readonly LogPart[] | null;
  /** `log-format-escape-json` and `log-format-escape-none`, which wins. */
  readonly logEscapeJson: boolean;
  readonly logEscapeNone: boolean;
  /** `access-log-path`, and where they are not empty `http-access-log-path` and `stream-access-log-path`. */
  readonly accessLogPath: string;
  readonly httpAccessLogPath: string;
  readonly streamAccessLogPath: string;
  /** `enable-access-log-for-default-backend`: log requests for hosts that no Ingress names. */
  readonly defaultBackendAccessLog: boolean;
  /** `skip-access-log-urls`: request targets that are not logged. */
  readonly skipAccessLogUrls: readonly string[];

  /** `otlp-collector-host` (empty: nothing is traced) and `otlp-collector-port`. */
  readonly otlpCollectorHost: string;
  readonly otlpCollectorPort: number;
  /** `otel-service-name`. */
  readonly otelServiceName: string;
  /** `otel-sampler`, `otel-sampler-ratio` (0 to 1), `otel-sampler-parent-based`. */
  readonly otelSampler: 'AlwaysOn' | 'AlwaysOff' | 'TraceIdRatioBased';
  readonly otelSamplerRatio: number;
  readonly otelSamplerParentBased: boolean;
  /** `otel-max-queuesize` and `otel-max-export-batch-size`: spans. `otel-schedule-delay-millis`. */
  readonly otelMaxQueueSize: number;
  readonly otelMaxExportBatchSize: number;
  readonly otelScheduleDelay: number;

  /** `--metrics-per-undefined-host`: requests are counted by their host even if no Ingress names it. */
  readonly metricsPerUndefinedHost: boolean;
  /** `--report-status-classes`: the label `status` says 2xx, 3xx, 4xx or 5xx. */
  readonly metricsStatusClasses: boolean;
  /** `--time-buckets`, seconds; `--length-buckets` and `--size-buckets`, bytes. Rising. */
  readonly timeBuckets: readonly number[];
  readonly lengthBuckets: readonly number[];
  readonly sizeBuckets: readonly number[];
}

/** What the control plane needs: the connection to the cluster, status, election, the admin port, the workers. */
export interface ControllerSettings {
  /** `--kubeconfig`; null: in-cluster, or the default kubeconfig when there is no cluster around us. */
  readonly kubeconfig: string | null;
  /** `--apiserver-host`; null: as the configuration says. */
  readonly apiserverHost: string | null;
  /** `--certificate-authority` for `apiserverHost`. */
  readonly certificateAuthority: string | null;
  /** `--watch-namespace`; empty: all. */
  readonly watchNamespace: string;
  /** `--watch-namespace-selector`; empty: all. */
  readonly watchNamespaceSelector: string;
  /** `--configmap`. */
  readonly configMap: { readonly namespace: string; readonly name: string } | null;
  /** `--publish-service`. */
  readonly publishService: { readonly namespace: string; readonly name: string } | null;
  /** `--publish-status-address`, split at commas. */
  readonly publishStatusAddress: readonly string[];
  readonly reportNodeInternalIpAddress: boolean;
  readonly updateStatus: boolean;
  readonly updateStatusOnShutdown: boolean;
  readonly statusUpdateInterval: number;
  readonly disableLeaderElection: boolean;
  readonly electionId: string;
  readonly electionTtl: number;
  /** `POD_NAME` and `POD_NAMESPACE`, which the chart sets. */
  readonly podName: string;
  readonly podNamespace: string;
  /** `--healthz-port`: the admin port. 0: any free port. */
  readonly adminPort: number;
  /** `--healthz-host`. */
  readonly adminAddress: string;
  readonly healthCheckPath: string;
  readonly enableMetrics: boolean;
  readonly metricsPerHost: boolean;
  /** `--exclude-socket-metrics`: names of metrics of requests that are not served. */
  readonly metricsExcluded: readonly string[];
  /** `--shutdown-grace-period`: keep serving so long after SIGTERM, not ready. */
  readonly shutdownGracePeriod: number;
  /** `worker-shutdown-timeout`: then exchanges in flight may finish so long. */
  readonly workerShutdownTimeout: number;
  /** `--workers`: worker threads. */
  readonly workers: number;
  /** `--memory-limit`: bytes, beside the cgroup's limit. 0: none. */
  readonly memoryLimit: number;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly disableSyncEvents: boolean;
}

export interface Settings {
  readonly proxy: ProxySettings;
  readonly translate: TranslateSettings;
  readonly controller: ControllerSettings;
}
