/** Keeps one collection of the API server in step: list it in pages, then watch it for ever, whatever goes wrong in between. */
import type { Logger } from '../../observe/log.ts';
import type { WatchStats } from '../cluster.ts';
import { ApiError, errorCode, toApiError } from '../http/api-error.ts';
import type { KubeClient } from '../http/kube-client.ts';
import { createLineSplitter } from '../http/lines.ts';
import { createBackoff, pause } from '../timing.ts';
import type { Backoff, Timing } from '../timing.ts';
import { VersionTable, compareVersions, isOlder, versionOf } from './versions.ts';
import type { Version } from './versions.ts';
import { createGuard, readEvent, readPage, readVersion, readWatchError, withQuery } from './watch-format.ts';
import type { Page } from './watch-format.ts';

/** Where the objects go. What it throws is logged as a bug and stops nothing. */
interface ReflectorSink {
  /** An object appeared or changed; untrusted JSON. Never an older version than one delivered before. */
  readonly upsert: (object: unknown) => void;
  /** An object is gone; called once for each. */
  readonly remove: (version: Version) => void;
  /** A list is complete: all that exists was delivered. */
  readonly listed: () => void;
  readonly failed: (error: ApiError) => void;
  /** List and watch work again after they had failed: the API server is back. */
  readonly recovered: () => void;
}

interface ReflectorOptions {
  readonly client: KubeClient;
  readonly timing: Timing;
  readonly log: Logger;
  /** For the log and the statistics. */
  readonly kind: string;
  /** Of the collection. */
  readonly path: string;
  /** `labelSelector` or `fieldSelector`. */
  readonly query?: Readonly<Record<string, string>>;
  readonly sink: ReflectorSink;
  /** Objects asked for at a time; 500 unless given. */
  readonly pageSize?: number;
  readonly tuning?: ReflectorTuning;
}

/** Times in milliseconds, for servers and tests that are not like a common cluster. */
export interface ReflectorTuning {
  /** A watch that brings neither event nor bookmark for so long is given up; bookmarks come about once a minute. 90 s. */
  readonly staleAfter?: number;
  /** Shortest wait before listing again after 410 Gone; doubled while that repeats. 800 ms. */
  readonly relistDelay?: number;
  /** Lists older than what is known are refused for so long, then believed: the history of the server was lost. 30 s. */
  readonly regressionTolerance?: number;
  /** Bytes of the longest watch line. 16 MiB. */
  readonly maxLine?: number;
}

const PAGE_SIZE = 500;
const PAGE_DEADLINE = 60_000;
const HEAD_DEADLINE = 30_000;
/** A watch that ends sooner than this counts as a failure as far as the wait before the next one goes. */
const SHORT_LIVED = 5_000;
/** The server should end a watch after `timeoutSeconds`; so much later we do. */
const OVERTIME = 30_000;
/** So many silent watches in a row, and a list is to show whether the version we watch from still means anything. */
const MUTE_BEFORE_LIST = 2;
/** A refused login is usually mended by the next rotated token: look for it often. */
const LONGEST_WAIT_UNAUTHORIZED = 5_000;
/** However often others recover, two attempts are at least so far apart. */
const HURRY_AFTER = 1_000;

/** One list+watch. `start` once, `stop` once. */
export class Reflector {
  readonly #options: ReflectorOptions;
  readonly #stopping = new AbortController();
  readonly #versions = new VersionTable();
  readonly #backoff: Backoff;
  #waiting = new AbortController();
  #lastAttempt = Number.NEGATIVE_INFINITY;
  readonly #errors = new Map<string, number>();
  #running: Promise<void> | undefined;
  #state: WatchStats['state'] = 'starting';
  /** Where the next watch begins; undefined: list first. */
  #resume: string | undefined;
  /** The newest version this collection has shown. */
  #newest: string | undefined;
  #regressedSince: number | undefined;
  #lists = 0;
  #expiries = 0;
  #stalls = 0;
  /** Watches in a row that brought nothing at all. */
  #mute = 0;
  #lastEvent: number | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#backoff = createBackoff(options.timing);
  }

  /** Begins; never throws, never gives up. */
  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  get state(): WatchStats['state'] {
    return this.#state;
  }

  /** True once a list was complete. */
  get listed(): boolean {
    return this.#lists > 0;
  }

  /** Whether the collection holds this object, as far as is known. */
  knows(namespace: string, name: string): boolean {
    return this.#versions.get(namespace, name) !== undefined;
  }

  /** Takes in an object that was read by other means (a GET). It is dropped when it is older than what the watch has shown. */
  observe(object: unknown): void {
    const version = versionOf(object);
    if (!version) {
      return;
    }
    const known = this.#versions.get(version.namespace, version.name);
    const order = compareVersions(version.resourceVersion, this.#newest);
    const gone = !known && this.listed && order !== undefined && order <= 0;
    if (!gone && this.#versions.see(version) !== 'older') {
      this.#deliver(() => this.#options.sink.upsert(object));
    }
  }

  stats(): WatchStats {
    const { kind, path, timing } = this.#options;
    return {
      kind,
      path,
      state: this.#state,
      objects: this.#versions.size,
      relists: Math.max(0, this.#lists - 1),
      errors: this.#errors,
      stalls: this.#stalls,
      lastEventAge: this.#lastEvent === undefined ? undefined : timing.now() - this.#lastEvent,
    };
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const began = this.#options.timing.now();
      let wait: number;
      try {
        if (this.#resume === undefined) {
          await this.#list();
        }
        wait = await this.#watch();
      } catch (error) {
        wait = this.#fail(toApiError(error, this.#options.kind), began);
      }
      if (wait > 0) {
        await this.#pause(wait);
      }
    }
  }

  /** Another kind was answered again: a wait after a failure of the server ends now, unless the attempt was just made. */
  hurry(): void {
    if (this.#state === 'failing' && this.#options.timing.now() - this.#lastAttempt >= HURRY_AFTER) {
      this.#waiting.abort();
    }
  }

  async #pause(wait: number): Promise<void> {
    this.#lastAttempt = this.#options.timing.now();
    this.#waiting = new AbortController();
    const either = AbortSignal.any([this.#stopping.signal, this.#waiting.signal]);
    await pause(this.#options.timing, wait, either);
  }

  /** Accounts for a failure; returns how long to wait before the next attempt. */
  #fail(error: ApiError, began: number): number {
    if (this.#stopping.signal.aborted) {
      return 0;
    }
    const { timing, log, kind, sink, tuning } = this.#options;
    const code = errorCode(error);
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
    if (timing.now() - began >= SHORT_LIVED) {
      this.#backoff.reset();
    }
    if (error.status === 410) {
      this.#resume = undefined;
      const shortest = Math.min(30_000, (tuning?.relistDelay ?? 800) * 2 ** this.#expiries);
      this.#expiries = Math.min(this.#expiries + 1, 10);
      log.info({ kind }, 'the watch is too old for the API server; listing again');
      return Math.max(error.retryAfter ?? 0, shortest * (1 + timing.random()));
    }
    const state = error.status === 403 ? 'denied' : 'failing';
    const level = state === this.#state ? 'debug' : 'warn';
    this.#state = state;
    log[level]({ kind, code, error }, 'list or watch failed; trying again');
    this.#deliver(() => sink.failed(error));
    const wait = this.#backoff.next();
    return Math.max(error.retryAfter ?? 0, error.status === 401 ? Math.min(wait, LONGEST_WAIT_UNAUTHORIZED) : wait);
  }

  #alive(): void {
    this.#lastEvent = this.#options.timing.now();
    const failed = this.#state === 'failing' || this.#state === 'denied';
    this.#state = 'watching';
    if (failed) {
      this.#options.log.info({ kind: this.#options.kind }, 'list and watch work again');
      this.#deliver(() => this.#options.sink.recovered());
    }
  }

  /** Lists all pages. A continue token may expire on a slow server: then from the start, the second time in one piece. */
  async #list(): Promise<void> {
    for (let expired = 0; ; expired += 1) {
      try {
        await this.#listPages(expired < 2 ? (this.#options.pageSize ?? PAGE_SIZE) : undefined);
        return;
      } catch (error) {
        if (!(error instanceof ApiError && error.status === 410 && expired < 2)) {
          throw error;
        }
      }
    }
  }

  async #listPages(limit: number | undefined): Promise<void> {
    const { sink } = this.#options;
    let token: string | undefined;
    let listVersion: string | undefined;
    do {
      const page = await this.#page(limit, token);
      if (listVersion === undefined) {
        listVersion = page.version;
        this.#judgeList(listVersion);
        this.#versions.beginList();
      }
      for (const item of page.items) {
        this.#see(item);
      }
      token = page.token;
    } while (token !== undefined);
    for (const gone of this.#versions.endList(listVersion)) {
      this.#deliver(() => sink.remove(gone));
    }
    this.#resume = listVersion;
    this.#newest = listVersion;
    this.#lists += 1;
    this.#alive();
    this.#deliver(() => sink.listed());
  }

  async #page(limit: number | undefined, token: string | undefined): Promise<Page> {
    const { client, path, query } = this.#options;
    const parameters = new URLSearchParams(query);
    if (limit !== undefined) {
      parameters.set('limit', String(limit));
    }
    if (token !== undefined) {
      parameters.set('continue', token);
    }
    const answer = await client.request({
      path: withQuery(path, parameters),
      deadline: PAGE_DEADLINE,
      signal: this.#stopping.signal,
    });
    return readPage(answer, path);
  }

  /** A list that is older than what we know comes from a replica that lags, or from a server that lost its history. */
  #judgeList(listVersion: string): void {
    const { timing, log, kind, tuning } = this.#options;
    if (isOlder(listVersion, this.#newest)) {
      this.#regressedSince ??= timing.now();
      if (timing.now() - this.#regressedSince < (tuning?.regressionTolerance ?? 30_000)) {
        throw new ApiError(0, 'Stale', `${kind}: the list is of version ${listVersion}, older than ${this.#newest}`);
      }
      log.warn({ kind, listVersion, known: this.#newest }, 'the API server lost its history; its older list is believed');
      this.#versions.disown();
    }
    this.#regressedSince = undefined;
  }

  /** Watches until the stream ends; returns how long to wait before the next. Rejects with an ApiError. */
  async #watch(): Promise<number> {
    const { client, timing, path, query, tuning, log, kind } = this.#options;
    const seconds = 240 + Math.floor(timing.random() * 241);
    const parameters = new URLSearchParams(query);
    parameters.set('watch', 'true');
    parameters.set('allowWatchBookmarks', 'true');
    parameters.set('timeoutSeconds', String(seconds));
    parameters.set('resourceVersion', this.#resume ?? '');
    const guard = createGuard(timing, this.#stopping.signal, tuning?.staleAfter ?? 90_000, seconds * 1000 + OVERTIME);
    const began = timing.now();
    try {
      const stream = await client.stream({
        path: withQuery(path, parameters),
        deadline: HEAD_DEADLINE,
        signal: guard.signal,
      });
      this.#alive();
      const lines = createLineSplitter(tuning?.maxLine ?? 16 * 1024 * 1024);
      try {
        for await (const chunk of stream.chunks) {
          guard.heard();
          lines.push(chunk).forEach((line) => this.#event(line));
        }
        this.#event(lines.rest());
      } finally {
        stream.close();
      }
    } catch (error) {
      if (!guard.stale()) {
        throw error;
      }
      this.#stalls += 1;
      this.#mute += 1;
      if (this.#mute >= MUTE_BEFORE_LIST) {
        // A server that was restored from a backup lets a watch from the future wait in silence, for ever.
        this.#resume = undefined;
      }
      this.#state = 'failing';
      log.warn({ kind }, 'the watch is silent; connecting again');
    } finally {
      guard.clear();
    }
    if (timing.now() - began < SHORT_LIVED) {
      return this.#backoff.next();
    }
    this.#backoff.reset();
    this.#expiries = 0;
    return 0;
  }

  /** One line of the watch. Throws an ApiError for what ends it. */
  #event(line: string): void {
    if (line.trim() === '') {
      return;
    }
    const { type, object } = readEvent(line, this.#options.kind);
    if (type === 'ERROR') {
      throw readWatchError(object, this.#options.kind);
    }
    this.#lastEvent = this.#options.timing.now();
    this.#mute = 0;
    const resourceVersion = readVersion(object);
    const order = compareVersions(resourceVersion, this.#resume);
    if (type === 'DELETED') {
      this.#remove(object);
    } else if (order !== undefined && order < 0) {
      // Never what one server does: versions only grow in a watch. A list will show who is right.
      this.#resume = undefined;
      throw new ApiError(0, 'Stale', `${this.#options.kind}: the watch went back to version ${resourceVersion}`);
    } else if (type !== 'BOOKMARK') {
      this.#see(object);
    }
    if (resourceVersion !== undefined && (order === undefined || order > 0)) {
      this.#resume = resourceVersion;
      this.#newest = resourceVersion;
    }
  }

  #see(object: unknown): void {
    const version = versionOf(object);
    if (version && this.#versions.see(version) === 'newer') {
      this.#deliver(() => this.#options.sink.upsert(object));
    }
  }

  #remove(object: unknown): void {
    const version = versionOf(object);
    if (version && this.#versions.remove(version)) {
      this.#deliver(() => this.#options.sink.remove(version));
    }
  }

  #deliver(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.log.error({ kind: this.#options.kind, error }, 'a bug: taking in an object threw');
    }
  }
}
