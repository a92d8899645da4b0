/** `proxy-http-version`, of the annotation and the ConfigMap: the version of HTTP that backends are spoken to in. */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { response } from '../support/proxy.ts';
import { site } from '../support/site.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

describe('proxy-http-version', () => {
  const version = (head: readonly string[]): string => head[0]!.slice(-8);

  it.each([
    ['default', undefined, 'HTTP/1.1'],
    ['empty', '', 'HTTP/1.1'],
    ['typical', '1.1', 'HTTP/1.1'],
    ['typical', '1.0', 'HTTP/1.0'],
    ['edge: white space', ' 1.0 ', 'HTTP/1.0'],
    ['invalid: another version', '2', 'HTTP/1.1'],
    ['invalid: a number', '1', 'HTTP/1.1'],
    ['invalid: control characters', '1.0\u0000', 'HTTP/1.1'],
    ['invalid: no text', 1, 'HTTP/1.1'],
  ])('%s: %s', async (name, value, line) => {
    const { ask, heads, diagnostics } = await site(stage, value === undefined ? {} : { 'proxy-http-version': value });
    expect((await ask()).body).toBe('ok');
    expect(version(heads()[0]!)).toBe(line);
    expect(diagnostics.length).toBe(name.startsWith('invalid') ? 1 : 0);
  });

  it('the ConfigMap says what holds without it, and the annotation is stronger', async () => {
    const translate = { proxyHttpVersion: '1.0' } as const;
    const plain = await site(stage, {}, { translate });
    await plain.ask();
    expect(version(plain.heads()[0]!)).toBe('HTTP/1.0');
    const own = await site(stage, { 'proxy-http-version': '1.1' }, { translate });
    await own.ask();
    expect(version(own.heads()[0]!)).toBe('HTTP/1.1');
  });

  it('says Connection: close, sends the body by its length, and reads a response of either version', async () => {
    const { ask, heads, backend } = await site(
      stage,
      { 'proxy-http-version': '1.0' },
      { answer: (_, socket) => (socket.end('HTTP/1.0 200 OK\r\n\r\nto the end'), null) },
    );
    const answer = await ask(['Content-Length: 2'], 'POST /x HTTP/1.1', 'ab');
    expect(answer.body).toBe('to the end');
    expect(heads()[0]!.filter((line) => /^(POST|connection|content-length)/i.test(line))).toEqual([
      'POST /x HTTP/1.0',
      'Connection: close',
      'Content-Length: 2',
    ]);
    await eventually(() => backend.received[0]!.endsWith('ab'));
  });

  it('a body of unknown length cannot be sent in it: 411', async () => {
    const { proxy, backend } = await site(stage, { 'proxy-http-version': '1.0' });
    const client = await stage.client(proxy.port);
    const head = 'POST / HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n';
    expect((await client.request(head)).status).toBe(411);
    expect(backend.sockets).toHaveLength(0);
  });

  it('no client of HTTP/1.1 waits for a backend that keeps an HTTP/1.0 connection open', async () => {
    const { ask, backend } = await site(
      stage,
      { 'proxy-http-version': '1.0' },
      { answer: () => response('ok', 'Connection: keep-alive\r\n') },
    );
    expect((await ask()).body).toBe('ok');
    expect((await ask()).body).toBe('ok');
    expect(backend.sockets).toHaveLength(2);
  });
});
