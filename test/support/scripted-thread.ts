/** A worker thread in hand: it says and does what the test wants, and nothing else. */
import { EventEmitter } from 'node:events';
import type { WorkerOptions } from 'node:worker_threads';
import { HEARTBEAT } from '../../src/observe/series.ts';
import type { FromWorker, ToWorker, WorkerData } from '../../src/proxy/workers/messages.ts';

/** A thread that does nothing but what the test says in its name. */
export class ScriptedThread extends EventEmitter {
  readonly told: ToWorker[] = [];
  /** Does not end when it is told to. */
  immortal = false;
  readonly #counters: Float64Array | null;

  /** `options`: those it is started with, if it is to beat. */
  constructor(options?: WorkerOptions) {
    super();
    this.#counters = options === undefined ? null : (options.workerData as WorkerData).counters;
  }

  /** Counts a heartbeat. */
  beat(): void {
    this.#counters![HEARTBEAT]! += 1;
  }

  postMessage(message: ToWorker): void {
    this.told.push(message);
    if (message.type === 'stop') this.die(0);
  }

  terminate(): Promise<number> {
    if (!this.immortal) this.die(1);
    return Promise.resolve(1);
  }

  says(message: FromWorker): void {
    this.emit('message', message);
  }

  die(code: number): void {
    setImmediate(() => this.emit('exit', code));
  }

  types(): string[] {
    return this.told.map(({ type }) => type);
  }

  /** The version of the last table it was given. */
  version(): number | undefined {
    return this.told.findLast((message) => message.type === 'patch')?.patch.version;
  }

  applies(): void {
    this.says({ type: 'applied', version: this.version()! });
  }
}
