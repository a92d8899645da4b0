/**
 * Which worker hangs. A heartbeat that stands still alone does not say: on a busy machine a healthy worker may get no CPU for a
 * while, and to end it would lose its connections. One that has burnt `HUNG_CPU` of CPU time without a beat does hang, however
 * slow the machine is; one that stands still without burning any (a system call that does not return) is given much longer, in
 * looks of our own, so that a time in which nobody got CPU does not count.
 */
import fs from 'node:fs';

/** How often the heartbeats are looked at, in milliseconds. */
export const LOOK_INTERVAL = 250;
/** CPU time of a turn of the event loop that never ends, in milliseconds: large tables and collections of garbage take less. */
const HUNG_CPU = 750;
/** From how many looks without a beat on CPU time is measured. */
const SUSPECT_LOOKS = 2;
/** A worker that does not beat for so many looks hangs, with or without CPU time. */
const HUNG_LOOKS = 20;

/** Milliseconds of CPU time of a thread, by the name that the thread said; undefined when the system does not tell. */
export type ThreadCpuTime = (thread: string) => number | undefined;

/** By Linux's account, in its hundredths of a second. */
export const threadCpuTime: ThreadCpuTime = (thread) => {
  try {
    const stat = fs.readFileSync(`/proc/${thread}/stat`, 'latin1');
    // The second field is a name in parentheses, which may hold spaces; user and system time are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    return Number.isFinite(ticks) ? ticks * 10 : undefined;
  } catch {
    return undefined;
  }
};

/** The name of this thread for `threadCpuTime`; empty where the system has none. */
export function threadName(): string {
  try {
    return fs.readlinkSync('/proc/thread-self');
  } catch {
    return '';
  }
}

/** The heartbeat of one thread. */
export class Heartbeat {
  readonly #cpuTime: ThreadCpuTime;
  #thread = '';
  #beats = 0;
  #looks = 0;
  /** CPU time when it became suspect. */
  #cpuBefore: number | undefined;

  constructor(cpuTime: ThreadCpuTime) {
    this.#cpuTime = cpuTime;
  }

  /** The thread said what it is called. */
  named(thread: string): void {
    this.#thread = thread;
  }

  /** Looks at the count of beats; true when the thread hangs. Until the first beat it is still loading. */
  hangs(beats: number): boolean {
    if (beats !== this.#beats || beats === 0) {
      this.#beats = beats;
      this.#looks = 0;
      this.#cpuBefore = undefined;
      return false;
    }
    this.#looks++;
    if (this.#looks < SUSPECT_LOOKS) return false;
    const cpu = this.#cpuTime(this.#thread);
    this.#cpuBefore ??= cpu;
    if (cpu !== undefined && this.#cpuBefore !== undefined && cpu - this.#cpuBefore >= HUNG_CPU) return true;
    return this.#looks >= HUNG_LOOKS;
  }
}
