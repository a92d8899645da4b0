import { describe, expect, it } from 'vitest';
import { accessLine, type AccessRecord } from '../../src/observe/access-line.ts';

const RECORD: AccessRecord = {
  remoteUser: '',
  alternativeName: '',
  failures: [],
  failed: false,
  remoteAddress: '198.51.100.9',
  time: Date.UTC(2026, 10, 22, 21, 4, 5, 999),
  request: 'GET /a?b=c HTTP/1.1',
  status: 200,
  bodyBytesSent: 512,
  referer: 'https://r.example/',
  userAgent: 'curl/8.0',
  requestLength: 78,
  requestTime: 0.0514,
  upstreamName: 'default-app-80',
  upstreamAddresses: '10.0.0.1:8080, 10.0.0.2:8080',
  upstreamResponseLength: 500,
  upstreamResponseTime: 0.05,
  upstreamStatus: 200,
  requestId: '0123456789abcdef0123456789abcdef',
};

const EMPTY: AccessRecord = {
  remoteUser: '',
  alternativeName: '',
  failures: [],
  failed: false,
  remoteAddress: '::1',
  time: 0,
  request: '',
  status: 400,
  bodyBytesSent: 0,
  referer: '',
  userAgent: '',
  requestLength: 0,
  requestTime: 0,
  upstreamName: '',
  upstreamAddresses: '',
  upstreamResponseLength: 0,
  upstreamResponseTime: 0,
  upstreamStatus: 0,
  requestId: '',
};

describe('a line of the access log', () => {
  it('has the format that ingress-nginx calls upstreaminfo', () => {
    expect(accessLine(RECORD)).toBe(
      '198.51.100.9 - - [22/Nov/2026:21:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 512 "https://r.example/" "curl/8.0" 78 0.051 ' +
        '[default-app-80] [] 10.0.0.1:8080, 10.0.0.2:8080 500 0.050 200 0123456789abcdef0123456789abcdef',
    );
  });

  it('has "-" for what is not there', () => {
    expect(accessLine(EMPTY)).toBe('::1 - - [01/Jan/1970:00:00:00 +0000] "-" 400 0 "-" "-" 0 0.000 [] [] - - - - -');
  });

  it('keeps what is known of an upstream that did not answer', () => {
    expect(accessLine({ ...RECORD, upstreamStatus: 0, upstreamResponseLength: 0, upstreamAddresses: '10.0.0.1:8080' })).toMatch(
      / \[default-app-80\] \[\] 10\.0\.0\.1:8080 0 0\.050 - [0-9a-f]{32}$/,
    );
  });

  it('has the time of its own request, second by second', () => {
    const times = [0, 999, 1000, 86_399_999, 0].map((time) => /\[(\d.*?)\]/.exec(accessLine({ ...EMPTY, time }))?.[1]);
    expect(times).toEqual([
      '01/Jan/1970:00:00:00 +0000',
      '01/Jan/1970:00:00:00 +0000',
      '01/Jan/1970:00:00:01 +0000',
      '01/Jan/1970:23:59:59 +0000',
      '01/Jan/1970:00:00:00 +0000',
    ]);
  });

  it.each([
    ['"', String.raw`\x22`],
    ['\\', String.raw`\x5C`],
    ['\n', String.raw`\x0A`],
    ['\r', String.raw`\x0D`],
    ['\u0000', String.raw`\x00`],
    ['\u001b[2J', String.raw`\x1B[2J`],
    ['\u007f', String.raw`\x7F`],
    ['\u0085', String.raw`\x85`],
    ['\u00e4', String.raw`\xE4`],
    ['a "b" \\c', String.raw`a \x22b\x22 \x5Cc`],
  ])('escapes %j wherever a client can put it', (text, escaped) => {
    const line = accessLine({ ...RECORD, request: text, referer: text, userAgent: text, requestId: text });
    expect(line).toBe(
      `198.51.100.9 - - [22/Nov/2026:21:04:05 +0000] "${escaped}" 200 512 "${escaped}" "${escaped}" 78 0.051 ` +
        `[default-app-80] [] 10.0.0.1:8080, 10.0.0.2:8080 500 0.050 200 ${escaped}`,
    );
  });
});
