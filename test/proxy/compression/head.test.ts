/** The lines of response heads before and after compression. */
import { describe, expect, it } from 'vitest';
import { codableType, copyHead, linesOf, variedLines } from '../../../src/proxy/compression/head.ts';
import { parseResponseHead, ResponseHead } from '../../../src/proxy/http1/head/response-head.ts';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';

describe('codableType', () => {
  it.each([
    ['Content-Type: text/css\r\n', 'text/css'],
    ['content-TYPE:\tTEXT/Css ; charset=utf-8\r\n', 'text/css'],
    ['Content-Type: text/css;charset=utf-8\r\n', 'text/css'],
    ['Content-Type: text/css, text/html\r\n', 'text/css'],
    ['X: y\r\n', ''],
    ['Content-Encoding:\r\nContent-Type: a/b\r\n', 'a/b'],
    ['Content-Encoding: gzip\r\nContent-Type: a/b\r\n', null],
    ['content-encoding:identity\r\nContent-Type: a/b\r\n', null],
    ['Cache-Control: no-transform\r\nContent-Type: a/b\r\n', null],
    ['Cache-Control: public,max-age=5 , NO-Transform\r\nContent-Type: a/b\r\n', null],
    ['Cache-Control: private\r\nCache-Control: no-transform, public\r\n', null],
    ['Cache-Control: no-transformer, x-no-transform\r\nContent-Type: a/b\r\n', 'a/b'],
    ['Content-Digest: sha-256=:x:\r\nContent-Type: a/b\r\n', null],
    ['Repr-Digest: sha-256=:x:\r\n', null],
    ['Digest: x\r\n', null],
    ['Content-MD5: x\r\n', null],
    ['X-Digest: x\r\nContent-Type: a/b\r\n', 'a/b'],
    ['Content-Type: application/grpc\r\n', null],
    ['Content-Type: application/grpc+proto\r\n', null],
    ['Content-Type: application/grpc-web-text\r\n', null],
  ])('of %j is %s', (lines, type) => {
    expect(codableType(lines)).toBe(type);
  });
});

describe('variedLines', () => {
  const OWN = 'Content-Encoding: br\r\n';
  it.each([
    ['', `Vary: Accept-Encoding\r\n${OWN}`],
    ['Vary: Origin\r\n', `Vary: Origin, Accept-Encoding\r\n${OWN}`],
    ['Vary:\r\n', `Vary: Accept-Encoding\r\n${OWN}`],
    ['Vary: A\r\nVary: B\r\n', `Vary: A, Accept-Encoding\r\nVary: B\r\n${OWN}`],
    ['Vary: A\r\nVary: x,accept-encoding\r\n', `Vary: A\r\nVary: x,accept-encoding\r\n${OWN}`],
    ['Vary: *\r\n', `Vary: *\r\n${OWN}`],
    ['Vary: X-Accept-Encoding\r\n', `Vary: X-Accept-Encoding, Accept-Encoding\r\n${OWN}`],
    ['ETag: "x"\r\n', `ETag: W/"x"\r\nVary: Accept-Encoding\r\n${OWN}`],
    ['etag:W/"x"\r\n', `etag:W/"x"\r\nVary: Accept-Encoding\r\n${OWN}`],
    ['ETag: x\r\n', `Vary: Accept-Encoding\r\n${OWN}`],
    ['Content-Length: 5\r\nAccept-Ranges: bytes\r\nA: b\r\n', `A: b\r\nVary: Accept-Encoding\r\n${OWN}`],
  ])('of %j, compressed, are %j', (lines, changed) => {
    expect(variedLines(lines, 'br')).toBe(changed);
  });

  it('only vary where the body is sent as it came', () => {
    const lines = 'ETag: "x"\r\nContent-Length: 5\r\nAccept-Ranges: bytes\r\n';
    expect(variedLines(lines, null)).toBe(`${lines}Vary: Accept-Encoding\r\n`);
    expect(variedLines(`${lines}Vary: accept-encoding\r\n`, null)).toBe(`${lines}Vary: accept-encoding\r\n`);
  });

  it('are made in time that grows with their length, whatever a backend sends', () => {
    const spaces = ' '.repeat(15_000);
    const lines = [
      `Vary: a${spaces}b`,
      `ETag:${spaces}"x"${spaces}`,
      `Cache-Control: ${'no-transform '.repeat(1000)}`,
      `Content-Type:${spaces}`,
    ];
    // A pattern that backtracks takes minutes for these, and the test its time limit.
    for (let i = 0; i < 50; i++) for (const line of lines) variedLines(`${line}\r\n`, codableType(`${line}\r\n`));
    expect(variedLines(`${lines[1]}\r\n`, 'br')).toContain('ETag: W/"x"\r\n');
  });
});

describe('copyHead', () => {
  it('keeps the status line and what was forwarded', () => {
    const text = 'HTTP/1.0 404 Nope\r\nConnection: x-hop\r\nX-Hop: 1\r\nServer: s\r\nA: b\r\nContent-Length: 3\r\n\r\n';
    const bytes = Buffer.from(`..${text}`, 'latin1');
    const from = new ResponseHead();
    expect(parseResponseHead(bytes, 2, bytes.length, from, DEFAULT_SETTINGS.proxy)).toBe(bytes.length);
    expect(linesOf(from)).toBe('A: b\r\nContent-Length: 3\r\n');
    const to = new ResponseHead();
    copyHead(from, 'New: line\r\n', -1, to);
    expect(to).toMatchObject({ status: 404, contentLength: -1, hasDate: false });
    expect(linesOf(to)).toBe('New: line\r\n');
    expect(to.text).toBe('HTTP/1.0 404 Nope\r\nNew: line\r\n\r\n');
  });
});
