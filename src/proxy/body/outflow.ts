/**
 * Stands between the body of a response and a client that is to get it slowly (`limit-rate`), or whose backend is not to wait for it
 * (`proxy-buffering`): holds what the client does not get yet, in memory and then in a file. What it may have it gets at once.
 */
import type { Deadlines, Timed } from '../deadlines.ts';
import { RESOLUTION } from '../deadlines.ts';
import type { Downstream } from '../exchange/downstream.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { TempFile, TempFiles } from './temp-files.ts';

/** Whose response it is. */
export interface OutflowOwner {
  readonly downstream: Pick<Downstream, 'sendData' | 'sendEnd' | 'onBug'>;
  /** No more is to come for now. */
  readonly onOutflowFull: () => void;
  readonly onOutflowRoom: () => void;
  /** The client has got all. */
  readonly onOutflowDone: () => void;
  /** What is held cannot be read any more. */
  readonly onOutflowLost: () => void;
}

/** What it needs of its worker. */
export interface OutflowContext {
  readonly deadlines: Deadlines;
  readonly files: TempFiles;
}

type OutflowSettings = Pick<
  ProxySettings,
  'responseBuffering' | 'responseBuffers' | 'responseBufferSize' | 'maxResponseTempFile' | 'limitRate' | 'limitRateAfter'
>;

/** So much of one response is in memory at most, whatever the settings say. */
const MAX_MEMORY = 4 * 1024 ** 2;
const READ_SIZE = 65_536;

/** Whether a response needs one. */
export function needsOutflow({ responseBuffering, limitRate }: OutflowSettings): boolean {
  return responseBuffering || limitRate > 0;
}

/** Pieces in order. */
class Pieces {
  bytes = 0;
  readonly #pieces: Buffer[] = [];
  /** Of the first piece, so much was taken. */
  #taken = 0;

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.bytes += piece.length;
  }

  /** The next piece, or so much of it. */
  take(most: number): Buffer {
    const first = this.#pieces[0]!;
    const piece = first.subarray(this.#taken, this.#taken + most);
    this.#taken += piece.length;
    this.bytes -= piece.length;
    if (this.#taken === first.length) {
      this.#pieces.shift();
      this.#taken = 0;
    }
    return piece;
  }
}

export class Outflow implements Timed {
  deadline = Infinity;
  readonly #owner: OutflowOwner;
  readonly #context: OutflowContext;
  readonly #memory: number;
  readonly #maxFile: number;
  readonly #rate: number;
  readonly #after: number;
  readonly #startedAt: number;
  /** What comes before the file, and what comes behind it. */
  #front = new Pieces();
  #back = new Pieces();
  #file: TempFile | null = null;
  #position = 0;
  #reading = false;
  #sent = 0;
  #blocked = false;
  #full = false;
  #ended = false;
  #trailers = '';
  #draining = false;
  #closed = false;

  constructor(owner: OutflowOwner, settings: OutflowSettings, context: OutflowContext) {
    this.#owner = owner;
    this.#context = context;
    const { responseBuffering, responseBuffers, responseBufferSize, maxResponseTempFile } = settings;
    this.#memory = responseBuffering ? Math.min(responseBuffers * responseBufferSize, MAX_MEMORY) : 0;
    this.#maxFile = responseBuffering ? maxResponseTempFile : 0;
    this.#rate = settings.limitRate;
    this.#after = settings.limitRateAfter;
    this.#startedAt = context.deadlines.now;
    if (this.#rate > 0) context.deadlines.add(this);
  }

  /** The client takes no more for now. */
  block(): void {
    this.#blocked = true;
  }

  unblock(): void {
    this.#blocked = false;
    this.#drain();
  }

  /** `bytes` may change after the call. */
  sendData(bytes: Buffer, start: number, end: number): void {
    let from = start;
    if (this.#empty && !this.#blocked) {
      from = Math.min(end, start + this.#allowed());
      if (from > start) {
        this.#sent += from - start;
        this.#owner.downstream.sendData(bytes, start, from);
      }
    }
    if (from === end || this.#closed) return;
    const rest = Buffer.allocUnsafe(end - from);
    bytes.copy(rest, 0, from, end);
    this.#hold(rest);
    this.#drain();
  }

  /** The response is complete. */
  sendEnd(trailers: string): void {
    this.#ended = true;
    this.#trailers = trailers;
    this.#drain();
  }

  onBug(error: unknown): void {
    this.#owner.downstream.onBug(error);
  }

  /** It is time to send more. */
  expire(): void {
    this.deadline = Infinity;
    this.#drain();
  }

  /** Nobody wants the rest. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.deadlines.delete(this);
    this.#file?.close();
    this.#file = null;
  }

  get #empty(): boolean {
    return this.#front.bytes === 0 && this.#file === null && this.#back.bytes === 0;
  }

  /** How many bytes the client may have now. */
  #allowed(): number {
    if (this.#rate === 0) return Infinity;
    // A little ahead, so that looking at the time four times a second makes it no slower.
    const elapsed = this.#context.deadlines.now - this.#startedAt + RESOLUTION;
    return Math.max(0, Math.floor(this.#after + (this.#rate * elapsed) / 1000) - this.#sent);
  }

  #hold(piece: Buffer): void {
    if (this.#file === null && this.#front.bytes + piece.length <= this.#memory) return this.#front.add(piece);
    if (this.#takesFile(piece)) {
      this.#file ??= this.#context.files.create({ onWritten: () => this.#drain() });
      if (this.#file.append(piece)) {
        if (this.#file.full) this.#fill();
        return;
      }
    }
    (this.#file === null ? this.#front : this.#back).add(piece);
    this.#fill();
  }

  #takesFile({ length }: Buffer): boolean {
    if (this.#back.bytes > 0 || !this.#context.files.allows(length)) return false;
    return (this.#file?.length ?? 0) + length <= this.#maxFile && (this.#file?.error ?? null) === null;
  }

  #fill(): void {
    if (this.#full) return;
    this.#full = true;
    this.#owner.onOutflowFull();
  }

  /** Sends what may be sent. Whoever is told of it may call again. */
  #drain(): void {
    if (this.#draining || this.#closed) return;
    this.#draining = true;
    while (!this.#blocked && !this.#isClosed() && this.#sendNext());
    this.#draining = false;
    if (this.#isClosed()) return;
    if (this.#ended) {
      if (!this.#empty) return;
      this.close();
      this.#owner.downstream.sendEnd(this.#trailers);
      this.#owner.onOutflowDone();
    } else if (this.#full && this.#hasRoom()) {
      this.#full = false;
      this.#owner.onOutflowRoom();
    }
  }

  /** What is called may close it. */
  #isClosed(): boolean {
    return this.#closed;
  }

  #hasRoom(): boolean {
    if (this.#file !== null) return this.#back.bytes === 0 && !this.#file.full && this.#file.length < this.#maxFile;
    return this.#front.bytes <= this.#memory / 2;
  }

  /** False: there is nothing to send now. */
  #sendNext(): boolean {
    if (this.#front.bytes === 0) return this.#refill();
    const allowed = this.#allowed();
    if (allowed === 0) {
      // The next look at the deadlines.
      this.deadline = this.#context.deadlines.now;
      return false;
    }
    const piece = this.#front.take(allowed);
    this.#sent += piece.length;
    this.#owner.downstream.sendData(piece, 0, piece.length);
    return true;
  }

  /** Takes from the file, or from behind it, when the front is empty. */
  #refill(): boolean {
    const file = this.#file;
    if (file === null) {
      if (this.#back.bytes === 0) return false;
      [this.#front, this.#back] = [this.#back, this.#front];
      return true;
    }
    if (this.#reading) return false;
    if (this.#position === file.length) {
      file.close();
      this.#file = null;
      this.#position = 0;
      return true;
    }
    this.#reading = true;
    file.read(this.#position, READ_SIZE, (bytes) => {
      this.#reading = false;
      if (this.#closed) return;
      if (bytes === null) return this.#owner.onOutflowLost();
      this.#position += bytes.length;
      this.#front.add(bytes);
      this.#drain();
    });
    // What was in memory is there by now.
    return !this.#reading;
  }
}
