/** Where requests go and how: protocols, choice of the endpoint, timeouts and buffers, TLS to backends. */
import { type CatalogueFamily, entry, FORM } from './entry.ts';

/** Protocol, address and choice of the endpoint. */
export const BACKENDS: CatalogueFamily = {
  title: 'Backends',
  about: '',
  entries: [
    entry(
      'backend-protocol',
      '`HTTP`, `HTTPS`, `GRPC`, `GRPCS`, `AUTO_HTTP` or `FCGI`',
      'HTTP',
      'What backends speak. AUTO_HTTP: what the client speaks. Without it the `appProtocol` of the Service port counts.',
      { instead: 'FCGI is refused: put a web server in front of the FastCGI process.' },
    ),
    entry(
      'service-upstream',
      FORM.bool,
      'ConfigMap `service-upstream`',
      'Requests go to the cluster IP of the Service instead of its endpoints.',
    ),
    entry('upstream-vhost', FORM.variables, '$host', 'The Host that backends get.'),
    entry(
      'load-balance',
      '`round_robin` or `ewma`',
      'ConfigMap `load-balance`',
      'How the endpoint is chosen. The oldest Ingress that names the Service port decides.',
    ),
    entry('upstream-hash-by', FORM.variables, '', 'Requests of the same value go to the same endpoint.'),
    entry('upstream-hash-by-subset', FORM.bool, 'false', 'They go to a few endpoints, by chance.'),
    entry('upstream-hash-by-subset-size', FORM.count, '3', 'To how many.'),
    entry(
      'default-backend',
      FORM.service,
      '',
      'Takes the requests when the Service of a path has no endpoint, and the errors of `custom-http-errors`.',
    ),
    entry('connection-proxy-header', '`keep-alive` or `close`', '', 'The Connection field that backends get.'),
    entry(
      'proxy-http-version',
      '`1.0` or `1.1`',
      'ConfigMap `proxy-http-version`',
      'The version of HTTP that backends are spoken to in.',
    ),
    entry('fastcgi-index', 'file name', '', 'For FastCGI, which is refused.', {
      instead: 'Put a web server in front of the FastCGI process.',
    }),
    entry('fastcgi-params-configmap', FORM.configMap, '', 'For FastCGI, which is refused.', {
      instead: 'Put a web server in front of the FastCGI process.',
    }),
  ],
};

/** Sticky sessions. */
export const AFFINITY: CatalogueFamily = {
  title: 'Session affinity',
  about: 'The cookie is set only for the paths of Ingresses that ask for it. [balancing.md](balancing.md) has the rules.',
  entries: [
    entry('affinity', '`cookie`', '', 'A client stays with one endpoint, by a cookie.'),
    entry(
      'affinity-mode',
      '`balanced` or `persistent`',
      'balanced',
      'persistent: also when endpoints are added. balanced: some clients then move.',
    ),
    entry(
      'affinity-canary-behavior',
      '`sticky` or `legacy`',
      'sticky',
      'sticky: who was sent to the canary stays there. legacy: the canary is chosen anew each time.',
    ),
    entry('session-cookie-name', 'name', 'INGRESSCOOKIE', 'The name of the cookie.'),
    entry('session-cookie-path', 'path', 'the path of the rule', 'Its Path. To be given with `use-regex`.'),
    entry('session-cookie-domain', 'domain', '', 'Its Domain.'),
    entry('session-cookie-expires', FORM.seconds, '', 'Its Expires, from now.'),
    entry('session-cookie-max-age', FORM.seconds, '', 'Its Max-Age.'),
    entry('session-cookie-samesite', '`None`, `Lax` or `Strict`', '', 'Its SameSite.'),
    entry(
      'session-cookie-conditional-samesite-none',
      FORM.bool,
      'false',
      'SameSite=None is left out for browsers that misunderstand it.',
    ),
    entry('session-cookie-secure', FORM.bool, 'true for HTTPS', 'Whether it is Secure.'),
    entry('session-cookie-change-on-failure', FORM.bool, 'false', 'After a failure the client gets another endpoint.'),
  ],
};

/** Timeouts, retries, bodies and buffers. */
export const PROXYING: CatalogueFamily = {
  title: 'Timeouts, retries and bodies',
  about: '',
  entries: [
    entry(
      'proxy-connect-timeout',
      FORM.seconds,
      'ConfigMap `proxy-connect-timeout`',
      'The time a connection to a backend may take.',
    ),
    entry('proxy-send-timeout', FORM.seconds, 'ConfigMap `proxy-send-timeout`', 'The time between two writes to a backend.'),
    entry(
      'proxy-read-timeout',
      FORM.seconds,
      'ConfigMap `proxy-read-timeout`',
      'The time between two reads from a backend, WebSockets included.',
    ),
    entry(
      'proxy-next-upstream',
      '`error`, `timeout`, `invalid_header`, `http_500`…, `non_idempotent`, `off`',
      'ConfigMap `proxy-next-upstream`',
      'After what failures another endpoint is tried.',
    ),
    entry(
      'proxy-next-upstream-tries',
      FORM.count,
      'ConfigMap `proxy-next-upstream-tries`',
      'Attempts, the first included. 0: no limit.',
    ),
    entry(
      'proxy-next-upstream-timeout',
      FORM.seconds,
      'ConfigMap `proxy-next-upstream-timeout`',
      'The time for all attempts. 0: no limit.',
    ),
    entry('proxy-body-size', FORM.size, 'ConfigMap `proxy-body-size`', 'The largest request body; above it 413. 0: no limit.'),
    entry(
      'proxy-request-buffering',
      FORM.onOff,
      'ConfigMap `proxy-request-buffering`',
      'on: the body is read before the backend is asked.',
    ),
    entry(
      'client-body-buffer-size',
      FORM.size,
      'ConfigMap `client-body-buffer-size`',
      'How much of such a body is held in memory; the rest goes to a file.',
    ),
    entry(
      'proxy-buffering',
      FORM.onOff,
      'ConfigMap `proxy-buffering`',
      'on: responses are taken from backends faster than clients read them.',
    ),
    entry(
      'proxy-buffers-number',
      FORM.count,
      'ConfigMap `proxy-buffers-number`',
      'How many buffers of `proxy-buffer-size` hold such a response.',
    ),
    entry(
      'proxy-buffer-size',
      FORM.size,
      'ConfigMap `proxy-buffer-size`',
      'The largest head of a response; above it 502. Anything below 16k means 16k.',
    ),
    entry('proxy-busy-buffers-size', FORM.size, '', 'Without effect: what a client takes of a response it gets at once.'),
    entry(
      'proxy-max-temp-file-size',
      FORM.size,
      'ConfigMap `proxy-max-temp-file-size`',
      'How much of a buffered response may go to a file.',
    ),
  ],
};

/** TLS to backends. */
export const BACKEND_TLS: CatalogueFamily = {
  title: 'TLS to backends',
  about: 'Without `proxy-ssl-secret` the others have no effect, as in ingress-nginx.',
  entries: [
    entry(
      'proxy-ssl-secret',
      '`namespace/name` of a Secret',
      '',
      'Holds the certificate we show (`tls.crt`, `tls.key`) and the authorities we trust (`ca.crt`).',
    ),
    entry('proxy-ssl-verify', FORM.onOff, 'off', 'Verify the certificates of backends.'),
    entry(
      'proxy-ssl-verify-depth',
      FORM.count,
      '1',
      "How many certificates may stand between the backend's and a trusted one.",
    ),
    entry('proxy-ssl-name', 'name', '', 'Whom the certificate must be for.'),
    entry('proxy-ssl-server-name', FORM.onOff, 'off', 'Send that name (SNI).'),
    entry('proxy-ssl-ciphers', "ciphers in OpenSSL's words", 'DEFAULT', 'The ciphers offered to backends.'),
    entry(
      'proxy-ssl-protocols',
      '`TLSv1.2`, `TLSv1.3`, space-separated',
      'TLSv1.2',
      'The versions of TLS offered to backends.',
    ),
  ],
};
