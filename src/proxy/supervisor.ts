/** Starts the workers, gives them tables, replaces those that die. The controller's side of the data plane. */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { diffTables } from '../model/diff.ts';
import type { RoutingTable, TablePatch } from '../model/table.ts';
import type { Logger } from '../observe/log.ts';
import { ADMISSION, HEARTBEAT, sharedCounters } from '../observe/series.ts';
import type { SeriesReader } from '../observe/series-reader.ts';
import type { ProxySettings } from '../settings/settings.ts';
import type { BoundPorts, DataPlane, WorkerState } from './data-plane.ts';
import { collectGarbage } from './workers/collect-garbage.ts';
import { Heartbeat, LOOK_INTERVAL, threadCpuTime, type ThreadCpuTime } from './workers/heartbeats.ts';
import { assertFree } from './listener/bind.ts';
import { Stapler } from './ocsp/stapler.ts';
import { TicketKeys } from './listener/ticket-keys.ts';
import { StreamPorts } from './stream/ports.ts';
import { workerHeapLimit, type MemoryReading } from './workers/memory.ts';
import { LevelOf, MEMORY_STEADINESS, OPEN, SAMPLE_INTERVAL, type AdmissionLevel } from './workers/overload.ts';
import type { FromWorker, ToWorker, WorkerData } from './workers/messages.ts';
import { SharedCounts } from './workers/shared-counts.ts';
import { newSlot, type Slot } from './workers/slot.ts';
import { openFilesLimit, withinOpenFiles } from './workers/open-files.ts';

export interface DataPlaneOptions {
  /** Worker threads, each with all ports. */
  readonly workers: number;
  readonly log: Logger;
  /** Gets the workers' counters. */
  readonly series: SeriesReader;
  /** Reads the memory of the process; null: there is no limit to watch. */
  readonly memory?: (() => MemoryReading) | null;
  /** How a hanging worker is told from one without CPU; `threadCpuTime` unless a test says otherwise. */
  readonly cpuTime?: ThreadCpuTime;
  /** Starts a thread; `node:worker_threads` unless a test wants to have the thread in hand. */
  readonly startThread?: (file: URL, options: WorkerOptions) => Worker;
  /** Milliseconds of a monotonic clock, by which the keys of session tickets age. */
  readonly clock?: () => number;
}

/** A worker that dies is replaced after this many milliseconds, doubled with every death in a row. */
const RESTART_DELAY = 50;
const MAX_RESTART_DELAY = 30_000;
/** A worker that lived this long was healthy: the delay begins anew. */
const HEALTHY_AFTER = 10_000;
/** A hanging worker is ended; so long no other is, in milliseconds, unless it is back before. */
const NEXT_REPLACEMENT = 5_000;
/** A worker that was to stop by a deadline is ended this many milliseconds after it. */
const FORCE_AFTER = 2_000;
/** A thread that was told to end and has not done so after this many milliseconds never will. */
const UNSTOPPABLE_AFTER = 10_000;
/** How often the age of the keys of session tickets is looked at, in milliseconds. */
const KEYS_INTERVAL = 1_000;
/** MiB of a worker, in three spaces: small, for the pauses of emptying it, but not so small that streams of HTTP/2 outlive it. */
const YOUNG_GENERATION = 12;
/** What a level of admission means, for the log. */
const ADMITS = ['keeps connections alive again', 'keeps no connection alive', 'refuses requests'] as const;

/** Starts the workers. They begin to listen with the first table. */
export function startDataPlane(settings: ProxySettings, options: DataPlaneOptions): DataPlane {
  return new Supervisor(settings, options);
}

class Supervisor implements DataPlane {
  readonly listening: Promise<BoundPorts>;
  readonly failed: Promise<void>;
  #settings: ProxySettings;
  readonly #options: DataPlaneOptions;
  /** MiB. */
  readonly #heapLimit: number;
  readonly #slots: Slot[] = [];
  #table: RoutingTable | null = null;
  #version = 0;
  #nextSeries = 0;
  /** Where to listen, once the ports were found free; with 0 for those the system is to choose. */
  #wanted: BoundPorts | null = null;
  /** Where the first worker listens, and so all. */
  #ports: BoundPorts | null = null;
  readonly #clock: () => number;
  readonly #ticketKeys: TicketKeys;
  readonly #stapler: Stapler;
  readonly #counts: SharedCounts;
  readonly #intervals: readonly NodeJS.Timeout[];
  readonly #memory = new LevelOf(MEMORY_STEADINESS);
  readonly streamPorts = new StreamPorts((id) => this.#broadcast({ type: 'listenStreams', ids: [id] }));
  /** The worker that was ended last because it hung, and when. */
  #hung: Slot | null = null;
  #hungAt = -Infinity;
  #stopping = false;
  #draining = false;
  #fail!: () => void;
  #resolveListening!: (ports: BoundPorts) => void;
  #rejectListening!: (error: Error) => void;
  #waiting: { readonly version: number; readonly done: () => void }[] = [];

  constructor(settings: ProxySettings, options: DataPlaneOptions) {
    this.#options = options;
    this.#settings = this.#affordable(settings);
    this.#clock = options.clock ?? (() => performance.now());
    this.#ticketKeys = new TicketKeys(this.#clock());
    this.#stapler = new Stapler(options.log, (changes) => this.#broadcast({ type: 'staples', changes }));
    this.#counts = new SharedCounts(settings.limitMemory, options.workers);
    this.#heapLimit = workerHeapLimit(options.memory?.()?.limit);
    this.listening = new Promise((resolve, reject) => {
      this.#resolveListening = resolve;
      this.#rejectListening = reject;
    });
    this.failed = new Promise((resolve) => (this.#fail = resolve));
    // Whoever does not wait for it hears of a failure through the log.
    this.listening.catch(() => undefined);
    const { memory, cpuTime = threadCpuTime } = options;
    this.#intervals = [
      setInterval(() => this.#checkHeartbeats(), LOOK_INTERVAL).unref(),
      setInterval(() => this.#renewTicketKeys(), KEYS_INTERVAL).unref(),
      setInterval(() => this.#stapler.tick(), KEYS_INTERVAL).unref(),
      ...(memory ? [setInterval(() => this.#checkMemory(memory()), SAMPLE_INTERVAL).unref()] : []),
    ];
    for (let id = 0; id < options.workers; id++) {
      const slot = newSlot(id, cpuTime);
      this.#slots.push(slot);
      this.#start(slot);
    }
  }

  publish(table: RoutingTable, patch: TablePatch): void {
    const first = this.#table === null;
    this.#table = table;
    this.#version = patch.version;
    this.#followCertificates();
    if (first) {
      for (const slot of this.#slots) this.#sendTable(slot);
      void this.#listenFirst();
    } else this.#broadcast({ type: 'patch', patch });
    this.streamPorts.update(table.streams, this.#settings.bindAddress);
  }

  configure(settings: ProxySettings): void {
    this.#settings = this.#affordable(settings);
    this.#followCertificates();
    this.#broadcast({ type: 'configure', settings: this.#settings });
  }

  applied(version: number): Promise<void> {
    if (this.#appliedByAll(version)) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ version, done }));
  }

  ready(): boolean {
    return !this.#stopping && this.#slots.some(({ state, version }) => state === 'ready' && version === this.#version);
  }

  workers(): readonly WorkerState[] {
    return this.#slots.map(({ id, state, version, restarts, seriesId }) => {
      const admission = (this.#options.series.counterOf(seriesId, ADMISSION) ?? OPEN) as AdmissionLevel;
      return { id, state, version, restarts, admission };
    });
  }

  drain(): void {
    this.#draining = true;
    this.#broadcast({ type: 'drain' });
  }

  async shutdown(deadline: number): Promise<void> {
    this.#stopping = true;
    this.#stapler.close();
    for (const interval of this.#intervals) clearInterval(interval);
    this.streamPorts.stop();
    await Promise.all(this.#slots.map((slot) => this.#stop(slot, deadline)));
    this.#rejectListening(new Error('the data plane was shut down'));
    for (const { done } of this.#waiting.splice(0)) done();
  }

  #followCertificates(): void {
    this.#stapler.follow(this.#settings.ocspStapling ? this.#table : null);
  }

  /** The settings as far as open files allow. */
  #affordable(wanted: ProxySettings): ProxySettings {
    const openFiles = openFilesLimit();
    const settings = withinOpenFiles(wanted, openFiles, this.#options.workers);
    const { maxConnections } = settings;
    if (maxConnections < wanted.maxConnections)
      this.#options.log.warn(
        { openFiles, maxConnections },
        'too few open files for the configured connections: fewer are accepted',
      );
    return settings;
  }

  async #stop(slot: Slot, deadline: number): Promise<void> {
    if (slot.restart !== null) clearTimeout(slot.restart);
    const { thread } = slot;
    if (thread === null) return;
    const ended = Promise.withResolvers<void>();
    thread.once('exit', () => ended.resolve());
    thread.postMessage({ type: 'stop', deadline } satisfies ToWorker);
    // A worker whose event loop hangs does not hear the message; and some cannot be ended at all: see `#terminate`.
    const force = setTimeout(() => void thread.terminate(), deadline + FORCE_AFTER);
    const giveUp = setTimeout(ended.resolve, deadline + FORCE_AFTER + UNSTOPPABLE_AFTER);
    await ended.promise;
    clearTimeout(force);
    clearTimeout(giveUp);
  }

  /** Ends a thread whatever it does. V8 may be where it never looks for that (a heap that is full, for one): then we have failed. */
  #terminate(slot: Slot, thread: Worker): void {
    slot.state = 'stopped';
    this.#settleWaiting();
    const late = setTimeout(() => {
      this.#options.log.error({ worker: slot.id }, 'worker can neither serve nor be ended');
      this.#fail();
    }, UNSTOPPABLE_AFTER).unref();
    thread.once('exit', () => clearTimeout(late));
    void thread.terminate();
  }

  #start(slot: Slot): void {
    const counters = sharedCounters();
    slot.seriesId = this.#nextSeries++;
    slot.state = 'starting';
    slot.version = 0;
    slot.startedAt = performance.now();
    slot.heartbeat = new Heartbeat(this.#options.cpuTime ?? threadCpuTime);
    slot.error = null;
    const startThread = this.#options.startThread ?? ((file, options) => new Worker(file, options));
    const thread = startThread(new URL('./workers/worker.ts', import.meta.url), {
      name: `sluice-worker-${slot.id}`,
      workerData: {
        settings: this.#settings,
        counters,
        counts: this.#counts.of(slot.id),
        ticketKeys: this.#ticketKeys.current,
        staples: this.#stapler.staples(),
      } satisfies WorkerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#heapLimit, maxYoungGenerationSizeMb: YOUNG_GENERATION },
    });
    slot.thread = thread;
    this.#options.series.addWorker(slot.seriesId, counters);
    thread.on('message', (message: FromWorker) => this.#onMessage(slot, message));
    thread.on('error', (error) => (slot.error = error));
    thread.on('exit', (code) => this.#onExit(slot, code));
    if (this.#table !== null) this.#sendTable(slot);
    // Until the first worker has found the ports, only that one tries.
    const ports = this.#ports ?? (slot === this.#slots[0] ? this.#wanted : null);
    if (ports !== null) this.#send(slot, { type: 'listen', ports });
    const ids = this.streamPorts.free();
    if (ids.length > 0) this.#send(slot, { type: 'listenStreams', ids });
    if (this.#memory.level !== OPEN) this.#send(slot, { type: 'memory', level: this.#memory.level });
    if (this.#draining) this.#send(slot, { type: 'drain' });
  }

  #onMessage(slot: Slot, message: FromWorker): void {
    switch (message.type) {
      case 'started':
        slot.heartbeat.named(message.thread);
        return;
      case 'applied':
        slot.version = message.version;
        this.#settleWaiting();
        return;
      case 'listening':
        slot.state = 'ready';
        if (this.#ports === null) {
          this.#ports = message.ports;
          for (const other of this.#slots) if (other !== slot) this.#send(other, { type: 'listen', ports: message.ports });
        }
        if (this.#slots.every(({ state }) => state === 'ready')) this.#resolveListening(this.#ports);
        return;
      case 'listenFailed':
        this.#options.log.error({ worker: slot.id, code: message.code }, message.message);
        if (this.#ports === null) this.#rejectListening(Object.assign(new Error(message.message), { code: message.code }));
        // A replacement that cannot listen is no use; the next one may.
        else if (slot.thread !== null) this.#terminate(slot, slot.thread);
        return;
      case 'streamFailed':
        return this.streamPorts.failed(message.id, message.message, this.#settings.bindAddress);
      case 'trouble': {
        const { type: _, what, ...fields } = message;
        return this.#options.log.warn({ worker: slot.id, ...fields }, what);
      }
      case 'bug':
        this.#options.log.error({ worker: slot.id, stack: message.stack }, `a bug: ${message.lost}`);
        return;
      case 'delayed':
        this.#options.log.warn(
          { worker: slot.id, delay: Math.round(message.delay) },
          `worker ${ADMITS[message.level]}: event loop`,
        );
        return;
      case 'series':
        this.#options.series.announce(slot.seriesId, message.announcement);
    }
  }

  #onExit(slot: Slot, code: number): void {
    slot.thread = null;
    slot.state = 'stopped';
    this.#options.series.removeWorker(slot.seriesId);
    this.#counts.ended(slot.id);
    this.#settleWaiting();
    if (this.#stopping) return;
    slot.deaths = performance.now() - slot.startedAt > HEALTHY_AFTER ? 1 : slot.deaths + 1;
    const delay = Math.min(RESTART_DELAY * 2 ** (slot.deaths - 1), MAX_RESTART_DELAY);
    const cause = slot.error === null ? {} : { error: slot.error };
    this.#options.log.error({ worker: slot.id, code, delay, ...cause }, 'worker ended; it is replaced');
    slot.restarts++;
    slot.restart = setTimeout(() => {
      slot.restart = null;
      this.#start(slot);
    }, delay);
  }

  /**
   * The first worker finds the ports; the others share them. Because SO_REUSEPORT would silently share a port with another
   * process too, it is bound once without it before.
   */
  async #listenFirst(): Promise<void> {
    const { bindAddress, httpPort, httpsPort } = this.#settings;
    try {
      await assertFree(bindAddress, httpPort);
      await assertFree(bindAddress, httpsPort);
    } catch (error) {
      this.#rejectListening(error as Error);
      return;
    }
    this.#wanted = { http: httpPort, https: httpsPort };
    const [first] = this.#slots;
    if (first !== undefined) this.#send(first, { type: 'listen', ports: this.#wanted });
  }

  #sendTable(slot: Slot): void {
    this.#send(slot, { type: 'patch', patch: diffTables(null, this.#table!, this.#version) });
  }

  /**
   * A worker whose event loop stands still serves nobody and would not hear a message: it is ended, and replaced. One at a time:
   * should all seem to hang, the mistake may be ours.
   */
  #checkHeartbeats(): void {
    for (const slot of this.#slots) {
      if (
        slot.thread === null ||
        slot.state === 'stopped' ||
        !slot.heartbeat.hangs(this.#options.series.counterOf(slot.seriesId, HEARTBEAT) ?? 0)
      )
        continue;
      const now = performance.now();
      if (this.#hung !== null && this.#hung.state !== 'ready' && now - this.#hungAt < NEXT_REPLACEMENT) continue;
      this.#hung = slot;
      this.#hungAt = now;
      this.#options.log.error({ worker: slot.id }, 'worker does not respond; it is replaced');
      this.#terminate(slot, slot.thread);
    }
  }

  #renewTicketKeys(): void {
    if (!this.#ticketKeys.renew(this.#clock(), this.#settings.tlsSessionTimeout)) return;
    this.#broadcast({ type: 'ticketKeys', keys: this.#ticketKeys.current });
  }

  #checkMemory({ used, limit }: MemoryReading): void {
    const before = this.#memory.level;
    const level = this.#memory.sample(used / limit, this.#settings.overloadMemory);
    if (level === before) return;
    this.#options.log.warn({ used, limit }, `every worker ${ADMITS[level]}: memory`);
    this.#broadcast({ type: 'memory', level });
    // The table and the objects it is made of leave garbage too.
    if (before === OPEN) collectGarbage();
  }

  #broadcast(message: ToWorker): void {
    for (const slot of this.#slots) this.#send(slot, message);
  }

  #send(slot: Slot, message: ToWorker): void {
    slot.thread?.postMessage(message);
  }

  #appliedByAll(version: number): boolean {
    return this.#slots.every(({ state, version: applied }) => state === 'stopped' || applied >= version);
  }

  #settleWaiting(): void {
    this.#waiting = this.#waiting.filter(({ version, done }) => {
      if (!this.#appliedByAll(version)) return true;
      done();
      return false;
    });
  }
}
