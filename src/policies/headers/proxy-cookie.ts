/**
 * `proxy-cookie-domain`, `proxy-cookie-path` and the keys of the ConfigMap of the same names: Domain and Path of the cookies that
 * backends set are replaced (nginx's ngx_http_proxy_module).
 */
import type { CookieRewriting, Rewriting } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { Passage, ResponseStep } from '../acting.ts';
import { fieldValue } from '../changes.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { nginxWords } from '../../settings/keys/responses.ts';
import { readRewriting, rewriter, type Rewriter } from './rewriting.ts';

const DOMAIN = 'proxy-cookie-domain';
const PATH = 'proxy-cookie-path';
/** What ingress-nginx's validators let through (parser.BasicCharsRegex, parser.URLIsValidRegex), which look past spaces. */
const DOMAIN_TEXT = /^[-._~a-zA-Z0-9/: ]*$/;
const PATH_TEXT = /^[-._~a-zA-Z0-9/:?&= ]*$/;

/** Reads `off` or `from to`; returns what is wrong instead. Of a domain, a leading dot makes no difference. */
function readCookieRewriting(text: string, domain: boolean): Rewriting | null | string {
  const parts = nginxWords(text);
  if (parts?.length === 1 && parts[0] === 'off') return null;
  if (parts?.length !== 2) return '"off", or what is replaced and what replaces it';
  const [from, to] = domain ? parts.map((part) => part.replace(/^\./, '')) : parts;
  const read = readRewriting(from!, to!, domain);
  return typeof read === 'string' ? `"off", or two texts that can be used: one ${read}` : read;
}

export const proxyCookie: RoutePolicy<CookieRewriting> = {
  annotations: [DOMAIN, PATH],
  everywhere: true,
  read: (source, settings) => {
    const domain = readOne(source, DOMAIN, DOMAIN_TEXT, settings.proxyCookieDomain);
    const path = readOne(source, PATH, PATH_TEXT, settings.proxyCookiePath);
    return domain === null && path === null ? undefined : { domain, path };
  },
  resolve: (wish) => wish,
};

function readOne(source: AnnotationSource, name: string, valid: RegExp, setting: string): Rewriting | null {
  const text = source.text(name);
  if (text !== undefined) {
    const read = valid.test(text) ? readCookieRewriting(text, name === DOMAIN) : 'a text of letters, digits and few signs';
    if (typeof read !== 'string') return read;
    source.invalid(name, read, 'The setting of the ConfigMap, or none, is used.');
  }
  const ofConfig = readCookieRewriting(setting, name === DOMAIN);
  return typeof ofConfig === 'string' ? null : ofConfig;
}

export function proxyCookieStep({ policies: { proxyCookie: wanted } }: Route): ResponseStep | null {
  if (wanted === undefined) return null;
  const domain = wanted.domain === null ? null : rewriter(wanted.domain, true);
  const path = wanted.path === null ? null : rewriter(wanted.path);
  return (passage, _, own) => {
    if (own) return;
    const cookies = passage.backendFields('set-cookie');
    if (cookies.length === 0) return;
    const rewritten = cookies.map((cookie) => rewriteCookie(cookie, domain, path, passage));
    if (rewritten.every((cookie, index) => cookie === cookies[index])) return;
    passage.response.rewrite('set-cookie', rewritten.map((cookie) => `Set-Cookie: ${fieldValue(cookie)}\r\n`).join(''));
  };
}

/** The first part is the cookie itself, whatever it is called. What is not rewritten stays as it is, odd as it may be. */
function rewriteCookie(cookie: string, domain: Rewriter | null, path: Rewriter | null, passage: Passage): string {
  const [pair = '', ...attributes] = cookie.split(';');
  const rewritten = attributes.map((attribute) => {
    const equals = attribute.indexOf('=');
    if (equals < 0) return attribute;
    const name = attribute.slice(0, equals).trim().toLowerCase();
    const value = attribute.slice(equals + 1).trim();
    const dot = name === 'domain' && value.startsWith('.') && domain !== null ? '.' : '';
    const replaced =
      name === 'domain' ? domain?.(value.slice(dot.length), passage) : name === 'path' ? path?.(value, passage) : null;
    return replaced === null || replaced === undefined ? attribute : `${attribute.slice(0, equals + 1)}${dot}${replaced}`;
  });
  return [pair, ...rewritten].join(';');
}
