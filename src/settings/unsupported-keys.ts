/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `add-headers block-cidrs block-referers block-user-agents custom-http-errors denylist-source-range
  disable-proxy-intercept-errors enable-syslog global-allowed-response-headers global-auth-always-set-cookie
  global-auth-cache-duration global-auth-cache-key global-auth-method global-auth-request-redirect
  global-auth-response-headers global-auth-signin global-auth-signin-redirect-param global-auth-snippet global-auth-url
  hide-headers http-snippet limit-conn-zone-variable main-snippet no-auth-locations plugins proxy-cookie-domain
  proxy-cookie-path proxy-http-version proxy-redirect-from proxy-redirect-to proxy-set-headers stream-snippet syslog-host
  syslog-port upstream-hash-by whitelist-source-range`.split(/\s+/),
);
