/**
 * Threat: one worker that throws, runs out of memory, hangs or is ended takes the whole proxy with it, or leaves clients waiting
 * for ever (Node ends a process for an uncaught exception; nodejs/node#47224; reference E3).
 */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { Fault } from '../../support/faulty-worker.ts';
import { startPlane, type TestPlane } from '../../support/worker-plane.ts';
import { group, host, prefixRoute, rawBackend, response, type RawBackend } from '../../support/proxy.ts';
import { exchange, RawClient } from '../../support/raw-client.ts';

const FAULTY = new URL('../../support/faulty-worker.ts', import.meta.url);
const HOST = host('app.example', [prefixRoute('/', 'app')]);
const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`;
const SLOTS = 2;

const open: { close: () => Promise<unknown> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

interface Scene extends TestPlane {
  readonly port: number;
  readonly backend: RawBackend;
  /** Keep-alive connections with a first answer behind them. */
  readonly clients: readonly RawClient[];
}

/** Two workers and so many connections that each has some. A request for /hold is never answered. */
async function stage(): Promise<Scene> {
  const backend = await rawBackend((head) => (head.startsWith('GET /hold') ? null : response('x')));
  open.push(backend);
  const made = startPlane({
    workers: SLOTS,
    file: FAULTY,
    // So that running out of memory does not take the time of filling half the machine's.
    memory: () => ({ used: 0, limit: 2 ** 27 }),
  });
  open.push({ close: () => made.plane.shutdown(0) });
  await made.plane.applied(made.publish([HOST], [group('app', [backend.port])]));
  const { http: port } = await made.plane.listening;
  const clients = await Promise.all(Array.from({ length: 24 }, () => RawClient.connect(port)));
  open.push(...clients);
  for (const client of clients) expect((await client.request(request('/'))).status).toBe(200);
  // The gauge that lost connections are counted by is as old as the last heartbeat.
  await eventually(() => made.metric('nginx_ingress_controller_nginx_process_connections{') === clients.length);
  return { ...made, port, backend, clients };
}

async function breakFirst(scene: Scene, fault: Fault | 'terminate'): Promise<void> {
  const [first] = scene.threads;
  if (fault === 'terminate') await first!.terminate();
  else first!.postMessage(fault);
}

/** The connections of the worker that died are closed, those of the other serve on; nobody waits. Returns how many lived. */
async function survivors({ clients }: Scene): Promise<number> {
  const alive = await Promise.all(
    clients.map(async (client) => {
      client.send(request('/'));
      return client.response().then(
        ({ status }) => status === 200,
        () => false,
      );
    }),
  );
  for (const [index, lives] of alive.entries()) if (!lives) expect(clients[index]!.ended).toBe(true);
  return alive.filter(Boolean).length;
}

it('E3: a worker has a heap of its own bounded size, half of the memory of all', async () => {
  const { threads } = await stage();
  for (const thread of threads) expect(thread.resourceLimits?.maxOldGenerationSizeMb).toBe(64);
});

describe('E3 a worker that dies loses its own connections and nothing else', () => {
  it.each<[Fault | 'terminate', object]>([
    ['throw', { code: 1, error: expect.objectContaining({ message: 'a bug' }) }],
    ['reject', { code: 1, error: expect.objectContaining({ message: 'a bug in a promise' }) }],
    ['exhaust', { code: 1 }],
    ['terminate', { code: 1 }],
    ['hang', { code: 1 }],
  ])('E3: %s', async (fault, said) => {
    const scene = await stage();
    await breakFirst(scene, fault);
    await eventually(() => scene.plane.workers()[0]!.restarts === 1 && scene.plane.workers()[0]!.state === 'ready');
    const lived = await survivors(scene);
    // Both had some.
    expect(lived).toBeGreaterThan(0);
    expect(lived).toBeLessThan(scene.clients.length);
    expect(scene.metric('sluice_connections_lost_total')).toBe(scene.clients.length - lived);
    expect(scene.plane.workers().map(({ restarts }) => restarts)).toEqual([1, 0]);
    expect(scene.plane.ready()).toBe(true);
    for (let i = 0; i < 8; i++) expect((await exchange(scene.port, request('/'))).status).toBe(200);
    // One line for the death; one before it, where somebody had to notice. A heap that is nearly full may hang before it bursts.
    const messages = scene.logged.map(({ message }) => message);
    const noticed = fault === 'hang' || (fault === 'exhaust' && messages.length > 1);
    expect(messages).toEqual([...(noticed ? ['worker does not respond; it is replaced'] : []), 'worker ended; it is replaced']);
    expect(scene.logged.at(-1)!.fields).toMatchObject({ worker: 0, delay: 50, ...said });
  });

  it('E3: clients in the middle of an exchange see their connection close', async () => {
    const scene = await stage();
    for (const client of scene.clients) client.send(request('/hold'));
    await eventually(() => scene.backend.received.join('').split('GET /hold').length - 1 === scene.clients.length);
    await scene.threads[0]!.terminate();
    await eventually(() => scene.plane.workers()[0]!.restarts === 1);
    // The other's exchanges end when the backend answers.
    for (const socket of scene.backend.sockets) if (!socket.destroyed) socket.write(response('late'));
    const bodies = await Promise.all(
      scene.clients.map((client) =>
        client.response().then(
          ({ body }) => body,
          () => 'closed',
        ),
      ),
    );
    expect(new Set(bodies)).toEqual(new Set(['late', 'closed']));
    expect(bodies.filter((body) => body === 'closed')).toHaveLength(scene.metric('sluice_connections_lost_total'));
  });
});
