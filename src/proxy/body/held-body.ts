/**
 * What is held of a request body: all of it where it is read whole before a backend is asked, in memory and then in a file; elsewhere its
 * beginning, in memory, so that it can be sent again to another endpoint.
 */
import type { UpstreamStream } from '../upstream/stream.ts';
import type { TempFile, TempFiles } from './temp-files.ts';

/** Whose body it is. */
export interface HeldBodyOwner {
  /** More of the body may come, after `add` said `wait`. */
  readonly onBodyRoom: () => void;
  /** All that is held was sent, after `sendTo` said that it was not. */
  readonly onBodySent: () => void;
  /** What is held cannot be read any more. */
  readonly onBodyLost: () => void;
}

/** Whether more may come. `refused`: there is no room in files; `failed`: files cannot be written. */
export type Added = 'taken' | 'wait' | 'refused' | 'failed';

const NOTHING = Buffer.alloc(0);
/** What is read from a file at once. */
const READ_SIZE = 65_536;

export class HeldBody {
  /** All of what came is there: the request can be sent, or sent again. */
  complete = true;
  readonly #owner: HeldBodyOwner;
  readonly #files: TempFiles;
  /** Without framing, in memory of its own: the bytes of a drip must not keep what they were read into. */
  #kept = NOTHING;
  #length = 0;
  #limit = 0;
  #open = false;
  /** What does not fit into memory goes into a file. */
  #whole = false;
  #file: TempFile | null = null;
  /** Who gets what is in the file; null: nobody now. */
  #upstream: UpstreamStream | null = null;
  #position = 0;
  #reading = false;
  /** Counts who gets it, so that what is read late is not sent to another. */
  #generation = 0;
  /** It will not be sent to another. */
  #last = false;

  constructor(owner: HeldBodyOwner, files: TempFiles) {
    this.#owner = owner;
    this.#files = files;
  }

  /** Begins the body of a request. `limit`: so many bytes are held in memory. `whole`: the rest too, in a file; else nothing then. */
  begin(limit: number, whole: boolean): void {
    this.#limit = limit;
    this.#whole = whole;
    this.#open = true;
    this.#last = false;
    this.complete = true;
  }

  /** Nothing will be sent again: what is not on its way is let go. */
  settle(): void {
    this.#last = true;
    if (this.#upstream === null) this.close();
  }

  /** Lets go of everything. */
  close(): void {
    this.#generation++;
    this.#forget();
    this.complete = true;
    this.#open = false;
    this.#upstream = null;
    this.#reading = false;
    this.#file?.close();
    this.#file = null;
  }

  /** Keeps `bytes[start, end)`, which nobody changes afterwards. */
  add(bytes: Buffer, start: number, end: number): Added {
    if (!this.#open || !this.complete) return 'taken';
    if (this.#file !== null || this.#length + end - start > this.#limit) {
      if (this.#whole) return this.#spill(bytes.subarray(start, end));
      this.#forget();
      this.complete = false;
      return 'taken';
    }
    const needed = this.#length + end - start;
    if (needed > this.#kept.length) this.#grow(needed);
    this.#length += bytes.copy(this.#kept, this.#length, start, end);
    return 'taken';
  }

  /** Sends what is held. False: some of it follows, as far as the upstream takes it; `onBodySent` says when that is done. */
  sendTo(upstream: UpstreamStream): boolean {
    this.#generation++;
    this.#reading = false;
    // What follows is written behind it, or elsewhere.
    if (this.#length > 0) upstream.sendData(this.#kept, 0, this.#length);
    if (this.#file === null) return true;
    this.#upstream = upstream;
    this.#position = 0;
    this.#pump();
    return false;
  }

  /** The upstream takes more. */
  onUpstreamDrain(): void {
    if (this.#upstream !== null) this.#pump();
  }

  #spill(bytes: Buffer): Added {
    this.#file ??= this.#files.create({ onWritten: () => this.#owner.onBodyRoom() });
    if (!this.#file.append(bytes)) return this.#file.error === null ? 'refused' : 'failed';
    return this.#file.full ? 'wait' : 'taken';
  }

  #pump(): void {
    const file = this.#file!;
    if (this.#reading || this.#upstream!.blocked) return;
    if (this.#position === file.length) {
      this.#upstream = null;
      this.#owner.onBodySent();
      if (this.#last) this.close();
      return;
    }
    const generation = this.#generation;
    this.#reading = true;
    file.read(this.#position, READ_SIZE, (bytes) => {
      if (generation !== this.#generation) return;
      this.#reading = false;
      if (bytes === null) return this.#owner.onBodyLost();
      this.#position += bytes.length;
      this.#upstream!.sendData(bytes, 0, bytes.length);
      // Who sends may be told that nobody wants it.
      if (generation === this.#generation) this.#pump();
    });
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, Math.min(2 * this.#kept.length, this.#limit)));
    this.#kept.copy(larger, 0, 0, this.#length);
    this.#kept = larger;
  }

  #forget(): void {
    this.#kept = NOTHING;
    this.#length = 0;
  }
}
