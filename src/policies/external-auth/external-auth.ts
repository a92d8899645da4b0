/**
 * `auth-url` and the annotations that shape it, and ConfigMap `global-auth-…` for Ingresses without: a service is asked about every
 * request. What cannot be understood denies. ingress-nginx, internal/ingress/annotations/authreq.
 */
import { isIP } from 'node:net';
import type { CacheRule, ExternalAuth, Template } from '../../model/policies.ts';
import { isLoopback } from '../../model/loopback.ts';
import { quote } from '../../model/report.ts';
import { CATCH_ALL_HOST } from '../../model/table.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { parseNginxTime } from '../../settings/values/values.ts';
import { isChangeable } from '../changes.ts';
import type { AnnotationSource, ObjectReference, RouteContext, RoutePolicy } from '../policy.ts';
import { parseInteger } from '../values.ts';
import { parseTemplate } from '../variables/template.ts';
import { isAbsent, isOpen, readName } from '../access/password-auth.ts';

/** What one Ingress asks for, or the ConfigMap for it. */
export interface ExternalAuthWish {
  readonly auth: Omit<ExternalAuth, 'location'>;
  /** The host of the service is the one that the client asked for. */
  readonly ofClient: boolean;
  readonly proxySetHeaders: Omit<ObjectReference, 'kind'> | null;
}

/** Where the values are, and how they are found wrong. */
interface Options {
  /** By name without `auth-`; undefined: absent. */
  readonly text: (option: string) => string | undefined;
  readonly bool: (option: string) => boolean;
  /** Given as something else than a text. */
  readonly malformed: (option: string) => boolean;
  /** Denies. */
  readonly deny: (option: string, expected: string) => void;
  /** Reports; what follows instead is `served`. */
  readonly invalid: (option: string, expected: string, served: string) => void;
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE'];
const FIELD_NAME = /^[A-Za-z\d\-_]+$/;
/** ingress-nginx's URLWithNginxVariableRegex, without what no URL holds. A variable that is a path ends the host, too. */
const URL_TEXT =
  /^(https?):\/\/([^/?#@\\\s]+?)((?:(?:[/?]|\$\{?(?:request_uri|uri|document_uri)\b)[-A-Za-z0-9+&@/%?=~_|!:,.;$*'()[\]{}]*)?)$/;
const PRINTABLE = /^[\x21-\x7e]+$/;
/** What may say who authenticates: the host that was routed by, or what the Ingress itself says. Nothing else of the client's. */
const HOST_OF_CLIENT: ReadonlySet<string> = new Set(['host', 'http_host']);
const HOST_OF_INGRESS: ReadonlySet<string> = new Set([
  'server_name',
  'namespace',
  'ingress_name',
  'service_name',
  'service_port',
]);
const AUTHORITY = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/;

const DEFAULT_DURATION = '200 202 401 5m';
const URL_EXPECTED = 'an http or https URL with a host, perhaps with variables of nginx';
const DURATION_EXPECTED = 'a list of statuses and times such as "200 202 30m, 401 5m"';

/** The reading half. */
export const externalAuth: RoutePolicy<ExternalAuth, ExternalAuthWish> = {
  annotations: [
    'auth-url',
    'auth-method',
    'auth-signin',
    'auth-signin-redirect-param',
    'auth-response-headers',
    'auth-proxy-set-headers',
    'auth-request-redirect',
    'auth-cache-key',
    'auth-cache-duration',
    'auth-keepalive',
    'auth-keepalive-share-vars',
    'auth-keepalive-requests',
    'auth-keepalive-timeout',
    'auth-always-set-cookie',
    'enable-global-auth',
  ],
  read: (source, settings) => {
    const global = source.bool('enable-global-auth', true);
    if (isAbsent(source, 'auth-url')) {
      if (!global || settings.globalAuthUrl === '') return undefined;
      return readWish(globalOptions(source, settings), null);
    }
    const named = isAbsent(source, 'auth-proxy-set-headers') ? undefined : readName(source, 'auth-proxy-set-headers');
    if (named === null) source.deny('auth-proxy-set-headers', 'the name of a ConfigMap, or "namespace/name"');
    if (named && named.namespace !== source.namespace && !settings.allowCrossNamespaceResources) {
      source.deny('auth-proxy-set-headers', "a ConfigMap of the Ingress's own namespace");
      return undefined;
    }
    return readWish(annotationOptions(source), named ?? null);
  },
  references: ({ proxySetHeaders }) => (proxySetHeaders === null ? [] : [{ kind: 'ConfigMap', ...proxySetHeaders }]),
  resolve: ({ auth, ofClient, proxySetHeaders }, at) => {
    if (isOpen(at)) return undefined;
    if (ofClient && at.host === CATCH_ALL_HOST) {
      const message =
        'the host of auth-url is the one that the client asks for, and without a host in the rule that can be any';
      at.deny('AnnotationInvalid', 'auth-url', message);
      return undefined;
    }
    const headers = proxySetHeaders === null ? [] : configMapHeaders(proxySetHeaders, at);
    const type = at.pathType === 'Exact' ? 'Exact' : 'Prefix';
    const location = `/_external-auth-${Buffer.from(at.path).toString('base64url')}-${type}`;
    const names = ofClient ? ownNames(at) : null;
    return headers && { ...auth, requestHeaders: [...auth.requestHeaders, ...headers], location, ...(names && { names }) };
  },
};

/** Names of a host that nobody but its owner has a server for; null: all of them are such, and none need be told from others. */
function ownNames({ host, aliases, report }: RouteContext): readonly string[] | null {
  const open = aliases.filter(isOpenAlias);
  if (open.length === 0) return null;
  const message = `the host of auth-url is the one that the client asks for, and by the alias ${quote(open[0])} that can be anybody's`;
  report('AnnotationInvalid', 'warning', 'auth-url', message, 'Requests for names that only such an alias has get 500.');
  return [host, ...aliases.filter((alias) => !/^[~.]/.test(alias) && !isOpenAlias(alias))];
}

/** A wildcard at the end, or before one label, or a regular expression that does not say how a name ends. */
function isOpenAlias(alias: string): boolean {
  return (
    /\*$|^\*?\.[^.]+$/.test(alias) ||
    (alias.startsWith('~') && (alias.includes('|') || !/(?:\\\.[A-Za-z0-9-]+){2}\$$/.test(alias)))
  );
}

function annotationOptions(source: AnnotationSource): Options {
  const name = (option: string): string => `auth-${option}`;
  return {
    text: (option) => source.text(name(option)),
    bool: (option) => source.bool(name(option), false),
    malformed: (option) => !isAbsent(source, name(option)) && source.text(name(option)) === undefined,
    deny: (option, expected) => source.deny(name(option), expected),
    invalid: (option, expected, served) => source.invalid(name(option), expected, served),
  };
}

/** The ConfigMap's values; what is wrong with them is said of each Ingress that they deny. */
function globalOptions(source: AnnotationSource, settings: TranslateSettings): Options {
  const values = new Map([
    ['url', settings.globalAuthUrl],
    ['method', settings.globalAuthMethod],
    ['signin', settings.globalAuthSignin],
    ['signin-redirect-param', settings.globalAuthSigninRedirectParam],
    ['response-headers', settings.globalAuthResponseHeaders],
    ['request-redirect', settings.globalAuthRequestRedirect],
    ['cache-key', settings.globalAuthCacheKey],
    ['cache-duration', settings.globalAuthCacheDuration],
  ]);
  const deny: Options['deny'] = (option, expected) => {
    const what = `global-auth-${option} of the ConfigMap, ${quote(values.get(option))}, which holds without auth-url, is not ${expected}`;
    source.deny('enable-global-auth', `"false", and ${what}`);
  };
  return {
    text: (option) => values.get(option)?.trim() || undefined,
    bool: (option) => option === 'always-set-cookie' && settings.globalAuthAlwaysSetCookie,
    malformed: () => false,
    deny,
    invalid: deny,
  };
}

/** Undefined: denied. */
function readWish(options: Options, proxySetHeaders: ExternalAuthWish['proxySetHeaders']): ExternalAuthWish | undefined {
  const url = options.text('url');
  const parsed = url === undefined || options.malformed('url') ? URL_EXPECTED : parseUrl(url);
  if (typeof parsed === 'string') {
    options.deny('url', parsed);
    return undefined;
  }
  const method = options.text('method') ?? null;
  if (options.malformed('method') || (method !== null && !METHODS.includes(method))) options.deny('method', METHODS.join(', '));
  const names = (options.text('response-headers') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (options.malformed('response-headers') || !names.every((name) => FIELD_NAME.test(name) && isChangeable(name)))
    options.deny('response-headers', 'a list of names of header fields that backends may be given, separated by commas');
  const signin = options.text('signin');
  const redirect = options.text('request-redirect');
  return {
    auth: {
      ...parsed.auth,
      method,
      signin: signin === undefined ? null : readSignin(signin, options),
      responseHeaders: names,
      requestHeaders: [],
      requestRedirect: redirect === undefined ? null : readText('request-redirect', redirect, options),
      cache: readCache(options),
      keepAlive: readKeepAlive(options),
      alwaysSetCookie: options.bool('always-set-cookie'),
    },
    ofClient: parsed.ofClient,
    proxySetHeaders,
  };
}

/** The parts of the URL of a service, or what it ought to be. */
function parseUrl(
  url: string,
): { readonly auth: Pick<ExternalAuth, 'tls' | 'authority' | 'target'>; readonly ofClient: boolean } | string {
  const [, scheme, authorityText = '', targetText = ''] = URL_TEXT.exec(url) ?? [];
  if (scheme === undefined || authorityText.includes('..')) return URL_EXPECTED;
  const authority = parseTemplate(authorityText);
  const target = parseTemplate(targetText.startsWith('?') ? `/${targetText}` : targetText);
  const unknown = 'unknown' in authority ? authority.unknown : 'unknown' in target ? target.unknown : null;
  if ('unknown' in authority || 'unknown' in target) return `${URL_EXPECTED}: $${unknown} is none that is known`;
  const variables = authority.template.flatMap((part) => (typeof part === 'string' ? [] : [part.variable]));
  const foreign = variables.find((name) => !HOST_OF_CLIENT.has(name) && !HOST_OF_INGRESS.has(name));
  if (foreign !== undefined) return `a URL whose host no client can choose, as by $${foreign}`;
  // With a letter for each variable, it must be a host.
  const shape = authority.template.map((part) => (typeof part === 'string' ? part : 'x')).join('');
  if (!AUTHORITY.test(shape)) return URL_EXPECTED;
  const host = shape.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (variables.length === 0 && (/^localhost\.?$/i.test(host) || (isIP(host) !== 0 && isLoopback(host))))
    return 'the URL of a service outside the Pod of the controller';
  return {
    auth: { tls: scheme === 'https', authority: authority.template, target: target.template },
    ofClient: variables.some((name) => HOST_OF_CLIENT.has(name)),
  };
}

/** ingress-nginx's buildAuthSignURL: where the client came from is added, unless the URL says it itself. */
function readSignin(url: string, options: Options): Template | null {
  const parameter = options.text('signin-redirect-param') ?? 'rd';
  if (!/^[A-Za-z0-9_.~-]+$/.test(parameter)) {
    options.deny('signin-redirect-param', 'the name of a parameter of a URL');
    return null;
  }
  if (!/^(?:https?:\/\/|\/|\$)/.test(url) || !PRINTABLE.test(url)) {
    options.deny('signin', 'a URL, perhaps with variables of nginx');
    return null;
  }
  const query = url.includes('?') ? url.slice(url.indexOf('?') + 1) : '';
  const given = new URLSearchParams(query).get(parameter) ?? '';
  const origin = '$pass_access_scheme://$http_host$escaped_request_uri';
  const whole = given !== '' ? url : `${url}${query === '' ? '?' : '&'}${parameter}=${origin}`;
  return readText('signin', whole, options);
}

function readText(option: string, text: string, options: Options): Template | null {
  // What a field cannot hold it would lose.
  const parsed = /[\r\n\0]/.test(text) ? null : parseTemplate(text);
  if (parsed !== null && 'template' in parsed) return parsed.template;
  options.deny(option, parsed === null ? 'one line' : `a text with known variables: $${parsed.unknown} is none`);
  return null;
}

function readCache(options: Options): ExternalAuth['cache'] {
  const rules = parseCacheRules(options.text('cache-duration') ?? DEFAULT_DURATION);
  if (rules === null || options.malformed('cache-duration')) options.deny('cache-duration', DURATION_EXPECTED);
  const key = options.text('cache-key');
  if (key === undefined) {
    if (options.malformed('cache-key')) options.deny('cache-key', 'a text with variables of nginx');
    return null;
  }
  const template = readText('cache-key', key, options);
  return template === null || rules === null ? null : { key: template, rules };
}

/** The list of `auth-cache-duration`; null: it is none. A time without statuses is for 200, 301 and 302 (nginx's proxy_cache_valid). */
function parseCacheRules(text: string): CacheRule[] | null {
  const rules: CacheRule[] = [];
  for (const item of text.split(',')) {
    const words = item.split(/\s+/).filter((word) => word !== '');
    if (words.length === 0) continue;
    const first = words.findIndex((word) => !/^(?:\d{3}|any)$/.test(word));
    if (first < 0 || !words.slice(first).every((word) => /^\d+(?:ms|[smhdwMy])$/.test(word))) return null;
    const time = parseNginxTime(words.slice(first).join(' '));
    if (time === undefined) return null;
    const statuses = words.slice(0, first);
    rules.push({ statuses: statuses.includes('any') ? null : first === 0 ? [200, 301, 302] : statuses.map(Number), time });
  }
  return rules.length === 0 ? parseCacheRules(DEFAULT_DURATION) : rules;
}

/** As ingress-nginx, which keeps no connection where a number makes no sense. */
function readKeepAlive(options: Options): ExternalAuth['keepAlive'] {
  const number = (option: string, fallback: number): number => {
    const text = options.text(option);
    const value = text === undefined ? fallback : parseInteger(text);
    if (value === undefined) options.invalid(option, 'an integer', `The default, ${fallback}, is used.`);
    return value ?? fallback;
  };
  // It says whether variables are shared, which they always are here.
  options.bool('keepalive-share-vars');
  const requests = number('keepalive-requests', 1000);
  const timeout = number('keepalive-timeout', 60);
  if (options.text('keepalive') === undefined) return null;
  const connections = number('keepalive', 0);
  if (connections <= 0 || requests <= 0 || timeout <= 0) return { connections: 0, requests: 1, timeout: 0 };
  return { connections, requests, timeout: Math.min(timeout, 2_147_483) * 1000 };
}

/** `auth-proxy-set-headers`; undefined: denied. */
function configMapHeaders(
  { namespace, name }: Omit<ObjectReference, 'kind'>,
  at: RouteContext,
): ExternalAuth['requestHeaders'] | undefined {
  const map = at.configMap(namespace, name);
  const shown = `the ConfigMap ${quote(`${namespace}/${name}`)}`;
  const deny = (message: string): undefined => at.deny('AnnotationInvalid', 'auth-proxy-set-headers', message) as undefined;
  if (map === undefined) return deny(`${shown} does not exist`);
  const data: unknown = map.data;
  const headers: { name: string; value: Template }[] = [];
  for (const [field, value] of typeof data === 'object' && data !== null ? (Object.entries(data) as [string, unknown][]) : []) {
    const parsed = typeof value === 'string' && !/[\r\n\0]/.test(value.trim()) ? parseTemplate(value.trim()) : null;
    if (!FIELD_NAME.test(field) || !(isChangeable(field) || field.toLowerCase() === 'host'))
      return deny(`${shown} has ${quote(field)}, which cannot be set`);
    if (parsed === null || 'unknown' in parsed) return deny(`${shown} has a value for ${quote(field)} that cannot be sent`);
    headers.push({ name: field, value: parsed.template });
  }
  return headers.sort((a, b) => (a.name < b.name ? -1 : 1));
}
