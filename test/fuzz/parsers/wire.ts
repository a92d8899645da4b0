/**
 * The whole data plane over sockets that are none: what clients and backends send is handed to it byte by byte, in any order,
 * and everything happens at once, without an event loop. Only `node:net` is replaced; all else is the source as it runs.
 */
import { EventEmitter } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { CATCH_ALL_HOST } from '../../../src/model/table.ts';
import { sharedCounters } from '../../../src/observe/series.ts';
import { Runtime } from '../../../src/proxy/workers/runtime.ts';
import { UpstreamSocket } from '../../../src/proxy/upstream/socket.ts';
import { certificate, group, host, prefixRoute, proxySettings, table } from '../../support/proxy.ts';
import type { Random } from '../random.ts';
import { seriesWriter } from '../../support/series.ts';

export { page } from '../../../src/policies/answer.ts';

/** A socket as the proxy sees it; the peer is the test. */
export class FakeSocket extends EventEmitter {
  readonly remoteAddress = '127.0.0.1';
  destroyed = false;
  connecting = false;
  writableNeedDrain = false;
  writableLength = 0;
  /** All that the proxy wrote, as Latin-1. */
  written = '';
  /** The proxy has half-closed. */
  finished = false;
  /** The proxy has reset it. */
  aborted = false;
  readonly #random: Random;
  readonly #onread: OnRead | null;
  #unread: Buffer[] = [];
  #ended = false;
  #endTold = false;
  #paused = false;
  #reading = false;
  #closeTold = false;

  constructor(random: Random, onread: OnRead | null = null) {
    super();
    this.#random = random;
    this.#onread = onread;
  }

  /** The peer sends. */
  feed(bytes: Buffer): void {
    if (this.destroyed || bytes.length === 0) return;
    this.#unread.push(bytes);
    this.#pump();
  }

  /** The peer sends no more. */
  feedEnd(): void {
    this.#ended = true;
    this.#pump();
  }

  /** Is there something that the proxy has not read yet? */
  get stuck(): boolean {
    return !this.destroyed && (this.#unread.length > 0 || (this.#ended && !this.#endTold));
  }

  /** The peer has taken what was written. */
  drain(): void {
    if (!this.writableNeedDrain || this.destroyed) return;
    this.writableNeedDrain = false;
    this.writableLength = 0;
    this.emit('drain');
  }

  /** What the event loop would do next. */
  settle(): void {
    if (!this.destroyed || this.#closeTold) return;
    this.#closeTold = true;
    this.emit('close', false);
  }

  write(data: string | Buffer, encoding?: BufferEncoding | (() => void)): boolean {
    if (this.destroyed || this.finished) return false;
    this.written +=
      typeof data === 'string'
        ? Buffer.from(data, typeof encoding === 'string' ? encoding : 'utf8').toString('latin1')
        : data.toString('latin1');
    if (this.#random.oneIn(12)) {
      this.writableNeedDrain = true;
      this.writableLength = 1;
    }
    return !this.writableNeedDrain;
  }

  end(): this {
    this.finished = true;
    if (this.#endTold) this.destroy();
    return this;
  }

  destroy(): this {
    this.destroyed = true;
    this.#unread = [];
    return this;
  }

  resetAndDestroy(): this {
    this.aborted = true;
    return this.destroy();
  }

  pause(): this {
    this.#paused = true;
    return this;
  }

  resume(): this {
    this.#paused = false;
    this.#pump();
    return this;
  }

  isPaused(): boolean {
    return this.#paused;
  }

  setNoDelay(): this {
    return this;
  }

  /** A read inside a read waits for its turn, as with a real socket. */
  #pump(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (!this.#paused && !this.destroyed && this.#unread.length > 0) this.#deliver(this.#unread.shift()!);
    this.#reading = false;
    if (!this.#ended || this.#endTold || this.#paused || this.destroyed) return;
    this.#endTold = true;
    this.emit('end');
    if (this.finished) this.destroy();
  }

  #deliver(bytes: Buffer): void {
    if (this.#onread === null) {
      this.emit('data', bytes);
      return;
    }
    const { buffer, callback } = this.#onread;
    const part = bytes.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length < bytes.length) this.#unread.unshift(bytes.subarray(part.length));
    if (!callback(part.length, buffer)) this.#paused = true;
    // The next read overwrites it.
    buffer.fill(0x2a, 0, part.length);
  }
}

type OnRead = { readonly buffer: Uint8Array; readonly callback: (length: number, bytes: Uint8Array) => boolean };
type Accept = (socket: net.Socket) => void;

/** A data plane with one backend for every host and path. */
export class WiredProxy {
  readonly bugs: unknown[] = [];
  readonly #runtime: Runtime;
  readonly #accept: Accept;
  /** Called for each connection to the backend. */
  onConnect: (socket: FakeSocket) => void = () => undefined;
  readonly #waiting: (() => void)[] = [];
  #random!: Random;

  constructor() {
    const { createServer } = net;
    let accept: Accept | null = null;
    net.createServer = ((options: object, listener: Accept) => {
      // The first is for plain HTTP.
      accept ??= listener;
      return createServer(options, listener);
    }) as typeof net.createServer;
    UpstreamSocket.prototype.connect = ((options: { onread: OnRead }) => {
      const socket = new FakeSocket(this.#random, options.onread);
      socket.connecting = true;
      this.onConnect(socket);
      return socket;
    }) as unknown as UpstreamSocket['connect'];
    syncBuiltinESMExports();
    const writer = seriesWriter(sharedCounters(), () => undefined);
    this.#runtime = new Runtime(proxySettings(), writer, { onBug: (error) => this.bugs.push(error) });
    net.createServer = createServer;
    syncBuiltinESMExports();
    if (accept === null) throw new Error('the listener made no server');
    this.#accept = accept;
    const routes = [prefixRoute('/', 'app')];
    const defaultCertificate = certificate('default', ['ingress.local']);
    const patch = table([], [group('app', [80])], { defaultCertificate, hosts: [host(CATCH_ALL_HOST, routes)] });
    this.#runtime.apply(patch);
  }

  /** A client connects. */
  connect(random: Random): FakeSocket {
    this.#random = random;
    const socket = new FakeSocket(random);
    this.#accept(socket as unknown as net.Socket);
    return socket;
  }

  /**
   * While `play` runs, what waits for the end of a turn of the event loop (`setImmediate`) waits for `turn`: the proxy collects
   * there what it writes.
   */
  hold<T>(play: () => T): T {
    const { setImmediate: original } = globalThis;
    globalThis.setImmediate = ((callback: () => void) => this.#waiting.push(callback)) as unknown as typeof setImmediate;
    try {
      return play();
    } finally {
      globalThis.setImmediate = original;
    }
  }

  /** Something waits for the end of the turn. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /** The turn of the event loop ends. */
  turn(): void {
    for (const callback of this.#waiting.splice(0)) callback();
  }

  /** What is open, idle upstream connections included: nothing, once all sockets are closed. */
  open(): number {
    const { connections, deadlines, upstreams } = this.#runtime.census();
    return connections + deadlines + upstreams;
  }
}
