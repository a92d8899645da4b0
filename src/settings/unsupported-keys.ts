/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `allow-snippet-annotations annotation-value-word-blocklist annotations-risk-level block-cidrs
  block-referers block-user-agents denylist-source-range 
  enable-modsecurity enable-owasp-modsecurity-crs enable-syslog 
  global-auth-always-set-cookie global-auth-cache-duration global-auth-cache-key global-auth-method
  global-auth-request-redirect global-auth-response-headers global-auth-signin global-auth-signin-redirect-param
  global-auth-snippet global-auth-url http-snippet limit-conn-zone-variable location-snippet
  main-snippet modsecurity-snippet no-auth-locations plugins 
  server-snippet stream-snippet
  syslog-host syslog-port upstream-hash-by whitelist-source-range`.split(/\s+/),
);
