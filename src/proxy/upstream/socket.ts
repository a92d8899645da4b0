/**
 * The socket of an upstream connection. An upstream that refuses an upload early answers, closes, and so resets the connection
 * on which we still write. Node ends a socket when a write fails, and the answer that had arrived before the reset is lost
 * with it, where the client should get it (RFC 9112 §9.5). This socket first reads what is there.
 */
import net from 'node:net';

export class UpstreamSocket extends net.Socket {
  #failure: Error | null = null;
  #readBefore = 0;

  /** As ever, but after a failed write only when all that had arrived was read. */
  override destroy(error?: Error): this {
    if (!isWriteError(error)) return super.destroy(error);
    if (this.#failure !== null || this.destroyed) return this;
    this.#failure = error;
    this.#readBefore = this.bytesRead;
    // The reset came before the error, and what it followed is in the kernel: each turn of the event loop reads some of it.
    this.#whenTurned();
    return this;
  }

  #whenTurned(): void {
    // The first runs before the loop has polled.
    setImmediate(() => setImmediate(() => this.#look()));
  }

  #look(): void {
    if (this.destroyed) return;
    if (this.isPaused()) {
      // Its client is slow. When that is given up, so is this.
      this.once('resume', () => this.#whenTurned());
      return;
    }
    if (this.bytesRead === this.#readBefore) {
      super.destroy(this.#failure!);
      return;
    }
    this.#readBefore = this.bytesRead;
    this.#whenTurned();
  }
}

function isWriteError(error: Error | undefined): error is NodeJS.ErrnoException {
  return error !== undefined && (error as NodeJS.ErrnoException).syscall === 'write';
}
