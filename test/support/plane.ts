/** Starts `plane-process.ts`, and asks it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { WorkerState } from '../../src/proxy/data-plane.ts';
import type { Census } from '../../src/proxy/workers/runtime-options.ts';
import type { PlaneOptions } from './plane-process.ts';

const FILE = new URL('./plane-process.ts', import.meta.url).pathname;

/** A data plane in a process of its own. */
export class Plane {
  readonly process: ChildProcess;
  readonly port: number;
  readonly httpsPort: number;
  /** 0 without worker threads. */
  readonly adminPort: number;
  stderr = '';

  private constructor(child: ChildProcess, ports: { port: number; httpsPort: number; adminPort: number }) {
    this.process = child;
    this.port = ports.port;
    this.httpsPort = ports.httpsPort;
    this.adminPort = ports.adminPort;
    child.stderr!.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()));
  }

  /** `openFiles`: the process's limit, as by `ulimit -n`. */
  static async start(options: PlaneOptions, openFiles = 'unlimited'): Promise<Plane> {
    const command = `ulimit -n ${openFiles === 'unlimited' ? '$(ulimit -Hn)' : openFiles}; exec "$0" "$@"`;
    const child = spawn('sh', ['-c', command, process.execPath, FILE, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    const [ports] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the data plane ended with ${String(code)}`))),
    ])) as [{ port: number; httpsPort: number; adminPort: number }];
    return new Plane(child, ports);
  }

  /** What it uses after a garbage collection. Only without worker threads. */
  memory(): Promise<NodeJS.MemoryUsage> {
    return this.#ask('memory');
  }

  /** What it holds open, and what went wrong. Only without worker threads. */
  census(): Promise<Census & { readonly bugs: readonly string[] }> {
    return this.#ask('census');
  }

  /** Only with worker threads. */
  workers(): Promise<readonly WorkerState[]> {
    return this.#ask('workers');
  }

  async close(): Promise<void> {
    this.process.kill('SIGKILL');
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
  }

  async #ask<T>(question: string): Promise<T> {
    const answer = once(this.process, 'message');
    this.process.send(question);
    return (await answer)[0] as T;
  }
}
