/**
 * The cookie that names an endpoint: `key|backend`, as ingress-nginx has it (rootfs/etc/nginx/lua/balancer/sticky.lua), so that clients
 * it had keep their endpoints. It is nobody's secret and proves nothing: at worst a client chooses its endpoint.
 */
import { createHash } from 'node:crypto';
import type { SessionCookie } from '../../model/balancing.ts';

/** What a client sent. */
export interface SentCookie {
  /** Names the endpoint; empty: there is no cookie. */
  readonly key: string;
  /** Says which group gave it. */
  readonly backend: string;
}

const NONE: SentCookie = { key: '', backend: '' };

/** A longer one is not ours. */
const MAX_VALUE = 256;

/**
 * Reads the cookie of this name, in its very spelling, out of a Cookie field; the last of several counts, and a value ends at white
 * space (lua-resty-cookie, `get_cookie_table`).
 */
export function readSessionCookie(field: string, name: string): SentCookie {
  let found: string | null = null;
  for (let at = 0; at < field.length;) {
    const equals = field.indexOf('=', at);
    if (equals < 0) break;
    let end = equals + 1;
    while (end < field.length && !isEnd(field.charCodeAt(end))) end++;
    if (equals - at === name.length && field.startsWith(name, at)) found = field.slice(equals + 1, end);
    at = end + 1;
    while (at < field.length && isSpace(field.charCodeAt(at))) at++;
  }
  if (found === null || found === '' || found.length > MAX_VALUE) return NONE;
  const [key = '', backend = ''] = found.split('|').filter((part) => part !== '');
  return { key, backend };
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isEnd(code: number): boolean {
  return code === 0x3b || isSpace(code);
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

/** What the cookie says of its group, whose name is `namespace-service-port`. */
export function backendKey(name: string): string {
  return md5(md5(name) + name);
}

/** What the cookie says of an endpoint that it pins (`affinity-mode: persistent`; rootfs/etc/nginx/lua/util/nodemap.lua). */
export function endpointKey(name: string, label: string): string {
  return md5(name + label);
}

/** Browsers that take no cookie with `SameSite=None` (rootfs/etc/nginx/lua/util/same_site.lua). */
function refusesNone(userAgent: string): boolean {
  return (
    /Chrome\/[456]|CPU iPhone OS 12|iPad; CPU OS 12/.test(userAgent) ||
    (userAgent.includes('Macintosh') &&
      userAgent.includes('Intel Mac OS X 10_14') &&
      userAgent.includes('Safari') &&
      !userAgent.includes('Chrome'))
  );
}

/** Where a cookie is about to be sent. */
export interface CookieContext {
  /** The path of the route, as the Ingress writes it. */
  readonly path: string;
  /** The client speaks TLS with us. */
  readonly tls: boolean;
  readonly userAgent: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The value of Set-Cookie, in the order of lua-resty-cookie. */
export function setCookie(cookie: SessionCookie, key: string, backend: string, to: CookieContext): string {
  const { name, path, domain, expires, maxAge, sameSite, conditionalSameSiteNone, secure } = cookie;
  const site = sameSite === 'None' && conditionalSameSiteNone && refusesNone(to.userAgent) ? null : sameSite;
  return (
    `${name}=${key}|${backend}` +
    (expires === null ? '' : `; Expires=${cookieTime(to.now + expires * 1000)}`) +
    (maxAge === null ? '' : `; Max-Age=${maxAge}`) +
    (domain === null ? '' : `; Domain=${domain}`) +
    `; Path=${cookiePath(path ?? to.path)}` +
    (secure || to.tls ? '; Secure' : '') +
    '; HttpOnly' +
    (site === null ? '' : `; SameSite=${site}`)
  );
}

/** What would end the attribute, or the field, is written as in a URL, which is what a browser compares it with. */
function cookiePath(path: string): string {
  return path.replace(/[^\u0021-\u003a\u003c-\u007e]/gu, (char) =>
    char === ';' ? '%3B' : char.isWellFormed() ? encodeURIComponent(char) : '',
  );
}

/** nginx's `ngx_http_cookie_time`: two digits of the year until 2037. */
function cookieTime(milliseconds: number): string {
  const date = new Date(milliseconds);
  const [weekday, day, month, year, time] = date.toUTCString().split(' ') as [string, string, string, string, string];
  const shown = date.getUTCFullYear() > 2037 ? year : year.slice(-2);
  return `${weekday} ${day}-${month}-${shown} ${time} GMT`;
}
