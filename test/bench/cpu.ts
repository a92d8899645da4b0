/** CPU time of a process and all it started, as Linux counts it in /proc. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second of utime and stime (proc_pid_stat(5)). */
const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

/** One line of /proc/PID/stat. The command name, in parentheses, may hold spaces and parentheses itself. */
export function parseStat(line: string): ProcessTimes {
  const end = line.lastIndexOf(')');
  const fields = line.slice(end + 2).split(' ');
  // Field 3 (state) is the first here: ppid is field 4, utime 14, stime 15.
  return { pid: Number.parseInt(line, 10), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

function allProcesses(): ProcessTimes[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [parseStat(readFileSync(`/proc/${name}/stat`, 'utf8'))];
      } catch {
        // It ended since the listing.
        return [];
      }
    });
}

/** A process and its descendants that are alive. */
export function family(pid: number, processes: readonly ProcessTimes[] = allProcesses()): ProcessTimes[] {
  const pids = new Set([pid]);
  for (let size = 0; size !== pids.size;) {
    size = pids.size;
    for (const each of processes) if (pids.has(each.parent)) pids.add(each.pid);
  }
  return processes.filter((each) => pids.has(each.pid));
}

/** Seconds of CPU, in user and system mode, of a process, its threads and its descendants that are alive. */
export function cpuSeconds(pid: number): number {
  return family(pid).reduce((sum, each) => sum + each.ticks, 0) / TICKS;
}

/** Seconds a core was busy since the system started, in the text of /proc/stat; undefined when it is not there. */
export function parseCoreBusy(text: string, core: number): number | undefined {
  const fields = new RegExp(`^cpu${core} (.*)$`, 'm').exec(text)?.[1]?.split(' ').map(Number);
  if (fields === undefined) return undefined;
  // proc_stat(5); time of guests is in user's.
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return (user + nice + system + irq + softirq + steal) / TICKS;
}

/** The same, now. */
export function coreBusySeconds(core: number): number {
  return parseCoreBusy(readFileSync('/proc/stat', 'utf8'), core) ?? Number.NaN;
}
