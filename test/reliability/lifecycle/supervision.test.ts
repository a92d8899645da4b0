/**
 * Threat: a worker that dies at once each time it starts burns the CPU and floods the log, a healthy worker that gets no CPU is
 * taken for one that hangs, or a thread that cannot be ended holds its share of the connections for ever (reference E4, E5; the
 * last: V8 whose heap is full may collect garbage without ever looking whether it was told to end).
 */
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MemoryReading } from '../../../src/proxy/workers/memory.ts';
import { startPlane, type TestPlane } from '../../support/worker-plane.ts';
import { group, host, prefixRoute } from '../../support/proxy.ts';
import { ScriptedThread } from '../../support/scripted-thread.ts';

const PORTS = { http: 40_080, https: 40_443 };
const HOSTS = [host('app.example', [prefixRoute('/', 'app')])];
const GROUPS = [group('app', [1])];

let made: TestPlane;
let threads: ScriptedThread[];
let memory: MemoryReading;
/** CPU milliseconds that each thread has burnt. */
let burnt: number;

beforeEach(() => {
  vi.useFakeTimers();
  threads = [];
  memory = { used: 0, limit: 100 };
  burnt = 0;
});

afterEach(async () => {
  const ended = made.plane.shutdown(0);
  await vi.advanceTimersByTimeAsync(60_000);
  await ended;
  vi.useRealTimers();
});

function start(workers: number): void {
  made = startPlane({
    workers,
    memory: () => memory,
    cpuTime: () => burnt,
    startThread: (_, options) => {
      const thread = new ScriptedThread(options);
      threads.push(thread);
      return thread as unknown as Worker;
    },
  });
}

/** Workers that serve the first table and have beaten once. */
async function serve(workers: number): Promise<void> {
  start(workers);
  made.publish(HOSTS, GROUPS);
  await vi.advanceTimersByTimeAsync(0);
  for (const thread of threads) becomeReady(thread);
}

function becomeReady(thread: ScriptedThread): void {
  thread.says({ type: 'started', thread: 'x' });
  thread.applies();
  thread.says({ type: 'listening', ports: PORTS });
  thread.beat();
}

/** Lets looks at the heartbeats pass; the threads `beating` beat before each, all burn `cpu` milliseconds. */
async function look(times: number, beating: readonly ScriptedThread[], cpu = 0): Promise<void> {
  for (let i = 0; i < times; i++) {
    for (const thread of beating) thread.beat();
    burnt += cpu;
    await vi.advanceTimersByTimeAsync(250);
  }
}

const messages = (): string[] => made.logged.map(({ message }) => message);

describe('E4 a crash loop', () => {
  it('E4: is slowed down to one start in 30 s, is not ready meanwhile, and logs one line each', async () => {
    start(1);
    made.publish(HOSTS, GROUPS);
    const waits: number[] = [];
    for (let death = 1; death <= 13; death++) {
      threads.at(-1)!.emit('error', new Error('a bug at the start'));
      threads.at(-1)!.die(1);
      let waited = 0;
      while (threads.length === death) {
        await vi.advanceTimersByTimeAsync(10);
        waited += 10;
        expect(made.plane.ready()).toBe(false);
      }
      waits.push(waited);
    }
    expect(waits.slice(0, 4).map((wait) => Math.round(wait / 50))).toEqual([1, 2, 4, 8]);
    expect(waits.slice(-3).every((wait) => wait >= 30_000 && wait <= 30_020)).toBe(true);
    expect(messages()).toEqual(Array(13).fill('worker ended; it is replaced'));
    expect(made.logged[0]!.fields).toMatchObject({ error: expect.objectContaining({ message: 'a bug at the start' }) });
    // One that stays up is ready at once, and its next death is no longer of the row.
    becomeReady(threads.at(-1)!);
    expect(made.plane.ready()).toBe(true);
    await look(48, [threads.at(-1)!]);
    threads.at(-1)!.die(1);
    await vi.advanceTimersByTimeAsync(60);
    expect(threads).toHaveLength(15);
  });
});

describe('E4 a worker that does not beat', () => {
  it('E4: is replaced in less than 2 s when it burns CPU', async () => {
    await serve(2);
    await look(7, [threads[1]!], 250);
    expect(messages()).toEqual(['worker does not respond; it is replaced', 'worker ended; it is replaced']);
    expect(made.plane.workers().map(({ restarts }) => restarts)).toEqual([1, 0]);
  });

  it('E4: is left alone for 4 s when it gets no CPU, and goes on as if nothing had been', async () => {
    await serve(1);
    await look(16, []);
    await look(1, threads);
    await look(16, []);
    await look(1, threads);
    expect(messages()).toEqual([]);
    // Blocked for good.
    await look(22, []);
    expect(messages()).toContain('worker does not respond; it is replaced');
  });

  it('E4: is replaced alone, the next one once it serves, or after 5 s', async () => {
    await serve(3);
    await look(8, [], 250);
    const hung = (): number => messages().filter((message) => message.startsWith('worker does not respond')).length;
    expect(hung()).toBe(1);
    becomeReady(threads[3]!);
    await look(1, [threads[3]!], 250);
    expect(hung()).toBe(2);
    // Its replacement does not come up.
    await look(18, [threads[3]!], 250);
    expect(hung()).toBe(2);
    await look(3, [threads[3]!], 250);
    expect(hung()).toBe(3);
  });

  it('E4: and cannot be ended either means that the process must end', async () => {
    await serve(2);
    let failed = false;
    void made.plane.failed.then(() => (failed = true));
    threads[0]!.immortal = true;
    await look(7, [threads[1]!], 250);
    await look(36, [threads[1]!]);
    expect(failed).toBe(false);
    await look(6, [threads[1]!]);
    expect(failed).toBe(true);
    expect(messages().at(-1)).toBe('worker can neither serve nor be ended');
  });
});

describe('E5 a table that is published', () => {
  it('E5: while a worker starts is there when it serves, and so is the next', async () => {
    await serve(2);
    threads[1]!.die(1);
    await vi.advanceTimersByTimeAsync(0);
    made.publish(HOSTS, GROUPS);
    await vi.advanceTimersByTimeAsync(60);
    const version = made.publish(HOSTS, [group('app', [2])]);
    threads[0]!.applies();
    let applied = false;
    void made.plane.applied(version).then(() => (applied = true));
    await vi.advanceTimersByTimeAsync(0);
    expect(applied).toBe(false);
    becomeReady(threads[2]!);
    await vi.advanceTimersByTimeAsync(0);
    expect(applied).toBe(true);
    expect(threads[2]!.types()).toEqual(['patch', 'listen', 'patch']);
    expect(made.plane.workers().map((worker) => worker.version)).toEqual([version, version]);
  });

  it('E5: while a worker hangs holds nobody up for longer than it takes to notice', async () => {
    await serve(2);
    const version = made.publish(HOSTS, [group('app', [2])]);
    threads[1]!.applies();
    let applied = false;
    void made.plane.applied(version).then(() => (applied = true));
    await look(4, [threads[1]!], 250);
    expect(applied).toBe(false);
    await look(3, [threads[1]!], 250);
    expect(applied).toBe(true);
    expect(made.plane.ready()).toBe(true);
    becomeReady(threads[2]!);
    expect(made.plane.workers().map((worker) => worker.version)).toEqual([version, version]);
  });
});

describe('E6 short memory', () => {
  it('E6: is told to every worker, to those that start later too, and once', async () => {
    await serve(2);
    memory = { used: 93, limit: 100 };
    await look(4, threads);
    memory = { used: 96, limit: 100 };
    await look(4, threads);
    threads[1]!.die(1);
    await look(2, threads.slice(0, 1));
    expect(threads.map((thread) => thread.told.flatMap((told) => (told.type === 'memory' ? [told.level] : [])))).toEqual([
      [1, 2],
      [1, 2],
      [2],
    ]);
    memory = { used: 10, limit: 100 };
    await look(4, threads.slice(0, 1));
    expect(threads[2]!.told.at(-1)).toEqual({ type: 'memory', level: 0 });
    expect(messages()).toEqual([
      'every worker keeps no connection alive: memory',
      'every worker refuses requests: memory',
      'worker ended; it is replaced',
      'every worker keeps connections alive again: memory',
    ]);
  });
});
