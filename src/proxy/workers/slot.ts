/** What the supervisor keeps of one worker. */
import type { Worker } from 'node:worker_threads';
import type { WorkerState } from '../data-plane.ts';
import type { Heartbeat } from './heartbeats.ts';

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
