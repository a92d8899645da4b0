/** What clients get: CORS, header fields, cookies, errors; and what is written about it. */
import { type CatalogueFamily, entry, FORM } from './entry.ts';

/** Cross-origin resource sharing. */
export const CORS: CatalogueFamily = {
  title: 'CORS',
  about: '',
  entries: [
    entry('enable-cors', FORM.bool, 'false', 'Responses get the fields of CORS; preflight requests are answered with 204.'),
    entry('cors-allow-origin', 'origins, comma-separated; `*` for one label, or all', '*', 'Who may read responses.', {
      differs:
        'A list without any origin allows nobody, and an origin must be as listed from its beginning, not only at its end.',
    }),
    entry(
      'cors-allow-methods',
      'methods, comma-separated',
      'GET, PUT, POST, DELETE, PATCH, OPTIONS',
      'Access-Control-Allow-Methods.',
    ),
    entry(
      'cors-allow-headers',
      'field names, comma-separated',
      'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization',
      'Access-Control-Allow-Headers.',
    ),
    entry('cors-expose-headers', 'field names, comma-separated', '', 'Access-Control-Expose-Headers.'),
    entry('cors-allow-credentials', FORM.bool, 'true', 'Access-Control-Allow-Credentials.'),
    entry('cors-max-age', FORM.seconds, '1728000', 'Access-Control-Max-Age.'),
  ],
};

/** Header fields and cookies of responses, and errors. */
export const RESPONSES: CatalogueFamily = {
  title: 'Responses',
  about: '',
  entries: [
    entry(
      'custom-headers',
      FORM.configMap,
      '',
      'Fields that responses get. Each must be in ConfigMap `global-allowed-response-headers`.',
    ),
    entry(
      'custom-http-errors',
      'statuses, comma-separated',
      'ConfigMap `custom-http-errors`',
      'Responses of these statuses are replaced by those of the default backend.',
      {
        differs:
          'The default backend is asked by GET (or HEAD), without the body of the request. Its answers get CORS and custom headers. Clients of gRPC get no pages.',
      },
    ),
    entry('disable-proxy-intercept-errors', FORM.bool, 'false', 'Errors of backends are passed on all the same.'),
    entry(
      'proxy-cookie-domain',
      '`off`, or from and to',
      'ConfigMap `proxy-cookie-domain`',
      'Changes the Domain of cookies of backends.',
    ),
    entry(
      'proxy-cookie-path',
      '`off`, or from and to',
      'ConfigMap `proxy-cookie-path`',
      'Changes the Path of cookies of backends.',
    ),
    entry('http2-push-preload', FORM.bool, 'false', 'Was for HTTP/2 push, which neither nginx nor browsers have any more.', {
      instead: 'Take it away: it does nothing anywhere any more.',
    }),
  ],
};

/** Logs and traces. */
export const OBSERVING: CatalogueFamily = {
  title: 'Logs and traces',
  about: '',
  entries: [
    entry('enable-access-log', FORM.bool, 'true', 'false: its requests are not logged.'),
    entry('enable-rewrite-log', FORM.bool, 'false', 'Rewriting is logged.'),
    entry('enable-opentelemetry', FORM.bool, 'ConfigMap `enable-opentelemetry`', 'Its requests are traced.'),
    entry(
      'opentelemetry-trust-incoming-span',
      FORM.bool,
      'ConfigMap `opentelemetry-trust-incoming-span`',
      'Traces of clients are continued.',
    ),
    entry('opentelemetry-operation-name', 'text', 'ConfigMap `opentelemetry-operation-name`', 'The name of the span.'),
  ],
};

/** Text of nginx\'s configuration. */
export const SNIPPETS: CatalogueFamily = {
  title: 'Snippets',
  about:
    'Behind the same two switches as in ingress-nginx: ConfigMap `allow-snippet-annotations` and `annotations-risk-level`. Nothing of a snippet is ever half applied.',
  entries: [
    entry('configuration-snippet', 'directives of nginx', '', 'Directives for the paths of this Ingress.', {
      instead:
        'See which annotation says the same: custom-headers, permanent-redirect, denylist-source-range, auth-response-headers.',
    }),
    entry(
      'server-snippet',
      'directives of nginx',
      '',
      'Directives for the whole host; the oldest Ingress that has some decides.',
      {
        instead: 'See which annotation or ConfigMap key says the same, or use a path rule of its own.',
      },
    ),
    entry('stream-snippet', 'directives of nginx', '', 'Directives outside HTTP. Refused.', {
      instead: 'Use --tcp-services-configmap or --udp-services-configmap.',
    }),
  ],
};

/** The web application firewall. */
export const MODSECURITY: CatalogueFamily = {
  title: 'ModSecurity',
  about: 'There is no web application firewall here, so what asks for one is denied with 503.',
  entries: [
    entry('enable-modsecurity', FORM.bool, 'ConfigMap `enable-modsecurity`', 'The firewall.', {
      instead: 'Put a firewall in front, or take the annotation away knowingly.',
    }),
    entry('enable-owasp-core-rules', FORM.bool, 'false', 'Its common rules.', {
      instead: 'Put a firewall in front, or take the annotation away knowingly.',
    }),
    entry('modsecurity-transaction-id', FORM.variables, '', 'The name of a request in its log.'),
    entry('modsecurity-snippet', 'rules of ModSecurity', '', "Rules of one's own.", {
      instead: 'Put a firewall in front, or take the annotation away knowingly.',
    }),
  ],
};
