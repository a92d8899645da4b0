/**
 * rewrite-target, use-regex, x-forwarded-prefix. Reference: internal/ingress/controller/{location.go,template/template.go}, and nginx's
 * `rewrite … break`.
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

const free = (path: string, service = 'app') => ({ path, pathType: 'ImplementationSpecific', service });
const exact = (path: string, service = 'app') => ({ path, pathType: 'Exact', service });

describe('rewrite-target', () => {
  it.each([
    // path of the rule, rewrite-target, request → what the backend got
    ['default: the path as it came', '/something', undefined, '/something/x?y=1', '200 app /something/x?y=1'],
    ['the usual one', '/something(/|$)(.*)', '/$2', '/something', '200 app /'],
    ['the usual one', '/something(/|$)(.*)', '/$2', '/something/', '200 app /'],
    ['the usual one', '/something(/|$)(.*)', '/$2', '/something/new?a=b&c', '200 app /new?a=b&c'],
    ['without groups every path becomes one', '/old', '/new', '/old/x/y?q', '200 app /new?q'],
    ['an element is no boundary', '/old', '/new', '/older', '200 app /new'],
    ['case does not matter, and is kept', '/old/(.*)', '/$1', '/OLD/Path', '200 app /Path'],
    ['a group that took no part is empty', '/a(/x)?(/y)?', '/n$1$2', '/a/y', '200 app /n/y'],
    ['§4.10: a group that does not exist is empty', '/old', '/new/$1', '/old', '200 app /new/'],
    ['"$10" is group 1 and a "0"', '/old/(.*)', '/$10', '/old/x', '200 app /x0'],
    ['equal to the path: nothing happens', '/same', '/same', '/same/x', '200 app /same/x'],
    ['equal to the path: paths stay text', '/', '/', '/%2e/X//y', '200 app /X/y'],
    ['equal to the path, and not to the implicit "/"', '/same', '/same', '/SAME', '200 app /SAME'],
    ['to the root', '/', '/deep', '/x', '200 app /deep'],
    ['the whole path from a group', '/v1(/.*)', '$1', '/v1/x', '200 app /x'],
    ['arguments of its own come first', '/old/(.*)', '/new?id=$1', '/old/7?x=1', '200 app /new?id=7&x=1'],
    ['"?" at the end drops those of the request', '/old/(.*)', '/new/$1?', '/old/7?x=1', '200 app /new/7'],
    ['"?" at the end keeps its own', '/old/(.*)', '/new?id=$1?', '/old/7?x=1', '200 app /new?id=7'],
    ['PCRE\'s "$" matches before a final newline', '/old$', '/new', '/old%0a', '200 app /new'],
    ['variables', '/old', '/$host/$request_method', '/old', '200 app /app.example/GET'],
  ])('%s: %s to %s', async (_, path, value, target, answer) => {
    const { get, diagnostics } = await askOne(stage, value === undefined ? {} : { 'rewrite-target': value }, {
      paths: [free(path)],
    });
    expect(await get(target)).toBe(answer);
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it.each([
    // What nginx does to a path that was decoded: it writes it anew.
    ['/f/a%20b', '/a%20b'],
    ['/f/a%2Fb', '/a/b'],
    ['/f/%41', '/A'],
    ['/f/%22%23%25%3C%3E%3F%5E%60%7B%7C%7D', '/%22%23%25%3C%3E%3F%5E%60%7B%7C%7D'],
    ["/f/!$&'()*+,;=:@~-._", "/!$&'()*+,;=:@~-._"],
    ['/f/%21%24%26%27%28%29%2a%2b%2c%3d%3a%40%7e%5b%5d', "/!$&'()*+,=:@~[]"],
    ['/f/%c3%a9', '/%C3%A9'],
    ['/f/%01%7f', '/%01%7F'],
    ['/f//x///y', '/x/y'],
    ['/f/x/../y', '/y'],
    ['/f/x?%20%zz', '/x?%20%zz'],
  ])('writes the normalised path with the escapes of nginx: %s', async (target, got) => {
    const { get } = await askOne(stage, { 'rewrite-target': '/$1' }, { paths: [free('/f/(.*)')] });
    expect(await get(target)).toBe(`200 app ${got}`);
  });

  it('§4.11: without it the backend gets the path as it was written, and the match is on the normalised one', async () => {
    const { get } = await askOne(stage, { 'use-regex': 'true' }, { paths: [free('/api/[0-9]+/x')] });
    expect(await get('/api//%31%32/X?a')).toBe('200 app /api//%31%32/X?a');
    expect(await get('/API/7/./x')).toBe('200 app /API/7/x');
  });

  it.each([
    ['https://other.example/$1', '/old/x', '302 https://other.example/x'],
    ['https://other.example/$1', '/old/x?y=1', '302 https://other.example/x?y=1'],
    ['https://other.example/$1?', '/old/x?y=1', '302 https://other.example/x'],
    ['https://other.example/?p=$1', '/old/x?y=1', '302 https://other.example/?p=x&y=1'],
    ['$scheme://$host/new/$1', '/old/a%20b', '302 http://app.example/new/a%20b'],
    ['https://other.example/$1', '/old/%41%3F%0d%0aSet-Cookie:x', '302 https://other.example/A?%0D'],
  ])('of a URL redirects: %s', async (value, target, answer) => {
    const { get } = await askOne(stage, { 'rewrite-target': value }, { paths: [free('/old/(.*)')] });
    expect(await get(target)).toBe(answer);
  });

  it('of a URL redirects before plain HTTP is sent to https', async () => {
    const { get } = await askOne(stage, { 'rewrite-target': 'https://other.example/' }, { tls: true });
    expect(await get('/')).toBe('302 https://other.example/');
  });

  it.each(['/a b', '/a"b', '/a;b', '/a\r\nX: y', '/a\nreturn 200 x', "/a'b", '/é', '/\u0000', `/${'a b'.repeat(20_000)}`])(
    'invalid: %.12j is ignored, and paths are text, as in ingress-nginx',
    async (value) => {
      const { get, diagnostics } = await askOne(stage, { 'rewrite-target': value }, { paths: [free('/admin/(.*)'), '/x'] });
      expect(await get('/admin/x')).toBe('404');
      expect(await get('/x')).toBe('200 app /x');
      expect(told(diagnostics)).toEqual(['AnnotationInvalid rewrite-target']);
    },
  );

  it.each([
    ['text that is no path', 'new'],
    ['a variable nobody knows', '/$nonsense'],
    ['a "$" alone', '/a$'],
    ['dot segments', '/a/../b'],
    ['another type', { not: 'text' }],
  ])('invalid for nginx, %s: the Ingress is denied, and paths stay patterns', async (_, value) => {
    const { get, diagnostics } = await ask(stage, [
      ingress({ 'rewrite-target': value }, { paths: [free('/admin/(.*)')] }),
      ingress({}, { name: 'open', created: '2025-01-02T00:00:00Z', paths: ['/'], service: 'other' }),
    ]);
    expect(await get('/admin/x')).toBe('503');
    expect(await get('/x')).toBe('200 other /x');
    expect(told(diagnostics)).toContain('AnnotationInvalid rewrite-target');
  });

  it('that comes to nothing, or to no path, is no request', async () => {
    const { get } = await askOne(stage, { 'rewrite-target': '$1' }, { paths: [free('/old/(.*)')] });
    expect(await get('/old/')).toBe('500');
    expect(await get('/old/x')).toBe('400');
  });

  it.each(['/f-../secret', '/f-..', '/f-%2e%2e/secret', '/f-%252e%252e/x', '/f-..;/x', '/f-./x', '/f-..%5cx'])(
    'never makes a dot segment of what is left of one: %s',
    async (target) => {
      const { get } = await askOne(stage, { 'rewrite-target': '/data/$1' }, { paths: [free('/f-(.*)')] });
      expect(await get(target)).toBe('400');
    },
  );

  it('warns of a group that the path does not have', async () => {
    const { diagnostics } = await askOne(stage, { 'rewrite-target': '/$2' }, { paths: [free('/a(.*)')] });
    expect(told(diagnostics)).toEqual(['AnnotationInvalid rewrite-target']);
  });

  it('goes with pathType Prefix too, as ingress-nginx serves what its webhook did not see', async () => {
    const { get, diagnostics } = await askOne(stage, { 'rewrite-target': '/$1' }, { paths: ['/api/(.*)'] });
    expect(await get('/api/x')).toBe('200 app /x');
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['PathInvalid', 'warning']]);
  });
});

describe('use-regex', () => {
  it.each([
    ['default', undefined, '/api/7', '404'],
    ['typical', 'true', '/api/7', '200 app /api/7'],
    ['typical', 'true', '/api/x', '404'],
    ['off', 'false', '/api/7', '404'],
    ["edge: Go's other booleans", 'T', '/api/7', '200 app /api/7'],
    ['edge: not anchored at the end', 'true', '/api/7/more', '200 app /api/7/more'],
    ['edge: case does not matter', 'true', '/API/7', '200 app /API/7'],
    ['invalid: off', 'maybe', '/api/7', '404'],
  ])('%s: %s', async (_, value, target, answer) => {
    const { get, diagnostics } = await askOne(stage, value === undefined ? {} : { 'use-regex': value }, {
      paths: [free('/api/[0-9]+')],
    });
    expect(await get(target)).toBe(answer);
    expect(told(diagnostics)).toEqual(value === 'maybe' ? ['AnnotationInvalid use-regex'] : []);
  });

  it('§4.9: one Ingress makes every path of the host a pattern, those of other Ingresses too', async () => {
    const { get } = await ask(stage, [
      ingress({}, { name: 'plain', paths: [exact('/exact', 'api'), { path: '/foo', service: 'other' }] }),
      ingress({ 'use-regex': 'true' }, { name: 'regex', created: '2025-01-02T00:00:00Z', paths: [free('/r/[a-z]+')] }),
    ]);
    expect(await get('/EXACT/and/more')).toBe('200 api /EXACT/and/more');
    expect(await get('/foobar')).toBe('200 other /foobar');
    expect(await get('/r/x')).toBe('200 app /r/x');
    expect(await get('/nothing')).toBe('404');
  });

  it('§4.9: other hosts are left alone', async () => {
    const { get } = await ask(stage, [
      ingress({ 'use-regex': 'true' }, { name: 'regex' }),
      ingress({}, { name: 'plain', host: 'plain.example', paths: ['/foo'] }),
    ]);
    expect(await get('/foobar', 'plain.example')).toBe('404');
    expect(await get('/foo/bar', 'plain.example')).toBe('200 app /foo/bar');
  });

  it('§4.9: the longer path is tried first, then the greater; the first that matches wins', async () => {
    const { get } = await askOne(
      stage,
      { 'use-regex': 'true' },
      {
        paths: [free('/', 'other'), free('/a.*', 'app'), free('/a[b-c]', 'api'), free('/b.', 'app'), free('/bz', 'api')],
      },
    );
    expect(await get('/ab')).toBe('200 api /ab');
    expect(await get('/ad')).toBe('200 app /ad');
    expect(await get('/bz')).toBe('200 api /bz');
    expect(await get('/by')).toBe('200 app /by');
    expect(await get('/c')).toBe('200 other /c');
  });

  it('§4.9: an Exact path loses its exactness, and comes before a Prefix only as it was written', async () => {
    const { get } = await ask(stage, [
      ingress({}, { name: 'old', paths: [{ path: '/foo', service: 'other' }] }),
      ingress({ 'use-regex': 'true' }, { name: 'new', created: '2025-01-02T00:00:00Z', paths: [exact('/foo', 'api')] }),
    ]);
    // The Prefix keeps only its location "/foo/", for there is an Exact one.
    expect(await get('/foo/x')).toBe('200 other /foo/x');
    expect(await get('/foo')).toBe('200 api /foo');
    expect(await get('/foobar')).toBe('200 api /foobar');
  });

  it('§4.9: the Exact path comes first where it is the older one', async () => {
    const { get } = await ask(stage, [
      ingress({ 'use-regex': 'true' }, { name: 'old', paths: [exact('/foo', 'api')] }),
      ingress({}, { name: 'new', created: '2025-01-02T00:00:00Z', paths: [{ path: '/foo', service: 'other' }] }),
    ]);
    expect(await get('/foo/x')).toBe('200 api /foo/x');
  });

  it('§4.9: "/" of type Exact gets nothing, for "/" takes every path before it', async () => {
    const { get, diagnostics } = await askOne(stage, { 'use-regex': 'true' }, { paths: [exact('/'), free('/x')] });
    expect(await get('/')).toBe('404');
    expect(await get('/x')).toBe('200 app /x');
    expect(diagnostics.map(({ code }) => code)).toEqual(['PathConflict']);
  });

  it('§4.8: no path is redirected to one with a final "/"', async () => {
    const { get } = await askOne(stage, { 'use-regex': 'true' }, { paths: [free('/foo/')] });
    expect(await get('/foo')).toBe('404');
    expect(await get('/foo/x')).toBe('200 app /foo/x');
  });

  it('§4.12: paths with the characters of patterns are free with ImplementationSpecific only', async () => {
    const { get, diagnostics } = await askOne(stage, {}, { paths: ['/a(b)', free('/c(d)')] });
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([['PathInvalid', 'error']]);
    expect(await get('/c(d)')).toBe('200 app /c(d)');
  });

  it("nginx's quoting: a doubled backslash is one", async () => {
    const { get } = await askOne(stage, { 'use-regex': 'true' }, { paths: [free('/v1\\\\.0'), free('/v2\\.0')] });
    expect(await get('/v1.0')).toBe('200 app /v1.0');
    expect(await get('/v2.0')).toBe('200 app /v2.0');
    expect(await get('/v2x0')).toBe('404');
  });

  it('PCRE\'s "$" matches before a final newline: what it protects has no way around it', async () => {
    const { get } = await askOne(stage, { 'use-regex': 'true' }, { paths: [free('/admin$', 'api'), free('/', 'other')] });
    expect(await get('/admin%0a')).toBe('200 api /admin%0a');
    expect(await get('/admin%0ax')).toBe('200 other /admin%0ax');
  });

  it('a path beyond ASCII is compared by its bytes', async () => {
    const { get } = await askOne(stage, { 'use-regex': 'true' }, { paths: [free('/é+')] });
    expect(await get('/%c3%a9')).toBe('200 app /%c3%a9');
    expect(await get('/e')).toBe('404');
  });
});

describe('a pattern that cannot be matched in linear time', () => {
  it.each([
    ['/admin/(?!public)(.*)', '/admin/x', '/adm'],
    ['/admin/(a)\\1', '/admin/aa', '/adm'],
    ['/admin/(', '/admin/(', '/adm'],
    ['/v1\\.0(?!x)', '/V1.0', '/v1x0'],
    ['/admin*(?=x)', '/admi', '/adm'],
    [`/admin/(?:a{500}){500}`, '/admin/x', '/other'],
    [`/admin/${'a'.repeat(4096)}`, `/admin/${'a'.repeat(4096)}`, '/other'],
  ])('%.30s denies what is below its literal beginning', async (path, denied, served) => {
    const { get, diagnostics } = await ask(stage, [
      ingress({ 'use-regex': 'true' }, { paths: [free(path)] }),
      ingress({}, { name: 'open', created: '2025-01-02T00:00:00Z', service: 'other' }),
    ]);
    expect(await get(denied)).toBe('503');
    expect(await get(served)).toBe(`200 other ${served}`);
    expect(told(diagnostics)).toEqual(['PathInvalid spec.rules[0].http.paths[0].path']);
  });

  it('denies everything behind it where it begins with nothing certain', async () => {
    const { get } = await ask(stage, [
      ingress({ 'use-regex': 'true' }, { paths: [free('/a|(?!x)/b')] }),
      ingress({}, { name: 'longer', created: '2025-01-02T00:00:00Z', paths: ['/longer-than-that', '/'], service: 'other' }),
    ]);
    expect(await get('/longer-than-that')).toBe('200 other /longer-than-that');
    for (const path of ['/', '/a', '/c']) expect(await get(path)).toBe('503');
  });
});

describe('x-forwarded-prefix', () => {
  const path = free('/pre/([a-z]+)/(.*)');
  it.each([
    ['default: none', undefined, '/pre/x/y', '200 app /y'],
    ['typical', '/pre', '/pre/x/y', '200 app /y prefix=/pre'],
    ['a group', '/pre/$1', '/pre/x/y', '200 app /y prefix=/pre/x'],
    ['edge: a variable', '/$host', '/pre/x/y', '200 app /y prefix=/app.example'],
    ['edge: what was the boolean of old', 'true', '/pre/x/y', '200 app /y prefix=true'],
    ['edge: control characters of a group are left out', '/$2', '/pre/x/a%0d%08b:c', '200 app /a%0D%08b:c prefix=/ab:c'],
    ['invalid: none', '/a b', '/pre/x/y', '200 app /y'],
    ['invalid: none', '/a\r\nX: y', '/pre/x/y', '200 app /y'],
  ])('%s: %j', async (_, value, target, answer) => {
    const annotations = { 'rewrite-target': '/$2', ...(value !== undefined && { 'x-forwarded-prefix': value }) };
    const { get, diagnostics } = await askOne(stage, annotations, { paths: [path] });
    expect(await get(target)).toBe(answer);
    expect(told(diagnostics)).toEqual(_.startsWith('invalid') ? ['AnnotationInvalid x-forwarded-prefix'] : []);
  });

  it('is never what the client says', async () => {
    const { get } = await ask(stage, [
      ingress({ 'rewrite-target': '/', 'x-forwarded-prefix': '/p' }, { paths: [free('/a')] }),
      ingress({ 'x-forwarded-prefix': '/p' }, { name: 'plain', host: 'plain.example' }),
    ]);
    expect(await get('/a', 'app.example', 'X-Forwarded-Prefix: /forged\r\n')).toBe('200 app / prefix=/p');
    expect(await get('/a', 'plain.example', 'X-Forwarded-Prefix: /said\r\n')).toBe('200 app /a');
  });

  it('is not set where rewrite-target is the path itself', async () => {
    const { get } = await askOne(stage, { 'rewrite-target': '/a', 'x-forwarded-prefix': '/p' }, { paths: ['/a'] });
    expect(await get('/a/b')).toBe('200 app /a/b');
  });
});

describe('the implicit "/" of a host', () => {
  it('§4.5: has the rewriting of the oldest Ingress, on its way to the default backend', async () => {
    const { get } = await askOne(
      stage,
      { 'rewrite-target': '/new' },
      { paths: [free('/old')] },
      { translate: { defaultBackendService: { namespace: 'default', name: 'other' } } },
    );
    expect(await get('/old')).toBe('200 app /new');
    expect(await get('/else?x')).toBe('200 other /new?x');
  });
});
