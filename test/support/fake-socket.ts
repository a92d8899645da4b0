/**
 * A socket without a network, for tests that decide every event themselves: it does at once what a `net.Socket` does, in the
 * order in which that would.
 */
import { EventEmitter } from 'node:events';
import type { OnReadOpts, Socket } from 'node:net';

export class FakeSocket extends EventEmitter {
  readonly remoteAddress = '192.0.2.1';
  destroyed = false;
  /** Not established yet: it keeps what is written, and nothing can come. */
  connecting: boolean;
  /** Bytes that were written and that the peer has not taken. */
  writableLength = 0;
  /** The peer takes nothing: what is written stays. */
  stuck = false;
  writableNeedDrain = false;
  #paused = false;
  #ended = false;
  #peerEnded = false;
  /** What waits for `resume`. */
  #unread: (Buffer | 'end')[] = [];
  readonly #onread: OnReadOpts | null;
  readonly #later: (task: () => void) => void;

  /** `connecting`: until `connect`. `later`: runs what a socket does in a tick of its own. */
  constructor(later: (task: () => void) => void, connecting: boolean, onread: OnReadOpts | null = null) {
    super();
    this.connecting = this.stuck = connecting;
    this.#later = later;
    this.#onread = onread;
  }

  /** It as the code under test sees it. */
  get socket(): Socket {
    return this as unknown as Socket;
  }

  write(data: string | Buffer): boolean {
    if (this.destroyed || this.#ended) return false;
    if (!this.stuck) return true;
    this.writableLength += data.length;
    this.writableNeedDrain = this.writableLength >= 16_384;
    return !this.writableNeedDrain;
  }

  end(): void {
    this.#ended = true;
    this.#closeWhenDone();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  isPaused(): boolean {
    return this.#paused;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.writableLength = 0;
    this.writableNeedDrain = false;
    this.#later(() => this.emit('close'));
  }

  resetAndDestroy(): void {
    this.destroy();
  }

  /** The connection is established; what was written before leaves. */
  connect(): void {
    if (this.destroyed || !this.connecting) return;
    this.connecting = false;
    this.emit('connect');
    this.drain();
  }

  /** The peer sends bytes. */
  receive(text: string): void {
    if (this.connecting || this.#peerEnded) return;
    this.#unread.push(Buffer.from(text, 'latin1'));
    this.#deliver();
  }

  /** The peer sends its FIN. */
  receiveEnd(): void {
    if (this.connecting || this.#peerEnded) return;
    this.#peerEnded = true;
    this.#unread.push('end');
    this.#deliver();
  }

  /** The connection breaks. */
  receiveReset(): void {
    if (this.destroyed) return;
    this.emit('error', new Error('ECONNRESET'));
    this.destroy();
  }

  /** The peer takes all that was written, and from now on everything. */
  drain(): void {
    if (this.connecting) return;
    this.stuck = false;
    this.writableLength = 0;
    const waited = this.writableNeedDrain;
    this.writableNeedDrain = false;
    if (waited && !this.destroyed && !this.#ended) this.emit('drain');
    this.#closeWhenDone();
  }

  #deliver(): void {
    while (!this.#paused && !this.destroyed) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      if (next === 'end') {
        this.emit('end');
        this.#closeWhenDone();
      } else if (this.#onread === null) this.emit('data', next);
      else {
        const buffer = this.#onread.buffer as Buffer;
        next.copy(buffer);
        this.#onread.callback(next.length, buffer);
      }
    }
  }

  #closeWhenDone(): void {
    if (this.#ended && this.#peerEnded && this.writableLength === 0 && this.#unread.length === 0) this.destroy();
  }
}
