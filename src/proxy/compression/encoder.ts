/**
 * Compresses the body of one response. Pieces that come while the coder works are gathered for its next turn; when it has caught
 * up and the body goes on, it is flushed: an event of a stream reaches the client at once, and a large body is compressed in large
 * pieces. (nginx flushes after every read where it does not buffer, which is ingress-nginx's default.)
 */
import type { Deadlines } from '../deadlines.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { listenGuarded } from '../guarded.ts';
import type { Coder } from './coders.ts';

/** With so many bytes waiting for the coder the upstream is to pause. */
const WAITING = 16_384;

/** Who has a body compressed. */
export interface EncoderHandler {
  /** Gets what is compressed; and is told, as a bug, when that failed, which is not to be expected. */
  readonly out: Pick<Downstream, 'sendData' | 'onBug'>;
  /** More is taken, after a `write` that said no. */
  readonly onEncoderDrain: () => void;
  /** The body ends here. It is the last that the handler hears, and another response may have begun when it returns. */
  readonly onEncoderEnd: (trailers: string) => void;
}

export class Encoder {
  readonly #coder: Coder;
  readonly #flush: number;
  readonly #deadlines: Deadlines;
  #handler: EncoderHandler | null;
  /** Pieces that the coder was not given yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** The coder works on what it was given. */
  #busy = false;
  #scheduled = false;
  /** It has been given something since it was flushed. */
  #dirty = false;
  /** The last `write` said no. */
  #full = false;
  #paused = false;
  #ended = false;
  #trailers = '';
  readonly #onDone = (): void => this.#guarded(() => this.#onCoderDone());
  readonly #onTurn = (): void => this.#guarded(() => this.#next());

  /** `flush`: the kind of flush that gives out everything. `onClosed`: the coder's memory is free again. */
  constructor(coder: Coder, flush: number, deadlines: Deadlines, handler: EncoderHandler, onClosed: () => void) {
    this.#coder = coder;
    this.#flush = flush;
    this.#deadlines = deadlines;
    this.#handler = handler;
    coder.once('close', onClosed);
    listenGuarded(
      coder,
      {
        data: (bytes: Buffer) => this.#onData(bytes),
        end: () => this.#onEnd(),
        error: (error: unknown) => this.#fail(error),
      },
      (error) => this.#fail(error),
    );
  }

  /** `bytes` may change after the call. False: the upstream is to pause until `onClientDrain`. */
  write(bytes: Buffer, start: number, end: number): boolean {
    const copy = Buffer.allocUnsafe(end - start);
    bytes.copy(copy, 0, start, end);
    this.#waiting.push(copy);
    this.#waitingBytes += copy.length;
    if (this.#busy && this.#waitingBytes >= WAITING) this.#full = true;
    this.#schedule();
    return !this.#full;
  }

  /** The body is complete. */
  end(trailers: string): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#schedule();
  }

  /** The client takes no more for now: neither does the coder, once its output is full. */
  pause(): void {
    this.#paused = true;
    this.#coder.pause();
  }

  /** True: the upstream may go on too. */
  resume(): boolean {
    this.#paused = false;
    this.#coder.resume();
    return !this.#full;
  }

  /** Nobody wants the rest; the handler hears nothing more. */
  destroy(): void {
    this.#handler = null;
    this.#waiting = [];
    this.#coder.destroy();
  }

  /** After all pieces of the read at hand: together they are one turn of the coder. */
  #schedule(): void {
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#onTurn);
  }

  #next(): void {
    this.#scheduled = false;
    if (this.#busy || this.#handler === null) return;
    if (this.#waitingBytes === 0 && !this.#ended) return this.#flushOnce();
    this.#busy = true;
    if (this.#waitingBytes === 0) {
      this.#coder.end();
      return;
    }
    const bytes = this.#take();
    if (this.#ended) {
      this.#coder.end(bytes);
      return;
    }
    this.#dirty = true;
    this.#coder.write(bytes, this.#onDone);
    if (!this.#full) return;
    this.#full = false;
    // A client that is slow pauses the upstream longer.
    if (!this.#paused) this.#handler.onEncoderDrain();
  }

  #flushOnce(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.#busy = true;
    this.#coder.flush(this.#flush, this.#onDone);
  }

  #take(): Buffer {
    const pieces = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  #onCoderDone(): void {
    this.#busy = false;
    this.#next();
  }

  #onData(bytes: Buffer): void {
    this.#deadlines.tick();
    this.#handler?.out.sendData(bytes, 0, bytes.length);
  }

  #onEnd(): void {
    this.#deadlines.tick();
    const handler = this.#handler;
    this.#handler = null;
    handler?.onEncoderEnd(this.#trailers);
  }

  #fail(error: unknown): void {
    const handler = this.#handler;
    this.destroy();
    handler?.out.onBug(error);
  }

  #guarded(call: () => void): void {
    try {
      this.#deadlines.tick();
      call();
    } catch (error) {
      this.#fail(error);
    }
  }
}
