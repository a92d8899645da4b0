/** The keys of who may come in: addresses, blocked clients, authentication of all Ingresses. */
import { isMapItem } from '../values/nginx-map.ts';
import { BOOLEAN, isCidr, list, text, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

const RANGES = list('addresses', 'IP addresses and ranges such as 10.0.0.0/8, separated by commas', isCidr);
/** What cannot be understood denies the Ingresses it would hold for: it must not be lost here. */
const ANY_RANGES = list('addresses', RANGES.expected, () => true);
const LOCATIONS = list('paths', 'paths that begin with "/", separated by commas', (item) => item.startsWith('/'));

const PATTERNS = list(
  'patterns',
  'texts, or regular expressions behind "~" ("~*": in any case), separated by commas',
  isMapItem,
);

/** The items of a list that can be understood. */
function usable(type: ValueType<readonly string[]>, value: string): readonly string[] {
  return value.split(',').flatMap((item) => type.parse(item) ?? []);
}

const URL = text('URL', 'an http or https URL');
const ANYTHING = text('text', 'a text');
const OF_ANNOTATION = 'As the annotation, for global-auth-url.';

/** In the order of the documentation. */
export const ACCESS_KEYS: readonly ConfigKey[] = [
  key(
    'whitelist-source-range',
    ANY_RANGES,
    [],
    'The only addresses that may come, for Ingresses without an annotation of their own.',
    (allowedSourceRanges) => ({ translate: { allowedSourceRanges } }),
  ),
  key(
    'denylist-source-range',
    ANY_RANGES,
    [],
    'Addresses that may not come, for Ingresses without an annotation of their own.',
    (deniedSourceRanges) => ({ translate: { deniedSourceRanges } }),
  ),
  key(
    'block-cidrs',
    RANGES,
    [],
    'Addresses that get 403 wherever they go.',
    (blockedCidrs) => ({ translate: { blockedCidrs } }),
    (value) => ({ translate: { blockedCidrs: usable(RANGES, value) } }),
  ),
  key(
    'block-user-agents',
    PATTERNS,
    [],
    'Clients with such a User-Agent get 403 wherever they go: a text in any case, or a regular expression behind "~" ("~*": in any case).',
    (blockedUserAgents) => ({ translate: { blockedUserAgents } }),
    (value) => ({ translate: { blockedUserAgents: usable(PATTERNS, value) } }),
  ),
  key(
    'block-referers',
    PATTERNS,
    [],
    'The same, by their Referer.',
    (blockedReferers) => ({ translate: { blockedReferers } }),
    (value) => ({ translate: { blockedReferers: usable(PATTERNS, value) } }),
  ),
  key(
    'no-auth-locations',
    LOCATIONS,
    ['/.well-known/acme-challenge'],
    'Ingress paths that begin so need no authentication, neither by password nor by a service.',
    (noAuthLocations) => ({ translate: { noAuthLocations } }),
  ),
  key(
    'global-auth-url',
    URL,
    '',
    'The service that authenticates the requests of every Ingress without auth-url, unless it says enable-global-auth: "false".',
    (globalAuthUrl) => ({ translate: { globalAuthUrl: globalAuthUrl.trim() } }),
  ),
  key('global-auth-method', text('method', 'a method of HTTP'), '', OF_ANNOTATION, (globalAuthMethod) => ({
    translate: { globalAuthMethod },
  })),
  key('global-auth-signin', URL, '', OF_ANNOTATION, (globalAuthSignin) => ({ translate: { globalAuthSignin } })),
  key('global-auth-signin-redirect-param', ANYTHING, 'rd', OF_ANNOTATION, (globalAuthSigninRedirectParam) => ({
    translate: { globalAuthSigninRedirectParam },
  })),
  key(
    'global-auth-response-headers',
    text('names', 'names of header fields, separated by commas'),
    '',
    OF_ANNOTATION,
    (globalAuthResponseHeaders) => ({ translate: { globalAuthResponseHeaders } }),
  ),
  key('global-auth-snippet', ANYTHING, '', 'As the annotation auth-snippet, for global-auth-url.', (globalAuthSnippet) => ({
    translate: { globalAuthSnippet },
  })),
  key('global-auth-request-redirect', ANYTHING, '', OF_ANNOTATION, (globalAuthRequestRedirect) => ({
    translate: { globalAuthRequestRedirect },
  })),
  key('global-auth-cache-key', ANYTHING, '', OF_ANNOTATION, (globalAuthCacheKey) => ({ translate: { globalAuthCacheKey } })),
  key('global-auth-cache-duration', ANYTHING, '200 202 401 5m', OF_ANNOTATION, (globalAuthCacheDuration) => ({
    translate: { globalAuthCacheDuration },
  })),
  key('global-auth-always-set-cookie', BOOLEAN, false, OF_ANNOTATION, (globalAuthAlwaysSetCookie) => ({
    translate: { globalAuthAlwaysSetCookie },
  })),
];
