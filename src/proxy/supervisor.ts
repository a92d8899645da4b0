/** Starts the workers, gives them tables, replaces those that die. The controller's side of the data plane. */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import { diffTables } from '../model/diff.ts';
import type { RoutingTable, TablePatch } from '../model/table.ts';
import type { Logger } from '../observe/log.ts';
import { HEARTBEAT, sharedCounters } from '../observe/series.ts';
import type { SeriesReader } from '../observe/series-reader.ts';
import type { ProxySettings } from '../settings/settings.ts';
import type { BoundPorts, DataPlane, WorkerState } from './data-plane.ts';
import { assertFree } from './listener/bind.ts';
import { TicketKeys } from './listener/ticket-keys.ts';
import type { FromWorker, ToWorker, WorkerData } from './workers/messages.ts';
import { openFilesLimit, withinOpenFiles } from './workers/open-files.ts';

export interface DataPlaneOptions {
  /** Worker threads, each with all ports. */
  readonly workers: number;
  readonly log: Logger;
  /** Gets the workers' counters. */
  readonly series: SeriesReader;
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
/** How often the workers' heartbeats are looked at, in milliseconds, and how often in a row one may stand still. */
const HEARTBEAT_CHECK = 1_000;
const MISSED_HEARTBEATS = 5;

interface Slot {
  readonly id: number;
  thread: Worker | null;
  state: WorkerState['state'];
  version: number;
  restarts: number;
  startedAt: number;
  deaths: number;
  restart: NodeJS.Timeout | null;
  /** Names the counters of its thread to the reader: every thread has its own. */
  seriesId: number;
  /** The heartbeat when it was last looked at, and how often it had stood still by then. */
  heartbeat: number;
  missed: number;
}

/** Starts the workers. They begin to listen with the first table. */
export function startDataPlane(settings: ProxySettings, options: DataPlaneOptions): DataPlane {
  return new Supervisor(settings, options);
}

class Supervisor implements DataPlane {
  readonly listening: Promise<BoundPorts>;
  #settings: ProxySettings;
  readonly #options: DataPlaneOptions;
  readonly #slots: Slot[] = [];
  #table: RoutingTable | null = null;
  #version = 0;
  #nextSeries = 0;
  /** Where to listen, once the ports were found free; with 0 for those the system is to choose. */
  #wanted: BoundPorts | null = null;
  /** Where the first worker listens, and so all. */
  #ports: BoundPorts | null = null;
  readonly #heartbeats: NodeJS.Timeout;
  readonly #clock: () => number;
  readonly #ticketKeys: TicketKeys;
  #stopping = false;
  #draining = false;
  #resolveListening!: (ports: BoundPorts) => void;
  #rejectListening!: (error: Error) => void;
  #waiting: { readonly version: number; readonly done: () => void }[] = [];

  constructor(settings: ProxySettings, options: DataPlaneOptions) {
    this.#options = options;
    this.#settings = this.#affordable(settings);
    this.#clock = options.clock ?? (() => performance.now());
    this.#ticketKeys = new TicketKeys(this.#clock());
    this.listening = new Promise((resolve, reject) => {
      this.#resolveListening = resolve;
      this.#rejectListening = reject;
    });
    // Whoever does not wait for it hears of a failure through the log.
    this.listening.catch(() => undefined);
    this.#heartbeats = setInterval(() => {
      this.#checkHeartbeats();
      this.#renewTicketKeys();
    }, HEARTBEAT_CHECK).unref();
    for (let id = 0; id < options.workers; id++) {
      const slot: Slot = {
        id,
        thread: null,
        state: 'starting',
        version: 0,
        restarts: 0,
        startedAt: 0,
        deaths: 0,
        restart: null,
        seriesId: 0,
        heartbeat: 0,
        missed: 0,
      };
      this.#slots.push(slot);
      this.#start(slot);
    }
  }

  publish(table: RoutingTable, patch: TablePatch): void {
    const first = this.#table === null;
    this.#table = table;
    this.#version = patch.version;
    if (first) {
      for (const slot of this.#slots) this.#sendTable(slot);
      void this.#listenFirst();
    } else this.#broadcast({ type: 'patch', patch });
  }

  configure(settings: ProxySettings): void {
    this.#settings = this.#affordable(settings);
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
    return this.#slots.map(({ id, state, version, restarts }) => ({ id, state, version, restarts }));
  }

  drain(): void {
    this.#draining = true;
    this.#broadcast({ type: 'drain' });
  }

  async shutdown(deadline: number): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#heartbeats);
    await Promise.all(this.#slots.map((slot) => this.#stop(slot, deadline)));
    this.#rejectListening(new Error('the data plane was shut down'));
    for (const { done } of this.#waiting.splice(0)) done();
  }

  /** The settings as far as open files allow. */
  #affordable(wanted: ProxySettings): ProxySettings {
    const openFiles = openFilesLimit();
    const settings = withinOpenFiles(wanted, openFiles, this.#options.workers);
    const { maxConnections } = settings;
    if (maxConnections < wanted.maxConnections)
      this.#options.log.warn(
        { openFiles, maxConnections },
        'fewer connections than max-worker-connections: too few open files',
      );
    return settings;
  }

  async #stop(slot: Slot, deadline: number): Promise<void> {
    if (slot.restart !== null) clearTimeout(slot.restart);
    const { thread } = slot;
    if (thread === null) return;
    const ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage({ type: 'stop', deadline } satisfies ToWorker);
    // A worker whose event loop hangs does not hear the message.
    const force = setTimeout(() => void thread.terminate(), deadline + 2_000);
    await ended;
    clearTimeout(force);
  }

  #start(slot: Slot): void {
    const counters = sharedCounters();
    slot.seriesId = this.#nextSeries++;
    slot.state = 'starting';
    slot.version = 0;
    slot.startedAt = performance.now();
    slot.missed = 0;
    const startThread = this.#options.startThread ?? ((file, options) => new Worker(file, options));
    const thread = startThread(new URL('./workers/worker.ts', import.meta.url), {
      name: `sluice-worker-${slot.id}`,
      workerData: { settings: this.#settings, counters, ticketKeys: this.#ticketKeys.current } satisfies WorkerData,
    });
    slot.thread = thread;
    this.#options.series.addWorker(slot.seriesId, counters);
    thread.on('message', (message: FromWorker) => this.#onMessage(slot, message));
    thread.on('error', (error) => this.#options.log.error({ worker: slot.id, error }, 'worker failed'));
    thread.on('exit', (code) => this.#onExit(slot, code));
    if (this.#table !== null) this.#sendTable(slot);
    // Until the first worker has found the ports, only that one tries.
    const ports = this.#ports ?? (slot === this.#slots[0] ? this.#wanted : null);
    if (ports !== null) this.#send(slot, { type: 'listen', ports });
    if (this.#draining) this.#send(slot, { type: 'drain' });
  }

  #onMessage(slot: Slot, message: FromWorker): void {
    switch (message.type) {
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
        else void slot.thread?.terminate();
        return;
      case 'bug':
        this.#options.log.error(
          { worker: slot.id, stack: message.stack },
          'an exchange failed for a bug; its connection was closed',
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
    this.#settleWaiting();
    if (this.#stopping) return;
    slot.deaths = performance.now() - slot.startedAt > HEALTHY_AFTER ? 1 : slot.deaths + 1;
    const delay = Math.min(RESTART_DELAY * 2 ** (slot.deaths - 1), MAX_RESTART_DELAY);
    this.#options.log.error({ worker: slot.id, code, delay }, 'worker ended; it is replaced');
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

  /** A worker whose event loop stands still serves nobody and would not hear a message: it is ended, and replaced. */
  #checkHeartbeats(): void {
    for (const slot of this.#slots) {
      const heartbeat = this.#options.series.counterOf(slot.seriesId, HEARTBEAT) ?? 0;
      slot.missed = slot.state === 'ready' && heartbeat === slot.heartbeat ? slot.missed + 1 : 0;
      slot.heartbeat = heartbeat;
      if (slot.missed < MISSED_HEARTBEATS) continue;
      slot.missed = 0;
      this.#options.log.error({ worker: slot.id }, 'worker does not respond; it is replaced');
      void slot.thread?.terminate();
    }
  }

  #renewTicketKeys(): void {
    if (!this.#ticketKeys.renew(this.#clock(), this.#settings.tlsSessionTimeout)) return;
    this.#broadcast({ type: 'ticketKeys', keys: this.#ticketKeys.current });
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
