/**
 * The access log: lines gathered and written together, never waited for. When nobody reads them, lines are dropped and
 * counted: a full pipe must not stop the proxy.
 */
import fs from 'node:fs';

/** Gathered up to this many bytes, or this many milliseconds. */
const FLUSH_SIZE = 16_384;
const FLUSH_AFTER = 200;
/** Bytes kept while the last write is not done; more lines are dropped. */
const MAX_PENDING = 1_048_576;

/** Writes text to a file descriptor; calls back with how many bytes were taken, or an error. */
export type LogWrite = (text: string, done: (error: Error | null) => void) => void;

/** Writes to standard output from any thread, past the stream that worker threads hand to the main thread. */
export const writeStdout: LogWrite = (text, done) => {
  let bytes = Buffer.from(text, 'latin1');
  const next = (): void => {
    fs.write(1, bytes, (error, written) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(next, 10);
        return;
      }
      bytes = bytes.subarray(written);
      if (error !== null || bytes.length === 0) done(error);
      else next();
    });
  };
  next();
};

export class AccessLog {
  readonly #write: LogWrite;
  readonly #onDropped: () => void;
  #pending = '';
  #writing = false;
  #timer: NodeJS.Timeout | null = null;
  #idle: (() => void)[] = [];

  constructor(write: LogWrite, onDropped: () => void) {
    this.#write = write;
    this.#onDropped = onDropped;
  }

  /** Adds a line (without its end). */
  add(line: string): void {
    if (this.#pending.length + line.length > MAX_PENDING) {
      this.#onDropped();
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
    this.#write(text, () => {
      this.#writing = false;
      if (this.#pending.length > 0) this.flush();
      else for (const done of this.#idle.splice(0)) done();
    });
  }

  /** Resolves when everything was written. */
  close(): Promise<void> {
    this.flush();
    return this.#writing ? new Promise((resolve) => this.#idle.push(resolve)) : Promise.resolve();
  }
}
