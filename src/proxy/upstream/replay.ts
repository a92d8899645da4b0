/** The part of a request body that was sent and could be sent again to another endpoint. */
import type { UpstreamStream } from './stream.ts';

const NOTHING = Buffer.alloc(0);

export class Replay {
  /** All of what was sent after the head is there: the request can be sent again. */
  complete = true;
  /** Without framing, in memory of its own: the bytes of a drip must not keep what they were read into. */
  #kept = NOTHING;
  #length = 0;
  #open = false;
  #limit = 0;

  /** Begins a new request. More than `limit` bytes are not kept: such a request is not tried again. */
  open(limit: number): void {
    this.#limit = limit;
    this.complete = true;
    this.#open = true;
  }

  /** Nothing will be sent again: frees what was kept. */
  close(): void {
    this.#forget();
    this.#open = false;
  }

  /** Keeps a copy of `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.#reserve(end - start)) this.#length += bytes.copy(this.#kept, this.#length, start, end);
  }

  /** Sends all of it again. */
  sendTo(upstream: Pick<UpstreamStream, 'sendData'>): void {
    // What follows is written behind it, or elsewhere.
    if (this.#length > 0) upstream.sendData(this.#kept, 0, this.#length);
  }

  /** Makes room for so many bytes, if they are to be kept. */
  #reserve(length: number): boolean {
    if (!this.#open || !this.complete) return false;
    const needed = this.#length + length;
    if (needed > this.#limit) {
      this.#forget();
      this.complete = false;
      return false;
    }
    if (needed > this.#kept.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#kept.length));
      this.#kept.copy(larger, 0, 0, this.#length);
      this.#kept = larger;
    }
    return true;
  }

  #forget(): void {
    this.#kept = NOTHING;
    this.#length = 0;
  }
}
