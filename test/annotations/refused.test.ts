/** What is refused for good, loudly, and what has no meaning any more. What protects denies; what does not is otherwise harmless. */
import { afterEach, describe, expect, it } from 'vitest';
import { ingress, serve, service } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** The status of the annotated host, and of another; and what is said. */
async function outcome(annotations: Readonly<Record<string, unknown>>): Promise<string> {
  const backend = await stage.backend(() => response('served'));
  const other = ingress({}, { name: 'other', host: 'other.example' });
  const proxy = await serve([ingress(annotations), other, ...service('app', [backend.port])]);
  stage.watched(proxy);
  const ask = async (host: string): Promise<number> =>
    (await exchange(proxy.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status;
  expect(await ask('other.example')).toBe(200);
  const said = proxy.diagnostics.map(({ code, field }) => `${code} ${/\/([^/]+)\]$/u.exec(field)?.[1] ?? field}`);
  return [await ask('app.example'), ...new Set(said)].join(', ');
}

const DENIED = (name: string): string => `503, AnnotationUnsupported ${name}`;

describe('enable-modsecurity', () => {
  it.each([
    ['default', undefined, '200'],
    ['off', 'false', '200'],
    ['typical', 'true', DENIED('enable-modsecurity')],
    ["edge: Go's other booleans", '0', '200'],
    ['invalid', 'DetectionOnly', DENIED('enable-modsecurity')],
    ['invalid: of another type', 1, DENIED('enable-modsecurity')],
  ])('%s: %j', async (_, value, expected) => {
    expect(await outcome(value === undefined ? {} : { 'enable-modsecurity': value })).toBe(expected);
  });
});

describe('enable-owasp-core-rules', () => {
  it.each([
    ['off', { 'enable-owasp-core-rules': 'false' }, '200'],
    ['typical', { 'enable-owasp-core-rules': 'true' }, DENIED('enable-owasp-core-rules')],
    ['edge: the firewall itself is off', { 'enable-owasp-core-rules': 'true', 'enable-modsecurity': 'false' }, '200'],
    ['invalid', { 'enable-owasp-core-rules': 'some' }, DENIED('enable-owasp-core-rules')],
  ])('%s: %j', async (_, annotations, expected) => {
    expect(await outcome(annotations)).toBe(expected);
  });
});

describe('modsecurity-snippet', () => {
  it.each([
    ['empty', { 'modsecurity-snippet': ' \n ' }, '200'],
    ['typical', { 'modsecurity-snippet': 'SecRuleEngine On\nInclude /etc/x.conf' }, DENIED('modsecurity-snippet')],
    ['edge: the firewall itself is off', { 'modsecurity-snippet': 'SecRuleEngine On', 'enable-modsecurity': 'false' }, '200'],
    ['edge: 64 KiB', { 'modsecurity-snippet': '"};{'.repeat(16_384) }, DENIED('modsecurity-snippet')],
    ['invalid: of another type', { 'modsecurity-snippet': ['SecRuleEngine On'] }, DENIED('modsecurity-snippet')],
  ])('%s', async (_, annotations, expected) => {
    expect(await outcome(annotations)).toBe(expected);
  });
});

describe('modsecurity-transaction-id', () => {
  it.each([
    ['typical', { 'modsecurity-transaction-id': '$request_id' }, '200'],
    [
      'with the firewall',
      { 'modsecurity-transaction-id': '$request_id', 'enable-modsecurity': 'true' },
      DENIED('enable-modsecurity'),
    ],
    ['edge', { 'modsecurity-transaction-id': '' }, '200'],
    ['invalid', { 'modsecurity-transaction-id': '"; }' }, '200'],
  ])('%s: names requests in a log that there is not: %j', async (_, annotations, expected) => {
    expect(await outcome(annotations)).toBe(expected);
  });
});

describe('stream-snippet', () => {
  it.each([
    ['empty', '', '200'],
    ['typical', 'server { listen 8000; proxy_pass 127.0.0.1:80; }', DENIED('stream-snippet')],
    ['edge: a comment', '# nothing', DENIED('stream-snippet')],
    ['invalid: of another type', { listen: 8000 }, DENIED('stream-snippet')],
  ])('%s: %j', async (_, value, expected) => {
    expect(await outcome({ 'stream-snippet': value })).toBe(expected);
  });
});

describe('fastcgi-index', () => {
  it.each([
    ['alone', { 'fastcgi-index': 'index.php' }, '200'],
    ['with FCGI, which is refused', { 'fastcgi-index': 'index.php', 'backend-protocol': 'FCGI' }, DENIED('backend-protocol')],
    ['edge', { 'fastcgi-index': '' }, '200'],
    ['invalid', { 'fastcgi-index': '../../etc/passwd; }' }, '200'],
  ])('%s: %j', async (_, annotations, expected) => {
    expect(await outcome(annotations)).toBe(expected);
  });
});

describe('fastcgi-params-configmap', () => {
  it.each([
    ['alone', { 'fastcgi-params-configmap': 'default/params' }, '200'],
    [
      'with FCGI, which is refused',
      { 'fastcgi-params-configmap': 'params', 'backend-protocol': 'fcgi' },
      DENIED('backend-protocol'),
    ],
    ['edge: of another namespace', { 'fastcgi-params-configmap': 'other/params' }, '200'],
    ['invalid', { 'fastcgi-params-configmap': '///' }, '200'],
  ])('%s: %j', async (_, annotations, expected) => {
    expect(await outcome(annotations)).toBe(expected);
  });
});

describe('http2-push-preload', () => {
  it.each([
    ['default', undefined, '200'],
    ['typical', 'true', '200, AnnotationUnsupported http2-push-preload'],
    ['off', 'false', '200'],
    ['invalid', 'maybe', '200, AnnotationUnsupported http2-push-preload'],
  ])('%s has no effect, as in nginx from 1.25.1 on, and is reported: %j', async (_, value, expected) => {
    expect(await outcome(value === undefined ? {} : { 'http2-push-preload': value })).toBe(expected);
  });
});
