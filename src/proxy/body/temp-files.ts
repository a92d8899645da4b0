/**
 * Temporary files of a worker, for what of bodies is too much for memory. They have no name from the moment they are open, so that nothing
 * is left of them however the process ends. All of them together are bounded.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';

/** What is asked of the system; `node:fs` unless a test wants it to fail. */
export type TempFileSystem = Pick<typeof fs, 'open' | 'unlink' | 'write' | 'read' | 'close'>;

/** What files need of their worker. */
export interface TempFilesContext {
  readonly limits: () => { readonly tempFolder: string; readonly maxTempSize: number };
  /** The system did not do what was asked of it. */
  readonly onFailed: (error: NodeJS.ErrnoException) => void;
  /** A call of the system has returned. */
  readonly deadlines: { readonly tick: () => void };
  /** An exception in what is called back. */
  readonly onBug: (error: unknown) => void;
}

/** Whose file it is. */
export interface TempFileOwner {
  /** All that was appended is written, after it was too much to go on. */
  readonly onWritten: () => void;
}

/** With so many bytes waiting to be written whoever appends is to wait. */
const WAITING = 262_144;
/** Pieces are put together up to so many bytes. */
const WRITE_SIZE = 262_144;

/** All of a worker. */
export class TempFiles {
  /** Open files, and the bytes in them. */
  files = 0;
  bytes = 0;
  readonly #context: TempFilesContext;
  readonly #system: TempFileSystem;

  constructor(context: TempFilesContext, system: TempFileSystem = fs) {
    this.#context = context;
    this.#system = system;
  }

  /** A file for `owner`, made when something is put into it. */
  create(owner: TempFileOwner): TempFile {
    return new TempFile(owner, this, this.#context, this.#system);
  }

  /** Whether so many bytes more may be in files. */
  allows(bytes: number): boolean {
    return this.bytes + bytes <= this.#context.limits().maxTempSize;
  }
}

export class TempFile {
  /** Bytes appended. */
  length = 0;
  /** The system refused: nothing more can be appended. What was, can be read. */
  error: NodeJS.ErrnoException | null = null;
  readonly #owner: TempFileOwner;
  readonly #files: TempFiles;
  readonly #context: TempFilesContext;
  readonly #system: TempFileSystem;
  #descriptor: number | null = null;
  #opening = false;
  /** Not written yet, in order; the first of them is at `#written`. */
  #pieces: Buffer[] = [];
  #written = 0;
  /** Calls to the system that have not returned: only then can the file be closed. */
  #calls = 0;
  #writing = false;
  /** Who appends was told to wait. */
  #full = false;
  #closed = false;

  constructor(owner: TempFileOwner, files: TempFiles, context: TempFilesContext, system: TempFileSystem) {
    this.#owner = owner;
    this.#files = files;
    this.#context = context;
    this.#system = system;
  }

  /** So much waits to be written that nothing is to be appended until `onWritten`. */
  get full(): boolean {
    return this.#full;
  }

  /** Appends bytes that nobody changes afterwards. False: there is no room, or `error` says why not. */
  append(bytes: Buffer): boolean {
    if (this.error !== null || !this.#files.allows(bytes.length)) return false;
    this.length += bytes.length;
    this.#files.bytes += bytes.length;
    this.#pieces.push(bytes);
    if (this.length - this.#written > WAITING) this.#full = true;
    if (this.#descriptor !== null) this.#write();
    else if (!this.#opening) this.#open();
    return true;
  }

  /** Reads at most `most` bytes at `position`, of those that were appended. `done` is called at once if they are in memory; null: lost. */
  read(position: number, most: number, done: (bytes: Buffer | null) => void): void {
    const end = Math.min(position + most, this.length);
    if (position >= this.#written) return done(this.#piece(position, end));
    const buffer = Buffer.allocUnsafeSlow(Math.min(end, this.#written) - position);
    this.#call<number>(
      (returned) => this.#system.read(this.#descriptor!, buffer, 0, buffer.length, position, returned),
      (error, length) => {
        if (this.#closed) return;
        if (error !== null) this.#context.onFailed(error);
        // What was written cannot be missing, unless the disk lost it.
        done(error !== null || length === 0 ? null : buffer.subarray(0, length));
      },
    );
  }

  /** It is not needed any more. Nothing is called back from now on. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#files.bytes -= this.length;
    this.#pieces = [];
    this.#closeIfIdle();
  }

  #piece(position: number, end: number): Buffer | null {
    let at = this.#written;
    for (const piece of this.#pieces) {
      if (position < at + piece.length) return piece.subarray(position - at, Math.min(piece.length, end - at));
      at += piece.length;
    }
    return null;
  }

  #open(): void {
    this.#opening = true;
    this.#files.files++;
    const name = path.join(this.#context.limits().tempFolder, `sluice-${randomBytes(12).toString('hex')}`);
    this.#call<number>(
      (returned) => this.#system.open(name, 'wx+', 0o600, returned),
      (error, descriptor) => {
        if (error !== null) {
          this.#files.files--;
          return this.#fail(error);
        }
        this.#descriptor = descriptor;
        this.#call(
          (returned) => this.#system.unlink(name, returned),
          (failure) => failure !== null && this.#context.onFailed(failure),
        );
        this.#write();
      },
    );
  }

  #write(): void {
    if (this.#writing || this.#closed || this.#pieces.length === 0 || this.error !== null) return;
    this.#writing = true;
    const bytes = this.#gather();
    this.#call<number>(
      (returned) => this.#system.write(this.#descriptor!, bytes, 0, bytes.length, this.#written, returned),
      (error, length) => {
        this.#writing = false;
        if (this.#closed) return;
        if (error !== null) return this.#fail(error);
        this.#written += length;
        // What is missing of it is written with the next.
        if (length === bytes.length) this.#pieces.shift();
        else this.#pieces[0] = bytes.subarray(length);
        if (this.#pieces.length > 0) return this.#write();
        this.#tellWritten();
      },
    );
  }

  /** The pieces that go with one call are one from now on. */
  #gather(): Buffer {
    let length = 0;
    let count = 0;
    while (count < this.#pieces.length && (count === 0 || length + this.#pieces[count]!.length <= WRITE_SIZE))
      length += this.#pieces[count++]!.length;
    if (count === 1) return this.#pieces[0]!;
    const bytes = Buffer.concat(this.#pieces.slice(0, count), length);
    this.#pieces.splice(0, count, bytes);
    return bytes;
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.error = error;
    this.#context.onFailed(error);
    if (!this.#closed) this.#tellWritten();
  }

  #tellWritten(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#owner.onWritten();
  }

  /** Asks the system for something, and hands on what it returns. */
  #call<T>(
    ask: (returned: (error: NodeJS.ErrnoException | null, value?: T) => void) => void,
    done: (error: NodeJS.ErrnoException | null, value: T) => void,
  ): void {
    this.#calls++;
    ask((error, value) => {
      this.#calls--;
      try {
        this.#context.deadlines.tick();
        done(error, value as T);
      } catch (bug) {
        this.#context.onBug(bug);
      }
      if (this.#closed) this.#closeIfIdle();
    });
  }

  #closeIfIdle(): void {
    const descriptor = this.#descriptor;
    if (this.#calls > 0 || descriptor === null) return;
    this.#descriptor = null;
    this.#system.close(descriptor, (error) => {
      this.#files.files--;
      if (error !== null && error !== undefined) this.#context.onFailed(error);
    });
  }
}
