/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `add-headers allow-snippet-annotations annotation-value-word-blocklist annotations-risk-level custom-http-errors
  disable-proxy-intercept-errors enable-modsecurity enable-owasp-modsecurity-crs enable-syslog
  global-allowed-response-headers global-auth-snippet hide-headers http-snippet limit-conn-zone-variable
  location-snippet main-snippet modsecurity-snippet plugins proxy-cookie-domain proxy-cookie-path proxy-http-version
  proxy-redirect-from proxy-redirect-to proxy-set-headers server-snippet stream-snippet syslog-host syslog-port
  upstream-hash-by`.split(/\s+/),
);
