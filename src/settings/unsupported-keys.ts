/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name but does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `access-log-params access-log-path add-headers allow-snippet-annotations
  annotation-value-word-blocklist annotations-risk-level bind-address block-cidrs block-referers block-user-agents
  client-body-buffer-size client-header-buffer-size custom-http-errors debug-connections
  default-type denylist-source-range disable-ipv6 disable-ipv6-dns disable-proxy-intercept-errors
  enable-access-log-for-default-backend enable-aio-write enable-auth-access-log enable-modsecurity
  enable-multi-accept enable-opentelemetry enable-owasp-modsecurity-crs enable-syslog error-log-level error-log-path
  global-allowed-response-headers global-auth-always-set-cookie global-auth-cache-duration global-auth-cache-key
  global-auth-method global-auth-request-redirect global-auth-response-headers global-auth-signin
  global-auth-signin-redirect-param global-auth-snippet global-auth-url grpc-buffer-size-kb
  hide-headers http-access-log-path http-snippet http2-max-field-size
  http2-max-header-size http2-max-requests ignore-invalid-headers limit-conn-status-code limit-conn-zone-variable limit-rate
  limit-rate-after limit-req-status-code load-balance location-snippet log-format-escape-json log-format-escape-none
  log-format-stream log-format-upstream lua-shared-dicts main-snippet map-hash-bucket-size max-worker-open-files
  modsecurity-snippet nginx-status-ipv4-whitelist nginx-status-ipv6-whitelist no-auth-locations opentelemetry-config
  opentelemetry-operation-name opentelemetry-trust-incoming-span otel-max-export-batch-size otel-max-queuesize otel-sampler
  otel-sampler-parent-based otel-sampler-ratio otel-schedule-delay-millis otel-service-name otlp-collector-host
  otlp-collector-port plugins proxy-buffering proxy-buffers-number proxy-busy-buffers-size proxy-cookie-domain proxy-cookie-path
  proxy-headers-hash-bucket-size proxy-headers-hash-max-size proxy-http-version proxy-max-temp-file-size proxy-next-upstream
  proxy-redirect-from proxy-redirect-to proxy-request-buffering proxy-set-headers proxy-ssl-location-only relative-redirects
  reuse-port server-name-hash-bucket-size server-name-hash-max-size server-snippet server-tokens skip-access-log-urls
  ssl-buffer-size ssl-dh-param ssl-early-data ssl-session-ticket-key stream-access-log-path stream-snippet
  syslog-host syslog-port upstream-hash-by use-geoip use-geoip2 use-port-in-redirects
  variables-hash-bucket-size variables-hash-max-size whitelist-source-range worker-cpu-affinity worker-processes`.split(/\s+/),
);
