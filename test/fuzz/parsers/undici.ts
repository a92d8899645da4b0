/**
 * The second and third opinions about responses: undici's client over a socket that is none, once with its llhttp, which it
 * drives in its own way, and once with Milo, a parser that has nothing in common with llhttp.
 */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { fieldsOfPairs, type Message, type Reading } from './message.ts';

/** What undici needs of a socket. It is told what happened only when `settle` is called, as by the event loop. */
class Wire extends EventEmitter {
  destroyed = false;
  errored: Error | null = null;
  readonly writableNeedDrain = false;
  readonly writableLength = 0;
  #unread: Buffer | null = null;
  #closed = false;

  get readableLength(): number {
    return this.#unread?.length ?? 0;
  }

  feed(bytes: Buffer): void {
    this.#unread = bytes;
    // It may put bytes back to look at them once more.
    for (let left = -1; left !== this.readableLength && !this.destroyed;) {
      left = this.readableLength;
      this.emit('readable');
    }
  }

  read(): Buffer | null {
    const bytes = this.#unread;
    this.#unread = null;
    return bytes;
  }

  unshift(bytes: Buffer): void {
    if (bytes.length > 0) this.#unread = this.#unread === null ? bytes : Buffer.concat([bytes, this.#unread]);
  }

  destroy(error?: Error): this {
    if (!this.destroyed) this.errored = error ?? null;
    this.destroyed = true;
    return this;
  }

  settle(): void {
    if (!this.destroyed || this.#closed) return;
    this.#closed = true;
    if (this.errored !== null) this.emit('error', this.errored);
    this.emit('close');
  }

  write(): boolean {
    return true;
  }

  pipe(): void {}
  cork(): void {}
  uncork(): void {}
  ref(): void {}
  unref(): void {}
}

interface RawController {
  readonly rawHeaders: readonly Buffer[];
  readonly rawTrailers: readonly Buffer[];
}

/** What the client makes of a stream. */
class Collector implements Dispatcher.DispatchHandler {
  messages: Message[] = [];
  error: Error | null = null;
  onRequestStart(): void {}

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    this.#add(controller, status, status < 200);
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    this.messages.at(-1)!.body += bytes.toString('latin1');
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    const last = this.messages.at(-1)!;
    last.complete = true;
    last.trailers = fieldsOfPairs((controller as unknown as RawController).rawTrailers);
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, status: number): void {
    this.#add(controller, status, true);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.error = error;
  }

  #add(controller: Dispatcher.DispatchController, status: number, complete: boolean): void {
    this.messages.push({
      start: String(status),
      target: '',
      fields: fieldsOfPairs((controller as unknown as RawController).rawHeaders),
      body: '',
      complete,
      trailers: [],
      keepAlive: false,
    });
  }
}

/** One of undici's parsers. */
export class Undici {
  readonly name: string;
  readonly #client: Client;
  #connected: ((wire: Wire) => void) | null = null;

  constructor(useMilo: boolean) {
    this.name = useMilo ? "undici's Milo" : "undici's llhttp";
    this.#client = new Client('http://a', {
      useMilo,
      maxHeaderSize: 65_536,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (_options: unknown, done: (error: null, socket: Socket) => void) => {
        this.#connected = (wire) => done(null, wire as unknown as Socket);
      },
    });
  }

  /** Reads the interim responses and the final one (or 101); the stream ends after `bytes`. */
  readResponse(bytes: Buffer, toHead: boolean, wantsUpgrade: boolean): Reading {
    const collector = new Collector();
    const wire = new Wire();
    // Most streams end in an error, whose stack nobody reads.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const upgrade = wantsUpgrade ? 'websocket' : null;
    this.#client.dispatch({ path: '/', method: toHead ? 'HEAD' : 'GET', upgrade, reset: wantsUpgrade }, collector);
    const connected = this.#connected!;
    this.#connected = null;
    connected(wire);
    wire.feed(bytes);
    const { messages } = collector;
    const last = messages.at(-1);
    // Decided before the stream ends: after it there is nothing to keep.
    if (last !== undefined) last.keepAlive = last.complete && !wire.destroyed;
    if (!wire.destroyed) wire.emit('end');
    wire.destroy();
    wire.settle();
    Error.stackTraceLimit = stackTraceLimit;
    return { messages, refused: collector.error?.message ?? '' };
  }
}
