/** What annotations come to together: bodies read whole, answers held back, compressed and slowed, clients counted, services asked, endpoints passed over. */
import http from 'node:http';
import http2 from 'node:http2';
import { once } from 'node:events';
import { gunzipSync } from 'node:zlib';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

const stage = new Stage();
afterEach(() => stage.close());

/** Text in which a piece that is missing, doubled or in the wrong place is seen. */
function text(length: number, from: number): string {
  let all = '';
  for (let i = from; all.length < length; i++) all += `${i},`;
  return all.slice(0, length);
}

/** What a request asks its backend for: by its query. */
interface Wanted {
  readonly size: number;
  readonly chunked: boolean;
  /** The backend answers before it reads. */
  readonly early: boolean;
  readonly status: number;
}

/** Says what it got, and as much more as it was asked for. */
async function backend(): Promise<number> {
  const server = http.createServer((request, reply) => {
    const url = new URL(request.url!, 'http://x');
    const want: Wanted = JSON.parse(url.searchParams.get('want') ?? '{}') as Wanted;
    const pieces: Buffer[] = [];
    const answer = (): void => {
      const got = Buffer.concat(pieces).toString('latin1');
      const body = [204, 304].includes(want.status)
        ? ''
        : `${want.early ? '?' : got.length} ${got.slice(-12)} ${text(want.size, got.length)}`;
      reply.writeHead(want.status, {
        'content-type': 'text/plain',
        ...(!want.chunked && ![204, 304].includes(want.status) && { 'content-length': body.length }),
      });
      reply.end(body);
    };
    request.on('data', (piece: Buffer) => pieces.push(piece));
    if (want.early) answer();
    else request.on('end', answer);
    request.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stage.opened({ close: () => (server.closeAllConnections(), new Promise<void>((done) => server.close(() => done()))) });
  return (server.address() as AddressInfo).port;
}

/** Numbers that look like chance, the same every time. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const CHOICES: readonly (readonly Readonly<Record<string, string>>[])[] = [
  [{}, { 'proxy-buffering': 'on' }, { 'proxy-buffering': 'on', 'proxy-max-temp-file-size': '0' }],
  [
    { 'proxy-request-buffering': 'on' },
    { 'proxy-request-buffering': 'on', 'client-body-buffer-size': '100' },
    { 'proxy-request-buffering': 'off' },
  ],
  [{}, { 'limit-rate': '2000' }],
  [{}, { 'limit-connections': '2' }],
  [{}, { 'auth-url': 'http://AUTH/' }],
  [{}, { 'proxy-next-upstream': 'error timeout http_503 http_404 non_idempotent' }],
  [{}, { affinity: 'cookie' }, { 'upstream-hash-by': '$remote_addr' }, { 'load-balance': 'ewma' }],
  [{}, { 'rewrite-target': '/other' }],
  [{}, { 'proxy-read-timeout': '7' }],
];

const STATUSES = [200, 200, 200, 200, 503, 404, 204, 304];

describe('annotations together', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'every request has its own answer, and nothing is left of it: %i',
    { timeout: 20_000 },
    async (seed) => {
      const draw = chance(seed * 7919);
      const auth = await stage.backend(() => response(''));
      const ports = [await backend(), await backend()];
      const hosts = Array.from({ length: 12 }, (_, index) => `h${index}.example`);
      const objects = hosts.map((host, index) => {
        const annotations: Record<string, string> = {};
        for (const choices of CHOICES) Object.assign(annotations, choices[draw(choices.length)]);
        if (annotations['auth-url'] !== undefined) annotations['auth-url'] = `http://auth.test:${auth.port}/`;
        return ingress(annotations, { name: `web${index}`, host });
      });
      const proxy = await serve([...objects, ...service('app', ports)], {
        proxy: { useGzip: true, maxRequestBodySize: 0 },
        lookup: (_, done) => done(null, ['127.0.0.1']),
      });
      stage.watched(proxy);
      expect(proxy.diagnostics).toEqual([]);
      const make = (): { host: string; want: Wanted; body: string; kind: number; method: string; gzip: boolean } => {
        const body = text([0, 0, 50, 5000, 300_000][draw(5)]!, draw(1000));
        return {
          host: hosts[draw(hosts.length)]!,
          want: {
            size: [0, 10, 5000, 200_000][draw(4)]!,
            chunked: draw(2) === 0,
            early: body.length > 0 && draw(6) === 0,
            status: STATUSES[draw(STATUSES.length)]!,
          },
          body,
          kind: draw(2),
          method: body.length > 0 ? ['POST', 'PUT'][draw(2)]! : ['GET', 'HEAD'][draw(5) === 0 ? 1 : 0]!,
          gzip: draw(2) === 0,
        };
      };
      const expected = ({ want, body }: ReturnType<typeof make>): string =>
        [204, 304].includes(want.status)
          ? ''
          : `${want.early ? '?' : body.length} ${want.early ? '' : body.slice(-12)} ${text(want.size, want.early ? 0 : body.length)}`;
      const one = async (): Promise<void> => {
        const client = await stage.client(proxy.port);
        for (let round = 0; round < 4; round++) {
          // An early answer may close the connection: over HTTP/1.1 none is asked for.
          const asked = Array.from({ length: 3 }, make).map((each) => ({ ...each, want: { ...each.want, early: false } }));
          for (const each of asked) {
            const { host, want, body, kind, method, gzip } = each;
            const head = `${method} /?want=${encodeURIComponent(JSON.stringify(want))} HTTP/1.1\r\nHost: ${host}\r\n${gzip ? 'Accept-Encoding: gzip\r\n' : ''}`;
            if (body === '') client.send(`${head}\r\n`);
            else if (kind === 0) client.send(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
            else {
              const half = Math.floor(body.length / 2);
              const chunk = (piece: string): string => `${piece.length.toString(16)}\r\n${piece}\r\n`;
              client.send(`${head}Transfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, half))}`);
              client.send(`${chunk(body.slice(half))}0\r\n\r\n`);
            }
          }
          for (const each of asked) {
            const answer = await client.response(each.method === 'HEAD');
            const refused = answer.status === 503 && answer.body.includes('<html>');
            // What is left of its body nobody reads.
            if (refused && answer.headers.get('connection')?.[0] === 'close') return client.close();
            if (refused || (each.method === 'HEAD' && answer.status === 503)) continue;
            expect([answer.status, each]).toEqual([each.want.status, each]);
            if (each.method === 'HEAD') continue;
            const got =
              answer.headers.get('content-encoding')?.[0] === 'gzip'
                ? gunzipSync(Buffer.from(answer.body, 'latin1')).toString()
                : answer.body;
            if (!(each.want.status === 503 && got.includes('<html>'))) expect(got).toBe(expected(each));
          }
        }
        client.close();
      };
      const two = async (): Promise<void> => {
        const session = http2.connect(`https://127.0.0.1:${proxy.httpsPort}`, {
          rejectUnauthorized: false,
          settings: { initialWindowSize: 20_000 },
        });
        session.on('error', () => undefined);
        stage.opened({ close: () => session.destroy() });
        const asked = Array.from({ length: 20 }, make);
        await Promise.all(
          asked.map(async (each) => {
            const { host, want, body, kind, method, gzip } = each;
            const stream = session.request(
              {
                ':method': method,
                ':path': `/?want=${encodeURIComponent(JSON.stringify(want))}`,
                ':authority': host,
                ...(gzip && { 'accept-encoding': 'gzip' }),
                ...(kind === 0 && body !== '' && { 'content-length': String(body.length) }),
              },
              { endStream: body === '' },
            );
            stream.on('error', () => undefined);
            let status = 0;
            let encoding: unknown;
            stream.on('response', (fields) => ((status = fields[':status']!), (encoding = fields['content-encoding'])));
            if (body !== '') stream.end(body);
            const pieces: Buffer[] = [];
            const gone = draw(6) === 0;
            stream.on('data', (piece: Buffer) => {
              pieces.push(piece);
              if (gone) stream.close(http2.constants.NGHTTP2_CANCEL);
            });
            await once(stream, 'close');
            if (gone || (status === 503 && want.status !== 503)) return;
            expect([status, each]).toEqual([want.status, each]);
            const whole = Buffer.concat(pieces);
            const got = encoding === 'gzip' ? gunzipSync(whole).toString() : whole.toString();
            if (method !== 'HEAD' && !(want.status === 503 && got.includes('<html>'))) expect(got).toBe(expected(each));
          }),
        );
        session.close();
      };
      await Promise.all([one(), one(), one(), two(), two()]);
      await eventually(() => proxy.bugs.length === 0);
    },
  );
});
