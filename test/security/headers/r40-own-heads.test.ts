/**
 * R40. What we write ourselves - redirects, forwarding fields, error pages - is made of what clients and backends sent, and must
 * not carry a line of theirs. Source: CVE-2026-1525 and CVE-2026-1527 (undici); RFC 9110 §5.5.
 */
import assert from 'node:assert/strict';
import { afterEach, describe, expect, it } from 'vitest';
import { SINGLE_ROWS } from '../cases/fields.ts';
import { testCases } from '../support/sluice.ts';
import {
  group,
  host,
  prefixRoute,
  rawBackend,
  response,
  startProxy,
  table,
  type RawBackend,
  type TestProxy,
} from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';

describe('R40: fields that must be one', () => {
  testCases(SINGLE_ROWS);
});

let open: { close: () => Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function redirecting(): Promise<TestProxy> {
  const toHttps = prefixRoute('/tls', 'app', { sslRedirect: { code: 308, preserveTrailingSlash: false } });
  const slash = { ...prefixRoute('/s', 'app'), match: { exact: '/s/', prefix: '/s/', slashRedirect: '/s' } };
  const proxy = await startProxy(table([host('app.example', [toHttps, slash])], [group('app', [])]));
  open.push(proxy);
  return proxy;
}

describe('R40: a redirect', () => {
  it.each([
    ['/tls?a=%0d%0aSet-Cookie:%20a=b', 'https://app.example/tls?a=%0d%0aSet-Cookie:%20a=b'],
    ['/tls/%0d%0aX:y', 'https://app.example/tls/%0d%0aX:y'],
    ['//evil.example/../tls', 'https://app.example//evil.example/../tls'],
    ['/s?//evil.example', 'http://app.example/s/?//evil.example'],
    ['//s', 'http://app.example//s/'],
  ])('of %s stays one line, on our host', async (target, location) => {
    const proxy = await redirecting();
    const reply = await exchange(proxy.port, `GET ${target} HTTP/1.1\r\nHost: app.example\r\n\r\n`);
    expect([301, 308]).toContain(reply.status);
    expect(reply.headers.get('location')).toEqual([location]);
    expect(reply.headers.has('set-cookie')).toBe(false);
  });
});

async function answering(fields: string): Promise<{ proxy: TestProxy; backend: RawBackend }> {
  const backend = await rawBackend(() => response('ok', fields));
  const proxy = await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [group('app', [backend.port])]));
  open.push(proxy, backend);
  return { proxy, backend };
}

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

describe('R40: the head of a response', () => {
  it.each([
    ['a bare CR', 'X: a\rSet-Cookie: a=b\r\n'],
    ['a bare LF', 'X: a\nSet-Cookie: a=b\r\n'],
    ['a NUL', 'X: a\x00b\r\n'],
    ['a folded line', 'X: a\r\n Set-Cookie: a=b\r\n'],
    ['a space before the colon', 'X : a\r\n'],
    ['an empty name', ': a\r\n'],
    ['a second length that differs in case', 'content-length: 1\r\n'],
    ['an encoding beside the length', 'Transfer-Encoding: chunked\r\n'],
  ])('with %s is 502, and nothing of it goes on', async (_, fields) => {
    const { proxy } = await answering(fields);
    const reply = await exchange(proxy.port, GET);
    assert.equal(reply.status, 502);
    expect(`${reply.head}${reply.body}`).not.toMatch(/cookie|a=b/i);
  });

  it('loses what is of one hop, and what Connection names, but not its length or cookies', async () => {
    const { proxy } = await answering(
      'Connection: X-Hop, Content-Length, Set-Cookie\r\nX-Hop: 1\r\nSet-Cookie: a=b\r\nKeep-Alive: timeout=5\r\nX-Accel-Redirect: /admin\r\n',
    );
    const reply = await exchange(proxy.port, GET);
    expect(reply.headers.get('set-cookie')).toEqual(['a=b']);
    expect(reply.headers.get('content-length')).toEqual(['2']);
    for (const name of ['x-hop', 'keep-alive', 'x-accel-redirect', 'connection']) expect(reply.headers.has(name)).toBe(false);
  });
});
