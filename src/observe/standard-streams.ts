/**
 * Standard output and error without waiting for whoever reads them: a log pipe that nobody reads must stop neither a request
 * nor the controller.
 */
import fs from 'node:fs';

/** Bytes of standard error kept while nobody reads; more lines are dropped. */
const MAX_PENDING = 1_048_576;
/** How soon a full pipe is tried again, in milliseconds. */
const RETRY_AFTER = 20;

/**
 * A file descriptor for what `fd` is connected to, whose writes fail with EAGAIN instead of waiting. Opened anew, because the
 * mode of the one we were given is shared with other processes. `fd` itself where that is not possible (sockets, and systems
 * without /proc).
 */
export function withoutWaiting(fd: 1 | 2): number {
  let own = opened.get(fd);
  if (own === undefined) opened.set(fd, (own = open(fd)));
  return own;
}

/** Once per thread. */
const opened = new Map<number, number>();

function open(fd: 1 | 2): number {
  const { O_WRONLY, O_APPEND, O_NONBLOCK } = fs.constants;
  try {
    return fs.openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_APPEND | O_NONBLOCK);
  } catch {
    return fd;
  }
}

/** Writes part of the bytes and returns how many; throws what the system says. */
type WriteSome = (bytes: Buffer) => number;

/** Lines to standard error, written at once while it takes them, and else kept within a bound. Never throws. */
export class ErrorLines {
  readonly #write: WriteSome;
  #pending: Buffer[] = [];
  #pendingSize = 0;
  #dropped = 0;
  /** The last write failed, and not for a slow reader. */
  #failing = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(write: WriteSome = toStandardError()) {
    this.#write = write;
  }

  /** `line` ends with its newline. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#pendingSize + bytes.length > MAX_PENDING) {
      this.#dropped++;
      return;
    }
    this.#pending.push(bytes);
    this.#pendingSize += bytes.length;
    if (this.#timer === null) this.flush();
  }

  /** Writes what it can of what is kept. */
  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      const written = this.#some(next);
      this.#pendingSize -= written;
      if (written < next.length) {
        this.#pending[0] = next.subarray(written);
        this.#timer = setTimeout(() => this.flush(), RETRY_AFTER).unref();
        return;
      }
      this.#pending.shift();
      if (this.#pending.length === 0 && this.#dropped > 0 && !this.#failing) this.#confess();
    }
  }

  #some(bytes: Buffer): number {
    this.#failing = false;
    try {
      return this.#write(bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      // A full disk, or a reader that has gone: this line is lost, the next is tried.
      this.#failing = true;
      this.#dropped++;
      return bytes.length;
    }
  }

  /** Says how many lines are missing here. */
  #confess(): void {
    const line = { level: 'warn', time: new Date().toISOString(), dropped: this.#dropped, message: 'log lines were dropped' };
    this.#dropped = 0;
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    this.#pending.push(bytes);
    this.#pendingSize += bytes.length;
  }
}

function toStandardError(): WriteSome {
  const fd = withoutWaiting(2);
  return (bytes) => fs.writeSync(fd, bytes);
}
