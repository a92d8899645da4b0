/** What the supervisor tells workers that replace dead ones, and when it calls itself ready. The threads are in hand. */
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { Logger } from '../../src/observe/log.ts';
import type { DataPlane } from '../../src/proxy/data-plane.ts';
import { startDataPlane, type DataPlaneOptions } from '../../src/proxy/supervisor.ts';
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
import { exchange } from '../support/raw-client.ts';
import { ScriptedThread } from '../support/scripted-thread.ts';
import { seriesReader } from '../support/series.ts';

const open: { close: () => Promise<unknown> | void }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close();
});

const CERTIFICATE = certificate('default', ['ingress.local']);
const PORTS = { http: 40_080, https: 40_443 };

interface Plane {
  readonly plane: DataPlane;
  readonly threads: ScriptedThread[];
  /** Publishes a table; returns its version. */
  readonly publish: (paths: readonly string[], reset?: boolean) => number;
}

function supervise(workers: number, startThread: DataPlaneOptions['startThread']): DataPlane {
  const nothing = (): void => undefined;
  const log: Logger = { error: nothing, warn: nothing, info: nothing, debug: nothing };
  const series = seriesReader({ controller_class: 'c', controller_namespace: 'n', controller_pod: 'p' }, true);
  const plane = startDataPlane(proxySettings(), { workers, log, series, ...(startThread && { startThread }) });
  open.push({ close: () => plane.shutdown(0) });
  return plane;
}

function publishTo(plane: DataPlane, paths: readonly string[], ports: readonly number[]): number {
  const groups = [group('app', ports)];
  const patch = table(
    [
      host(
        'app.example',
        paths.map((path) => prefixRoute(path, 'app')),
      ),
    ],
    groups,
    {
      defaultCertificate: CERTIFICATE,
    },
  );
  plane.publish(wholeTable(patch), patch);
  return patch.version;
}

function start(workers: number): Plane {
  const threads: ScriptedThread[] = [];
  const plane = supervise(workers, () => {
    const thread = new ScriptedThread();
    threads.push(thread);
    return thread as unknown as Worker;
  });
  return { plane, threads, publish: (paths) => publishTo(plane, paths, [1]) };
}

/** Workers that serve the first table. */
async function serving(workers: number): Promise<Plane> {
  const made = start(workers);
  made.publish(['/']);
  for (const thread of made.threads) {
    await eventually(() => thread.types().includes('listen'));
    thread.applies();
    thread.says({ type: 'listening', ports: PORTS });
  }
  expect(await made.plane.listening).toEqual(PORTS);
  return made;
}

describe('the supervisor is ready', () => {
  it('when a worker listens and has the latest table, not an earlier one', async () => {
    const { plane, threads, publish } = start(1);
    const [thread] = threads;
    publish(['/']);
    await eventually(() => thread!.types().includes('listen'));
    expect(plane.ready()).toBe(false);
    thread!.applies();
    expect(plane.ready()).toBe(false);
    thread!.says({ type: 'listening', ports: PORTS });
    expect(plane.ready()).toBe(true);
    publish(['/', '/a']);
    expect(plane.ready()).toBe(false);
    publish(['/', '/b']);
    thread!.says({ type: 'applied', version: thread!.version()! - 1 });
    expect(plane.ready()).toBe(false);
    thread!.applies();
    expect(plane.ready()).toBe(true);
  });

  it('when one of several has it', async () => {
    const { plane, threads, publish } = await serving(2);
    publish(['/', '/a']);
    expect(plane.ready()).toBe(false);
    threads[1]!.applies();
    expect(plane.ready()).toBe(true);
  });

  it('not while its only worker is dead or starts again', async () => {
    const { plane, threads } = await serving(1);
    threads[0]!.die(1);
    await eventually(() => plane.workers()[0]!.state === 'stopped');
    expect(plane.ready()).toBe(false);
    await eventually(() => threads.length === 2);
    expect(plane.ready()).toBe(false);
    // What the dead one had applied does not count.
    threads[1]!.says({ type: 'listening', ports: PORTS });
    expect(plane.ready()).toBe(false);
    threads[1]!.applies();
    expect(plane.ready()).toBe(true);
  });
});

describe('a worker that replaces a dead one', () => {
  it('is given the latest table whole, and the same ports; others notice nothing', async () => {
    const { plane, threads, publish } = await serving(2);
    const before = threads[0]!.told.length;
    const version = publish(['/', '/a']);
    threads[1]!.die(1);
    await eventually(() => threads.length === 3);
    expect(threads[2]!.types()).toEqual(['patch', 'listen']);
    const [patch, listen] = threads[2]!.told;
    expect(patch).toMatchObject({
      patch: { version, reset: true, defaultCertificate: { fingerprint: CERTIFICATE.fingerprint } },
    });
    const routes = patch?.type === 'patch' ? patch.patch.hosts.find(({ host: name }) => name === 'app.example')?.routes : [];
    expect(routes?.map(({ path }) => path)).toEqual(['/', '/a']);
    expect(listen).toEqual({ type: 'listen', ports: PORTS });
    expect(threads[0]!.told).toHaveLength(before + 1);
    expect(plane.workers().map(({ restarts }) => restarts)).toEqual([0, 1]);
  });

  it('is waited for until it has the table', async () => {
    const { plane, threads, publish } = await serving(1);
    const version = publish(['/', '/a']);
    let applied = false;
    threads[0]!.die(1);
    await eventually(() => threads.length === 2);
    const waiting = plane.applied(version).then(() => (applied = true));
    await new Promise(setImmediate);
    expect(applied).toBe(false);
    threads[1]!.applies();
    await waiting;
  });

  it('is told to drain when the others were', async () => {
    const { plane, threads } = await serving(2);
    plane.drain();
    expect(threads.map((thread) => thread.types().at(-1))).toEqual(['drain', 'drain']);
    threads[0]!.die(1);
    await eventually(() => threads.length === 3);
    expect(threads[2]!.types()).toEqual(['patch', 'listen', 'drain']);
  });

  it('is not told to drain when nobody was', async () => {
    const { threads } = await serving(1);
    threads[0]!.die(1);
    await eventually(() => threads.length === 2);
    expect(threads[1]!.types()).not.toContain('drain');
  });

  it('does not come after shutdown', async () => {
    const { plane, threads } = await serving(1);
    threads[0]!.die(1);
    await eventually(() => plane.workers()[0]!.restarts === 1);
    await plane.shutdown(0);
    // Another, whose worker dies now, is replaced: by then the first would have been too.
    const other = await serving(1);
    other.threads[0]!.die(1);
    await eventually(() => other.threads.length === 2);
    expect(threads).toHaveLength(1);
  });

  it('closes connections with their responses on drain, as a real worker', async () => {
    const upstream = await rawBackend(() => response('x'));
    open.push(upstream);
    const threads: Worker[] = [];
    const plane = supervise(1, (file, options) => {
      const thread = new Worker(file, options);
      threads.push(thread);
      return thread;
    });
    const version = publishTo(plane, ['/'], [upstream.port]);
    const { http } = await plane.listening;
    plane.drain();
    await threads[0]!.terminate();
    await eventually(() => threads.length === 2 && plane.workers()[0]!.state === 'ready');
    await plane.applied(version);
    const reply = await exchange(http, 'GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    expect(reply.body).toBe('x');
    expect(reply.headers.get('connection')).toEqual(['close']);
  });
});
