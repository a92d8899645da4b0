/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `add-headers custom-http-errors disable-proxy-intercept-errors enable-syslog global-allowed-response-headers
  hide-headers http-snippet limit-conn-zone-variable main-snippet plugins proxy-cookie-domain
  proxy-cookie-path proxy-http-version proxy-redirect-from proxy-redirect-to proxy-set-headers stream-snippet
  syslog-host syslog-port upstream-hash-by`.split(/\s+/),
);
