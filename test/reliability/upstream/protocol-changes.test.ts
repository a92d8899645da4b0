/**
 * Threat: what backends speak changes under way, or a request is of a kind that their protocol does not know, and a request is lost or garbled.
 * KEP-3726 (appProtocol); RFC 9113 §8.3.1, §8.6; RFC 6455 over TLS (`kubernetes.io/wss`).
 */
import type { RoutePolicies } from '../../../src/model/policies.ts';
import tls, { type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { grpcProxy } from '../../support/grpc.ts';
import { DATA, END_HEADERS, frame, h2Backend, HEADERS, OK_STATUS, rawH2Backend } from '../../support/h2-backend.ts';
import { makeCertificate } from '../../support/pki.ts';
import { group, host, prefixRoute, response, startProxy, table } from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const stage = new Stage();

afterEach(() => stage.close());

describe('a Service port', () => {
  it('that says what it speaks is spoken to so from the next request on; a route that says otherwise is not concerned', async () => {
    const plain = await stage.backend(() => response('one'));
    const h2 = stage.opened(await h2Backend(({ stream }) => (stream.respond({ ':status': 200 }), stream.end('two'))));
    const routes = [prefixRoute('/', 'app'), prefixRoute('/http', 'app', { backendProtocol: 'HTTP' })];
    const patch = table([host('app.example', routes)], [group('app', [plain.port])]);
    const proxy = stage.watched(await startProxy(patch));
    const client = await stage.client(proxy.port);
    expect((await client.request(GET)).body).toBe('one');
    const change = { ...patch, reset: false, hosts: [], defaultCertificate: null };
    proxy.runtime.apply({ ...change, groups: [{ ...group('app', [h2.port]), protocol: 'GRPC' }] });
    expect((await client.request(GET)).body).toBe('two');
    expect((await client.request(GET.replace('/', '/http'))).status).toBe(502);
    proxy.runtime.apply({ ...change, groups: [group('app', [plain.port])] });
    expect((await client.request(GET)).body).toBe('one');
    expect((await client.request(GET.replace('/', '/http'))).body).toBe('one');
    // Nothing of the endpoints that left.
    expect(proxy.runtime.census().upstreams).toBe(1);
  });

  it('that nobody speaks to in some way any more keeps no connection of that way', async () => {
    const h2 = stage.opened(await h2Backend(({ stream }) => (stream.respond({ ':status': 200 }), stream.end('two'))));
    const hosts = (policies: RoutePolicies): Parameters<typeof table>[0] => [
      host('app.example', [prefixRoute('/', 'app', policies)]),
    ];
    const patch = table(hosts({ backendProtocol: 'GRPC' }), [group('app', [h2.port])]);
    const proxy = stage.watched(await startProxy(patch));
    const client = await stage.client(proxy.port);
    expect((await client.request(GET)).body).toBe('two');
    expect(proxy.runtime.census().upstreams).toBe(1);
    proxy.runtime.apply({ ...patch, reset: false, hosts: hosts({}), groups: [], defaultCertificate: null });
    expect(proxy.runtime.census().upstreams).toBe(0);
  });
});

describe('a request that HTTP/2 does not know', () => {
  it('of HTTP/1.0, without a host, is served', async () => {
    const backend = stage.opened(await h2Backend(({ stream }) => (stream.respond({ ':status': 200 }), stream.end('ok'))));
    const everything = host('_', [prefixRoute('/', 'app', { backendProtocol: 'GRPC' })]);
    const proxy = stage.watched(await startProxy({ ...table([], [group('app', [backend.port])]), hosts: [everything] }));
    expect(await exchange(proxy.port, 'GET / HTTP/1.0\r\n\r\n')).toMatchObject({ status: 200, body: 'ok' });
  });

  it('for an upgrade is an ordinary one to the backend', async () => {
    const backend = stage.opened(await h2Backend(({ stream }) => (stream.respond({ ':status': 200 }), stream.end('ok'))));
    const client = await stage.client((await grpcProxy(stage, [backend.port])).port);
    expect(
      await client.request('GET / HTTP/1.1\r\nHost: app.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'),
    ).toMatchObject({ status: 200, body: 'ok' });
    expect(backend.requests[0]!.headers).not.toHaveProperty('upgrade');
  });

  it('has no body where it can have none: 204 with data is cut off, and nothing of it reaches the next response', async () => {
    let requests = 0;
    const backend = stage.opened(
      await rawH2Backend((id) =>
        Buffer.concat([frame(HEADERS, END_HEADERS, id, requests++ === 0 ? '\x89' : OK_STATUS), frame(DATA, 1, id, 'data')]),
      ),
    );
    const proxy = await grpcProxy(stage, [backend.port]);
    const client = await stage.client(proxy.port);
    client.send(GET);
    await client.closed();
    expect(client.buffer).not.toContain('data');
    expect((await (await stage.client(proxy.port)).request(GET)).body).toBe('data');
  });
});

it('a WebSocket over TLS to its backend carries bytes both ways, and ends when either side does', async () => {
  const { key, cert } = makeCertificate({ names: ['backend.test'] });
  const sockets: TLSSocket[] = [];
  const server = tls.createServer({ key, cert }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n');
      socket.on('data', (chunk) => socket.write(chunk));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stage.opened({ close: () => (sockets.forEach((socket) => socket.destroy()), void server.close()) });
  const { port } = server.address() as AddressInfo;
  const proxy = stage.watched(
    await startProxy(table([host('app.example', [prefixRoute('/', 'app')])], [{ ...group('app', [port]), protocol: 'HTTPS' }])),
  );
  const client = await stage.client(proxy.port);
  client.send('GET / HTTP/1.1\r\nHost: app.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n');
  await client.until(() => client.buffer.includes('\r\n\r\n'));
  const data = 'x'.repeat(1_000_000);
  client.buffer = '';
  client.send(data);
  await client.until(() => client.buffer.length === data.length);
  expect(client.buffer).toBe(data);
  sockets[0]!.end();
  await client.closed();
});
