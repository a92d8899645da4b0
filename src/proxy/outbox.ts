/**
 * What a worker sends: collected while the events at hand are read, and written when all of them are. One turn of the event
 * loop under load brings dozens of requests and responses; writing them together wakes the receivers once and not for every
 * message, and puts the pieces of a message into one packet (test/bench/README.md has what that gave).
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** Bytes collected before they are written without waiting for the end of the turn. */
const ARENA_SIZE = 32_768;

/** A larger piece is not copied into the arena. */
export const LARGE_PIECE = 16_384;

/** Who sends on a socket. */
export interface Sender {
  /** The socket takes no more: its `drain` follows. */
  readonly onBlocked: () => void;
  /** `onBlocked` threw. */
  readonly onBug: (error: unknown) => void;
}

/** What messages are written to, piece by piece. */
export interface Sink {
  /** Latin-1. */
  readonly text: (text: string) => void;
  /** `bytes[start, end)`, which may change afterwards. */
  readonly copy: (bytes: Buffer, start: number, end: number) => void;
}

/** The way out of one socket. What is sent goes out in order, at the end of the event loop's turn at the latest. */
export class Output implements Sink {
  readonly socket: Socket;
  /** Bytes collected and not yet given to the socket. */
  pending = 0;
  /** Bytes sent so far. */
  total = 0;
  readonly sender: Sender;
  /** TLS says only later that it has taken what was written. */
  readonly encrypted: boolean;
  readonly #outbox: Outbox;

  constructor(socket: Socket, sender: Sender, outbox: Outbox) {
    this.socket = socket;
    this.sender = sender;
    this.encrypted = socket instanceof TLSSocket;
    this.#outbox = outbox;
  }

  /** Everything was taken by the kernel. */
  get empty(): boolean {
    return this.pending === 0 && this.socket.writableLength === 0;
  }

  text(text: string): void {
    if (text.length > LARGE_PIECE) return this.bytes(Buffer.from(text, 'latin1'));
    this.total += text.length;
    this.#outbox.text(this, text);
  }

  copy(bytes: Buffer, start: number, end: number): void {
    if (end - start > LARGE_PIECE) return this.bytes(copyOf(bytes, start, end));
    this.total += end - start;
    this.#outbox.copy(this, bytes, start, end);
  }

  /** Sends bytes that nobody changes afterwards. */
  bytes(bytes: Buffer): void {
    this.total += bytes.length;
    if (bytes.length > LARGE_PIECE) this.#outbox.direct(this, bytes);
    else this.#outbox.copy(this, bytes, 0, bytes.length);
  }

  /** Gives the socket all that was sent, and with it every other socket of the worker: before it is closed. */
  flush(): void {
    if (this.pending > 0) this.#outbox.flush();
  }
}

/** The outputs of a worker. */
export class Outbox {
  #arena: Buffer = Buffer.allocUnsafeSlow(ARENA_SIZE);
  #used = 0;
  /** Whose the bytes are, in order: each from its start to the next one's. */
  readonly #outputs: (Output | null)[] = [];
  readonly #starts: number[] = [];
  #count = 0;
  #last: Output | null = null;
  #scheduled = false;
  /** Whose sockets took no more in the writes just made. */
  readonly #blocked: Output[] = [];
  readonly #onTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  text(output: Output, text: string): void {
    this.#reserve(output, text.length);
    this.#used += this.#arena.write(text, this.#used, 'latin1');
  }

  copy(output: Output, bytes: Buffer, start: number, end: number): void {
    this.#reserve(output, end - start);
    this.#used += bytes.copy(this.#arena, this.#used, start, end);
  }

  direct(output: Output, bytes: Buffer): void {
    this.flush();
    this.#write(output, bytes);
    this.#tellBlocked();
  }

  /** Writes everything. */
  flush(): void {
    if (this.#count === 0) return;
    const arena = this.#arena;
    const count = this.#count;
    let kept = false;
    for (let i = 0; i < count; i++) {
      const output = this.#outputs[i]!;
      const { socket } = output;
      this.#outputs[i] = null;
      output.pending = 0;
      const bytes = arena.subarray(this.#starts[i], i + 1 < count ? this.#starts[i + 1] : this.#used);
      // What will wait in the socket must not keep the whole arena.
      const waits = output.encrypted || socket.connecting || socket.writableLength > 0;
      this.#write(output, waits ? Buffer.from(bytes) : bytes);
      if (!waits && socket.writableLength > 0) kept = true;
    }
    this.#count = 0;
    this.#used = 0;
    this.#last = null;
    if (kept) this.#arena = Buffer.allocUnsafeSlow(ARENA_SIZE);
    this.#tellBlocked();
  }

  #reserve(output: Output, length: number): void {
    if (this.#used + length > ARENA_SIZE) this.flush();
    output.pending += length;
    if (this.#last === output) return;
    this.#last = output;
    this.#outputs[this.#count] = output;
    this.#starts[this.#count++] = this.#used;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#onTurn);
  }

  #write(output: Output, bytes: Buffer): void {
    const { socket } = output;
    if (!socket.destroyed && !socket.write(bytes)) this.#blocked.push(output);
  }

  /** Not while the arena is being written: who is told may send more. */
  #tellBlocked(): void {
    while (this.#blocked.length > 0) {
      const { sender } = this.#blocked.pop()!;
      try {
        sender.onBlocked();
      } catch (error) {
        sender.onBug(error);
      }
    }
  }
}

/** A copy with memory of its own. */
function copyOf(bytes: Buffer, start: number, end: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(end - start);
  bytes.copy(copy, 0, start, end);
  return copy;
}
