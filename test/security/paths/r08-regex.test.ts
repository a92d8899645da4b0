/**
 * R8. A regular expression that a tenant writes and a client feeds stalls every tenant of a worker (ReDoS).
 * Source: CVE-2026-42945 (nginx rewrite), CVE-2019-15225 (Envoy); V8's engine backtracks.
 *
 * A path is text unless the host has an Ingress that asks for patterns, which are matched in linear time.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  startProxy,
  group,
  host,
  prefixRoute,
  response,
  rawBackend,
  table,
  type RawBackend,
  type TestProxy,
} from '../../support/proxy.ts';
import { Chain } from '../../support/chain.ts';
import { ingress } from '../../support/manifests.ts';
import { ingress as annotatedIngress } from '../../support/ingress.ts';
import { ask } from '../../support/paths.ts';
import { exchange } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

/** Patterns that take exponential time to fail in a backtracking engine, on 8 KiB of "a". */
const EVIL = ['/(a+)+$', '/(a|a)*b', '/(.*)*x', '/([a-z]+)*[0-9]', '/(a*)*(b*)*c'];
const LONG = `/${'a'.repeat(7000)}!`;

describe('D16 R8: a path that looks like a regex', () => {
  let backend: RawBackend;
  let proxy: TestProxy;

  beforeAll(async () => {
    backend = await rawBackend(() => response('ok'));
    const routes = EVIL.map((path) => prefixRoute(path, { kind: 'answer', status: 503 }));
    proxy = await startProxy(
      table([host('app.example', [...routes, prefixRoute('/', 'app')])], [group('app', [backend.port])]),
    );
  });

  afterAll(async () => {
    await proxy.close();
    await backend.close();
  });

  it.each(['/aaaa', '/b', LONG])('does not match %.20s…', async (path) => {
    expect((await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`)).status).toBe(200);
  });

  it.each(EVIL)('matches itself: %s', async (path) => {
    expect((await exchange(proxy.port, `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`)).status).toBe(503);
  });
});

describe('D16 R8: an Ingress that asks for regexes', () => {
  let chain: Chain;

  beforeAll(async () => {
    chain = await (await Chain.start()).listening();
  });

  afterAll(() => chain.close());

  it.each([
    ['use-regex', 'true'],
    ['rewrite-target', '/$1'],
  ])('by %s has its paths matched in linear time, and the others are served', async (name, value) => {
    const annotated = EVIL.map((path, index) =>
      ingress(`evil-${index}-${name}`, `evil-${index}.test ImplementationSpecific ${path} control`, {
        annotations: { [`nginx.ingress.kubernetes.io/${name}`]: value },
      }),
    );
    chain.apply(...annotated, ingress(`good-${name}`, 'good.test Prefix / control'));
    await chain.settled();
    for (const [index, path] of EVIL.entries()) {
      const pattern = new RegExp(`^${path}`, 'i');
      for (const asked of ['/aaaa', '/aab', '/xyz']) {
        const { status } = await chain.get(`http://evil-${index}.test${asked}`);
        expect([path, asked, status === 404]).toEqual([path, asked, !pattern.test(asked)]);
      }
      // V8 would not come to an end with most of these.
      expect((await chain.get(`http://evil-${index}.test${LONG}`)).status).toBe(404);
      expect((await chain.get('http://good.test/')).status).toBe(200);
    }
  });
});

describe('D16 R8: a thousand patterns that begin alike', () => {
  const stage = new Stage();

  afterAll(() => stage.close());

  it('cost a bounded number of steps: a long path is refused, others of the host and other hosts are served', async () => {
    const paths = Array.from({ length: 1000 }, (_, index) => ({
      path: `/(a|b)*${index}(.*)x`,
      pathType: 'ImplementationSpecific',
    }));
    const { get } = await ask(stage, [
      annotatedIngress({ 'use-regex': 'true' }, { paths }),
      annotatedIngress({}, { name: 'good', host: 'good.example', service: 'other' }),
    ]);
    expect(await get('/ab999x')).toBe('200 app /ab999x');
    expect(await get(`/${'a'.repeat(500)}`)).toBe('404');
    for (let times = 0; times < 3; times++) {
      expect(await get(`/${'ab'.repeat(3500 + times)}`)).toBe('400');
      expect(await get('/', 'good.example')).toBe('200 other /');
    }
  });
});
