/**
 * Upstreams that do not speak HTTP/1.1, or speak it so that two readers understand it differently: what we passed on, a client
 * might read as something else. Source: RFC 9112 §4 to §6, RFC 9110 §15.2; HTTP/0.9 answers and response smuggling; floods of
 * 1xx (reliability reference C10 and C11).
 */
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';
import { response } from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const { maxResponseHeadSize, maxResponseHeaders } = DEFAULT_SETTINGS.proxy;
const ok = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;
const fields = (count: number): string => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('');

/** A head of this size, its last empty line included. */
function sized(size: number): string {
  const rest = ok('Content-Length: 0\r\nX: \r\n').length;
  return ok(`Content-Length: 0\r\nX: ${'a'.repeat(size - rest)}\r\n`);
}

describe('C10: an upstream that answers', () => {
  it.each([
    ['garbage', 'garbage\r\n\r\n'],
    ['an alert of TLS', '\x15\x03\x01\x00\x02\x02\x46'],
    ['a handshake of TLS', `\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03${'\x00'.repeat(110)}`],
    ['as HTTP/0.9', '<html>hello</html>'],
    ['as SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['as HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['as HTTP/1.2', 'HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['with NULs', `${'\0'.repeat(1000)}\r\n\r\n`],
    ['with the status 99', 'HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n'],
    ['with the status 099', 'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n'],
    ['with the status 999', 'HTTP/1.1 999 High\r\nContent-Length: 0\r\n\r\n'],
    ['with the status 20', 'HTTP/1.1 20 Short\r\nContent-Length: 0\r\n\r\n'],
    ['with the status 2000', 'HTTP/1.1 2000 Long\r\nContent-Length: 0\r\n\r\n'],
    ['with the status 2e2', 'HTTP/1.1 2e2 Odd\r\nContent-Length: 0\r\n\r\n'],
    ['Content-Length with Transfer-Encoding', ok('Content-Length: 1\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    ['two different Content-Lengths', ok('Content-Length: 1\r\nContent-Length: 2\r\n', 'ab')],
    ['a list as Content-Length', ok('Content-Length: 1, 2\r\n', 'ab')],
    ['a negative Content-Length', ok('Content-Length: -1\r\n')],
    ['a Content-Length in hex', ok('Content-Length: 0x10\r\n')],
    ['a Content-Length beyond all numbers', ok(`Content-Length: ${'9'.repeat(30)}\r\n`)],
    ['a Transfer-Encoding that is not chunked', ok('Transfer-Encoding: gzip\r\n', 'x')],
    ['chunked twice', ok('Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n')],
    ['a folded line', ok('X: a\r\n b\r\nContent-Length: 0\r\n')],
    ['a space before a colon', ok('Content-Length : 0\r\n')],
    ['a line without a colon', ok('nonsense\r\nContent-Length: 0\r\n')],
    ['a bare LF in a field', ok('X: a\nContent-Length: 0\r\n')],
    ['a bare CR in a field', ok('X: a\rContent-Length: 5\r\nContent-Length: 0\r\n')],
    ['a NUL in a field', ok('X: a\0b\r\nContent-Length: 0\r\n')],
    ['a head of a byte too much', sized(maxResponseHeadSize + 1)],
    ['a head without an end', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(100_000)}`],
    ['a field too many', ok(fields(maxResponseHeaders + 1))],
    ['300 fields', ok(fields(300))],
  ])('%s is 502, once, with nothing of it; others are served', async (_, wire) => {
    const upstream = await stage.backend((__, socket) => {
      socket.end(wire, 'latin1');
      return null;
    });
    const well = await stage.backend(() => response('well'));
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    const answer = await client.request(GET);
    expect(answer.status).toBe(502);
    expect(answer.headers.has('x')).toBe(false);
    expect(client.buffer).toBe('');
    // Nor is it tried elsewhere: the upstream has done what it was asked for.
    const both = await stage.proxyTo([upstream.port, well.port]);
    const statuses = [await client.request(GET), await exchange(both.port, GET), await exchange(both.port, GET)];
    expect(statuses.map(({ status }) => status).sort()).toEqual([200, 502, 502]);
  });

  it.each([
    ['a head of just the size', sized(maxResponseHeadSize)],
    ['just as many fields as may be', ok(`Content-Length: 0\r\n${fields(maxResponseHeaders - 1)}`)],
    ['no reason', 'HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n'],
    ['as HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ])('%s is served', async (_, wire) => {
    const upstream = await stage.backend(() => wire);
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    for (let i = 0; i < 2; i++) expect((await client.request(GET)).status).toBe(200);
  });
});

describe('C11: interim responses', () => {
  const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';

  async function through(wire: string): Promise<number[]> {
    const upstream = await stage.backend(() => wire);
    const proxy = await stage.proxyTo([upstream.port]);
    const client = await stage.client(proxy.port);
    client.send(GET);
    const statuses = [(await client.response()).status];
    while (statuses.at(-1)! < 200) statuses.push((await client.response()).status);
    // The next request is another exchange.
    client.send('GET / HTTP/1.1\r\nHost: other\r\n\r\n');
    expect((await client.response()).status).toBe(404);
    return statuses;
  }

  it.each<[string, string, number[]]>([
    ['100 that nobody asked for is dropped', 'HTTP/1.1 100 Continue\r\n\r\n', [200]],
    ['102 is passed on', 'HTTP/1.1 102 Processing\r\n\r\n', [102, 200]],
    ['103 is passed on', INTERIM, [103, 200]],
    ['ten of 103 are passed on', INTERIM.repeat(10), [...Array.from({ length: 10 }, () => 103), 200]],
    ['100, 102 and 103 in a row', `HTTP/1.1 100 C\r\n\r\nHTTP/1.1 102 P\r\n\r\n${INTERIM}`, [102, 103, 200]],
  ])('%s', async (_, wire, statuses) => {
    expect(await through(wire + response('x'))).toEqual(statuses);
  });

  it.each([
    ['eleven', INTERIM.repeat(11)],
    ['ten thousand', INTERIM.repeat(10_000)],
    ['ten thousand of 100, which are not passed on', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(10_000)],
  ])('%s are cut at ten with 502', async (_, wire) => {
    const statuses = await through(wire + response('x'));
    expect(statuses.at(-1)).toBe(502);
    expect(statuses.length).toBeLessThanOrEqual(11);
  });

  it('101 that nobody asked for is 502, and nobody gets what follows', async () => {
    expect(await through('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\npoison')).toEqual([502]);
  });
});
