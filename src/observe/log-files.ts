/** Where access logs go: standard output, standard error, or files that others may move away while they are written (logrotate). */
import fs from 'node:fs';
import { AccessLog, standardStream, type LogWrite } from './access-log.ts';

/** What ingress-nginx's image links to its standard output and standard error. */
const LINKS: ReadonlyMap<string, string> = new Map([
  ['/var/log/nginx/access.log', '/dev/stdout'],
  ['/var/log/nginx/error.log', '/dev/stderr'],
]);

/** How often a file is looked at that may have been moved away, in milliseconds. */
const LOOK_EVERY = 5000;

/** Something is wrong with a file; `message` is the system's. */
type OnProblem = (path: string, message: string) => void;

/** The logs of a worker, one for each place. */
export class LogFiles {
  readonly #onDropped: (lines: number) => void;
  readonly #onProblem: OnProblem;
  readonly #now: () => number;
  readonly #logs = new Map<string, { readonly log: AccessLog; readonly file: LogFile | null }>();

  /** `onDropped` gets the number of lines that are lost. `onProblem`: told when a file cannot be written, once until it can again. `now`: milliseconds. */
  constructor(onDropped: (lines: number) => void, onProblem: OnProblem, now: () => number = () => performance.now()) {
    this.#onDropped = onDropped;
    this.#onProblem = onProblem;
    this.#now = now;
  }

  /** The log of a path. */
  get(path: string): AccessLog {
    const place = LINKS.get(path) ?? path;
    let known = this.#logs.get(place);
    if (known === undefined) {
      const file =
        place === '/dev/stdout' || place === '/dev/stderr'
          ? null
          : new LogFile(place, (message) => this.#onProblem(place, message), this.#now);
      const write = file === null ? standardStream(place === '/dev/stdout' ? 1 : 2) : file.write;
      known = { log: new AccessLog(write, this.#onDropped), file };
      this.#logs.set(place, known);
    }
    return known.log;
  }

  /** Closes the files of all other paths, when what they were given is written. */
  keep(paths: readonly string[]): void {
    const places = new Set(paths.map((path) => LINKS.get(path) ?? path));
    for (const [place, { log, file }] of this.#logs) {
      if (places.has(place)) continue;
      this.#logs.delete(place);
      void log.close().then(() => file?.close());
    }
  }

  /** Resolves when everything was written, or when nobody has read it for a moment. */
  async close(): Promise<void> {
    await Promise.all(
      [...this.#logs.values()].map(async ({ log, file }) => {
        await log.close();
        file?.close();
      }),
    );
  }
}

/** A file that is appended to, and opened anew when it was moved or removed. */
class LogFile {
  readonly #path: string;
  readonly #onProblem: (message: string) => void;
  readonly #now: () => number;
  #fd: number | null = null;
  /** Of the open file. */
  #inode = 0;
  #lookedAt = -Infinity;
  #failing = false;

  constructor(path: string, onProblem: (message: string) => void, now: () => number) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#now = now;
  }

  /** One write at a time. */
  readonly write: LogWrite = (text, done) => {
    void (async () => done(await this.#write(text)))();
  };

  /** Resolves with what went wrong. */
  async #write(text: string): Promise<Error | null> {
    try {
      await this.#append(Buffer.from(text, 'latin1'));
      this.#failing = false;
      return null;
    } catch (caught) {
      const error = caught instanceof Error ? caught : new Error(String(caught));
      if (!this.#failing) this.#onProblem(error.message);
      this.#failing = true;
      this.close();
      return error;
    }
  }

  close(): void {
    if (this.#fd !== null) fs.close(this.#fd, () => undefined);
    this.#fd = null;
  }

  async #append(bytes: Buffer): Promise<void> {
    const fd = await this.#open();
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await write(fd, bytes, at);
      at += bytesWritten;
    }
  }

  async #open(): Promise<number> {
    const now = this.#now();
    if (this.#fd !== null && now - this.#lookedAt < LOOK_EVERY) return this.#fd;
    this.#lookedAt = now;
    if (this.#fd !== null) {
      const inode = await fs.promises.stat(this.#path).then(
        (stats) => stats.ino,
        () => -1,
      );
      if (inode === this.#inode) return this.#fd;
      this.close();
    }
    const { O_APPEND, O_CREAT, O_WRONLY, O_NONBLOCK } = fs.constants;
    // Never waits: not even for the reader of a named pipe.
    const fd = await new Promise<number>((resolve, reject) => {
      fs.open(this.#path, O_APPEND | O_CREAT | O_WRONLY | O_NONBLOCK, 0o644, (error, opened) =>
        error === null ? resolve(opened) : reject(error),
      );
    });
    this.#fd = fd;
    this.#inode = await new Promise<number>((resolve, reject) => {
      fs.fstat(fd, (error, stats) => (error === null ? resolve(stats.ino) : reject(error)));
    });
    return fd;
  }
}

function write(fd: number, bytes: Buffer, at: number): Promise<{ bytesWritten: number }> {
  return new Promise((resolve, reject) => {
    fs.write(fd, bytes, at, bytes.length - at, null, (error, bytesWritten) =>
      error === null ? resolve({ bytesWritten }) : reject(error),
    );
  });
}
