import { describe, expect, it } from 'vitest';
import { parseResponseHead, ResponseHead, type ResponseHeadLimits } from '../../../../src/proxy/http1/head/response-head.ts';
import { sentBy } from '../../../support/text-sink.ts';

const LIMITS: ResponseHeadLimits = {
  maxResponseHeadSize: 1024,
  maxResponseHeaders: 10,
  allowBackendServerHeader: false,
  strictTransportSecurity: null,
};

function parse(text: string, limits: ResponseHeadLimits = LIMITS): { end: number; head: ResponseHead } {
  const bytes = Buffer.from(text, 'latin1');
  const head = new ResponseHead();
  return { end: parseResponseHead(bytes, 0, bytes.length, head, limits), head };
}

function forwarded(head: ResponseHead): string {
  return sentBy((sink) => head.runs.sendText(sink, head.text));
}

const ok = (fields: string): string => `HTTP/1.1 200 OK\r\n${fields}\r\n`;

describe('response heads', () => {
  it('are parsed into status, framing and the lines to forward', () => {
    const { end, head } = parse(
      ok(
        'Server: x\r\nDate: d\r\nContent-Length: 5\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nX-Accel-Redirect: /s\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n',
      ),
    );
    expect(end).toBeGreaterThan(0);
    expect(head).toMatchObject({ status: 200, contentLength: 5, keepAlive: true, hasDate: true });
    expect(forwarded(head)).toBe('Date: d\r\nContent-Length: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n');
  });

  it('pass Server and Strict-Transport-Security as the settings say', () => {
    const text = ok('Server: x\r\nStrict-Transport-Security: y\r\n');
    expect(forwarded(parse(text).head)).toBe('Strict-Transport-Security: y\r\n');
    expect(forwarded(parse(text, { ...LIMITS, allowBackendServerHeader: true, strictTransportSecurity: 'z' }).head)).toBe(
      'Server: x\r\n',
    );
  });

  it('may lack a reason, and the space before it', () => {
    const { head } = parse('HTTP/1.1 200\r\n\r\n');
    expect(sentBy((sink) => head.sendTo(sink))).toBe('HTTP/1.1 200\r\n');
    expect(parse('HTTP/1.0 404 \r\n\r\n').head).toMatchObject({ status: 404, keepAlive: false });
  });

  it.each([
    ['Content-Length with Transfer-Encoding', ok('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n')],
    ['two Content-Lengths', ok('Content-Length: 1\r\nContent-Length: 1\r\n')],
    ['two Transfer-Encodings', ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n')],
    ['another Transfer-Encoding', ok('Transfer-Encoding: gzip\r\n')],
    ['chunked in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['status 99', 'HTTP/1.1 099 X\r\n\r\n'],
    ['status 999', 'HTTP/1.1 999 X\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['HTTP/0.9', '<html>hello</html>\r\n\r\n'],
    ['TLS', '\x15\x03\x01\x00\x02\x02\x50'],
    ['a folded line', ok('X: 1\r\n y\r\n')],
    ['space before the colon', ok('X : 1\r\n')],
    ['a bare LF', 'HTTP/1.1 200 OK\nX: 1\n\n'],
    ['a NUL', ok('X: \x00\r\n')],
    ['too many fields', ok('X: 1\r\n'.repeat(11))],
    ['too long a head', ok(`X: ${'a'.repeat(2000)}\r\n`)],
  ])('are refused: %s', (_, text) => {
    expect(parse(text).end).toBe(-1);
  });

  it('say which refusals are about size', () => {
    expect(parse(ok(`X: ${'a'.repeat(2000)}\r\n`)).head.tooLarge).toBe(true);
    expect(parse(ok('X : 1\r\n')).head.tooLarge).toBe(false);
  });

  it('are incomplete at every cut', () => {
    const text = ok('Content-Length: 5\r\nX-Name: value\r\n');
    for (let cut = 0; cut < text.length; cut++) expect(parse(text.slice(0, cut)).end, `cut at ${cut}`).toBe(0);
  });
});
