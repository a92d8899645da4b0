/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `add-headers block-cidrs block-referers block-user-agents client-body-buffer-size custom-http-errors denylist-source-range
  disable-proxy-intercept-errors enable-syslog global-allowed-response-headers global-auth-always-set-cookie
  global-auth-cache-duration global-auth-cache-key global-auth-method global-auth-request-redirect
  global-auth-response-headers global-auth-signin global-auth-signin-redirect-param global-auth-snippet global-auth-url
  hide-headers http-snippet limit-conn-status-code limit-conn-zone-variable limit-rate limit-rate-after
  limit-req-status-code load-balance main-snippet no-auth-locations plugins proxy-buffering proxy-buffers-number
  proxy-busy-buffers-size proxy-cookie-domain proxy-cookie-path proxy-http-version proxy-max-temp-file-size
  proxy-next-upstream proxy-redirect-from proxy-redirect-to proxy-request-buffering proxy-set-headers relative-redirects
  stream-snippet syslog-host syslog-port upstream-hash-by use-port-in-redirects whitelist-source-range`.split(/\s+/),
);
