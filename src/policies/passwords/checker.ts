/**
 * Checks passwords: fast hashes at once, slow ones in a thread, so that no event loop waits for them. The same question is asked once, and
 * its answer remembered for a while. Who asks too often waits, or is sent away, and nobody else does.
 */
import { createHmac, randomBytes, type KeyObject } from 'node:crypto';
import { FairQueue } from './fair-queue.ts';
import type { HashThread } from './hash-thread.ts';
import { costOf, matches, MAX_PASSWORD } from './hashes.ts';

/** Milliseconds that a right and a wrong password are remembered. */
const RIGHT_FOR = 60_000;
const WRONG_FOR = 5_000;
/** Of each, so many. */
const REMEMBERED = 4096;
/** Questions that wait for the thread. */
const WAITING = { total: 1024, perGroup: 256, perMember: 16 };
/** Clients that wait for one answer. */
const MAX_SHARED = 256;

/** A password, and the hash it is to be that of. */
export interface PasswordQuestion {
  /** Differs where the users of a Secret do. */
  readonly list: string;
  readonly user: string;
  readonly password: Buffer;
  /** Of a user who does not exist: another's, for the time it takes. */
  readonly hash: string;
  readonly exists: boolean;
  /** Whose turn it is to wait: a Secret's clients share theirs. */
  readonly group: string;
  readonly client: string;
}

/** `busy`: too many wait already; `failed`: it could not be found out. */
export type PasswordAnswer = 'right' | 'wrong' | 'busy' | 'failed';

export class PasswordChecker {
  readonly #thread: HashThread;
  readonly #clock: () => number;
  /** Nothing that is remembered says what the password was. */
  readonly #key = randomBytes(32);
  readonly #names = new WeakMap<KeyObject, string>();
  readonly #right = new Remembered();
  readonly #wrong = new Remembered();
  readonly #queue = new FairQueue<Job>(WAITING);
  readonly #jobs = new Map<string, Job>();
  #working = false;

  constructor(thread: HashThread, clock: () => number) {
    this.#thread = thread;
    this.#clock = clock;
  }

  /** A name for the contents of a file, the same for the same ones. */
  nameOf(file: KeyObject): string {
    let name = this.#names.get(file);
    if (name === undefined)
      this.#names.set(file, (name = createHmac('sha256', this.#key).update(file.export()).digest('base64')));
    return name;
  }

  /** The answer at once, or null and a call of `done` later. */
  check(question: PasswordQuestion, done: (answer: PasswordAnswer) => void): PasswordAnswer | null {
    const { password, hash, exists, list, user, group, client } = question;
    if (password.length > MAX_PASSWORD) return 'wrong';
    const cost = costOf(hash);
    if (cost === undefined) return 'wrong';
    if (cost === 'fast') return matches(password, hash) && exists ? 'right' : 'wrong';
    const key = createHmac('sha256', this.#key)
      .update(JSON.stringify([list, user]))
      .update(password)
      .digest('base64');
    const now = this.#clock();
    if (this.#right.has(key, now)) return 'right';
    if (this.#wrong.has(key, now)) return 'wrong';
    const known = this.#jobs.get(key);
    if (known !== undefined) {
      if (known.waiting.length >= MAX_SHARED) return 'busy';
      known.waiting.push(done);
      return null;
    }
    const job: Job = { key, password, hash, exists, waiting: [done] };
    if (!this.#queue.push(group, client, job)) return 'busy';
    this.#jobs.set(key, job);
    this.#next();
    return null;
  }

  /** Passwords at hand and waiting. */
  get pending(): number {
    return this.#jobs.size;
  }

  close(): void {
    this.#thread.close();
    for (const job of this.#jobs.values()) this.#answer(job, 'failed');
  }

  #next(): void {
    if (this.#working) return;
    const job = this.#queue.shift();
    if (job === undefined) return;
    this.#working = true;
    this.#thread.check(job.password, job.hash, (right) => {
      this.#working = false;
      if (right === null) this.#answer(job, 'failed');
      else {
        const good = right && job.exists;
        const now = this.#clock();
        if (good) this.#right.add(job.key, now + RIGHT_FOR);
        else this.#wrong.add(job.key, now + WRONG_FOR);
        this.#answer(job, good ? 'right' : 'wrong');
      }
      this.#next();
    });
  }

  #answer(job: Job, answer: PasswordAnswer): void {
    this.#jobs.delete(job.key);
    for (const done of job.waiting.splice(0)) done(answer);
  }
}

interface Job {
  readonly key: string;
  readonly password: Buffer;
  readonly hash: string;
  readonly exists: boolean;
  readonly waiting: ((answer: PasswordAnswer) => void)[];
}

/** Keys until a time; the oldest go first. */
class Remembered {
  readonly #until = new Map<string, number>();

  has(key: string, now: number): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#until.delete(key);
    return false;
  }

  add(key: string, until: number): void {
    if (this.#until.size >= REMEMBERED) for (const oldest of this.#until.keys()) if (this.#until.delete(oldest)) break;
    this.#until.set(key, until);
  }
}
