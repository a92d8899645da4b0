/** The limits of clients, counted over real worker threads. */
import type net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientLimits } from '../../../src/model/policies.ts';
import { eventually } from '../../support/eventually.ts';
import { group, host, prefixRoute, rawBackend, response } from '../../support/proxy.ts';
import { RawClient } from '../../support/raw-client.ts';
import { startPlane, type TestPlane } from '../../support/worker-plane.ts';

const open: { close: () => Promise<unknown> | void }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';

async function plane(
  limits: Omit<ClientLimits, 'zone' | 'exempt'>,
  port: number,
  workers = 2,
): Promise<TestPlane & { readonly port: number; readonly publishAgain: () => Promise<void> }> {
  const running = startPlane({ workers, settings: { upstreamReadTimeout: 60_000 } });
  open.push({ close: () => running.plane.shutdown(0) });
  const publishAgain = async (): Promise<void> => {
    const clientLimits: ClientLimits = { zone: 'default/web', exempt: [], ...limits };
    const version = running.publish([host('app.example', [prefixRoute('/', 'app', { clientLimits })])], [group('app', [port])]);
    await running.plane.applied(version);
  };
  const published = publishAgain();
  const { http } = await running.plane.listening;
  await published;
  return { ...running, port: http, publishAgain };
}

async function client(port: number): Promise<RawClient> {
  const one = await RawClient.connect(port);
  open.push(one);
  return one;
}

/** So many clients at once, each with one request; their statuses. */
async function ask(port: number, count: number): Promise<readonly number[]> {
  const clients = await Promise.all(Array.from({ length: count }, () => client(port)));
  for (const one of clients) one.send(GET);
  return Promise.all(clients.map(async (one) => (await one.response()).status));
}

function admitted(statuses: readonly number[]): number {
  return statuses.filter((status) => status === 200).length;
}

describe('over all workers', () => {
  it('so many requests are let in as the limit says, wherever they come in; and a changed table or a new worker forgets nothing', async () => {
    const backend = await rawBackend(() => response('ok'));
    open.push(backend);
    const running = await plane({ perMinute: { limit: 1, burst: 29 } }, backend.port);
    expect(admitted(await ask(running.port, 100))).toBe(30);
    await running.publishAgain();
    expect(admitted(await ask(running.port, 20))).toBe(0);
    await Promise.all(running.threads.map((thread) => thread.terminate()));
    await eventually(() => running.plane.ready() && running.threads.length === 4);
    expect(admitted(await ask(running.port, 20))).toBe(0);
  });

  it('so many requests are under way as the limit says, and those of a worker that dies are given back', async () => {
    const held: net.Socket[] = [];
    const backend = await rawBackend((_, socket) => {
      held.push(socket);
      return null;
    });
    open.push(backend);
    const running = await plane({ connections: 10 }, backend.port);
    const clients = await Promise.all(Array.from({ length: 40 }, () => client(running.port)));
    for (const one of clients) one.send(GET);
    await eventually(() => clients.filter(({ buffer }) => buffer.includes(' 503 ')).length === 30);
    expect(held.length).toBe(10);
    // One worker dies with what it held; the other has its own still.
    await running.threads[0]!.terminate();
    await eventually(() => running.plane.workers().every(({ state }) => state === 'ready') && running.threads.length === 3);
    const alive = clients.filter(({ buffer, ended }) => buffer === '' && !ended).length;
    await eventually(() => held.filter(({ destroyed, readableEnded }) => !destroyed && !readableEnded).length === alive);
    const before = held.length;
    const others = await Promise.all(Array.from({ length: 20 }, () => client(running.port)));
    for (const one of others) one.send(GET);
    await eventually(() => others.filter(({ buffer }) => buffer.includes(' 503 ')).length === 20 - (10 - alive));
    expect(held.length - before).toBe(10 - alive);
    for (const socket of held) if (!socket.destroyed) socket.write(response('late'));
    await eventually(() => [...clients, ...others].filter(({ buffer }) => buffer.endsWith('late')).length === 10);
  });
});
