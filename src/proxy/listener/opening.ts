/** The first bytes of a connection, read before it is known who goes on with it: a PROXY header, a ClientHello. */
import type { Socket } from 'node:net';
import type { Deadlines, Timed } from '../deadlines.ts';

/** What the bytes so far say: more are needed; the connection is refused; or so many of them are used, and how it goes on. */
export type Verdict = 'more' | 'refused' | { readonly used: number; readonly goOn: () => void };

/** What an opening needs of its worker. */
export interface OpeningContext {
  readonly deadlines: Deadlines;
  readonly onBug: (error: unknown) => void;
}

/** How an opening ended that was refused: its bytes were wrong, it took too long, or the client went away in the middle. */
export type Refusal = 'invalid' | 'timeout' | 'gone';

/** Begins an opening; `expire` and the socket do the rest. */
export function readOpening(...how: ConstructorParameters<typeof Opening>): void {
  void new Opening(...how);
}

/**
 * Reads until `judge` knows enough. Whoever goes on finds the socket paused, with the bytes that were not used still to be read.
 * A connection that is refused is closed, and told to `onRefused`. `judge` must refuse what has grown too long.
 */
class Opening implements Timed {
  deadline: number;
  readonly #socket: Socket;
  readonly #context: OpeningContext;
  readonly #judge: (bytes: Buffer) => Verdict;
  readonly #onRefused: (why: Refusal) => void;
  #input: Buffer | null = null;
  #open = true;

  /** `timeout`: milliseconds for all of it. */
  constructor(
    socket: Socket,
    context: OpeningContext,
    timeout: number,
    judge: (bytes: Buffer) => Verdict,
    onRefused: (why: Refusal) => void,
  ) {
    this.#socket = socket;
    this.#context = context;
    this.#judge = judge;
    this.#onRefused = onRefused;
    const { deadlines } = context;
    deadlines.tick();
    this.deadline = deadlines.after(timeout);
    deadlines.add(this);
    socket.on('data', this.#onData).on('end', this.#onGone);
    socket.on('error', this.#onGone).on('close', this.#onGone);
    socket.resume();
  }

  expire(): void {
    this.#refuse('timeout');
  }

  /** An exception nobody expected: this connection ends, the others go on. */
  onBug(error: unknown): void {
    this.#context.onBug(error);
    this.#close();
    this.#socket.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#read(chunk);
    } catch (error) {
      this.onBug(error);
    }
  };

  readonly #onGone = (): void => this.#refuse('gone');

  #read(chunk: Buffer): void {
    if (!this.#open) return;
    this.#input = this.#input === null ? chunk : Buffer.concat([this.#input, chunk]);
    const verdict = this.#judge(this.#input);
    if (verdict === 'more') return;
    if (verdict === 'refused') return this.#refuse('invalid');
    const rest = this.#input.subarray(verdict.used);
    this.#close();
    this.#socket.pause();
    if (rest.length > 0) this.#socket.unshift(rest);
    verdict.goOn();
  }

  #refuse(why: Refusal): void {
    if (!this.#open) return;
    this.#close();
    this.#socket.destroy();
    this.#onRefused(why);
  }

  /** The listeners for errors and the close stay, and do nothing: a socket without any would end the process. */
  #close(): void {
    this.#open = false;
    this.#input = null;
    this.#context.deadlines.delete(this);
    this.#socket.off('data', this.#onData).off('end', this.#onGone);
  }
}
