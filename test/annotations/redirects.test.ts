/**
 * app-root, permanent-redirect, temporal-redirect, relative-redirects, use-port-in-redirects, and how these and ssl-redirect stand to each
 * other. Reference: rootfs/etc/nginx/template/nginx.tmpl, internal/ingress/annotations/redirect/redirect.go.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { ingress } from '../support/ingress.ts';
import { ask, askOne, told } from '../support/paths.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const LATER = { created: '2025-01-02T00:00:00Z' };

describe('app-root', () => {
  it.each([
    ['default', undefined, '/', '200 app /', []],
    ['typical', '/start', '/', '302 http://app.example/start', []],
    ['typical, for "/" only', '/start', '/start', '200 app /start', []],
    ['the query is left out', '/start', '/?a=b', '302 http://app.example/start', []],
    ['the path that is matched counts', '/start', '//./', '302 http://app.example/start', []],
    ['edge: a query of its own, and a fragment', '/a?b=c#d', '/', '302 http://app.example/a?b=c#d', []],
    ['edge: a variable', '/$request_method', '/', '302 http://app.example/GET', []],
    ['edge: no open redirect', '//evil.example', '/', '302 http://app.example//evil.example', []],
    ['invalid: a URL', 'https://evil.example/', '/', '200 app /', ['AnnotationInvalid app-root']],
    ['invalid: no path', 'start', '/', '200 app /', ['AnnotationInvalid app-root']],
    ['invalid: a variable nobody knows', '/$nonsense', '/', '200 app /', ['AnnotationInvalid app-root']],
    ['invalid: a line', '/a\r\nSet-Cookie: x', '/', '200 app /', ['AnnotationInvalid app-root']],
    ['invalid: a line', '/a\nreturn 200;', '/', '200 app /', ['AnnotationInvalid app-root']],
  ])('%s: %j, %s', async (_, value, target, answer, problems) => {
    const { get, diagnostics } = await askOne(stage, value === undefined ? {} : { 'app-root': value });
    expect(await get(target)).toBe(answer);
    expect(told(diagnostics)).toEqual(problems);
  });

  it('keeps the port and the case that the client asked for', async () => {
    const { get } = await askOne(stage, { 'app-root': '/x' });
    expect(await get('/', 'App.example:8080')).toBe('302 http://App.example:8080/x');
  });

  it('is of the whole server: every Ingress of the host, the denied, and what no rule takes; the longest path says where', async () => {
    const { get } = await ask(stage, [
      ingress({ 'app-root': '/short' }, { paths: ['/a'] }),
      ingress({ 'app-root': '/long', 'auth-type': 'nonsense' }, { name: 'other', paths: ['/longer'], ...LATER }),
    ]);
    expect(await get('/')).toBe('302 http://app.example/long');
    expect(await get('/longer')).toBe('503');
  });

  it('comes before redirects of the location and to https', async () => {
    const { get, getTls } = await askOne(
      stage,
      { 'app-root': '/x', 'permanent-redirect': 'https://other.example/' },
      { tls: true },
    );
    expect(await get('/')).toBe('302 http://app.example/x');
    expect(await getTls('/')).toBe('302 https://app.example/x');
    expect(await get('/x')).toBe('301 https://other.example/');
  });

  it('is left out for the catch-all default backend', async () => {
    const made = ingress({ 'app-root': '/x' }, { paths: [] });
    const { get } = await ask(stage, [
      {
        ...made,
        spec: { ingressClassName: 'nginx', defaultBackend: { service: { name: 'app', port: { number: 80 } } } },
      } as typeof made,
    ]);
    expect(await get('/', 'any.example')).toBe('200 app /');
  });
});

const TO = 'https://new.example/there';

describe('permanent-redirect', () => {
  it.each([
    ['default', undefined, '/x', '200 app /x', []],
    ['typical: one place for all paths', TO, '/x?y=1', `301 ${TO}`, []],
    ['edge: a query of its own', `${TO}?a=b&c=d`, '/x', `301 ${TO}?a=b&c=d`, []],
    ['edge: variables', 'https://new.example$request_uri', '/x?y=1', '301 https://new.example/x?y=1', []],
    [
      'edge: a decoded path cannot break the line',
      'https://new.example$uri',
      '/a%0d%0aSet-Cookie:x',
      '301 https://new.example/aSet-Cookie:x',
      [],
    ],
    [
      'edge: nothing of the path becomes the host',
      'https://new.example$request_uri',
      '//evil.example',
      '301 https://new.example//evil.example',
      [],
    ],
    ['invalid: no URL', '/there', '/x', '503', ['AnnotationInvalid permanent-redirect']],
    ['invalid: another scheme', 'javascript:alert(1)', '/x', '503', ['AnnotationInvalid permanent-redirect']],
    ['invalid: a line', `${TO}\r\nX: y`, '/x', '503', ['AnnotationInvalid permanent-redirect']],
    ['invalid: a variable nobody knows', 'https://$nonsense/', '/x', '503', ['AnnotationInvalid permanent-redirect']],
    ['invalid: a number', 7, '/x', '503', ['AnnotationInvalid permanent-redirect']],
  ])('%s: %j', async (_, value, target, answer, problems) => {
    const { get, diagnostics } = await askOne(stage, value === undefined ? {} : { 'permanent-redirect': value });
    expect(await get(target)).toBe(answer);
    expect(told(diagnostics).filter((text) => !text.startsWith('ObjectMalformed'))).toEqual(problems);
  });

  it('comes before https, and before the limits and lists that follow', async () => {
    const { get } = await askOne(stage, { 'permanent-redirect': TO, 'force-ssl-redirect': 'true' }, { tls: true });
    expect(await get('/')).toBe(`301 ${TO}`);
  });

  it('does not come before a denial', async () => {
    const { get } = await askOne(stage, { 'permanent-redirect': TO, 'auth-type': 'nonsense' });
    expect(await get('/')).toBe('503');
  });

  it('§4.5: holds for what no rule of the oldest Ingress takes', async () => {
    const { get } = await askOne(stage, { 'permanent-redirect': TO }, { paths: ['/a'] });
    expect(await get('/b')).toBe(`301 ${TO}`);
  });
});

describe('permanent-redirect-code', () => {
  it.each([
    ['default', undefined, `301 ${TO}`, []],
    ['typical', '308', `308 ${TO}`, []],
    ['edge: the ends of the range', '307', `307 ${TO}`, []],
    ['edge: a status that has no Location', '300', '300', []],
    ['edge: a status that has no body', '304', '304', []],
    ['invalid: out of range', '309', `301 ${TO}`, ['AnnotationInvalid permanent-redirect-code']],
    ['invalid: out of range', '200', `301 ${TO}`, ['AnnotationInvalid permanent-redirect-code']],
    ['invalid: no number', 'found', `301 ${TO}`, ['AnnotationInvalid permanent-redirect-code']],
  ])('%s: %j', async (_, value, answer, problems) => {
    const code = value === undefined ? {} : { 'permanent-redirect-code': value };
    const { get, diagnostics } = await askOne(stage, { 'permanent-redirect': TO, ...code });
    expect(await get('/x')).toBe(answer);
    expect(told(diagnostics)).toEqual(problems);
  });
});

describe('temporal-redirect', () => {
  it.each([
    ['default', undefined, '200 app /x', []],
    ['typical', TO, `302 ${TO}`, []],
    ['edge: it wins', TO, `302 ${TO}`, []],
    ['invalid', 'ftp://new.example/', '503', ['AnnotationInvalid temporal-redirect']],
    ['invalid', 'https://', '503', ['AnnotationInvalid temporal-redirect']],
  ])('%s: %j', async (name, value, answer, problems) => {
    const permanent = name.includes('wins') ? { 'permanent-redirect': 'https://permanent.example/' } : {};
    const { get, diagnostics } = await askOne(stage, {
      ...(value !== undefined && { 'temporal-redirect': value }),
      ...permanent,
    });
    expect(await get('/x')).toBe(answer);
    expect(told(diagnostics)).toEqual(problems);
  });
});

describe('temporal-redirect-code', () => {
  it.each([
    ['default', undefined, `302 ${TO}`, []],
    ['typical', '307', `307 ${TO}`, []],
    ['edge', '303', `303 ${TO}`, []],
    ['invalid: 308 is permanent', '308', `302 ${TO}`, ['AnnotationInvalid temporal-redirect-code']],
    ['invalid', '30x', `302 ${TO}`, ['AnnotationInvalid temporal-redirect-code']],
  ])('%s: %j', async (_, value, answer, problems) => {
    const code = value === undefined ? {} : { 'temporal-redirect-code': value };
    const { get, diagnostics } = await askOne(stage, { 'temporal-redirect': TO, ...code });
    expect(await get('/x')).toBe(answer);
    expect(told(diagnostics)).toEqual(problems);
  });
});

describe('relative-redirects', () => {
  it.each([
    ['default', undefined, false, '301 http://app.example/foo/?a=b', []],
    ['typical', 'true', false, '301 /foo/?a=b', []],
    ['by the ConfigMap', undefined, true, '301 /foo/?a=b', []],
    ['edge: against the ConfigMap', 'false', true, '301 http://app.example/foo/?a=b', []],
    ['invalid: the default', 'yes', false, '301 http://app.example/foo/?a=b', ['AnnotationInvalid relative-redirects']],
  ])('%s: %j', async (_, value, relativeRedirects, answer, problems) => {
    const annotations = value === undefined ? {} : { 'relative-redirects': value };
    const { get, diagnostics } = await askOne(stage, annotations, { paths: ['/foo/'] }, { translate: { relativeRedirects } });
    expect(await get('/foo?a=b')).toBe(answer);
    expect(told(diagnostics)).toEqual(problems);
  });

  it('is no open redirect: what begins with "//" is not redirected to', async () => {
    const { get } = await askOne(stage, { 'relative-redirects': 'true' }, { paths: ['/evil.example/'] });
    expect(await get('//evil.example')).toBe('301 http://app.example//evil.example/');
  });

  it('leaves the redirect to https alone', async () => {
    const { get } = await askOne(stage, { 'relative-redirects': 'true' }, { tls: true });
    expect(await get('/x')).toBe('308 https://app.example/x');
  });
});

describe('use-port-in-redirects', () => {
  it.each([
    ['default', undefined, false, '301 http://app.example/foo/', '308 https://app.example/x', []],
    ['typical', 'true', false, '301 http://app.example:HTTP/foo/', '308 https://app.example:HTTPS/x', []],
    ['by the ConfigMap', undefined, true, '301 http://app.example:HTTP/foo/', '308 https://app.example:HTTPS/x', []],
    ['edge: against the ConfigMap', 'false', true, '301 http://app.example/foo/', '308 https://app.example/x', []],
    [
      'invalid: the default',
      'on',
      false,
      '301 http://app.example/foo/',
      '308 https://app.example/x',
      ['AnnotationInvalid use-port-in-redirects'],
    ],
  ])('%s: %j', async (_, value, usePortInRedirects, slash, https, problems) => {
    const annotations = value === undefined ? {} : { 'use-port-in-redirects': value };
    const settings = { translate: { usePortInRedirects } };
    const { get, diagnostics, proxy } = await ask(
      stage,
      [
        ingress(annotations, { paths: ['/foo/'] }),
        ingress({ ...annotations, 'force-ssl-redirect': 'true' }, { name: 'forced', host: 'forced.example' }),
      ],
      settings,
    );
    const written = (text: string): string =>
      text.replace(`:${proxy.port}/`, ':HTTP/').replace(`:${proxy.httpsPort}/`, ':HTTPS/');
    expect(written(await get('/foo'))).toBe(slash);
    expect(written(await get('/x', 'forced.example:99')).replace('forced', 'app')).toBe(https);
    expect(told(diagnostics).slice(0, 1)).toEqual(problems);
  });

  it('names the port that is published, where one is', async () => {
    const { get } = await askOne(
      stage,
      { 'use-port-in-redirects': 'true' },
      { tls: true },
      { proxy: { publicHttpsPort: 8443 } },
    );
    expect(await get('/x')).toBe('308 https://app.example:8443/x');
  });
});

describe('redirects and the rules of the reference', () => {
  it('§4.8: a path that ends in "/" is redirected to, with the query and as the client wrote it', async () => {
    const { get } = await askOne(stage, {}, { paths: ['/foo/', { path: '/bar/', pathType: 'Exact' }] });
    expect(await get('/foo')).toBe('301 http://app.example/foo/');
    expect(await get('/%66oo?a=%0d')).toBe('301 http://app.example/%66oo/?a=%0d');
    expect(await get('/bar')).toBe('301 http://app.example/bar/');
    expect(await get('/bar/')).toBe('200 app /bar/');
    expect(await get('/foo', 'APP.example:81')).toBe('301 http://app.example/foo/');
  });

  it('§4.11: what is not rewritten is sent on as it was written', async () => {
    const { get } = await askOne(stage, {}, { paths: ['/foo'] });
    expect(await get('/foo//%41%2fb?c=%zz')).toBe('200 app /foo//%41%2fb?c=%zz');
    expect(await get('/x/..//foo/%7e')).toBe('200 app /foo/%7e');
  });

  it('§4.16: to https for every host with a tls entry, whatever is in it; not for the catch-all', async () => {
    const bare = ingress({}, { tls: true });
    const { get } = await ask(stage, [
      { ...bare, spec: { ...bare.spec, tls: [{}] } } as typeof bare,
      ingress({ 'ssl-redirect': 'false' }, { name: 'open', host: 'open.example', tls: true }),
      ingress({ 'force-ssl-redirect': 'true' }, { name: 'forced', host: 'forced.example' }),
      ingress({}, { name: 'wild', host: '*.wild.example', tls: true }),
      ingress({}, { name: 'below', host: 'a.wild.example' }),
    ]);
    expect(await get('/x')).toBe('308 https://app.example/x');
    expect(await get('/x', 'open.example')).toBe('200 app /x');
    expect(await get('/x', 'forced.example')).toBe('308 https://forced.example/x');
    expect(await get('/x', 'a.wild.example')).toBe('308 https://a.wild.example/x');
    expect(await get('/x', 'none.example')).toBe('404');
  });

  it('§4.16: the scheme of a trusted proxy counts', async () => {
    const { get } = await askOne(stage, {}, { tls: true }, { proxy: { useForwardedHeaders: true } });
    expect(await get('/x', 'app.example', 'X-Forwarded-Proto: https\r\n')).toBe('200 app /x');
    expect(await get('/x', 'app.example', 'X-Forwarded-Host: public.example\r\n')).toBe('308 https://public.example/x');
  });

  it('§4.17: one final "/" is dropped, also that of "/", unless it is to be preserved', async () => {
    const { get } = await askOne(stage, {}, { tls: true });
    expect(await get('/')).toBe('308 https://app.example');
    expect(await get('/x//', 'app.example:80')).toBe('308 https://app.example/x/');
    const kept = await askOne(stage, { 'preserve-trailing-slash': 'true' }, { tls: true });
    expect(await kept.get('/x/')).toBe('308 https://app.example/x/');
  });

  it("§4.18: the solver's path goes to the solver, beside an Ingress that forces https and one whose paths are patterns", async () => {
    const solver = ingress(
      { 'whitelist-source-range': '0.0.0.0/0,::/0' },
      {
        name: 'cm-acme-http-solver-x',
        paths: [{ path: '/.well-known/acme-challenge/TOKEN', pathType: 'ImplementationSpecific', service: 'other' }],
        ...LATER,
      },
    );
    for (const own of [
      { 'force-ssl-redirect': 'true' },
      { 'force-ssl-redirect': 'true', 'rewrite-target': '/$1' },
      { 'force-ssl-redirect': 'true', 'app-root': '/x' },
    ]) {
      const main = ingress(own, { tls: true, paths: [{ path: '/(.*)', pathType: 'ImplementationSpecific' }, '/'] });
      const { get } = await ask(stage, [main, solver]);
      expect(await get('/.well-known/acme-challenge/TOKEN')).toBe('200 other /.well-known/acme-challenge/TOKEN');
      expect(await get('/.well-known')).toBe('308 https://app.example/.well-known');
    }
  });
});
