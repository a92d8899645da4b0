/** The keys of header fields, cookies, redirects and error pages. */
import { BOOLEAN, list, NAMESPACED_NAME, oneOf, text, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const HEADERS = list('headers', 'names of header fields, separated by commas', (item) => HEADER_NAME.test(item));

const ERROR_CODES: ValueType<readonly number[]> = {
  word: 'statuses',
  expected: 'statuses from 400 to 599, separated by commas',
  parse: (value) => {
    const items = value.split(',').map((item) => item.trim());
    if (items.length === 1 && items[0] === '') return [];
    return items.every((item) => /^[45]\d\d$/.test(item)) ? items.map(Number) : undefined;
  },
  format: (codes) => codes.join(','),
};

/** The words of nginx's configuration: between white space, or in quotes. Null: a quote is left open. */
export function nginxWords(value: string): readonly string[] | null {
  const found: string[] = [];
  const word = /\s*(?:"([^"]*)"|'([^']*)'|([^\s"'][^\s]*))(?=\s|$)/y;
  const end = value.trimEnd().length;
  for (let at = 0; at < end; at = word.lastIndex) {
    word.lastIndex = at;
    const match = word.exec(value);
    if (match === null) return null;
    found.push(match[1] ?? match[2] ?? match[3]!);
  }
  return found;
}

/** What needs more than a finite automaton, or is no expression at all. */
function isRegular(word: string): boolean {
  if (!word.startsWith('~')) return true;
  try {
    return !/\(\?(?!:)|\\[1-9]/.test(word) && new RegExp(word.replace(/^~\*?/, '')).source !== '';
  } catch {
    return false;
  }
}

// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f]/;

const REPLACEMENT = text('from to', 'off, or what is replaced and what replaces it, such as "/one/ /"', (value) => {
  const words = CONTROL.test(value) ? null : nginxWords(value);
  return (words?.length === 1 && words[0] === 'off') || (words?.length === 2 && words[0] !== '' && isRegular(words[0]!));
});
const REDIRECT = text(
  'text',
  'off, default, or a URL without spaces',
  (value) => value !== '' && !/\s/.test(value) && !CONTROL.test(value) && isRegular(value),
);

export const RESPONSE_KEYS: readonly ConfigKey[] = [
  key(
    'add-headers',
    NAMESPACED_NAME,
    null,
    'A ConfigMap, as namespace/name, with header fields for all responses.',
    (addHeaders) => ({
      translate: { addHeaders },
    }),
  ),
  key(
    'proxy-set-headers',
    NAMESPACED_NAME,
    null,
    'A ConfigMap, as namespace/name, with header fields for all requests to upstreams.',
    (proxySetHeaders) => ({ translate: { proxySetHeaders } }),
  ),
  key('hide-headers', HEADERS, [], 'Header fields of upstreams that clients do not get.', (hideHeaders) => ({
    translate: { hideHeaders },
  })),
  key(
    'global-allowed-response-headers',
    HEADERS,
    [],
    'Header fields that the annotation custom-headers may set.',
    (globalAllowedResponseHeaders) => ({ translate: { globalAllowedResponseHeaders } }),
  ),
  key(
    'proxy-http-version',
    oneOf('1.0', '1.1'),
    '1.1',
    'The version of HTTP that upstreams are spoken to in.',
    (proxyHttpVersion) => ({
      translate: { proxyHttpVersion },
    }),
  ),
  key('proxy-cookie-domain', REPLACEMENT, 'off', 'Replaces the Domain of cookies of upstreams.', (proxyCookieDomain) => ({
    translate: { proxyCookieDomain },
  })),
  key(
    'proxy-cookie-path',
    REPLACEMENT,
    'off',
    'Replaces the beginning of the Path of cookies of upstreams.',
    (proxyCookiePath) => ({
      translate: { proxyCookiePath },
    }),
  ),
  key(
    'proxy-redirect-from',
    REDIRECT,
    'off',
    'The beginning of Location and Refresh of upstreams that is replaced.',
    (proxyRedirectFrom) => ({ translate: { proxyRedirectFrom } }),
  ),
  key('proxy-redirect-to', REDIRECT, 'off', 'What replaces it.', (proxyRedirectTo) => ({ translate: { proxyRedirectTo } })),
  key('custom-http-errors', ERROR_CODES, [], 'Errors whose page --default-backend-service has.', (customHttpErrors) => ({
    translate: { customHttpErrors },
  })),
  key(
    'disable-proxy-intercept-errors',
    BOOLEAN,
    false,
    'Of these errors, replace only those of our own, not those of upstreams.',
    (disableProxyInterceptErrors) => ({ translate: { disableProxyInterceptErrors } }),
  ),
];
