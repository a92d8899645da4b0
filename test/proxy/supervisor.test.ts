/** The data plane over real worker threads. */
import net from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { TablePatch, UpstreamGroup, VirtualHost } from '../../src/model/table.ts';
import type { Logger } from '../../src/observe/log.ts';
import type { SeriesReader } from '../../src/observe/series-reader.ts';
import type { BoundPorts, DataPlane } from '../../src/proxy/data-plane.ts';
import { startDataPlane } from '../../src/proxy/supervisor.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { eventually } from '../support/eventually.ts';
import {
  certificate,
  group,
  host,
  prefixRoute,
  proxySettings,
  rawBackend,
  response,
  table,
  wholeTable,
} from '../support/proxy.ts';
import { exchange, RawClient } from '../support/raw-client.ts';
import { seriesReader } from '../support/series.ts';

const open: { close: () => Promise<unknown> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const CERTIFICATE = certificate('default', ['ingress.local']);
const HOST = host('app.example', [prefixRoute('/', 'app')]);
const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n';
const COMMON = { controller_class: 'c', controller_namespace: 'n', controller_pod: 'p' };

interface Plane {
  readonly plane: DataPlane;
  readonly series: SeriesReader;
  readonly logged: string[];
  /** Every thread that was started, in order. */
  readonly threads: Worker[];
  /** Publishes a whole table; returns its version. */
  readonly publish: (hosts: readonly VirtualHost[], groups: readonly UpstreamGroup[]) => number;
}

/** `file`: another worker than the real one. */
function start(workers: number, changes: Partial<ProxySettings> = {}, file?: URL): Plane {
  const logged: string[] = [];
  const note = (_: unknown, message: string): void => void logged.push(message);
  const log: Logger = { error: note, warn: note, info: note, debug: note };
  const series = seriesReader(COMMON, true);
  const threads: Worker[] = [];
  const plane = startDataPlane(proxySettings(changes), {
    workers,
    log,
    series,
    startThread: (real, options) => {
      const thread = new Worker(file ?? real, options);
      threads.push(thread);
      return thread;
    },
  });
  open.push({ close: () => plane.shutdown(0) });
  const publish = (hosts: readonly VirtualHost[], groups: readonly UpstreamGroup[]): number => {
    const patch: TablePatch = table(hosts, groups, { defaultCertificate: CERTIFICATE });
    plane.publish(wholeTable(patch), patch);
    return patch.version;
  };
  return { plane, series, logged, threads, publish };
}

async function backend(body = 'x'): Promise<UpstreamGroup> {
  const one = await rawBackend(() => response(body));
  open.push(one);
  return group('app', [one.port]);
}

describe('the supervisor', () => {
  it('does not listen before the first table, and then on one port with every worker', async () => {
    const { plane, publish } = start(2);
    expect(plane.ready()).toBe(false);
    const version = publish([HOST], [await backend()]);
    const ports = await plane.listening;
    await plane.applied(version);
    expect(plane.ready()).toBe(true);
    expect(plane.workers()).toMatchObject([
      { id: 0, state: 'ready', version },
      { id: 1, state: 'ready', version },
    ]);
    expect((await exchange(ports.http, GET)).body).toBe('x');
  });

  it('gives changes to every worker', async () => {
    const { plane, publish } = start(2);
    publish([HOST], [await backend('before')]);
    const { http } = await plane.listening;
    await plane.applied(publish([HOST], [await backend('after')]));
    for (let i = 0; i < 8; i++) expect((await exchange(http, GET)).body).toBe('after');
  });

  it('says which port is taken, although SO_REUSEPORT would share it', async () => {
    const taken = net.createServer();
    await new Promise<void>((resolve) => taken.listen({ port: 0, host: '127.0.0.1', reusePort: true }, resolve));
    open.push({ close: () => void taken.close() });
    const { port } = taken.address() as net.AddressInfo;
    const { plane, publish } = start(1, { httpPort: port });
    publish([HOST], []);
    await expect(plane.listening).rejects.toMatchObject({ code: 'EADDRINUSE', port });
  });

  it('replaces a worker that dies; the others serve, the new one has the table, and no count goes back', async () => {
    const { plane, series, logged, threads, publish } = start(2);
    const version = publish([HOST], [await backend()]);
    const { http }: BoundPorts = await plane.listening;
    for (let i = 0; i < 20; i++) await exchange(http, GET);
    const count = (): number => Number(/^nginx_ingress_controller_requests\{.*\} (\d+)$/m.exec(series.text())?.[1]);
    await eventually(() => count() === 20);
    await threads[0]!.terminate();
    await eventually(() => plane.workers()[0]!.restarts === 1 && plane.workers()[0]!.state === 'ready');
    await plane.applied(version);
    expect(logged).toContain('worker ended; it is replaced');
    for (let i = 0; i < 20; i++) expect((await exchange(http, GET)).status).toBe(200);
    await eventually(() => count() === 40);
  });

  it('on drain closes connections with their response, and on shutdown finishes what is in flight', async () => {
    const held: net.Socket[] = [];
    const slow = await rawBackend((head, socket) => {
      if (!head.startsWith('GET /slow')) return response('x');
      held.push(socket);
      return null;
    });
    open.push(slow);
    const { plane, publish } = start(1);
    publish([HOST], [group('app', [slow.port])]);
    const { http } = await plane.listening;
    const idle = await RawClient.connect(http);
    expect((await idle.request(GET)).headers.has('connection')).toBe(false);
    const busy = await RawClient.connect(http);
    busy.send(GET.replace('/ ', '/slow '));
    await eventually(() => held.length === 1);
    plane.drain();
    // Accepting goes on; responses close.
    await eventually(async () => (await exchange(http, GET)).headers.get('connection')?.[0] === 'close');
    const ended = plane.shutdown(30_000);
    expect(plane.ready()).toBe(false);
    await idle.closed();
    expect(idle.reset).toBe(false);
    await eventually(() =>
      exchange(http, GET).then(
        () => false,
        () => true,
      ),
    );
    held[0]!.write(response('done'));
    const last = await busy.response();
    expect(last.body).toBe('done');
    expect(last.headers.get('connection')).toEqual(['close']);
    await ended;
    expect(plane.workers().every(({ state }) => state === 'stopped')).toBe(true);
  });

  it('cuts what is still in flight at the deadline', async () => {
    const silent = await rawBackend(() => null);
    open.push(silent);
    const { plane, publish } = start(1);
    publish([HOST], [group('app', [silent.port])]);
    const { http } = await plane.listening;
    const one = await RawClient.connect(http);
    one.send(GET);
    await eventually(() => silent.sockets.length === 1);
    await plane.shutdown(50);
    await one.closed();
  });

  it('takes settings before the first table', async () => {
    const { plane, publish } = start(2);
    plane.configure(proxySettings({ maxRequestBodySize: 1 }));
    publish([HOST], [await backend()]);
    const { http } = await plane.listening;
    expect((await exchange(http, GET.replace('\r\n\r\n', '\r\nContent-Length: 2\r\n\r\nab'))).status).toBe(413);
    expect(plane.workers().every(({ restarts }) => restarts === 0)).toBe(true);
  });

  it('listens although the first worker dies before it does', async () => {
    const { plane, publish, threads } = start(2);
    publish([HOST], [await backend()]);
    await threads[0]!.terminate();
    const { http } = await plane.listening;
    expect((await exchange(http, GET)).body).toBe('x');
  });

  it('replaces a worker whose event loop hangs', async () => {
    const { plane, publish, threads, logged } = start(2, {}, new URL('../support/faulty-worker.ts', import.meta.url));
    publish([HOST], [await backend()]);
    const { http } = await plane.listening;
    threads[0]!.postMessage('hang');
    await eventually(() => logged.includes('worker does not respond; it is replaced'));
    // Until it is gone, its socket still takes connections that nobody serves.
    await eventually(() => plane.workers()[0]!.restarts === 1 && plane.workers()[0]!.state === 'ready');
    for (let i = 0; i < 8; i++) expect((await exchange(http, GET)).body).toBe('x');
  });
});
