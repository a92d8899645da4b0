/** The ends of a splice, with its sockets in the test's hands. */
import net from 'node:net';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Groups } from '../../../src/proxy/upstream/group.ts';
import { Resolver, type Lookup } from '../../../src/proxy/upstream/resolver.ts';
import { Splice } from '../../../src/proxy/stream/splice.ts';
import { Admission } from '../../../src/proxy/workers/overload.ts';
import { eventually } from '../../support/eventually.ts';
import { group } from '../../support/proxy.ts';
import { tcpBackend, type TcpBackend } from '../../support/stream-backend.ts';
import { testUpstreams, type TestUpstreams } from '../../support/upstream.ts';

const open: { close: () => Promise<void> | void }[] = [];
let upstreams: TestUpstreams;

beforeEach(() => {
  upstreams = testUpstreams();
  open.push(upstreams);
});

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

/** A client, our socket of it, and the splice that takes it to the backend. */
async function begin(
  backend: TcpBackend,
  lookup: Lookup | null = null,
): Promise<{ client: net.Socket; ours: net.Socket; over: () => boolean }> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [ours] = (await once(server, 'connection')) as [net.Socket];
  open.push({ close: () => void server.close() }, { close: () => void client.destroy() }, { close: () => void ours.destroy() });
  // The second endpoint is the first to be tried.
  const groups = new Groups(upstreams.context, () => 0);
  const model = group('app', [backend.port]);
  const named = lookup === null ? [] : [{ address: 'app.example', port: 1, dns: true }];
  groups.set({ ...model, endpoints: [...model.endpoints, ...named] });
  let over = false;
  const { deadlines, onBug } = upstreams.context;
  void new Splice(ours, '127.0.0.1', groups.get(model.id), '', {
    admission: new Admission(() => undefined),
    deadlines,
    onBug,
    resolver: new Resolver(lookup ?? (() => undefined), () => deadlines.now),
    limits: () => ({
      upstreamConnectTimeout: 1000,
      streamTimeout: 60_000,
      streamNextUpstream: true,
      streamTries: 3,
      streamTriesTimeout: 0,
    }),
    onSpliced: () => (over = true),
  });
  return { client, ours, over: () => over };
}

it('a client that ended its half first gets all of the answer, however late it reads', async () => {
  let written = 0;
  let answer: () => void = () => undefined;
  const backend = await tcpBackend((socket) => {
    socket.resume().on('end', () => answer());
    answer = (): void => {
      // Until the client's side is full, so that the answer ends while a part of it waits there.
      if (ours.writableLength > 0) return void socket.end();
      written += 16_384;
      socket.write(Buffer.alloc(16_384, 'x'), () => setImmediate(answer));
    };
  });
  open.push(backend);
  const { client, ours, over } = await begin(backend);
  let received = 0;
  let failed: unknown = null;
  client.on('error', (error) => (failed = error));
  client.pause();
  client.end('that is all');
  await eventually(() => backend.sockets[0]?.closed === true);
  expect(over()).toBe(false);
  client.on('data', (bytes: Buffer) => (received += bytes.length));
  client.resume();
  await eventually(() => client.readableEnded || failed !== null);
  expect({ received, failed }).toEqual({ received: written, failed: null });
  await eventually(over);
  expect(upstreams.bugs).toEqual([]);
});

it('a client that ends before there is an endpoint is heard by the one that is found', async () => {
  let heard = '';
  const backend = await tcpBackend((socket) => {
    socket.on('data', (bytes) => (heard += bytes.toString()));
    socket.on('end', () => socket.end('bye'));
  });
  open.push(backend);
  let answer: () => void = () => undefined;
  const { client, ours, over } = await begin(backend, (_, done) => (answer = () => done(new Error('no such name'), [])));
  // As what was read before has left it: paused, but its end is still seen.
  ours.resume();
  ours.pause();
  let said = '';
  client.on('data', (bytes) => (said += bytes.toString()));
  client.end();
  await eventually(() => ours.readableEnded);
  answer();
  await eventually(() => over());
  expect({ heard, said }).toEqual({ heard: '', said: 'bye' });
  expect(upstreams.bugs).toEqual([]);
});

it('an exception in the answer of a name server costs no more than its connection', async () => {
  const backend = await tcpBackend(() => undefined);
  open.push(backend);
  let answer: () => void = () => undefined;
  const { ours, over } = await begin(backend, (_, done) => (answer = () => done(null, ['no address'])));
  ours.resume();
  ours.pause();
  const connect = vi.spyOn(net, 'connect').mockImplementation(() => {
    throw new Error('a bug');
  });
  answer();
  connect.mockRestore();
  await eventually(over);
  expect(upstreams.bugs).toMatchObject([{ message: 'a bug' }]);
});

it('a socket that is shutting down is closed all the same when the other side is lost', async () => {
  const backend = await tcpBackend((socket) => void socket.resume());
  open.push(backend);
  const { client, ours, over } = await begin(backend);
  client.resume();
  await eventually(() => backend.sockets.length === 1);
  // The endpoint ends and is lost in one turn of the event loop: the kernel has not been asked yet to end our side.
  let closed = false;
  ours.on('close', () => (closed = true));
  ours.end();
  ours.emit('error', new Error('lost'));
  await eventually(() => over() && closed);
  expect(upstreams.bugs).toEqual([]);
});
