/**
 * An open loop: requests at a constant rate, whatever the answers take. A request's time runs from the moment it was due, also
 * when it had to wait for a free connection, so that a pause of the proxy counts against every request that fell into it and
 * not only against one for each connection (coordinated omission). What falls into a pause of this program itself, which has
 * to share its core, says nothing about the proxy and is left out.
 */
import net from 'node:net';
import { clientOptions } from './clients.ts';
import { responseLength } from './response.ts';
import { type LoadResult, percentiles, printResult } from './result.ts';

/** What to do. */
export interface RateOptions {
  readonly port: number;
  readonly request: string;
  /** Requests a second. */
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
}

/** What came of it. */
export interface RateResult extends LoadResult {
  /** Answered requests of which p50, p90 and p99 say nothing: they were due, or answered, when this program did not run. */
  readonly disturbed: number;
  /** Requests that had to wait for a connection. */
  readonly queued: number;
}

const PATIENCE = 10_000;
/** This program turns round within some microseconds. When it takes so many milliseconds, it did not get the processor. */
const PAUSE = 2;

const { port, rate, connections, seconds, ...rest } = clientOptions() as RateOptions;
const request = Buffer.from(rest.request, 'latin1');
const total = Math.floor(rate * seconds);
const interval = 1000 / rate;
const times = new Float64Array(total);
let measured = 0;
let disturbed = 0;
let sent = 0;
let queued = 0;
let errors = 0;
/** The request that found no connection. */
let waiting = -1;
/** When the last turn began, and the end of the last pause. */
let turn = 0;
let resumed = 0;

function answered(due: number): void {
  const now = performance.now();
  if (due <= resumed || now - turn > PAUSE) disturbed++;
  else times[measured++] = now - due;
}

/** A connection to the proxy, and when the request on it was due: NaN while there is none. */
class Connection {
  readonly #socket: net.Socket;
  readonly #onAnswer: (connection: Connection, due: number) => void;
  #pending: Buffer = Buffer.alloc(0);
  #due = Number.NaN;

  constructor(onAnswer: (connection: Connection, due: number) => void) {
    this.#onAnswer = onAnswer;
    const read = (size: number, bytes: Uint8Array): boolean => {
      this.#received(Buffer.from(bytes.buffer, bytes.byteOffset, size));
      return true;
    };
    const onread = { buffer: Buffer.alloc(16_384), callback: read };
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true, onread });
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('close', () => {
      if (!Number.isNaN(this.#due)) errors++;
    });
  }

  ask(due: number): void {
    this.#due = due;
    this.#socket.write(request);
  }

  close(): void {
    this.#due = Number.NaN;
    this.#socket.destroy();
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  #received(chunk: Buffer): void {
    const bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const length = responseLength(bytes);
    if (bytes.length > length && length > 0) throw new Error('more than one answer');
    // The chunk's memory is that of the next chunk.
    this.#pending = length === 0 ? Buffer.from(bytes) : Buffer.alloc(0);
    if (length === 0) return;
    const due = this.#due;
    this.#due = Number.NaN;
    this.#onAnswer(this, due);
  }
}

const free: Connection[] = [];

/** One request on each connection, before anything is measured. */
async function openAll(): Promise<readonly Connection[]> {
  return Promise.all(
    Array.from({ length: connections }, () => {
      let first = true;
      return new Promise<Connection>((resolve) => {
        const connection = new Connection((self, due) => {
          free.push(self);
          if (!first) answered(due);
          first = false;
          resolve(self);
        });
        connection.ask(performance.now());
      });
    }),
  );
}

/** Sends what is due, again and again without a pause: timers count milliseconds only. */
function run(start: number, done: () => void): void {
  const now = performance.now();
  if (now - turn > PAUSE) resumed = now;
  turn = now;
  while (sent < total) {
    const due = start + sent * interval;
    if (due > now) break;
    const connection = free.pop();
    if (connection === undefined) {
      waiting = sent;
      break;
    }
    if (connection.closed) continue;
    if (waiting === sent) queued++;
    connection.ask(due);
    sent++;
  }
  if (measured + disturbed + errors >= total || now - start > seconds * 1000 + PATIENCE) done();
  else setImmediate(run, start, done);
}

const all = await openAll();
const start = performance.now();
turn = start;
await new Promise<void>((resolve) => run(start, resolve));
const end = performance.now();
for (const connection of all) connection.close();
printResult({
  requests: measured + disturbed,
  seconds: (end - start) / 1000,
  ...percentiles(times.subarray(0, measured)),
  disturbed,
  queued,
  errors: total - measured - disturbed,
} satisfies RateResult);
