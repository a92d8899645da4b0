/** Runs `sluice` as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from './eventually.ts';
import type { Pipe } from './pipe.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

/** Where it writes, if that is not to be read at once: a file descriptor; a pipe that is read when the log is asked for. */
export interface SluiceOutput {
  readonly stdout?: number;
  readonly stderr?: Pipe;
}

/** A running `sluice`, and what it has printed so far. */
export class Sluice {
  readonly process: ChildProcess;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  stdout = '';
  stderr = '';

  readonly #output: SluiceOutput;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, output: SluiceOutput = {}) {
    this.#output = output;
    this.process = spawn(process.execPath, [MAIN, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', output.stdout ?? 'pipe', output.stderr?.fd ?? 'pipe'],
    });
    this.process.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()));
    this.process.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.exited = once(this.process, 'close').then(([code]) => code as number | null);
  }

  /** The log lines written to stderr. */
  log(): Record<string, unknown>[] {
    this.stderr += this.#output.stderr?.read() ?? '';
    return this.stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The first log line with this message, once it is there. Fails when the process ends without it. */
  logged(message: string): Promise<Record<string, unknown>> {
    return eventually(() => {
      const line = this.log().find((each) => each['message'] === message);
      if (line === undefined && this.process.exitCode !== null) throw new Error(`sluice ended: ${this.stderr}`);
      return line;
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Ends it whatever it does. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.exited;
  }
}
