/** The real kubectl against an embedded API server. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kubectlPath } from './tools.ts';

/** How a run of kubectl ended. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A kubectl that runs until it is stopped. */
export interface Running {
  /** The next line of its output. */
  readonly line: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

export class Kubectl {
  /** For files that a test hands to kubectl. */
  readonly directory: string;
  readonly #program: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(program: string, directory: string) {
    this.#program = program;
    this.directory = directory;
    // A home of its own: kubectl keeps what it discovered there.
    this.#environment = { PATH: process.env['PATH'], HOME: directory, KUBECONFIG: join(directory, 'config') };
  }

  static async create(kubeconfig: string): Promise<Kubectl> {
    const directory = await mkdtemp(join(tmpdir(), 'kubectl-'));
    await writeFile(join(directory, 'config'), kubeconfig);
    return new Kubectl(await kubectlPath(), directory);
  }

  /** Runs to the end, whatever that is. `input` is what it reads with `-f -`. */
  async try(args: readonly string[], input = ''): Promise<Run> {
    const { promise, resolve } = Promise.withResolvers<Run>();
    const child = execFile(
      this.#program,
      args,
      { env: this.#environment, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.end(input);
    return await promise;
  }

  /** Runs a command line of words without quotes, and fails the test when kubectl does. Returns what it printed. */
  async run(line: string, input = ''): Promise<string> {
    const result = await this.try(line.split(' '), input);
    if (result.code !== 0) throw new Error(`kubectl ${line}: ${result.stderr || result.stdout}`);
    return result.stdout;
  }

  /** Starts a command that goes on. */
  start(line: string): Running {
    const child = spawn(this.#program, line.split(' '), { env: this.#environment, stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve();
      });
    });
    const lines = linesOf(child.stdout);
    return {
      line: async () => {
        const next = await lines.next();
        if (next.done === true) throw new Error(`kubectl ${line} ended`);
        return next.value;
      },
      stop: async () => {
        child.kill();
        await exited;
      },
    };
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let pending = '';
  for await (const chunk of stream) {
    pending += chunk.toString('utf8');
    const lines = pending.split('\n');
    pending = lines.pop() ?? '';
    yield* lines;
  }
}
