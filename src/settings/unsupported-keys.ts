/** The ConfigMap keys of ingress-nginx (v1.15.1) that Sluice knows by name, that would mean something here, and that it does not act on. */
export const UNSUPPORTED_KEYS: ReadonlySet<string> = new Set(
  `enable-syslog http-snippet limit-conn-zone-variable main-snippet plugins stream-snippet syslog-host syslog-port upstream-hash-by`.split(
    /\s+/,
  ),
);
