/** One copy of a request: collected while the request passes, sent when it is complete, its response read off and forgotten. */
import { isIP } from 'node:net';
import type { Timed } from '../deadlines.ts';
import type { ProxyError } from '../errors.ts';
import type { Pool } from '../upstream/pool.ts';
import { isStale } from '../upstream/retry.ts';
import type { ResponseHandler, UpstreamStream } from '../upstream/stream.ts';
import { MAX_COPIED_BODY, MAX_COPIED_BYTES, type Mirrors } from './mirrors.ts';

/** So much of a response is read, to keep the connection. */
const MAX_RESPONSE = 1024 ** 2;
/** Those that may be sent twice, when a connection turns out to have been closed. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

export class Copy implements ResponseHandler, Timed {
  deadline = Infinity;
  readonly #mirrors: Mirrors;
  readonly #pool: Pool;
  readonly #method: string;
  readonly #head: string;
  #body: Buffer[] = [];
  #length = 0;
  #responseBytes = 0;
  #stream: UpstreamStream | null = null;
  #over = false;
  #repeated = false;

  constructor(mirrors: Mirrors, pool: Pool, method: string, head: string) {
    this.#mirrors = mirrors;
    this.#pool = pool;
    this.#method = method;
    this.#head = head;
    mirrors.copies++;
    const { deadlines } = mirrors.context;
    deadlines.add(this);
  }

  /** Keeps a copy of `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): void {
    if (this.#over) return;
    const length = end - start;
    if (this.#length + length > MAX_COPIED_BODY || this.#mirrors.bytes + length > MAX_COPIED_BYTES) return this.drop();
    this.#body.push(Buffer.from(bytes.subarray(start, end)));
    this.#length += length;
    this.#mirrors.bytes += length;
  }

  /** The request is complete: sends it. From here on the copy is on its own, and takes no longer than a response may keep silent. */
  end(): void {
    if (this.#over) return;
    const { deadlines, resolver, readTimeout, connectTimeout } = this.#mirrors.context;
    this.deadline = deadlines.after(readTimeout());
    const { address } = this.#pool;
    if (isIP(address) !== 0) return this.#send(address, false);
    resolver.resolve(address, connectTimeout(), (found) => {
      if (found === null) return this.drop();
      deadlines.tick();
      try {
        this.#send(found, false);
      } catch (error) {
        this.onBug(error);
      }
    });
  }

  /** Ends it, wherever it is. */
  drop(): void {
    if (this.#over) return;
    this.#over = true;
    const stream = this.#stream;
    this.#stream = null;
    stream?.destroy();
    this.#body = [];
    this.#mirrors.copies--;
    this.#mirrors.bytes -= this.#length;
    this.#mirrors.context.deadlines.delete(this);
  }

  expire(): void {
    this.drop();
  }

  onConnected(): void {
    // The request is on its way.
  }

  onInterim(): void {
    // Nobody waits for it.
  }

  onResponseHead(): void {
    // Nobody looks at it.
  }

  onResponseData(_: Buffer, start: number, end: number): void {
    this.#responseBytes += end - start;
    if (this.#responseBytes > MAX_RESPONSE) this.drop();
  }

  onResponseEnd(): void {
    this.#stream = null;
    this.drop();
  }

  onUpstreamFailed(error: ProxyError): void {
    const failed = this.#stream;
    this.#stream = null;
    const again = !this.#repeated && failed !== null && isStale(error, failed.reused) && REPEATABLE.has(this.#method);
    if (!again) return this.drop();
    this.#repeated = true;
    this.#send(failed.address, true);
  }

  onUpstreamBlocked(): void {
    // All of it is there already.
  }

  onUpstreamDrain(): void {
    // As above.
  }

  onTunnelData(): void {
    this.drop();
  }

  onTunnelEnd(): void {
    this.drop();
  }

  /** It costs the copy, and nothing else. */
  onBug(error?: unknown): void {
    this.#stream = null;
    this.drop();
    if (error !== undefined) this.#mirrors.context.onBug(error);
  }

  #send(address: string, fresh: boolean): void {
    if (this.#over) return;
    const stream = this.#pool.take(address, fresh);
    this.#stream = stream;
    const asked = { method: this.#method, chunked: false, upgrade: '', acceptsTrailers: false, closes: false };
    const length = this.#length === 0 ? '' : `Content-Length: ${this.#length}\r\n`;
    stream.begin(asked).text(`${this.#head.slice(0, -2)}${length}\r\n`);
    for (const piece of this.#body) stream.sendData(piece, 0, piece.length);
    stream.sendEnd('');
    stream.attach(this);
  }
}
