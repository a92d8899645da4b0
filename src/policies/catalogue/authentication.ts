/** Who may ask: passwords, external authentication, client certificates, addresses. */
import { type CatalogueFamily, entry, FORM } from './entry.ts';

/** `auth-type` and what shapes it. */
export const BASIC_AUTH: CatalogueFamily = {
  title: 'Passwords',
  about: "A password that cannot be checked, because the Secret is missing or another tenant's, denies the paths with 503.",
  entries: [
    entry('auth-type', '`basic` or `digest`', '', 'Clients must log in; without valid credentials they get 401.'),
    entry(
      'auth-secret',
      FORM.secret,
      '',
      'Holds the users. Another namespace only with ConfigMap `allow-cross-namespace-resources`.',
    ),
    entry(
      'auth-secret-type',
      '`auth-file` or `auth-map`',
      'auth-file',
      'auth-file: key `auth` holds an htpasswd file. auth-map: each key is a user, its value the hash.',
    ),
    entry('auth-realm', 'text', '', 'The realm that browsers show.'),
    entry(
      'satisfy',
      '`all` or `any`',
      'all',
      'any: an allowed address, valid credentials or the consent of `auth-url` is enough. all: whatever is asked for must hold.',
    ),
  ],
};

/** `auth-url` and what shapes it. */
export const EXTERNAL_AUTH: CatalogueFamily = {
  title: 'External authentication',
  about: 'A service that errs, hangs or answers nonsense denies the request.',
  entries: [
    entry(
      'auth-url',
      'URL, nginx variables allowed',
      'ConfigMap `global-auth-url`',
      'Each request is shown to this URL first: 2xx lets it through, 401 and 403 are passed on, anything else is 500.',
    ),
    entry('auth-method', 'HTTP method', 'GET', 'The method of the request to `auth-url`.'),
    entry(
      'auth-signin',
      'URL, nginx variables allowed',
      'ConfigMap `global-auth-signin`',
      'Instead of 401 the client is redirected here, with the address it asked for in a parameter.',
    ),
    entry('auth-signin-redirect-param', 'name', 'rd', 'The name of that parameter.'),
    entry(
      'auth-response-headers',
      'field names, comma-separated',
      '',
      'Fields of the answer of `auth-url` that the backend gets.',
    ),
    entry('auth-proxy-set-headers', FORM.configMap, '', 'Fields that `auth-url` gets.'),
    entry(
      'auth-request-redirect',
      'URL, nginx variables allowed',
      '$request_uri',
      'What `auth-url` gets as X-Auth-Request-Redirect.',
    ),
    entry('auth-snippet', 'directives of nginx', '', 'Shapes the request to `auth-url`; see Snippets.'),
    entry('auth-cache-key', FORM.variables, '', 'Answers of `auth-url` are remembered under this key.'),
    entry('auth-cache-duration', 'statuses and a time, comma-separated', '200 202 401 5m', 'How long, by status.'),
    entry(
      'auth-keepalive',
      FORM.count,
      '',
      'Idle connections to the host of `auth-url` that are kept; 0: none. Absent: as those to backends.',
    ),
    entry('auth-keepalive-share-vars', FORM.bool, 'false', "The request to `auth-url` shares the variables of the client's."),
    entry('auth-keepalive-requests', FORM.count, '1000', 'Requests on one connection to `auth-url`.'),
    entry('auth-keepalive-timeout', FORM.seconds, '60', 'How long such a connection may be idle.'),
    entry('auth-always-set-cookie', FORM.bool, 'false', 'Cookies of `auth-url` are passed on whatever the status.'),
    entry('enable-global-auth', FORM.bool, 'true', 'false: ConfigMap `global-auth-url` does not hold for this Ingress.'),
  ],
};

/** `auth-tls-secret` and what shapes it. */
export const CLIENT_CERTIFICATES: CatalogueFamily = {
  title: 'Client certificates',
  about: 'They hold for the whole host; the oldest Ingress that names a Secret decides. What cannot be verified is denied.',
  entries: [
    entry(
      'auth-tls-secret',
      '`namespace/name` of a Secret',
      '',
      'Its `ca.crt` holds the authorities clients need a certificate of, its `ca.crl` the revoked ones.',
    ),
    entry(
      'auth-tls-verify-client',
      '`on`, `off`, `optional` or `optional_no_ca`',
      'on',
      'on: 400 without a valid certificate. optional: 400 for an invalid one. optional_no_ca: of any authority. off: none is asked for.',
    ),
    entry(
      'auth-tls-verify-depth',
      FORM.count,
      '1',
      "How many certificates may stand between the client's and the authority's.",
    ),
    entry('auth-tls-error-page', 'URL', '', 'Where clients are redirected to that would get 400.'),
    entry('auth-tls-pass-certificate-to-upstream', FORM.bool, 'false', 'The backend gets the certificate as ssl-client-cert.'),
    entry(
      'auth-tls-match-cn',
      '`CN=` and a regular expression',
      '',
      'Must be found in the subject of the certificate, else 403.',
    ),
  ],
};

/** Lists of addresses. */
export const ADDRESS_LISTS: CatalogueFamily = {
  title: 'Addresses',
  about: 'A list that cannot be understood denies the paths with 503.',
  entries: [
    entry('allowlist-source-range', FORM.ranges, 'ConfigMap `whitelist-source-range`', 'Clients of other addresses get 403.'),
    entry('whitelist-source-range', FORM.ranges, '', 'The older name; counts where `allowlist-source-range` is absent.'),
    entry(
      'denylist-source-range',
      FORM.ranges,
      'ConfigMap `denylist-source-range`',
      'Clients of these addresses get 403, whatever the allow list says.',
    ),
  ],
};
