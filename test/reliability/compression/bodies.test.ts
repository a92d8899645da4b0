/**
 * Threat: a body that is compressed on its way is not the body any more: cut, mixed with another, without its trailers, or counted
 * wrongly. Source: oracle (c) of the reliability reference, in each coding and each framing.
 */
import http2 from 'node:http2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Recorder } from '../../../src/proxy/record/recorder.ts';
import { ALL_CODINGS, CODING_NAMES, decoded, fetchCoded, get, noise, prose } from '../../support/coded.ts';
import { h2Backend } from '../../support/h2-backend.ts';
import { Http2Client } from '../../support/http2/stage.ts';
import { group, host, prefixRoute, response, startProxy, table } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(async () => {
  vi.restoreAllMocks();
  await stage.close();
});

const TYPE = 'Content-Type: text/plain\r\n';

function chunked(pieces: readonly string[], trailers = ''): string {
  const chunks = pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
  return `HTTP/1.1 200 OK\r\n${TYPE}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n${trailers}\r\n`;
}

describe.each(CODING_NAMES)('a body in %s', (coding) => {
  it('is the body of the backend, in every framing, one after the other on one connection', async () => {
    const bodies: Record<string, string> = { '/1': 'x', '/2': prose(1000), '/3': prose(300_000), '/4': noise(300_000) };
    const backend = await stage.backend((head, socket) => {
      const [, kind, name] = /^GET \/(\w+)(\/\d)/.exec(head)!;
      const body = bodies[name!]!;
      if (kind === 'length') return response(body, TYPE);
      if (kind === 'chunked') return chunked([body.slice(0, 1), ...(body.slice(1).match(/[^]{1,5000}/g) ?? [])]);
      socket.end(`HTTP/1.1 200 OK\r\n${TYPE}Connection: close\r\n\r\n${body}`, 'latin1');
      return null;
    });
    const proxy = await stage.proxyTo([backend.port], ALL_CODINGS);
    const client = await stage.client(proxy.port);
    for (const kind of ['length', 'chunked', 'close']) {
      for (const [name, body] of Object.entries(bodies)) {
        const { text, headers } = await fetchCoded(client, coding, `/${kind}${name}`);
        expect(text === body, `${kind}${name}`).toBe(true);
        expect(headers.get('transfer-encoding')).toEqual(['chunked']);
        expect(headers.has('content-length')).toBe(false);
      }
    }
  });

  it('keeps its trailers', async () => {
    const backend = await stage.backend(() => chunked(['abc', 'def'], 'X-Sum: 6\r\nContent-Length: 9\r\n'));
    const proxy = await stage.proxyTo([backend.port], ALL_CODINGS);
    const client = await stage.client(proxy.port);
    const reply = await client.request(get(coding, 'TE: trailers\r\nConnection: TE\r\n'));
    expect([decoded(coding, reply.body), reply.trailers]).toEqual(['abcdef', 'X-Sum: 6\r\n']);
    // A client that does not ask for them gets none, compressed or not.
    expect((await client.request(get(coding))).trailers).toBe('');
  });

  it('reaches a client of HTTP/2, with its trailers', async () => {
    const body = prose(200_000);
    const backend = await stage.backend((head) =>
      head.startsWith('GET /t') ? chunked([body], 'X-Sum: 6\r\n') : response(body, TYPE),
    );
    const proxy = await stage.proxyTo([backend.port], ALL_CODINGS);
    const client = stage.opened(new Http2Client(proxy.httpsPort));
    const replies = await Promise.all(
      ['/', '/t', '/', '/t'].map((path) => client.request({ ':path': path, 'accept-encoding': coding, te: 'trailers' })),
    );
    for (const [index, { headers, body: bytes, trailers, code }] of replies.entries()) {
      expect(headers).toMatchObject({ ':status': 200, 'content-encoding': coding, vary: 'Accept-Encoding' });
      expect(headers).not.toHaveProperty('content-length');
      expect(decoded(coding, bytes) === body).toBe(true);
      expect([trailers['x-sum'], code]).toEqual([index % 2 === 0 ? undefined : '6', http2.constants.NGHTTP2_NO_ERROR]);
    }
  });

  it('comes from a backend of HTTP/2 too', async () => {
    const body = prose(100_000);
    const backend = stage.opened(
      await h2Backend(({ stream, headers }) => {
        const known = headers[':path'] === '/length' ? { 'content-length': body.length } : {};
        stream.respond({ ':status': 200, 'content-type': 'text/plain', etag: '"x"', ...known });
        stream.end(body);
      }),
    );
    const route = prefixRoute('/', 'app', { backendProtocol: 'GRPC' });
    const proxy = stage.watched(
      await startProxy(table([host('app.example', [route])], [group('app', [backend.port])]), ALL_CODINGS),
    );
    const client = await stage.client(proxy.port);
    for (const path of ['/length', '/unknown']) {
      const { text, headers } = await fetchCoded(client, coding, path);
      expect(text === body).toBe(true);
      expect(headers.get('etag')).toEqual(['W/"x"']);
    }
  });

  it('is counted as it was sent, and as it came', async () => {
    const body = prose(50_000);
    const backend = await stage.backend(() => response(body, TYPE));
    const proxy = await stage.proxyTo([backend.port], ALL_CODINGS);
    const counts: unknown[] = [];
    vi.spyOn(Recorder.prototype, 'record').mockImplementation(({ responseBytes, downstream, status, error }) => {
      counts.push([responseBytes, downstream.bytesSent(), downstream.bodyBytesSent(), status, error]);
    });
    const client = await stage.client(proxy.port);
    let bytes = 0;
    client.socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const { head } = await fetchCoded(client, coding);
    expect(counts).toEqual([[body.length, bytes, bytes - head.length, 200, null]]);
    expect(bytes).toBeLessThan(body.length / 2);
  });
});

it('bodies in all codings do not mix on connections that carry many', async () => {
  const bodyOf = (path: string): string => prose(Number(path.slice(1)) * 977) + path;
  const backend = await stage.backend((head) => response(bodyOf(/^GET (\S+)/.exec(head)![1]!), TYPE));
  const proxy = await stage.proxyTo([backend.port], ALL_CODINGS);
  const client = stage.opened(new Http2Client(proxy.httpsPort));
  const paths = Array.from({ length: 60 }, (_, index) => `/${index}`);
  const replies = await Promise.all(
    paths.map((path, index) => client.request({ ':path': path, 'accept-encoding': CODING_NAMES[index % 3]! })),
  );
  for (const [index, { body }] of replies.entries())
    expect(decoded(CODING_NAMES[index % 3]!, body) === bodyOf(paths[index]!)).toBe(true);
});
