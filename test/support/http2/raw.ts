/** A client that speaks HTTP/2 frame by frame: it sends what it is told, well-formed or not, and keeps what comes. */
import { once } from 'node:events';
import tls from 'node:tls';
import { CODE, FLAG, type Field, type Frame, frame, headers, ping, PREFACE, settings, statusOf, TYPE } from './frames.ts';

/** How a connection or a stream fared: `status 200`, `reset 8`, `goaway 1`, `closed`, `alive`. */
export type Outcome = string;

export class RawHttp2 {
  readonly socket: tls.TLSSocket;
  /** All that came. */
  readonly frames: Frame[] = [];
  closed = false;
  #rest: Buffer = Buffer.alloc(0);
  readonly #waiting = new Set<() => void>();
  #fences = 0;

  private constructor(socket: tls.TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  /** Connects, without a preface. */
  static async silent(port: number): Promise<RawHttp2> {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    if (socket.alpnProtocol !== 'h2') throw new Error('HTTP/2 was not negotiated');
    return new RawHttp2(socket);
  }

  /** Connects, and exchanges prefaces. */
  static async connect(port: number, ...pairs: readonly (readonly [id: number, value: number])[]): Promise<RawHttp2> {
    const client = await RawHttp2.silent(port);
    client.send(PREFACE, settings(...pairs), frame(TYPE.settings, FLAG.ack, 0));
    await client.until(() => client.find(TYPE.settings, 0, FLAG.ack) !== undefined);
    return client;
  }

  send(...bytes: readonly Buffer[]): void {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(bytes));
  }

  request(stream: number, fields: readonly Field[], ended = true): void {
    this.send(headers(stream, fields, ended));
  }

  /** Waits until `condition` holds; looks again whenever something arrives. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error(`the connection closed after ${this.frames.map(({ type }) => type).join(' ')}`);
      await this.change();
    }
  }

  /** Waits for the next thing to arrive. */
  change(): Promise<void> {
    return new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** The first frame of a type on a stream, with all of these flags. */
  find(type: number, stream: number, flags = 0): Frame | undefined {
    return this.frames.find((one) => one.type === type && one.stream === stream && (one.flags & flags) === flags);
  }

  /** The code of a GOAWAY with an error, or of a reset of the stream; undefined while there is none. */
  error(stream: number): Outcome | undefined {
    const goaway = this.frames.find((one) => one.type === TYPE.goaway && one.payload.readUInt32BE(4) !== CODE.none);
    if (goaway !== undefined) return `goaway ${goaway.payload.readUInt32BE(4)}`;
    const reset = this.find(TYPE.rstStream, stream);
    if (reset !== undefined && reset.payload.readUInt32BE(0) !== CODE.none) return `reset ${reset.payload.readUInt32BE(0)}`;
    return this.closed ? 'closed' : undefined;
  }

  /** The final status on a stream; undefined while there is none. */
  status(stream: number): number | undefined {
    return this.frames
      .filter((one) => one.type === TYPE.headers && one.stream === stream)
      .map(({ payload }) => statusOf(payload))
      .find((status) => status >= 200);
  }

  /** The body so far. */
  body(stream: number): string {
    return Buffer.concat(
      this.frames.filter((one) => one.type === TYPE.data && one.stream === stream).map(({ payload }) => payload),
    ).toString('latin1');
  }

  /** Waits for a final status or an error, whichever comes first. */
  async outcome(stream: number): Promise<Outcome> {
    for (;;) {
      const status = this.status(stream);
      if (status !== undefined) return `status ${status}`;
      const error = this.error(stream);
      if (error !== undefined) return error;
      await this.change();
    }
  }

  /** Waits for the whole of a response: its status and body. */
  async response(stream: number): Promise<{ status: number; body: string }> {
    await this.until(
      () => this.find(TYPE.data, stream, FLAG.endStream) !== undefined || this.find(TYPE.headers, stream, FLAG.endStream) !== undefined,
    ); // prettier-ignore
    return { status: this.status(stream)!, body: this.body(stream) };
  }

  /**
   * Waits for an error of the stream or the connection; `alive` when there is none although the server has handled all that was sent. An answer
   * to a PING may overtake what came before it, but not twice.
   */
  async errorOrAlive(stream: number): Promise<Outcome> {
    for (let round = 0; round < 3; round++) {
      const mark = `fence${String(++this.#fences).padStart(3, '0')}`;
      this.send(ping(mark));
      for (;;) {
        const error = this.error(stream);
        if (error !== undefined) return error;
        if (this.frames.some((one) => one.type === TYPE.ping && one.payload.toString('latin1') === mark)) break;
        await this.change();
      }
    }
    return this.error(stream) ?? 'alive';
  }

  /** Waits until the server has closed the connection. */
  async gone(): Promise<void> {
    while (!this.closed) await this.change();
  }

  close(): void {
    this.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      this.frames.push({
        type: this.#rest[3]!,
        flags: this.#rest[4]!,
        stream: this.#rest.readUInt32BE(5) & 0x7fffffff,
        payload: Buffer.from(this.#rest.subarray(9, 9 + length)),
      });
      this.#rest = this.#rest.subarray(9 + length);
    }
    this.#changed();
  }

  #changed(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
