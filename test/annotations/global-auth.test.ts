/** ConfigMap `global-auth-…`: a service for all Ingresses without one of their own, and `enable-global-auth`, which opts out. */
import { afterEach, describe, expect, it } from 'vitest';
import { answer, basic, fieldIn, scene, type Scene, type SceneOptions } from '../support/auth.ts';
import { secret } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

function global(
  annotations: Readonly<Record<string, unknown>>,
  translate: NonNullable<SceneOptions['translate']> = {},
  options: SceneOptions = {},
): Promise<Scene> {
  return scene(stage, annotations, { ...options, translate: { globalAuthUrl: 'http://AUTH/global', ...translate } });
}

describe('enable-global-auth', () => {
  it.each([
    ['absent: the service is asked', {}, 401, 1],
    ['true', { 'enable-global-auth': 'true' }, 401, 1],
    ['false: nobody is asked', { 'enable-global-auth': 'false' }, 200, 0],
    ['nonsense: the service is asked', { 'enable-global-auth': 'no' }, 401, 1],
    ['no text: the service is asked', { 'enable-global-auth': false }, 401, 1],
  ])('%s', async (_, annotations, status, questions) => {
    const { ask, asked } = await global(annotations, {}, { auth: () => answer(401) });
    expect([(await ask()).status, asked().length]).toEqual([status, questions]);
  });

  it('an Ingress with a service of its own asks that alone', async () => {
    const { ask, asked } = await global({ 'auth-url': 'http://AUTH/own' });
    expect([(await ask()).status, asked().map((head) => head.split(' ', 2)[1])]).toEqual([200, ['/own']]);
  });

  it('paths of no-auth-locations need none', async () => {
    const path = '/.well-known/acme-challenge/token';
    const { ask, asked } = await global({}, {}, { paths: [path, '/'], auth: () => answer(401) });
    expect([(await ask(path)).status, (await ask('/')).status, asked().length]).toEqual([200, 401, 1]);
  });

  it('what no path takes is asked about too, as the Ingress of the host would have it', async () => {
    const { ask } = await global({}, {}, { paths: ['/app'], auth: () => answer(401) });
    expect((await ask('/elsewhere')).status).toBe(401);
  });

  it('beside a password, both are needed', async () => {
    const { ask } = await global(
      { 'auth-type': 'basic', 'auth-secret': 'users' },
      {},
      { objects: [secret('users', { auth: 'joe:{PLAIN}secret' })], auth: () => answer(403) },
    );
    expect([(await ask()).status, (await ask('/', basic('joe', 'secret'))).status]).toEqual([401, 403]);
  });

  it('has all that auth-url has', async () => {
    const { ask, asked, proxied } = await global(
      {},
      {
        globalAuthMethod: 'POST',
        globalAuthResponseHeaders: 'X-User',
        globalAuthRequestRedirect: 'https://x/',
        globalAuthCacheKey: '$cookie_u',
        globalAuthCacheDuration: '200 1m',
        globalAuthAlwaysSetCookie: true,
        globalAuthSignin: 'https://login/',
        globalAuthSigninRedirectParam: 'back',
      },
      {
        auth: (head) =>
          fieldIn(head, 'cookie') === undefined ? answer(401, 'Set-Cookie: a=1\r\n') : response('', 'X-User: joe\r\n'),
      },
    );
    const { status, headers } = await ask();
    expect([status, headers.get('location'), headers.get('set-cookie')]).toEqual([
      302,
      ['https://login/?back=http://app.example%2F'],
      ['a=1'],
    ]);
    for (let i = 0; i < 2; i++) await ask('/', 'Cookie: u=1\r\nX-User: root\r\n');
    expect(asked().map((head) => head.split(' ', 1)[0])).toEqual(['POST', 'POST']);
    expect(fieldIn(asked()[0], 'x-auth-request-redirect')).toBe('https://x/');
    expect(proxied().map((head) => fieldIn(head, 'x-user'))).toEqual(['joe', 'joe']);
  });

  it.each([
    ['the URL', { globalAuthUrl: 'nonsense' }],
    ['the method', { globalAuthMethod: 'STEAL' }],
    ['the sign-in page', { globalAuthSignin: 'javascript:1' }],
    ['the response fields', { globalAuthResponseHeaders: 'Content-Length' }],
    ['the duration', { globalAuthCacheDuration: 'long' }],
    ['the key', { globalAuthCacheKey: '$nobody' }],
  ])('denies the Ingresses that it holds for when %s cannot be understood, and says so', async (_, wrong) => {
    const { ask, diagnostics } = await global({}, wrong);
    expect((await ask()).status).toBe(503);
    expect(diagnostics).toEqual(['AnnotationInvalid Ingress web metadata.annotations[enable-global-auth]']);
    expect((await (await global({ 'enable-global-auth': 'false' }, wrong)).ask()).status).toBe(200);
  });
});
