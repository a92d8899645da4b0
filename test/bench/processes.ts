/** Starts programs pinned to a core, and ends every one of them whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, closeSync, constants, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accepts } from '../support/ports.ts';

/** The proxy under test has the one to itself; load generator and backend share the other. */
export const PROXY_CORE = 1;
export const LOAD_CORE = 0;

/** The file of a program on the PATH, or undefined. */
export function programPath(name: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

/** Whether processes can be kept to a core of their own. */
export function canPin(): boolean {
  return availableParallelism() > 1 && programPath('taskset') !== undefined;
}

/** The command line that runs a program on one core, where that is possible. */
export function pinned(core: number, command: readonly string[]): readonly string[] {
  return canPin() ? ['taskset', '-c', String(core), ...command] : command;
}

/** A running program. */
export interface Running {
  readonly pid: number;
  /** The end of what it wrote so far, for error messages. */
  readonly output: () => string;
  readonly ended: () => boolean;
  /** Ends it. */
  readonly stop: () => Promise<void>;
}

/** How to start a program. */
export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** A file that its standard output is appended to, instead of being kept for messages. */
  readonly stdout?: string | null;
}

const MEMORY_FILES = '/dev/shm';

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 2000);
  await gone;
  clearTimeout(patience);
}

/** Owns the programs of one run and the directories of their files. */
export class ProcessGroup {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  /** For access logs: in memory, where the system has such files. */
  readonly logDirectory = existsSync(MEMORY_FILES) ? mkdtempSync(join(MEMORY_FILES, 'sluice-bench-')) : this.directory;
  readonly #children = new Set<ChildProcess>();

  constructor() {
    // nginx, started by root, serves files as another user.
    chmodSync(this.directory, 0o755);
  }

  /** Starts a program and waits until it accepts connections on `ports`. Rejects with its output when it ends first. */
  async start(
    name: string,
    core: number,
    command: readonly string[],
    ports: readonly number[],
    { env = {}, stdout = null }: StartOptions = {},
  ): Promise<Running> {
    const [program = '', ...args] = pinned(core, command);
    const file = stdout === null ? null : openSync(stdout, 'a');
    const child = spawn(program, args, {
      cwd: this.directory,
      env: { ...process.env, ...env },
      stdio: ['ignore', file ?? 'pipe', 'pipe'],
    });
    if (file !== null) closeSync(file);
    this.#children.add(child);
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-4000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    let failure: Error | undefined;
    child.once('error', (error) => (failure = error));
    const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;

    for (const port of ports) {
      for (let tries = 0; !(await accepts(port)); tries++) {
        if (failure !== undefined || ended() || tries > 200) {
          throw new Error(`${name} does not listen on port ${port}: ${failure?.message ?? output}`);
        }
        await delay(50);
      }
    }
    const stop = async (): Promise<void> => {
      await end(child);
      this.#children.delete(child);
    };
    return { pid: child.pid ?? 0, output: () => output, ended, stop };
  }

  /** Runs a program to its end and returns what it wrote to stdout. Rejects with all its output when it fails. */
  async run(core: number, command: readonly string[]): Promise<string> {
    const [program = '', ...args] = pinned(core, command);
    const child = spawn(program, args, { cwd: this.directory, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#children.add(child);
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    try {
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      if (code !== 0) throw new Error(`${command[0]} ended with ${signal ?? code}: ${output}${errors}`);
      return output;
    } finally {
      this.#children.delete(child);
    }
  }

  /** Ends every program and removes the directories. */
  async stop(): Promise<void> {
    await Promise.all([...this.#children].map(end));
    for (const directory of [this.directory, this.logDirectory]) rmSync(directory, { recursive: true, force: true });
  }
}
