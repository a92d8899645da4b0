/** The cookie of `affinity`, read and written. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionCookie } from '../../../src/model/balancing.ts';
import {
  backendKey,
  endpointKey,
  readSessionCookie,
  setCookie,
  type CookieContext,
} from '../../../src/policies/balance/session-cookie.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
const COOKIE: SessionCookie = {
  name: 'INGRESSCOOKIE',
  path: null,
  domain: null,
  expires: null,
  maxAge: null,
  sameSite: null,
  conditionalSameSiteNone: false,
  secure: false,
  changeOnFailure: false,
};
const TO: CookieContext = { path: '/', tls: false, userAgent: '', now: Date.parse('2026-01-02T03:04:05Z') };

function written(cookie: Partial<SessionCookie>, to: Partial<CookieContext> = {}): string {
  return setCookie({ ...COOKIE, ...cookie }, 'key', 'backend', { ...TO, ...to });
}

describe('the cookie that a client sends', () => {
  it.each<[string, string, string]>([
    ['INGRESSCOOKIE=1.2.3|abc', '1.2.3', 'abc'],
    ['a=b; INGRESSCOOKIE=1.2.3|abc; c=d', '1.2.3', 'abc'],
    ['INGRESSCOOKIE=1.2.3', '1.2.3', ''],
    ['INGRESSCOOKIE=one|x; INGRESSCOOKIE=two|y', 'two', 'y'],
    ['INGRESSCOOKIE=|abc', 'abc', ''],
    ['INGRESSCOOKIE=', '', ''],
    ['INGRESSCOOKIE', '', ''],
    ['ingresscookie=1|2', '', ''],
    ['XINGRESSCOOKIE=1|2; INGRESSCOOKIEX=3|4', '', ''],
    ['x=INGRESSCOOKIE=1|2', '', ''],
    ['INGRESSCOOKIE=a=b|c', 'a=b', 'c'],
    ['INGRESSCOOKIE=1|2|3', '1', '2'],
    [`INGRESSCOOKIE=${'x'.repeat(300)}|abc`, '', ''],
    ['', '', ''],
  ])('%j', (field, key, backend) => {
    expect(readSessionCookie(field, 'INGRESSCOOKIE')).toEqual({ key, backend });
  });

  it('may be anything: it is read in time, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const { key, backend } = readSessionCookie(text, 'c');
        expect(text).toContain(key);
        expect(text).toContain(backend);
      }),
    );
    expect(readSessionCookie(';'.repeat(65_536), 'c').key).toBe('');
    expect(readSessionCookie('c=1; '.repeat(20_000), 'c').key).toBe('1');
    expect(readSessionCookie(' '.repeat(65_536), 'c').key).toBe('');
  });
});

describe('the keys', () => {
  it('are those of ingress-nginx', () => {
    expect(backendKey('default-app-80')).toBe(md5(`${md5('default-app-80')}default-app-80`));
    expect(endpointKey('default-app-80', '10.0.0.1:8080')).toBe(md5('default-app-8010.0.0.1:8080'));
  });
});

describe('the cookie that is set', () => {
  it.each<[string, Partial<SessionCookie>, Partial<CookieContext>, string]>([
    ['nothing asked for', {}, {}, 'INGRESSCOOKIE=key|backend; Path=/; HttpOnly'],
    ['the path of the route', {}, { path: '/shop' }, 'INGRESSCOOKIE=key|backend; Path=/shop; HttpOnly'],
    ['a path', { path: '/a' }, { path: '/shop' }, 'INGRESSCOOKIE=key|backend; Path=/a; HttpOnly'],
    ['over TLS', {}, { tls: true }, 'INGRESSCOOKIE=key|backend; Path=/; Secure; HttpOnly'],
    ['secure', { secure: true }, {}, 'INGRESSCOOKIE=key|backend; Path=/; Secure; HttpOnly'],
    [
      'everything',
      { name: 'route', expires: 60, maxAge: 120, domain: 'app.example', path: '/a', secure: true, sameSite: 'Lax' },
      {},
      'route=key|backend; Expires=Fri, 02-Jan-26 03:05:05 GMT; Max-Age=120; Domain=app.example; Path=/a; Secure; HttpOnly; SameSite=Lax',
    ],
    [
      'times of 0',
      { expires: 0, maxAge: 0 },
      {},
      'INGRESSCOOKIE=key|backend; Expires=Fri, 02-Jan-26 03:04:05 GMT; Max-Age=0; Path=/; HttpOnly',
    ],
    [
      'times gone by',
      { expires: -60, maxAge: -1 },
      {},
      'INGRESSCOOKIE=key|backend; Expires=Fri, 02-Jan-26 03:03:05 GMT; Max-Age=-1; Path=/; HttpOnly',
    ],
    [
      'a year of four digits',
      { expires: 400_000_000 },
      {},
      'INGRESSCOOKIE=key|backend; Expires=Sun, 05-Sep-2038 18:10:45 GMT; Path=/; HttpOnly',
    ],
    [
      'a path that would end the attribute',
      {},
      { path: '/a;b c\r\n"ü' },
      'INGRESSCOOKIE=key|backend; Path=/a%3Bb%20c%0D%0A"%C3%BC; HttpOnly',
    ],
    ['half a character', {}, { path: '/\ud800' }, 'INGRESSCOOKIE=key|backend; Path=/; HttpOnly'],
  ])('%s', (_, cookie, to, text) => {
    expect(written(cookie, to)).toBe(text);
  });

  const mac = (system: string, browser: string): string => `Mozilla/5.0 (Macintosh; Intel Mac OS X ${system}) ${browser}`;

  it.each<[string, boolean]>([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/80.0.3987.149 Safari/537.36', true],
    ['Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.112 Safari/537.36', false],
    ['Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/57.0.2987.133 Safari/537.36', false],
    ['Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/66.0.3359.139 Safari/537.36', false],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 12_4 like Mac OS X) Version/12.1.2 Safari/604.1', false],
    ['Mozilla/5.0 (iPad; CPU OS 12_4 like Mac OS X) Version/12.1.2 Safari/604.1', false],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 13_2 like Mac OS X) Safari/604.1', true],
    [mac('10_14_6', 'Version/12.1.2 Safari/605.1.15'), false],
    [mac('10_14_6', 'Chrome/81.0.4044.122 Safari/537.36'), true],
    [mac('10_15', 'Version/13.0 Safari/605.1.15'), true],
    ['', true],
  ])('has SameSite=None for browsers that take it: %s', (userAgent, takes) => {
    const text = written({ sameSite: 'None', conditionalSameSiteNone: true }, { userAgent });
    expect(text.includes('SameSite=None')).toBe(takes);
    expect(written({ sameSite: 'None' }, { userAgent })).toContain('SameSite=None');
    expect(written({ sameSite: 'Lax', conditionalSameSiteNone: true }, { userAgent })).toContain('SameSite=Lax');
  });
});
