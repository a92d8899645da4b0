/**
 * Threat: a client makes the choice of a coding costly, or names one in a way that the proxy and a cache read differently; or makes
 * the proxy decompress something small that becomes very large. Source: RFC 9110 §12.5.3, §17.6; the zip bombs of R59.
 */
import zlib from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { ALL_CODINGS, decoded, get, prose } from '../../support/coded.ts';
import { response } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

const BODY = prose(3000);
const HTML = 'Content-Type: text/html\r\n';

describe('Accept-Encoding', () => {
  const LONG = 8000;
  const floods: [string, string, string | null][] = [
    ['of one long word', 'a'.repeat(LONG), null],
    ['of many weights', 'gzip;q=0.001,'.repeat(LONG / 13), 'gzip'],
    ['of many codings', Array.from({ length: 800 }, (_, i) => `c${i};q=1`).join(), null],
    ['of commas', ','.repeat(LONG), null],
    ['of white space', `gzip${' \t'.repeat(LONG / 2 - 8)}`, 'gzip'],
    ['of white space before a weight that is none', `gzip;${' '.repeat(LONG - 20)}q=x`, null],
    ['of semicolons', `gzip${';q=1'.repeat(LONG / 4 - 4)}`, null],
    ['of refusals, and one word', `${'br;q=0,'.repeat(LONG / 7 - 4)}zstd`, 'zstd'],
  ];

  it.each(floods)('%s is read, and the body is the body', async (_, accept, coding) => {
    const backend = await stage.backend(() => response(BODY, HTML));
    const client = await stage.client((await stage.proxyTo([backend.port], ALL_CODINGS)).port);
    // Three such lines are one list: most of the largest head there may be.
    const lines = `Accept-Encoding: ${accept}\r\n`.repeat(accept.length > 7000 && coding !== null ? 3 : 1);
    for (let i = 0; i < 20; i++) {
      const reply = await client.request(get('', lines));
      expect(reply.headers.get('content-encoding')?.[0] ?? null).toBe(coding);
      expect(coding === null ? reply.body : decoded(coding, reply.body)).toBe(BODY);
    }
  });

  it.each(['X-Accept-Encoding: gzip', 'Accept-Encodings: gzip', 'Accept_Encoding: gzip', 'X: Accept-Encoding: gzip'])(
    'is not %j',
    async (field) => {
      const backend = await stage.backend(() => response(BODY, HTML));
      const proxy = await stage.proxyTo([backend.port], { ...ALL_CODINGS, underscoresInHeaders: true });
      const client = await stage.client(proxy.port);
      const reply = await client.request(get('', `${field}\r\n`, '/?Accept-Encoding:gzip'));
      expect([reply.headers.has('content-encoding'), reply.body]).toEqual([false, BODY]);
    },
  );
});

describe('nothing is decompressed', () => {
  const bomb = zlib.gzipSync(Buffer.alloc(50 << 20)).toString('latin1');

  it('of a request', async () => {
    const backend = await stage.backend((head) => (head.startsWith('POST') ? null : response('ok')));
    const proxy = await stage.proxyTo([backend.port], ALL_CODINGS);
    const client = await stage.client(proxy.port);
    client.send(
      `POST / HTTP/1.1\r\nHost: app.example\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n${bomb}`,
    );
    await stage.client(proxy.port).then((other) => other.request(get('gzip')));
    await client.until(() => client.ended || client.socket.writableLength === 0);
    backend.sockets[0]!.write(response('taken'));
    expect((await client.response()).body).toBe('taken');
    expect(backend.received[0]!.endsWith(bomb)).toBe(true);
  });

  it('of a response, nor is it compressed again, also for a client that does not take it', async () => {
    const backend = await stage.backend(() => response(bomb, `${HTML}Content-Encoding: gzip\r\nETag: "x"\r\n`));
    const client = await stage.client((await stage.proxyTo([backend.port], ALL_CODINGS)).port);
    for (const accept of ['br', 'gzip', 'identity']) {
      const reply = await client.request(get(accept));
      expect([reply.body === bomb, reply.headers.get('content-encoding'), reply.headers.get('etag')]).toEqual([
        true,
        ['gzip'],
        ['"x"'],
      ]);
    }
  });
});

it('bytes that are no ASCII survive in the fields of a compressed response', async () => {
  const backend = await stage.backend(() =>
    response(BODY, `${HTML}X-Name: J\u00fcrgen\u00ff\r\nVary: \u00e4\r\nETag: "\u00e9"\r\n`),
  );
  const client = await stage.client((await stage.proxyTo([backend.port], ALL_CODINGS)).port);
  const { headers } = await client.request(get('gzip'));
  expect([headers.get('x-name'), headers.get('vary'), headers.get('etag')]).toEqual([
    ['J\u00fcrgen\u00ff'],
    ['\u00e4, Accept-Encoding'],
    ['W/"\u00e9"'],
  ]);
});
