/** A thread of its own for slow password hashes: started when it is needed, and again when it dies. */
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** One password to check. */
export interface HashJob {
  readonly id: number;
  readonly password: Uint8Array;
  readonly hash: string;
}

/** What came of it. */
export interface HashResult {
  readonly id: number;
  readonly right: boolean;
}

/** Checks passwords, one at a time. */
export interface HashThread {
  /** Calls back later, once; null: it could not be found out. */
  readonly check: (password: Uint8Array, hash: string, done: (right: boolean | null) => void) => void;
  readonly close: () => void;
}

/** Mebibytes: bcrypt and its kin need next to nothing. */
const HEAP = 32;

/** A thread as `HashThread`. */
export class OwnHashThread implements HashThread {
  readonly #startThread: (file: URL, options: WorkerOptions) => Worker;
  #worker: Worker | null = null;
  #id = 0;
  #done: ((right: boolean | null) => void) | null = null;

  /** `startThread`: `node:worker_threads` unless a test wants to have the thread in hand. */
  constructor(startThread: (file: URL, options: WorkerOptions) => Worker = (file, options) => new Worker(file, options)) {
    this.#startThread = startThread;
  }

  check(password: Uint8Array, hash: string, done: (right: boolean | null) => void): void {
    this.#done = done;
    const job: HashJob = { id: ++this.#id, password, hash };
    this.#started().postMessage(job);
  }

  close(): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#done = null;
    void worker?.terminate();
  }

  #started(): Worker {
    if (this.#worker !== null) return this.#worker;
    const worker = this.#startThread(new URL('./thread.ts', import.meta.url), {
      name: 'passwords',
      resourceLimits: { maxOldGenerationSizeMb: HEAP, maxYoungGenerationSizeMb: 4 },
    });
    // A job at hand is waited for by a connection of a client, which keeps the process.
    worker.unref();
    worker.on('message', ({ id, right }: HashResult) => {
      if (id === this.#id) this.#answer(right);
    });
    // 'exit' follows.
    worker.on('error', () => undefined);
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = null;
      this.#answer(null);
    });
    this.#worker = worker;
    return worker;
  }

  #answer(right: boolean | null): void {
    const done = this.#done;
    this.#done = null;
    done?.(right);
  }
}
