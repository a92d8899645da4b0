/**
 * The access log: lines gathered and written together, never waited for. When nobody reads them, lines are dropped and
 * counted: a full pipe must not stop the proxy.
 */
import fs from 'node:fs';
import { withoutWaiting } from './standard-streams.ts';

/** Gathered up to this many bytes, or this many milliseconds. */
const FLUSH_SIZE = 16_384;
const FLUSH_AFTER = 200;
/** Bytes kept while the last write is not done; more lines are dropped. */
const MAX_PENDING = 1_048_576;

/** How soon a full pipe is tried again, in milliseconds. */
const RETRY_AFTER = 20;
/** How long the end of the log waits for its reader, in milliseconds. */
const CLOSE_WITHIN = 1_000;

/** Writes text; calls back when all of it is written, or with an error. */
export type LogWrite = (text: string, done: (error: Error | null) => void) => void;

/**
 * Writes to standard output (1) or error (2) from any thread, past the stream that worker threads hand to the main thread. A write
 * that waited would keep one of the few threads that also look up names.
 */
export function standardStream(which: 1 | 2): LogWrite {
  const fd = withoutWaiting(which);
  return (text, done) => {
    let bytes = Buffer.from(text, 'latin1');
    const next = (): void => {
      fs.write(fd, bytes, (error, written) => {
        if (error?.code === 'EAGAIN') {
          setTimeout(next, RETRY_AFTER).unref();
          return;
        }
        bytes = bytes.subarray(written);
        if (error !== null || bytes.length === 0) done(error);
        else next();
      });
    };
    next();
  };
}

export class AccessLog {
  readonly #write: LogWrite;
  readonly #onDropped: (lines: number) => void;
  #pending = '';
  #writing = false;
  #timer: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];

  /** `onDropped` gets the number of lines that are lost. */
  constructor(write: LogWrite, onDropped: (lines: number) => void) {
    this.#write = write;
    this.#onDropped = onDropped;
  }

  /** Adds a line (without its end). */
  add(line: string): void {
    if (this.#pending.length + line.length > MAX_PENDING) {
      this.#onDropped(1);
      return;
    }
    this.#pending += `${line}\n`;
    if (this.#pending.length >= FLUSH_SIZE) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER).unref();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing || this.#pending === '') return;
    const text = this.#pending;
    this.#pending = '';
    this.#writing = true;
    this.#write(text, (error) => {
      this.#writing = false;
      if (error !== null) this.#onDropped(text.split('\n').length - 1);
      if (this.#pending.length > 0) this.flush();
      else for (const done of this.#idle.splice(0)) done();
    });
  }

  /** Resolves when everything was written, or when nobody has read it for a moment. */
  close(): Promise<void> {
    this.flush();
    if (!this.#writing) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      setTimeout(resolve, CLOSE_WITHIN).unref();
    });
  }
}
