import { describe, expect, it } from 'vitest';
import { redirect } from '../../../src/policies/answer.ts';
import {
  answerFields,
  interimFields,
  responseFields,
  sizeOf,
  trailerFields,
} from '../../../src/proxy/http2/response-fields.ts';
import { parseResponseHead, ResponseHead } from '../../../src/proxy/http1/head/response-head.ts';
import { proxySettings } from '../../support/proxy.ts';

function parsed(text: string): ResponseHead {
  const head = new ResponseHead();
  // Not at the beginning of what was read.
  const bytes = Buffer.from(`....${text}`, 'latin1');
  expect(parseResponseHead(bytes, 4, bytes.length, head, proxySettings({ strictTransportSecurity: null }))).toBe(bytes.length);
  return head;
}

describe('a response', () => {
  it('has its status first, names in lower case, values without white space around', () => {
    const head = parsed(
      'HTTP/1.1 201 Made\r\nX-A:  a b\t\r\nSet-Cookie: 1\r\nset-cookie: 2\r\nEmpty:\r\nX-Latin: \xe9\r\n\r\n',
    );
    expect(responseFields(head, 201, 'max-age=1', '')).toEqual([
      ':status', '201', 'x-a', 'a b', 'set-cookie', '1', 'set-cookie', '2', 'empty', '', 'x-latin', '\xe9',
      'strict-transport-security', 'max-age=1',
    ]); // prettier-ignore
  });

  it('leaves out what is for one hop', () => {
    const head = parsed(
      'HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nTransfer-Encoding: chunked\r\nUpgrade: h2c\r\n' +
        'TE: x\r\nTrailer: x\r\nProxy-Connection: x\r\nHTTP2-Settings: x\r\nX-Kept: 1\r\n\r\n',
    );
    expect(responseFields(head, 200, null, '')).toEqual([':status', '200', 'x-kept', '1']);
  });

  it('of our own has its length and its further fields', () => {
    const answer = redirect(308, 'https://app.example/');
    expect(answerFields(answer, null)).toEqual([
      ':status', '308', 'content-type', 'text/html', 'content-length', String(answer.body.length), 'location', 'https://app.example/',
    ]); // prettier-ignore
  });

  it('that is interim has lists where names come again', () => {
    expect(interimFields(parsed('HTTP/1.1 103 Early\r\nLink: a\r\nX: 1\r\nlink: b\r\nLINK: c\r\n\r\n'))).toEqual({
      ':status': '103',
      link: ['a', 'b', 'c'],
      x: '1',
    });
  });

  it('has trailers that are named as they like', () => {
    const fields = trailerFields('X-A: 1\r\n__proto__: 2\r\nconstructor: 3\r\n');
    expect(Object.entries(fields)).toEqual([
      ['x-a', '1'],
      ['__proto__', '2'],
      ['constructor', '3'],
    ]);
    expect(trailerFields('')).toEqual({});
  });

  it('is as large as its lines would be', () => {
    expect(sizeOf(['x-a', '1'])).toBe('x-a: 1\r\n'.length);
  });
});
