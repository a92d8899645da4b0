/** How much memory the process has, and how much of it is used: by the cgroup's account, which is what its OOM killer goes by. */
import fs from 'node:fs';
import os from 'node:os';

/** Bytes. */
export interface MemoryReading {
  /** What cannot be given back by dropping file pages: heaps, buffers, and what the kernel holds for sockets. */
  readonly used: number;
  readonly limit: number;
}

/** Where to read: the file system, and the resident memory of this process in bytes. */
interface MemorySources {
  /** Throws when there is no such file. */
  readonly readFile: (path: string) => string;
  readonly residentSize: () => number;
}

const SYSTEM: MemorySources = {
  readFile: (path) => fs.readFileSync(path, 'latin1'),
  residentSize: () => process.memoryUsage.rss(),
};

/** The files of one version of cgroups. Where its tree is mounted, and what the files and the fields are called. */
interface CgroupFiles {
  /** What `/proc/self/cgroup` says before the path. */
  readonly line: RegExp;
  readonly root: string;
  readonly limit: string;
  readonly usage: string;
  /** Pages of files, of the cgroup and those below it, in `memory.stat`. */
  readonly cache: RegExp;
}

const VERSIONS: readonly CgroupFiles[] = [
  {
    line: /^0::(\/.*)$/m,
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    usage: 'memory.current',
    cache: /^(?:in)?active_file (\d+)$/gm,
  },
  {
    line: /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m,
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    cache: /^total_(?:in)?active_file (\d+)$/gm,
  },
];

/** Version 1 writes "no limit" as a number near this. */
const NO_LIMIT = 2 ** 60;
/** `memory.stat` is dear to read where there are many cgroups: only when the usage with all file pages is above this part. */
const CLOSE = 0.8;

interface Cgroup {
  readonly folder: string;
  readonly files: CgroupFiles;
  readonly limit: number;
}

/**
 * A function that reads the memory now, or null when there is no limit: neither of the cgroup nor `setting` (bytes; 0: none).
 * The smaller of the two holds; a limit that is only ours is held against the resident memory of this process. A reading that
 * fails counts as nothing used.
 */
export function memoryReader(setting: number, sources: MemorySources = SYSTEM): (() => MemoryReading) | null {
  const cgroup = findCgroup(sources);
  if (cgroup !== null && (setting === 0 || cgroup.limit <= setting)) {
    return () => ({ used: orZero(() => cgroupUsage(cgroup, sources)), limit: cgroup.limit });
  }
  return setting === 0 ? null : () => ({ used: orZero(sources.residentSize), limit: setting });
}

/** The JavaScript heap of one worker, in MiB: half of the memory, so that one that grows without end goes alone. */
export function workerHeapLimit(limit: number = os.totalmem()): number {
  return Math.min(Math.max(Math.floor(limit / 2 / 2 ** 20), 64), 2048);
}

function findCgroup(sources: MemorySources): Cgroup | null {
  const own = tryRead('/proc/self/cgroup', sources) ?? '';
  for (const files of VERSIONS) {
    const path = files.line.exec(own)?.[1];
    if (path === undefined) continue;
    // In a container the own cgroup is usually mounted as the root, whatever the path says.
    for (const folder of [path === '/' ? files.root : files.root + path, files.root]) {
      const limit = Number(tryRead(`${folder}/${files.limit}`, sources)?.trim() ?? Number.NaN);
      if (limit > 0 && limit < NO_LIMIT) return { folder, files, limit };
    }
  }
  return null;
}

function cgroupUsage({ folder, files, limit }: Cgroup, { readFile }: MemorySources): number {
  const usage = Number(readFile(`${folder}/${files.usage}`));
  if (!(usage > limit * CLOSE)) return usage;
  let cache = 0;
  for (const [, bytes] of readFile(`${folder}/memory.stat`).matchAll(files.cache)) cache += Number(bytes);
  return usage - cache;
}

function orZero(read: () => number): number {
  try {
    return read() || 0;
  } catch {
    return 0;
  }
}

function tryRead(path: string, { readFile }: MemorySources): string | null {
  try {
    return readFile(path);
  } catch {
    return null;
  }
}
