/** A named pipe in hand: read when the test wants, or full because nobody reads. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export class Pipe {
  /** To be handed to a child as its output. */
  readonly fd: number;
  readonly #folder = fs.mkdtempSync(join(tmpdir(), 'sluice-pipe-'));
  readonly #own: number;

  constructor() {
    const path = join(this.#folder, 'pipe');
    execFileSync('mkfifo', [path]);
    // Both ways, so that neither open waits for the other end.
    this.#own = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    this.fd = fs.openSync(path, fs.constants.O_WRONLY);
  }

  /** What was written since the last time. */
  read(): string {
    const buffer = Buffer.alloc(65_536);
    let text = '';
    try {
      for (;;) text += buffer.toString('latin1', 0, fs.readSync(this.#own, buffer));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return text;
  }

  /** Fills it, so that the next byte of anybody waits. */
  fill(): void {
    for (const size of [4096, 1]) {
      try {
        for (;;) fs.writeSync(this.#own, Buffer.alloc(size, '\n'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    }
  }

  close(): void {
    fs.closeSync(this.#own);
    fs.closeSync(this.fd);
    fs.rmSync(this.#folder, { recursive: true });
  }
}
