/** Memory of a process and all it started, as Linux counts it in /proc. */
import { readFileSync } from 'node:fs';
import { family } from './cpu.ts';

/** Bytes. */
export interface Memory {
  /** Resident; pages that processes share are counted for each. */
  readonly rss: number;
  /** Resident; of shared pages each process's part, also those shared with programs that are not measured. */
  readonly pss: number;
}

/** The two sums in /proc/PID/smaps_rollup (proc_pid_smaps(5)). */
export function parseRollup(text: string): Memory {
  const bytes = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { rss: bytes('Rss'), pss: bytes('Pss') };
}

/** What a process and its descendants hold. */
export function memoryOf(pid: number): Memory {
  const all = family(pid).map((each) => parseRollup(readFileSync(`/proc/${each.pid}/smaps_rollup`, 'utf8')));
  return {
    rss: all.reduce((sum, { rss }) => sum + rss, 0),
    pss: all.reduce((sum, { pss }) => sum + pss, 0),
  };
}

/** File descriptors that a program started from here may have; Infinity where that is unknown. */
export function descriptorLimit(): number {
  try {
    // Node raises its own soft limit to the hard one, and what it starts inherits that.
    const [, , limit] = /^(Max open files) +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return Infinity;
  }
}
