import { describe, expect, it } from 'vitest';
import {
  accessLine,
  escapeJson,
  escapeNone,
  longAccessLine,
  timeIso,
  type AccessRecord,
} from '../../src/observe/access-line.ts';

const RECORD: AccessRecord = {
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

const PLAIN = { remoteUser: '', alternativeName: '', failures: [], failed: false };

describe('a line of the access log', () => {
  it('has the format that ingress-nginx calls upstreaminfo', () => {
    expect(accessLine(RECORD)).toBe(
      '198.51.100.9 - - [22/Nov/2026:21:04:05 +0000] "GET /a?b=c HTTP/1.1" 200 512 "https://r.example/" "curl/8.0" 78 0.051 ' +
        '[default-app-80] [] 10.0.0.1:8080, 10.0.0.2:8080 500 0.050 200 0123456789abcdef0123456789abcdef',
    );
  });

  it('is the same by the code for rare lines', () => {
    for (const record of [RECORD, EMPTY]) expect(longAccessLine({ ...record, ...PLAIN })).toBe(accessLine(record));
  });

  it('names the user, and the canary', () => {
    const line = longAccessLine({ ...RECORD, ...PLAIN, remoteUser: 'an "n"', alternativeName: 'default-next-80' });
    expect(line).toContain('198.51.100.9 - an \\x22n\\x22 [');
    expect(line).toContain(' [default-app-80] [default-next-80] ');
  });

  it('lists what became of every try', () => {
    const failures = [
      { status: 502, responseTime: 0.001 },
      { status: 504, responseTime: 5 },
    ];
    const tried = { ...RECORD, ...PLAIN, upstreamAddresses: 'a, b, c', failures };
    expect(longAccessLine(tried)).toMatch(/ a, b, c 0, 0, 500 0\.001, 5\.000, 0\.050 502, 504, 200 [\da-f]{32}$/);
    expect(longAccessLine({ ...tried, upstreamAddresses: 'a, b', failed: true })).toMatch(
      / a, b 0, 0 0\.001, 5\.000 502, 504 [\da-f]{32}$/,
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

describe('escape=json', () => {
  it.each([
    ['plain', 'plain'],
    ['"\\', '\\"\\\\'],
    ['\n\r\t\b\f', '\\n\\r\\t\\b\\f'],
    ['\u0000\u001f', '\\u0000\\u001F'],
    ['\u007f\u00e4', '\u007f\u00e4'],
  ])('%j', (text, escaped) => {
    expect(escapeJson(text)).toBe(escaped);
    expect(JSON.parse(`"${escaped}"`)).toBe(text);
  });
});

describe('escape=none', () => {
  it('leaves everything but what would end the line', () => {
    expect(escapeNone('"\\\t\u00e4\r\n\0')).toBe('"\\\t\u00e4\\x0D\\x0A\\x00');
  });
});

it('the time of ISO 8601 is in UTC, as nginx writes it', () => {
  expect(timeIso(Date.UTC(2026, 10, 22, 21, 4, 5, 999))).toBe('2026-11-22T21:04:05+00:00');
});
