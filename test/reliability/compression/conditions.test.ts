/**
 * Threat: a response is compressed that must not be (for this client, by its sender's word, or a second time), or a cache gives what
 * is compressed to a client that cannot read it. Source: RFC 9110 §7.7, §8.8.3, §12.5.3, §12.5.5; nginx's gzip and brotli filters.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { ALL_CODINGS, decoded, get, prose } from '../../support/coded.ts';
import { proxySettings, response } from '../../support/proxy.ts';
import type { RawClient, RawResponse } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const BODY = prose(2000);
const HTML = 'Content-Type: text/html; charset=utf-8\r\n';
const GZIP: Partial<ProxySettings> = { useGzip: true };

/** A client of a proxy before a backend that answers so. */
async function clientOf(settings: Partial<ProxySettings>, answer: string | ((head: string) => string)): Promise<RawClient> {
  const backend = await stage.backend((head) => (typeof answer === 'string' ? answer : answer(head)));
  return stage.client((await stage.proxyTo([backend.port], settings)).port);
}

/** What became of it: the coding, and whether it varies. */
function outcome({ headers }: RawResponse): [string | null, string | null] {
  return [headers.get('content-encoding')?.join() ?? null, headers.get('vary')?.join() ?? null];
}

const COMPRESSED = ['gzip', 'Accept-Encoding'];
const VARIED = [null, 'Accept-Encoding'];
const PLAIN = [null, null];

async function ask(
  fields: string,
  { settings = GZIP, accept = 'gzip', status = '200 OK', body = BODY, more = '' } = {},
): Promise<RawResponse> {
  const client = await clientOf(settings, `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`);
  const reply = await client.request(get(accept, more));
  const coding = reply.headers.get('content-encoding')?.join();
  // Whatever was decided, the body is the body.
  expect(coding === 'gzip' && !fields.includes('Content-Encoding') ? decoded('gzip', reply.body) : reply.body).toBe(body);
  return reply;
}

describe('nothing', () => {
  it('is done unless a coding is turned on', async () => {
    expect(outcome(await ask(HTML, { settings: {}, accept: 'gzip, br, zstd' }))).toEqual(PLAIN);
  });
});

describe('a response', () => {
  it.each([
    ['200 OK', COMPRESSED],
    ['403 No', COMPRESSED],
    ['404 No', COMPRESSED],
    ['201 Created', PLAIN],
    ['206 Partial Content', PLAIN],
    ['301 Moved', PLAIN],
    ['400 Bad', PLAIN],
    ['500 Oh', PLAIN],
  ])('of status %s', async (status, expected) => {
    const range = status.startsWith('206') ? 'Content-Range: bytes 0-1999/5000\r\n' : '';
    const reply = await ask(`${HTML}${range}ETag: "x"\r\n`, { status });
    expect(outcome(reply)).toEqual(expected);
    expect(reply.headers.get('etag')).toEqual([expected === COMPRESSED ? 'W/"x"' : '"x"']);
  });

  it.each(['204 No Content', '304 Not Modified'])('without a body, of status %s, is left alone', async (status) => {
    const client = await clientOf(ALL_CODINGS, `HTTP/1.1 ${status}\r\nETag: "x"\r\nContent-Type: text/html\r\n\r\n`);
    const reply = await client.request(get('gzip'));
    expect([...outcome(reply), reply.headers.get('etag')]).toEqual([null, null, ['"x"']]);
    expect((await client.request(get('gzip'))).status).toBe(Number(status.slice(0, 3)));
  });

  it('to HEAD is left alone', async () => {
    const client = await clientOf(ALL_CODINGS, `HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n${HTML}ETag: "x"\r\n\r\n`);
    const reply = await client.request('HEAD / HTTP/1.1\r\nHost: app.example\r\nAccept-Encoding: gzip\r\n\r\n');
    expect([...outcome(reply), reply.headers.get('content-length')]).toEqual([null, null, ['2000']]);
  });

  it('without a byte in it is left alone', async () => {
    expect(outcome(await ask(HTML, { body: '', settings: ALL_CODINGS }))).toEqual(PLAIN);
  });

  it.each([
    ['Content-Type: text/html\r\n', [], COMPRESSED],
    ['Content-Type: application/JSON;charset=utf-8\r\n', ['application/json'], COMPRESSED],
    ['Content-Type: application/json\r\n', ['text/css'], PLAIN],
    ['Content-Type: image/png\r\n', ['*'], COMPRESSED],
    ['', ['*'], COMPRESSED],
    ['', ['text/css'], PLAIN],
    ['Content-Type: application/grpc\r\n', ['*'], PLAIN],
  ])('with %j where the types are %j', async (fields, gzipTypes, expected) => {
    expect(outcome(await ask(fields, { settings: { useGzip: true, gzipTypes } }))).toEqual(expected);
  });

  it.each([
    [255, PLAIN],
    [256, COMPRESSED],
  ])('of %i bytes, where the minimum is 256', async (length, expected) => {
    expect(outcome(await ask(HTML, { body: 'x'.repeat(length) }))).toEqual(expected);
  });

  it('of unknown length is compressed, however short it turns out', async () => {
    const client = await clientOf(GZIP, `HTTP/1.1 200 OK\r\n${HTML}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`);
    const reply = await client.request(get('gzip'));
    expect([...outcome(reply), decoded('gzip', reply.body)]).toEqual([...COMPRESSED, 'x']);
  });

  it.each([
    ['Content-Encoding: gzip\r\n', ['gzip', null]],
    ['Content-Encoding: br\r\nVary: Origin\r\n', ['br', 'Origin']],
    ['Cache-Control: public, no-transform\r\n', PLAIN],
    ['Content-Digest: sha-256=:AAAA:\r\n', PLAIN],
  ])('with %j is left alone', async (fields, expected) => {
    const reply = await ask(`${HTML}${fields}ETag: "x"\r\nAccept-Ranges: bytes\r\n`, { settings: ALL_CODINGS });
    expect(outcome(reply)).toEqual(expected);
    expect([reply.headers.get('etag'), reply.headers.get('accept-ranges'), reply.headers.get('content-length')]).toEqual([
      ['"x"'],
      ['bytes'],
      ['2000'],
    ]);
  });

  it('loses what is only true of the bytes that came, and nothing else', async () => {
    const reply = await ask(
      `${HTML}ETag: "x"\r\nAccept-Ranges: bytes\r\nVary: Origin\r\nX-A: b\r\nSet-Cookie: c\r\nSet-Cookie: d\r\n`,
    );
    expect(reply.head.replace(/Date: .*\r\n/, '')).toBe(
      `HTTP/1.1 200 OK\r\n${HTML}ETag: W/"x"\r\nVary: Origin, Accept-Encoding\r\nX-A: b\r\nSet-Cookie: c\r\nSet-Cookie: d\r\n` +
        'Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
  });

  it.each([
    ['Vary: Origin\r\n', ['Origin, Accept-Encoding']],
    ['Vary: A\r\nVary: accept-encoding, B\r\n', ['A', 'accept-encoding, B']],
    ['Vary: *\r\n', ['*']],
  ])('that varies already, by %j', async (fields, expected) => {
    expect((await ask(HTML + fields)).headers.get('vary')).toEqual(expected);
    expect((await ask(HTML + fields, { accept: '' })).headers.get('vary')).toEqual(expected);
  });
});

describe('a client', () => {
  it.each([
    ['', VARIED],
    ['identity', VARIED],
    ['gzip;q=0', VARIED],
    ['br', VARIED],
    ['*;q=0', VARIED],
    ['gzip;q=0.001', COMPRESSED],
    ['*', COMPRESSED],
    ['identity;q=0, *', COMPRESSED],
  ])('that accepts %j', async (accept, expected) => {
    const reply = await ask(`${HTML}ETag: "x"\r\n`, { accept });
    expect(outcome(reply)).toEqual(expected);
    if (expected === VARIED)
      expect([reply.headers.get('etag'), reply.headers.get('content-length')]).toEqual([['"x"'], ['2000']]);
  });

  it('gets the best of what it accepts, by its weights and then by ours', async () => {
    const client = await clientOf(ALL_CODINGS, response(BODY, HTML));
    const chosen: (string | undefined)[] = [];
    for (const accept of ['gzip, deflate, br, zstd', 'gzip, zstd', 'gzip', 'gzip, br;q=0.9'])
      chosen.push((await client.request(get(accept))).headers.get('content-encoding')?.[0]);
    expect(chosen).toEqual(['br', 'zstd', 'gzip', 'gzip']);
  });

  it('gets a coding whose own conditions hold', async () => {
    const settings: Partial<ProxySettings> = { useGzip: true, gzipTypes: ['text/css'], useBrotli: true, brotliMinLength: 3000 };
    const client = await clientOf(settings, response(BODY, 'Content-Type: text/css\r\n'));
    expect(outcome(await client.request(get('br, gzip')))).toEqual(COMPRESSED);
    expect(outcome(await client.request(get('br')))).toEqual(VARIED);
  });

  it('of HTTP/1.0 gets it as it came', async () => {
    const client = await clientOf(ALL_CODINGS, response(BODY, HTML));
    const reply = await client.request('GET / HTTP/1.0\r\nHost: app.example\r\nAccept-Encoding: gzip\r\n\r\n');
    expect([...outcome(reply), reply.body]).toEqual([...VARIED, BODY]);
  });

  it('that gzip-disable names gets no gzip, but what else it takes', async () => {
    const settings = { ...ALL_CODINGS, gzipDisable: 'msie6' };
    const client = await clientOf(settings, response(BODY, HTML));
    const old = 'User-Agent: Mozilla/4.0 (compatible; msie 6.0; Windows NT 5.1)\r\n';
    expect(outcome(await client.request(get('gzip', old)))).toEqual(VARIED);
    expect(outcome(await client.request(get('gzip', 'User-Agent: Mozilla/5.0 MSIE 10.0\r\n')))).toEqual(COMPRESSED);
    expect(outcome(await client.request(get('gzip, br', old)))[0]).toBe('br');
  });

  it('has its Accept-Encoding passed on, so that a backend may compress itself', async () => {
    const client = await clientOf(ALL_CODINGS, (head) => response(/accept-encoding: (.*)/i.exec(head)?.[1] ?? 'none', HTML));
    expect(decoded('br', (await client.request(get('br'))).body)).toBe('br');
  });
});

describe('the settings', () => {
  it('count from the next response on', async () => {
    const backend = await stage.backend(() => response(BODY, HTML));
    const proxy = await stage.proxyTo([backend.port]);
    const client = await stage.client(proxy.port);
    const outcomes = [outcome(await client.request(get('gzip')))];
    for (const settings of [GZIP, { useGzip: true, gzipMinLength: 2001 }, {}]) {
      proxy.runtime.configure(proxySettings(settings));
      outcomes.push(outcome(await client.request(get('gzip'))));
    }
    expect(outcomes).toEqual([PLAIN, COMPRESSED, PLAIN, PLAIN]);
  });
});

it('an upgraded connection carries its bytes as they are', async () => {
  const backend = await stage.backend((_, socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n${HTML}\r\n${BODY}`);
    return null;
  });
  const client = await stage.client((await stage.proxyTo([backend.port], ALL_CODINGS)).port);
  client.send(get('gzip, br', 'Connection: upgrade\r\nUpgrade: websocket\r\n'));
  await client.until(() => client.buffer.endsWith(BODY));
  expect(client.buffer).not.toMatch(/content-encoding|vary/i);
});
