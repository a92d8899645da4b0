/**
 * Threat: a backend that speaks another protocol than it is spoken to in, fails its handshake or sends garbage hangs a request, ends the worker, or
 * has its bytes taken for a response. RFC 9113 §3.2, §3.4; RFC 7301; "bad input" of the issue: each is a 502 (504 when it just waits), with a reason.
 */
import net, { type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import {
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  h2Backend,
  HEADERS,
  literal,
  OK_STATUS,
  rawH2Backend,
} from '../../support/h2-backend.ts';
import { makeCertificate } from '../../support/pki.ts';
import { group, host, prefixRoute, response, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { tlsBackend } from '../../support/upstream-tls.ts';
import type { BackendProtocol } from '../../../src/model/policies.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: app.example\r\nContent-Length: 4\r\n\r\nbody';
const LEAF = makeCertificate({ names: ['backend.test'] });
const stage = new Stage();

afterEach(() => stage.close());

async function proxyTo(
  port: number,
  backendProtocol: BackendProtocol,
  settings: Partial<ProxySettings> = {},
): Promise<TestProxy> {
  const route = prefixRoute('/', 'app', { backendProtocol });
  return stage.watched(await startProxy(table([host('app.example', [route])], [group('app', [port])]), settings));
}

/** The status of both requests, one after the other. */
async function statuses(port: number, protocol: BackendProtocol, settings: Partial<ProxySettings> = {}): Promise<number[]> {
  const client = await stage.client((await proxyTo(port, protocol, settings)).port);
  return [(await client.request(GET)).status, (await client.request(POST)).status];
}

/** Sends these bytes to whoever connects, and then waits. */
async function shouting(bytes: string | Buffer, ends = false): Promise<number> {
  const server = net.createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(bytes, 'latin1');
    if (ends) socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.opened({ close: () => void server.close() });
  return (server.address() as AddressInfo).port;
}

const TLS_PROTOCOLS = ['HTTPS', 'GRPCS'] as const;

describe('a backend that speaks another protocol', () => {
  it.each(TLS_PROTOCOLS)('plain HTTP/1.1 where %s is expected: 502', async (protocol) => {
    const backend = await stage.backend(() => response('plain'));
    // It waits for a head; what it gets is a ClientHello, which it may answer or not.
    const port = await shouting('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    expect(await statuses(port, protocol)).toEqual([502, 502]);
    expect(await statuses(backend.port, protocol, { upstreamConnectTimeout: 50 })).toEqual([504, 504]);
  });

  it.each(['HTTP', 'GRPC'] as const)('TLS where %s is expected: 502', async (protocol) => {
    const backend = stage.opened(await tlsBackend(LEAF));
    expect(await statuses(backend.port, protocol)).toEqual([502, 502]);
  });

  it('HTTP/1.1 where HTTP/2 is expected, and HTTP/2 where HTTP/1.1 is: 502', async () => {
    const port = await shouting('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n', true);
    expect(await statuses(port, 'GRPC')).toEqual([502, 502]);
    const backend = stage.opened(await h2Backend(({ stream }) => stream.respond({ ':status': 200 }, { endStream: true })));
    expect(await statuses(backend.port, 'HTTP')).toEqual([502, 502]);
  });

  it('TLS without HTTP/2 in it: 502, and nothing is sent', async () => {
    for (const options of [{}, { ALPNProtocols: ['http/1.1'] }]) {
      const backend = stage.opened(await tlsBackend(LEAF, options));
      expect(await statuses(backend.port, 'GRPCS')).toEqual([502, 502]);
    }
  });

  it.each(TLS_PROTOCOLS)('a handshake that fails with %s: 502', async (protocol) => {
    const other = stage.opened(await tlsBackend(LEAF, { ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', maxVersion: 'TLSv1.2' }));
    expect(await statuses(other.port, protocol)).toEqual([502, 502]);
    expect(await statuses(await shouting(Buffer.from([0x15, 3, 3, 0, 2, 2, 40])), protocol)).toEqual([502, 502]);
  });

  it.each(TLS_PROTOCOLS)('a handshake that hangs with %s: the timeout of connecting', async (protocol) => {
    expect(await statuses(await shouting(''), protocol, { upstreamConnectTimeout: 50 })).toEqual([504, 504]);
  });

  it.each(['HTTP', ...TLS_PROTOCOLS, 'GRPC'] as const)('garbage where %s is expected: 502', async (protocol) => {
    for (const garbage of [Buffer.alloc(100), Buffer.alloc(100, 0xff), Buffer.from('SSH-2.0-OpenSSH_9\r\n')])
      expect(await statuses(await shouting(garbage), protocol)).toEqual([502, 502]);
  });

  it('silence after the preface: the timeout of connecting, for nothing is sent before it is answered', async () => {
    const proxy = await proxyTo(await shouting(''), 'GRPC', { upstreamConnectTimeout: 50 });
    const client = await stage.client(proxy.port);
    expect((await client.request(GET)).status).toBe(504);
    expect(proxy.runtime.census().upstreams).toBe(0);
  });

  it('HTTP/1.1 after it agreed on HTTP/2: 502', async () => {
    const backend = stage.opened(await tlsBackend(LEAF, { ALPNProtocols: ['h2'] }));
    expect(await statuses(backend.port, 'GRPCS')).toEqual([502, 502]);
  });
});

describe('frames that are wrong', () => {
  const head = (id: number, fields = ''): Buffer => frame(HEADERS, END_HEADERS, id, OK_STATUS + fields);
  const last = (id: number): Buffer => frame(DATA, END_STREAM, id, 'ok');

  it('are not there where they are right', async () => {
    const backend = stage.opened(await rawH2Backend((id) => Buffer.concat([head(id, literal('x-a', 'b')), last(id)])));
    expect(await statuses(backend.port, 'GRPC')).toEqual([200, 200]);
  });

  it.each<[string, (id: number) => Buffer]>([
    ['a capital letter in a name', (id) => Buffer.concat([head(id, literal('X-A', 'b')), last(id)])],
    ['a field of one connection', (id) => Buffer.concat([head(id, literal('transfer-encoding', 'chunked')), last(id)])],
    ['connection', (id) => Buffer.concat([head(id, literal('connection', 'close')), last(id)])],
    ['no status', (id) => Buffer.concat([frame(HEADERS, END_HEADERS, id, literal('x-a', 'b')), last(id)])],
    ['a status that is none', (id) => Buffer.concat([frame(HEADERS, END_HEADERS, id, literal(':status', 'abc')), last(id)])],
    ['a status of 999', (id) => Buffer.concat([frame(HEADERS, END_HEADERS, id, literal(':status', '999')), last(id)])],
    ['101', (id) => Buffer.concat([frame(HEADERS, END_HEADERS, id, literal(':status', '101')), last(id)])],
    [
      'two lengths',
      (id) => Buffer.concat([head(id, literal('content-length', '2') + literal('content-length', '3')), last(id)]),
    ],
    ['data without a head', (id) => last(id)],
    ['a head that cannot be unpacked', (id) => frame(HEADERS, END_HEADERS, id, '\xff\xff\xff\xff\xff')],
    ['a frame longer than allowed', () => Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1])],
    ['a stream nobody opened', (id) => Buffer.concat([head(id + 20), last(id + 20)])],
    ['a push that was forbidden', (id) => frame(5, END_HEADERS, id, Buffer.from([0, 0, 0, 2, 0x88]))],
  ])('%s: 502, and no other request suffers', async (_, answer) => {
    const backend = stage.opened(await rawH2Backend((id) => answer(id)));
    const all = await statuses(backend.port, 'GRPC', { upstreamReadTimeout: 100 });
    expect(all).toEqual([502, 502]);
  });

  it('with a line break in a value make no field of what follows it, in a head and in trailers', async () => {
    const broken = literal('x-a', 'b\r\nx-c: d');
    const trailers = (id: number): Buffer => frame(HEADERS, END_HEADERS | END_STREAM, id, broken + literal('x-good', '1'));
    const backend = stage.opened(
      await rawH2Backend((id) => Buffer.concat([head(id, broken), frame(DATA, 0, id, 'part'), trailers(id)])),
    );
    const client = await stage.client((await proxyTo(backend.port, 'GRPC')).port);
    // Node leaves the field out: the rest is as it should be.
    const answer = await client.request(GET.replace('\r\n\r\n', '\r\nTE: trailers\r\n\r\n'));
    expect([answer.body, answer.headers.has('x-c'), answer.trailers]).toEqual(['part', false, 'x-good: 1\r\n']);
  });

  it('that reset everything close the session, and the next request has a new one', async () => {
    let connections = 0;
    const known = new Set<unknown>();
    const backend = stage.opened(
      await rawH2Backend((id, socket) => {
        if (!known.has(socket)) connections++;
        known.add(socket);
        return connections === 1 ? Buffer.alloc(50, 0xff) : Buffer.concat([head(id), last(id)]);
      }),
    );
    const client = await stage.client((await proxyTo(backend.port, 'GRPC')).port);
    // There is no other endpoint that it could be sent to again.
    expect([(await client.request(GET)).status, (await client.request(GET)).status]).toEqual([502, 200]);
    await eventually(() => connections === 2);
  });
});
