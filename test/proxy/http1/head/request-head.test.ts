import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRequestHead, RequestHead, type RequestHeadLimits } from '../../../../src/proxy/http1/head/request-head.ts';
import { sentBy } from '../../../support/text-sink.ts';

const LIMITS: RequestHeadLimits = {
  maxRequestHeadSize: 4096,
  maxRequestLineSize: 1024,
  maxRequestHeaders: 20,
  underscoresInHeaders: false,
  useForwardedHeaders: false,
};

function parse(text: string, limits: RequestHeadLimits = LIMITS): { end: number; head: RequestHead } {
  const bytes = Buffer.from(text, 'latin1');
  const head = new RequestHead();
  return { end: parseRequestHead(bytes, 0, bytes.length, head, limits), head };
}

/** The lines that would be forwarded. */
function forwarded(head: RequestHead): string {
  return sentBy((sink) => head.runs.sendText(sink, head.text));
}

const get = (fields: string, line = 'GET / HTTP/1.1'): string => `${line}\r\nHost: a\r\n${fields}\r\n`;

describe('request heads', () => {
  it('are parsed into method, target, host and the lines to forward', () => {
    const { end, head } = parse(
      'POST /p?q=1 HTTP/1.1\r\nHost: a.example:8080\r\nAccept: */*\r\nConnection: keep-alive\r\nX-A:  b \r\nContent-Length: 3\r\n\r\nabc',
    );
    expect(end).toBeGreaterThan(0);
    expect(head).toMatchObject({
      method: 'POST',
      target: '/p?q=1',
      rawPath: '/p',
      host: 'a.example:8080',
      contentLength: 3,
      keepAlive: true,
      accept: '*/*',
    });
    expect(forwarded(head)).toBe('Accept: */*\r\nX-A:  b \r\nContent-Length: 3\r\n');
  });

  it('skip empty lines before the request line (RFC 9112 §2.2)', () => {
    expect(parse('\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n').end).toBe(31);
  });

  it('know what keeps a connection open', () => {
    expect(parse(get('Connection: close\r\n')).head.keepAlive).toBe(false);
    expect(parse('GET / HTTP/1.0\r\n\r\n').head.keepAlive).toBe(false);
    // 0xa0 is no white space in HTTP, whatever it is in JavaScript (found by the fuzzer).
    expect(parse('GET / HTTP/1.0\r\nConnection: \xa0keep-alive\r\n\r\n').head.keepAlive).toBe(false);
    expect(parse('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n').head.keepAlive).toBe(true);
  });

  it('drop fields of one hop, of ours, and those Connection names; never what routes or frames (CVE-2024-45410)', () => {
    const fields =
      'Connection: x-drop, close, X-Forwarded-For, Authorization\r\nX-Drop: 1\r\nKeep: 2\r\nKeep-Alive: 3\r\nX-Real-IP: 4\r\nX-Forwarded-Proto: https\r\n' +
      'Proxy: http://evil\r\nAuthorization: b\r\nX-DROP: 5\r\nTE: trailers\r\nX-Forwarded-Prefix: /p\r\n';
    const { head } = parse(get(fields));
    expect(forwarded(head)).toBe('Keep: 2\r\nAuthorization: b\r\n');
    expect(head).toMatchObject({ keepAlive: false, acceptsTrailers: true, forwardedProto: 'https' });
  });

  it('drop names with underscores or odd characters, as nginx does, unless told otherwise', () => {
    expect(forwarded(parse(get('X_User: a\r\nX.Y: b\r\nOk: c\r\n')).head)).toBe('Ok: c\r\n');
    expect(forwarded(parse(get('X_User: a\r\nX.Y: b\r\n'), { ...LIMITS, underscoresInHeaders: true }).head)).toBe(
      'X_User: a\r\n',
    );
  });

  it('take an absolute-form target whose authority is the Host', () => {
    expect(parse('GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n').head).toMatchObject({
      host: 'A:80',
      target: '/x?y',
      rawPath: '/x',
    });
    expect(parse('GET http://a HTTP/1.1\r\nHost: a\r\n\r\n').head.target).toBe('/');
  });

  it('upgrade only on HTTP/1.1, without a body, and never to h2c', () => {
    expect(parse(get('Connection: Upgrade\r\nUpgrade: websocket\r\n')).head.upgrade).toBe('websocket');
    expect(parse(get('Upgrade: websocket\r\n')).head.upgrade).toBe('');
    expect(parse(get('Connection: upgrade\r\nUpgrade: h2c\r\n')).head.upgrade).toBe('');
    expect(parse(get('Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n')).head.upgrade).toBe('');
  });

  it.each([
    ['Content-Length with Transfer-Encoding', get('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n')],
    ['Transfer-Encoding with Content-Length', get('Transfer-Encoding: chunked\r\nContent-Length: 1\r\n')],
    ['two Content-Lengths', get('Content-Length: 1\r\nContent-Length: 1\r\n')],
    ['a list of Content-Lengths', get('Content-Length: 1, 1\r\n')],
    ['a signed Content-Length', get('Content-Length: +1\r\n')],
    ['an empty Content-Length', get('Content-Length: \r\n')],
    ['a hexadecimal Content-Length', get('Content-Length: 0x1\r\n')],
    ['a Content-Length beyond any', get('Content-Length: 18446744073709551617\r\n')],
    ['two Transfer-Encodings', get('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
    ['gzip, chunked', get('Transfer-Encoding: gzip, chunked\r\n')],
    ['xchunked', get('Transfer-Encoding: xchunked\r\n')],
    ['identity', get('Transfer-Encoding: identity\r\n')],
    ['chunked with a parameter', get('Transfer-Encoding: chunked;a=b\r\n')],
    ['chunked with a vertical tab', get('Transfer-Encoding:\x0bchunked\r\n')],
    ['chunked in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['space before the colon', get('X : 1\r\n')],
    ['a folded line', get('X: 1\r\n y\r\n')],
    ['a line without a colon', get('X\r\n')],
    ['an empty name', get(': x\r\n')],
    ['a leading space', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a bare LF after a field', get('X: 1\n')],
    ['a bare CR in a value', get('X: 1\r2\r\n')],
    ['a NUL in a value', get('X: \x00\r\n')],
    ['a DEL in a value', get('X: \x7f\r\n')],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost: \r\n\r\n'],
    ['a Host with a user', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n'],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a list of Hosts', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n'],
    ['an authority that is not the Host', 'GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an asterisk target', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an authority target', 'GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a space after the version', 'GET / HTTP/1.1 \r\nHost: a\r\n\r\n'],
    ['a tab as separator', 'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment', 'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a backslash', 'GET /\\a HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a raw byte above ASCII', 'GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a lower-case method', 'get / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HTTP/0.9', 'GET /\r\n\r\n'],
    ['a lower-case version', 'GET / http/1.1\r\nHost: a\r\n\r\n'],
    ['no version digit', 'GET / HTTP/1.x\r\nHost: a\r\n\r\n'],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00\x00'],
  ])('are refused with 400: %s', (_, text) => {
    const { end, head } = parse(text);
    expect(end).toBe(-1);
    expect(head.error.status).toBe(400);
  });

  it.each([
    ['another major version', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 505],
    ['an expectation we do not know', get('Expect: 200-ok\r\n'), 417],
    ['an obfuscated expectation', get('Expect: y 100-continue\r\n'), 417],
    ['a request line beyond the limit', `GET /${'a'.repeat(1100)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    ['a head beyond the limit', get(`X: ${'a'.repeat(5000)}\r\n`), 431],
    ['a field beyond the limit of a line', get(`X: ${'a'.repeat(1100)}\r\n`), 431],
    ['an endless name', get('a'.repeat(5000)), 431],
    ['more fields than the limit', get('X: 1\r\n'.repeat(20)), 431],
  ])('are refused: %s', (_, text, status) => {
    const { end, head } = parse(text);
    expect(end).toBe(-1);
    expect(head.error.status).toBe(status);
  });

  it('hold the limits exactly', () => {
    const line = `X: ${'a'.repeat(1000)}\r\n`;
    const exact = (size: number): string => {
      const head = get(`${line}${line}${line}${line}X: \r\n`);
      return head.replace('X: \r\n', `X: ${'a'.repeat(size - head.length)}\r\n`);
    };
    expect(parse(exact(4096)).end).toBe(4096);
    expect(parse(exact(4097)).end).toBe(-1);
    expect(parse(get('X: 1\r\n'.repeat(19))).end).toBeGreaterThan(0);
  });

  it('are read the same however they are cut, and never further than complete', () => {
    const text = 'GET /a/b?c=d HTTP/1.1\r\nHost: a.example\r\nX-Long-Name: some value\r\nContent-Length: 10\r\n\r\n';
    for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut)).end, `cut at ${cut}`).toBe(0);
    expect(parse(`${text}tail`).end).toBe(text.length);
  });

  it('never throw, and never say a garbled head is complete without its empty line', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(90), (noise, at) => {
        const text = 'GET /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n';
        const bytes = Buffer.concat([Buffer.from(text.slice(0, at)), noise, Buffer.from(text.slice(at))]);
        const head = new RequestHead();
        const end = parseRequestHead(bytes, 0, bytes.length, head, LIMITS);
        if (end > 0) expect(bytes.toString('latin1', end - 4, end)).toBe('\r\n\r\n');
      }),
      { numRuns: 2000 },
    );
  });
});
