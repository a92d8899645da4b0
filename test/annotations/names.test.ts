/** from-to-www-redirect and server-alias: names that no rule has. Reference: internal/ingress/controller/{nginx.go,controller.go}. */
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { ingress, secret } from '../support/ingress.ts';
import { ask, askOne, told } from '../support/paths.ts';
import { makeCa, makeCertificate } from '../support/pki.ts';
import { Stage } from '../support/stage.ts';
import { handshake } from '../support/tls-client.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const LATER = { created: '2025-01-02T00:00:00Z' };

function tlsSecret(names: readonly string[]): KubeObject {
  const { chain, key } = makeCertificate({ names });
  return secret('cert', { 'tls.crt': chain, 'tls.key': key });
}

/** The names of the certificate that a client is shown. */
async function peerNames(port: number, name: string): Promise<string> {
  const { names } = await handshake(port, name);
  return names.replaceAll('DNS:', '').replaceAll(' ', '');
}

/** An Ingress with a TLS entry for this Secret. */
function secured(annotations: Readonly<Record<string, unknown>>, host = 'app.example'): KubeObject {
  const made = ingress(annotations, { host });
  return { ...made, spec: { ...made.spec, tls: [{ hosts: [host], secretName: 'cert' }] } } as KubeObject;
}

describe('from-to-www-redirect', () => {
  it.each([
    ['default', undefined, 'app.example', 'www.app.example', '404', []],
    ['typical: to the bare name', 'true', 'app.example', 'www.app.example', '308 http://app.example:PORT/x?y=1', []],
    ['typical: to "www."', 'true', 'www.app.example', 'app.example', '308 http://www.app.example:PORT/x?y=1', []],
    ['edge: off', 'false', 'app.example', 'www.app.example', '404', []],
    [
      'edge: the host as clients write it',
      'true',
      'app.example',
      'WWW.App.example.:81',
      '308 http://app.example:PORT/x?y=1',
      [],
    ],
    ['edge: only one "www."', 'true', 'app.example', 'www.www.app.example', '404', []],
    ['a wildcard has none', 'true', '*.app.example', 'www.*.app.example', '400', ['AnnotationConflict from-to-www-redirect']],
    ['invalid: off', 'yes', 'app.example', 'www.app.example', '404', ['AnnotationInvalid from-to-www-redirect']],
  ])('%s: %j', async (_, value, host, asked, answer, problems) => {
    const annotations = value === undefined ? {} : { 'from-to-www-redirect': value };
    const { get, diagnostics, proxy } = await askOne(stage, annotations, { host });
    expect((await get('/x?y=1', asked)).replace(`:${proxy.port}`, ':PORT')).toBe(answer);
    expect(told(diagnostics)).toEqual(problems);
  });

  it('drops one final "/", and takes the code of the ConfigMap', async () => {
    const settings = { translate: { httpRedirectCode: 301 }, proxy: { publicHttpPort: 80 } };
    const { get } = await askOne(stage, { 'from-to-www-redirect': 'true' }, {}, settings);
    expect(await get('/', 'www.app.example')).toBe('301 http://app.example:80');
    expect(await get('/x//', 'www.app.example')).toBe('301 http://app.example:80/x/');
  });

  it('cannot be led to another host', async () => {
    const { get } = await askOne(stage, { 'from-to-www-redirect': 'true' }, {}, { proxy: { publicHttpPort: 80 } });
    expect(await get('//evil.example/x', 'www.app.example')).toBe('308 http://app.example:80//evil.example/x');
    expect(await get('/@evil.example', 'www.app.example')).toBe('308 http://app.example:80/@evil.example');
    expect(await get('/x%0d%0aSet-Cookie:y', 'www.app.example')).toBe('308 http://app.example:80/x%0d%0aSet-Cookie:y');
  });

  it('is what a trusted proxy says of scheme and port', async () => {
    const settings = { proxy: { useForwardedHeaders: true, publicHttpPort: 80 } };
    const { get } = await askOne(stage, { 'from-to-www-redirect': 'true' }, {}, settings);
    const said = 'X-Forwarded-Proto: https\r\nX-Forwarded-Port: 8443\r\n';
    expect(await get('/x', 'www.app.example', said)).toBe('308 https://app.example:8443/x');
    expect(await get('/x', 'www.app.example', 'X-Forwarded-Port: 80/evil\r\n')).toBe('308 http://app.example:80/x');
  });

  it('is skipped where an Ingress has that host', async () => {
    const { get, diagnostics } = await ask(stage, [
      ingress({ 'from-to-www-redirect': 'true' }),
      ingress({}, { name: 'www', host: 'www.app.example', service: 'other' }),
    ]);
    expect(await get('/x', 'www.app.example')).toBe('200 other /x');
    expect(told(diagnostics)).toEqual(['AnnotationConflict from-to-www-redirect']);
  });

  it('comes before a wildcard', async () => {
    const { get } = await ask(
      stage,
      [ingress({ 'from-to-www-redirect': 'true' }), ingress({}, { name: 'wild', host: '*.app.example', service: 'other' })],
      { proxy: { publicHttpPort: 80 } },
    );
    expect(await get('/x', 'www.app.example')).toBe('308 http://app.example:80/x');
    expect(await get('/x', 'ww.app.example')).toBe('200 other /x');
  });

  it.each([
    [['app.example', 'www.app.example'], 'app.example,www.app.example'],
    [['app.example'], 'ingress.local'],
  ])('over TLS shows the certificate if it is for both names: %j', async (names, shown) => {
    const { getTls, proxy } = await ask(stage, [secured({ 'from-to-www-redirect': 'true' }), tlsSecret(names)], {
      proxy: { publicHttpsPort: 443 },
    });
    expect(await getTls('/x/', 'www.app.example')).toBe('308 https://app.example:443/x');
    expect(await peerNames(proxy.httpsPort, 'www.app.example')).toBe(shown);
  });
});

describe('server-alias', () => {
  it.each([
    // alias, the names that are served, those that are not
    ['default', undefined, ['app.example'], ['b.example']],
    [
      'typical',
      'b.example, c.example,,',
      ['app.example', 'b.example', 'B.Example:81', 'c.example.'],
      ['d.example', 'x.b.example'],
    ],
    ['a wildcard, of any depth', '*.b.example', ['x.b.example', 'x.y.b.example'], ['b.example', 'xb.example']],
    ['a name and all below it', '.b.example', ['b.example', 'x.y.b.example'], ['xb.example']],
    ['a wildcard at the end', 'www.b.*', ['www.b.org', 'www.b.co.uk'], ['www.b', 'b.org']],
    ['a pattern', '~^[a-z]+[0-9]*\\.b\\.example$', ['x7.b.example', 'ABC.B.example'], ['7.b.example', 'x7.b.example.evil']],
    ['a pattern is found anywhere', '~secret', ['a-secret-b.example'], ['b.example']],
    ['an address', '127.0.0.1', ['127.0.0.1'], ['127.0.0.2']],
    ['edge: the host itself', 'app.example', ['app.example'], ['b.example']],
  ])('%s: %j', async (_, value, served, others) => {
    const { get, diagnostics } = await askOne(stage, value === undefined ? {} : { 'server-alias': value });
    for (const name of served) expect([name, await get('/x', name)]).toEqual([name, '200 app /x']);
    for (const name of others) expect([name, await get('/x', name)]).toEqual([name, '404']);
    expect(told(diagnostics)).toEqual([]);
  });

  it.each([
    '_',
    '*',
    'a b',
    '*.x.*',
    'b..example',
    'b.example;',
    'b.example/x',
    '"b"',
    'a\u0000b',
    '~(?=x)',
    '~(',
    `~${'a'.repeat(5000)}`,
  ])('invalid: %.20j is left out, and the others are served', async (value) => {
    const { get, diagnostics } = await askOne(stage, { 'server-alias': `${value},good.example` });
    expect(await get('/x', 'good.example')).toBe('200 app /x');
    expect(await get('/x', 'none.example')).toBe('404');
    expect(told(diagnostics)).toEqual(['AnnotationInvalid server-alias']);
  });

  it('§4.6: exact before wildcard before pattern before the catch-all; a real host before all of them', async () => {
    const { get, diagnostics } = await ask(stage, [
      ingress({ 'server-alias': 'real.example,exact.wild.example,~.*' }, { host: 'a.example', service: 'app' }),
      ingress({}, { name: 'real', host: 'real.example', service: 'api' }),
      ingress({}, { name: 'wild', host: '*.wild.example', service: 'other' }),
      ingress({}, { name: 'all', host: '', service: 'api' }),
    ]);
    expect(await get('/', 'real.example')).toBe('200 api /');
    expect(await get('/', 'exact.wild.example')).toBe('200 app /');
    expect(await get('/', 'x.wild.example')).toBe('200 other /');
    expect(await get('/', 'anything.example')).toBe('200 app /');
    expect(told(diagnostics)).toEqual(['AnnotationConflict server-alias']);
  });

  it('the oldest Ingress of the host that has any decides', async () => {
    const { get, diagnostics } = await ask(stage, [
      ingress({}, { name: 'none' }),
      ingress({ 'server-alias': 'first.example' }, { name: 'first', paths: ['/a'], ...LATER }),
      ingress({ 'server-alias': 'second.example' }, { name: 'second', paths: ['/b'], created: '2025-01-03T00:00:00Z' }),
    ]);
    expect(await get('/b', 'first.example')).toBe('200 app /b');
    expect(await get('/b', 'second.example')).toBe('404');
    expect(told(diagnostics)).toEqual(['AnnotationConflict server-alias']);
  });

  it('of two hosts with one alias the first in alphabetical order has it', async () => {
    const { get } = await ask(stage, [
      ingress({ 'server-alias': 'both.example,~^x' }, { name: 'z', host: 'z.example', service: 'other' }),
      ingress({ 'server-alias': 'both.example,~^xy' }, { name: 'a', host: 'a.example', ...LATER }),
    ]);
    expect(await get('/', 'both.example')).toBe('200 app /');
    expect(await get('/', 'xyz')).toBe('200 app /');
    expect(await get('/', 'xz')).toBe('200 other /');
  });

  it('a redirect from "www." has its name before an alias', async () => {
    const { get } = await ask(
      stage,
      [
        ingress({ 'from-to-www-redirect': 'true' }),
        ingress({ 'server-alias': 'www.app.example' }, { name: 'other', host: 'a.example', service: 'other' }),
      ],
      { proxy: { publicHttpPort: 80 } },
    );
    expect(await get('/', 'www.app.example')).toBe('308 http://app.example:80');
  });

  it('§4.21: has the certificate of the host only if that covers it, and then only is sent to https', async () => {
    const { get, getTls, proxy } = await ask(stage, [
      secured({ 'server-alias': 'b.example,c.example,~^d' }),
      tlsSecret(['app.example', 'b.example']),
    ]);
    expect(await peerNames(proxy.httpsPort, 'b.example')).toBe('app.example,b.example');
    expect(await peerNames(proxy.httpsPort, 'c.example')).toBe('ingress.local');
    expect(await peerNames(proxy.httpsPort, 'd.example')).toBe('ingress.local');
    expect(await getTls('/x', 'c.example')).toBe('200 app /x');
    expect(await get('/x')).toBe('308 https://app.example/x');
    expect(await get('/x', 'b.example:80')).toBe('308 https://b.example/x');
    expect(await get('/x', 'c.example')).toBe('200 app /x');
    expect(await get('/x', 'd.example')).toBe('200 app /x');
  });

  it('§4.21: what a trusted proxy says of the host is where to, not whether', async () => {
    const { get } = await ask(stage, [secured({ 'server-alias': 'b.example' }), tlsSecret(['app.example'])], {
      proxy: { useForwardedHeaders: true },
    });
    const said = 'X-Forwarded-Host: public.example\r\n';
    expect(await get('/x', 'app.example:80', said)).toBe('308 https://public.example/x');
    expect(await get('/x', 'b.example', said)).toBe('200 app /x');
  });

  it('§4.21: force-ssl-redirect needs no certificate, for an alias neither', async () => {
    const { get } = await askOne(stage, { 'server-alias': 'b.example', 'force-ssl-redirect': 'true' });
    expect(await get('/x', 'b.example')).toBe('308 https://b.example/x');
  });

  it('is no way around the client certificates of its host', async () => {
    const { get, getTls } = await ask(stage, [
      secured({ 'server-alias': 'b.example,~^c', 'auth-tls-secret': 'default/ca', 'ssl-redirect': 'false' }),
      tlsSecret(['app.example', 'b.example']),
      secret('ca', { 'ca.crt': makeCa().cert }),
    ]);
    for (const name of ['app.example', 'b.example', 'c.example']) {
      expect([name, await getTls('/', name)]).toEqual([name, '400']);
      expect([name, await get('/', name)]).toEqual([name, '400']);
    }
  });
});
