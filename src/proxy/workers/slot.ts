/** What the supervisor keeps of one worker. */
import type { Worker } from 'node:worker_threads';
import type { WorkerState } from '../data-plane.ts';
import { Heartbeat, type ThreadCpuTime } from './heartbeats.ts';

/** One worker: its thread, replaced when it dies, and what is known of it. */
export interface Slot {
  readonly id: number;
  thread: Worker | null;
  state: WorkerState['state'];
  version: number;
  restarts: number;
  startedAt: number;
  deaths: number;
  restart: NodeJS.Timeout | null;
  /** Names the counters of its thread to the reader: every thread has its own. */
  seriesId: number;
  heartbeat: Heartbeat;
  /** What the thread failed with; told when it has ended. */
  error: unknown;
}

/** A worker whose thread is still to be started. */
export function newSlot(id: number, cpuTime: ThreadCpuTime): Slot {
  return {
    id,
    thread: null,
    state: 'starting',
    version: 0,
    restarts: 0,
    startedAt: 0,
    deaths: 0,
    restart: null,
    seriesId: 0,
    heartbeat: new Heartbeat(cpuTime),
    error: null,
  };
}
