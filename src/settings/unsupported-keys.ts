/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `add-headers allow-snippet-annotations annotation-value-word-blocklist annotations-risk-level client-body-buffer-size
  custom-http-errors disable-proxy-intercept-errors enable-modsecurity enable-owasp-modsecurity-crs enable-syslog
  global-allowed-response-headers global-auth-snippet hide-headers http-snippet limit-conn-status-code
  limit-conn-zone-variable limit-rate limit-rate-after limit-req-status-code load-balance location-snippet main-snippet
  modsecurity-snippet plugins proxy-buffering proxy-buffers-number proxy-busy-buffers-size proxy-cookie-domain
  proxy-cookie-path proxy-http-version proxy-max-temp-file-size proxy-next-upstream proxy-redirect-from proxy-redirect-to
  proxy-request-buffering proxy-set-headers relative-redirects server-snippet stream-snippet syslog-host syslog-port
  upstream-hash-by use-port-in-redirects`.split(/\s+/),
);
