/** Cookies and redirects of backends: `proxy-cookie-domain`, `proxy-cookie-path`, `proxy-redirect-from`, `proxy-redirect-to`. */
import { afterEach, describe, expect, it } from 'vitest';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { response } from '../support/proxy.ts';
import { site } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** What becomes of the Set-Cookie lines of a backend. */
async function cookies(
  annotations: Readonly<Record<string, unknown>>,
  said: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly got: readonly string[]; readonly reports: number }> {
  const lines = said.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('');
  const { ask, ask2, diagnostics } = await site(stage, annotations, {
    answer: () => response('ok', lines),
    translate: configured(settings),
  });
  const got = (await ask()).headers.get('set-cookie') ?? [];
  expect((await ask2()).headers['set-cookie'] ?? []).toEqual(got);
  return { got, reports: diagnostics.length };
}

/** The settings of a ConfigMap. */
function configured(data: Readonly<Record<string, string>>): Partial<typeof DEFAULT_SETTINGS.translate> {
  const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'a', name: 'b' };
  const { settings, diagnostics } = applyConfigMap(DEFAULT_SETTINGS, data, ref);
  expect(diagnostics).toEqual([]);
  const { proxyCookieDomain, proxyCookiePath, proxyRedirectFrom, proxyRedirectTo } = settings.translate;
  return { proxyCookieDomain, proxyCookiePath, proxyRedirectFrom, proxyRedirectTo };
}

const WHOLE = 'id=a; Domain=internal.example; Path=/app/x; Secure; HttpOnly';

describe('proxy-cookie-domain', () => {
  it.each([
    ['default', undefined, WHOLE, WHOLE],
    ['"off"', 'off', WHOLE, WHOLE],
    ['typical', 'internal.example app.example', WHOLE, 'id=a; Domain=app.example; Path=/app/x; Secure; HttpOnly'],
    ['in any case', 'INTERNAL.example app.example', 'id=a; domain=Internal.Example', 'id=a; domain=app.example'],
    ['not a part of it', 'example app', WHOLE, WHOLE],
    [
      'dots make no difference',
      '.internal.example .app.example',
      'id=a; Domain=.internal.example',
      'id=a; Domain=.app.example',
    ],
    ['an expression', '~NAL.ex app.example', WHOLE, 'id=a; Domain=app.example; Path=/app/x; Secure; HttpOnly'],
    ['edge: the cookie itself may be called so', 'a b', 'domain=a; Domain=a', 'domain=a; Domain=b'],
    [
      'edge: odd syntax',
      'a b',
      'x=";Domain=a;" ;; =;Domain = a ;DOMAIN=a=a;Domain',
      'x=";Domain=b;" ;; =;Domain =b;DOMAIN=a=a;Domain',
    ],
    ['edge: no cookie at all', 'a b', '', ''],
    ['edge: nothing but separators', 'a b', ';;;', ';;;'],
  ])('%s', async (_, value, said, got) => {
    const annotations = value === undefined ? {} : { 'proxy-cookie-domain': value };
    expect((await cookies(annotations, [said])).got).toEqual([got]);
  });

  it.each([
    ['one word', 'a'],
    ['three words', 'a b c'],
    ['quotes and braces', 'a "b;}"'],
    ['control characters', 'a b\u0001'],
    ['two lines', 'a\nb c'],
    ['a variable', 'a $host'],
    ['64 KiB', 'a'.repeat(65_536)],
  ])('invalid, %s: as if it were absent, and reported', async (_, value) => {
    expect(await cookies({ 'proxy-cookie-domain': value }, [WHOLE])).toEqual({ got: [WHOLE], reports: 1 });
  });

  it('every cookie is looked at, and those that stay are as they were', async () => {
    const said = ['a=1; Domain=x', 'b=2;  Domain=other', 'c=3; Domain=x'];
    const { got } = await cookies({ 'proxy-cookie-domain': 'x y' }, said);
    expect(got).toEqual(['a=1; Domain=y', 'b=2;  Domain=other', 'c=3; Domain=y']);
  });
});

describe('proxy-cookie-path', () => {
  it.each([
    ['default', undefined, 'id=a; Path=/app/x', 'id=a; Path=/app/x'],
    ['"off"', 'off', 'id=a; Path=/app/x', 'id=a; Path=/app/x'],
    ['typical: its beginning', '/app/ /', 'id=a; Path=/app/x; Secure', 'id=a; Path=/x; Secure'],
    ['case matters', '/APP/ /', 'id=a; Path=/app/x', 'id=a; Path=/app/x'],
    ['only its beginning', '/x /y', 'id=a; Path=/app/x', 'id=a; Path=/app/x'],
    ['an expression replaces all of it', '~app /', 'id=a; Path=/app/x', 'id=a; Path=/'],
    ['edge: with Domain', '/ /b/', 'id=a; PATH=/; Domain=x', 'id=a; PATH=/b/; Domain=x'],
    ['edge: empty', '/ /b/', 'id=a; Path=; Path', 'id=a; Path=; Path'],
  ])('%s', async (_, value, said, got) => {
    const annotations = value === undefined ? {} : { 'proxy-cookie-path': value };
    expect((await cookies(annotations, [said])).got).toEqual([got]);
  });

  it.each([
    ['one word', '/a'],
    ['an expression of another kind', '~(a /'],
    ['braces', '/a /{}'],
    ['a semicolon', '/a /b;HttpOnly'],
    ['NUL', '/a /b\u0000'],
  ])('invalid, %s: as if it were absent, and reported', async (_, value) => {
    expect(await cookies({ 'proxy-cookie-path': value }, ['id=a; Path=/a'])).toEqual({ got: ['id=a; Path=/a'], reports: 1 });
  });

  it('the ConfigMap may say more: attributes, variables, captures; the annotation is stronger', async () => {
    const settings = {
      'proxy-cookie-path': String.raw`~^/app/(\w+) "/$1; Secure; SameSite=$http_x_none"`,
      'proxy-cookie-domain': 'a $host',
    };
    expect((await cookies({}, ['id=a; Path=/app/x; Domain=a'], settings)).got).toEqual([
      'id=a; Path=/x; Secure; SameSite=; Domain=app.example',
    ]);
    expect((await cookies({ 'proxy-cookie-path': 'off' }, ['id=a; Path=/app/x'], settings)).got).toEqual(['id=a; Path=/app/x']);
  });

  it('a variable that a client fills cannot begin a line', async () => {
    const said = 'id=a; Path=/';
    const { ask } = await site(
      stage,
      {},
      {
        answer: () => response('ok', `Set-Cookie: ${said}\r\n`),
        translate: configured({ 'proxy-cookie-path': '/ $http_x_path' }),
      },
    );
    const { headers } = await ask(['X-Path: /\tevil; Domain=example']);
    expect(headers.get('set-cookie')).toEqual(['id=a; Path=/\tevil; Domain=example']);
  });

  it('a cookie of 16 KiB made to stop a backtracking matcher passes like any other', async () => {
    const said = `id=${'a'.repeat(4000)}; ${'Path=/a/'.repeat(900)}; ${';'.repeat(500)}`;
    const { got } = await cookies({ 'proxy-cookie-path': '~(/a)*b /x' }, [said]);
    expect(got).toEqual([said.trim()]);
  });
});
