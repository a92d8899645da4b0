/**
 * D6, R35. What HTTP/2 carries as lengths becomes text with delimiters: a client that puts delimiters into names and values, or says of the body what is not
 * true, would write a request of its own to the backend. Source: J. Kettle, "HTTP/2: The Sequel is Always Worse", 2021; RFC 9113 §8.2, §8.3, §10.3;
 * HAProxy CVE-2026-33555.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Field, data, headers, request } from '../../support/http2/frames.ts';
import { RawHttp2 } from '../../support/http2/raw.ts';
import { response, type RawBackend, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();
let backend: RawBackend;
let proxy: TestProxy;

beforeAll(async () => {
  backend = await stage.backend(() => response('ok'));
  proxy = await stage.proxyTo([backend.port]);
});

afterAll(() => stage.close());

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n';

let taken: readonly number[] = [];

/** All that backends were sent since the last call. */
function sent(): string {
  const news = backend.received.map((text, connection) => text.slice(taken[connection] ?? 0));
  taken = backend.received.map(({ length }) => length);
  return news.join('');
}

/** Sends frames on stream 1 of a connection of its own; returns how the stream fared. */
async function outcome(...frames: readonly Buffer[]): Promise<string> {
  const client = stage.opened(await RawHttp2.connect(proxy.httpsPort));
  client.send(...frames);
  const result = await client.outcome(1);
  client.close();
  return result;
}

const REFUSED = /^(?:reset 1|goaway \d|closed|status 4\d\d)$/;

/** The pseudo-header fields of a GET, one of them replaced. */
function having(name: string, value: string, ...more: readonly Field[]): readonly Field[] {
  return [...request().map((field) => (field[0] === name ? ([name, value] as const) : field)), ...more];
}

function also(...more: readonly Field[]): readonly Field[] {
  return [...request(), ...more];
}

describe('D6: nothing of it reaches the backend', () => {
  const cases: readonly (readonly [string, readonly Field[]])[] = [
    ['a line break in :path', having(':path', `/ HTTP/1.1\r\nHost: app.example\r\n\r\n${SMUGGLED}`)],
    ['a bare LF in :path', having(':path', '/\nx-smuggled: 1')],
    ['a bare CR in :path', having(':path', '/\rx-smuggled: 1')],
    ['a space in :path', having(':path', '/smuggled HTTP/1.1')],
    ['a tab in :path', having(':path', '/\tsmuggled')],
    ['NUL in :path', having(':path', '/\0smuggled')],
    ['a byte above ASCII in :path', having(':path', '/\xe9')],
    ['a fragment in :path', having(':path', '/a#smuggled')],
    ['a backslash in :path', having(':path', '\\smuggled')],
    ['an absolute URI in :path', having(':path', 'http://other.example/smuggled')],
    ['an authority in :path', having(':path', '@other.example/smuggled')],
    ['"*" in :path of a GET', having(':path', '*')],
    ['a line break in :method', having(':method', 'GET / HTTP/1.1\r\nHost: a\r\n\r\nGET')],
    ['a space in :method', having(':method', 'GET /smuggled')],
    ['a colon in :method', having(':method', 'GET:')],
    ['lower case in :method', having(':method', 'get')],
    ['an empty :method', having(':method', '')],
    ['a line break in :authority', having(':authority', 'app.example\r\nx-smuggled: 1')],
    ['a space in :authority', having(':authority', 'app.example smuggled')],
    ['a user in :authority', having(':authority', 'smuggled@app.example')],
    ['a path in :authority', having(':authority', 'app.example/smuggled')],
    ['a list in :authority', having(':authority', 'app.example, smuggled')],
    ['a line break in :scheme', having(':scheme', 'https\r\nx-smuggled: 1')],
    ['a URI in :scheme', having(':scheme', 'https://smuggled/?')],
    ['another scheme', having(':scheme', 'ftp')],
    ['host beside another :authority', also(['host', 'smuggled.example'])],
    ['host twice', also(['host', 'app.example'], ['host', 'app.example'])],
    ['host twice, without :authority', [...request().filter(([name]) => name !== ':authority'), ['host', 'app.example'], ['host', 'smuggled.example']]],
    [':path twice', [...request(), [':path', '/smuggled']]],
    [':authority twice', [...request(), [':authority', 'smuggled.example']]],
    ['a pseudo-header field nobody knows', [...request(), [':smuggled', '1']]],
    ['transfer-encoding', also(['transfer-encoding', 'chunked'])],
    ['connection', also(['connection', 'x-real-ip'])],
    ['upgrade', also(['upgrade', 'websocket'])],
    ['keep-alive', also(['keep-alive', 'timeout=1'])],
    ['proxy-connection', also(['proxy-connection', 'close'])],
    ['te: chunked', also(['te', 'chunked'])],
    ['te: trailers, chunked', also(['te', 'trailers, chunked'])],
    ['content-length of what does not come', also(['content-length', '40'])],
    ['content-length twice', also(['content-length', '0'], ['content-length', '5'])],
    ['a content-length that is a list', also(['content-length', '0, 0'])],
    ['a content-length with a sign', also(['content-length', '-1'])],
    ['a content-length in hexadecimal', also(['content-length', '0x5'])],
    ['a name in upper case', also(['X-Smuggled', '1'])],
    ['CONNECT', [[':method', 'CONNECT'], [':authority', 'smuggled.example:22']]],
    ['extended CONNECT to an unknown protocol', [...having(':method', 'CONNECT'), [':protocol', 'smuggled']]],
    ['extended CONNECT with a content-length', [...having(':method', 'CONNECT'), [':protocol', 'websocket'], ['content-length', '0']]],
    [':protocol without CONNECT', [...request(), [':protocol', 'websocket']]],
  ]; // prettier-ignore

  it.for(cases)('D6: %s', async ([, fields]) => {
    const result = await outcome(headers(1, fields));
    expect(result).toMatch(REFUSED.test(result) ? REFUSED : /^status 501$/);
    expect(sent()).toBe('');
  });

  it('D6: of all these the connection that did nothing knows nothing', async () => {
    expect(await outcome(headers(1, request('/good')))).toBe('status 200');
    expect(sent()).toMatch(/^GET \/good HTTP\/1\.1\r\nHost: app\.example\r\n/);
  });
});

describe('D6: a field with a delimiter in it', () => {
  // nghttp2 leaves such a field out, as nginx does with those it calls invalid; what counts is that no byte of it is passed on.
  const fields: readonly (readonly [string, Field])[] = [
    ['a line break in a value', ['x-a', 'b\r\nx-smuggled: 1']],
    ['a whole request in a value', ['x-a', `b\r\n\r\n${SMUGGLED}`]],
    ['a bare LF in a value', ['x-a', 'b\nx-smuggled: 1']],
    ['a bare CR in a value', ['x-a', 'b\rx-smuggled: 1']],
    ['NUL in a value', ['x-a', 'b\0smuggled']],
    ['a line break in a name', ['x-a: b\r\nx-smuggled', '1']],
    ['a colon in a name', ['x-smuggled: 1\r\nx-b', '1']],
    ['only a colon in a name', ['x-smuggled:', '1']],
    ['a colon and a value in a name', ['transfer-encoding: chunked, x-smuggled', '1']],
    ['a space in a name', ['x-smuggled ', '1']],
    ['a tab in a name', ['x-smuggled\t', '1']],
    ['an empty name', ['', 'smuggled']],
    ['white space before content-length', ['content-length', ' 5smuggled']],
  ];

  it.for(fields)('D6: %s', async ([, field]) => {
    const result = await outcome(headers(1, also(field)));
    const forwarded = sent();
    expect(forwarded).not.toContain('smuggled');
    if (result === 'status 200') expect(forwarded.match(/HTTP\/1\.1\r\n/g)).toHaveLength(1);
    else expect(result).toMatch(REFUSED);
  });
});

describe('D6: what the body says', () => {
  const post = request('/', 'POST');

  it('D6: a content-length larger than the body is never a whole request', async () => {
    const result = await outcome(headers(1, [...post, ['content-length', '40']], false), data(1, 'short', true));
    expect(result).toMatch(REFUSED);
    const forwarded = sent();
    expect(forwarded === '' || forwarded.includes('content-length: 40')).toBe(true);
    // Were the connection kept, the next request would be the rest of the body.
    expect(await outcome(headers(1, request('/next')))).toBe('status 200');
    expect(sent()).toMatch(/^GET \/next /);
  });

  it('D6: what is beyond the content-length is no request', async () => {
    const result = await outcome(headers(1, [...post, ['content-length', '2']], false), data(1, `ok${SMUGGLED}`, true));
    expect(result).toMatch(REFUSED);
    expect(sent()).not.toContain('smuggled');
  });

  it('D6: a body that looks like chunks is framed by us', async () => {
    expect(await outcome(headers(1, post, false), data(1, `0\r\n\r\n${SMUGGLED}`, true))).toBe('status 200');
    const forwarded = sent();
    expect(forwarded).toContain('\r\nTransfer-Encoding: chunked\r\n\r\n');
    expect(forwarded).toContain(`\r\n${(5 + SMUGGLED.length).toString(16)}\r\n0\r\n\r\n${SMUGGLED}\r\n0\r\n\r\n`);
  });

  it('D6: trailers that frame or route are left out', async () => {
    const trailers: readonly Field[] = [['x-checksum', '1'], ['host', 'smuggled'], ['x-forwarded-for', 'smuggled']]; // prettier-ignore
    expect(await outcome(headers(1, post, false), data(1, 'body'), headers(1, trailers))).toBe('status 200');
    const forwarded = sent();
    expect(forwarded).toMatch(/\r\n0\r\nx-checksum: 1\r\n\r\n$/);
    expect(forwarded).not.toContain('smuggled');
  });

  it('D6: a client cannot speak in our name', async () => {
    expect(
      await outcome(
        headers(
          1,
          also(
            ...['x-forwarded-for', 'x-real-ip', 'x-forwarded-host', 'ssl-client-verify', 'proxy'].map(
              (name) => [name, 'smuggled'] as const,
            ),
            ['http2-settings', 'smuggled'],
          ),
        ),
      ),
    ).toBe('status 200');
    const forwarded = sent();
    expect(
      forwarded.split('\r\n').filter((line) => line.includes('smuggled') && !line.startsWith('X-Original-Forwarded-')),
    ).toEqual([]);
  });

  it('D6: a host that is said twice, alike, is one', async () => {
    expect(await outcome(headers(1, also(['host', 'APP.example'])))).toBe('status 200');
    expect(sent().match(/^host:/gim)).toHaveLength(1);
  });
});
