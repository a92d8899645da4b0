/** What the system says of this process: the metrics `nginx_process_*` of ingress-nginx (internal/ingress/metric/collectors/process.go). */
import fs from 'node:fs';

/** Zero where the system does not say. */
export interface ProcessFacts {
  readonly virtualMemoryBytes: number;
  /** Bytes from and to storage. */
  readonly readBytes: number;
  readonly writeBytes: number;
}

/** Reads them. `readFile` throws when there is no such file. */
export function processFacts(readFile: (path: string) => string = (path) => fs.readFileSync(path, 'latin1')): ProcessFacts {
  const number = (path: string, pattern: RegExp): number => {
    try {
      return Number(pattern.exec(readFile(path))?.[1] ?? 0);
    } catch {
      // Not Linux, or a kernel without the account.
      return 0;
    }
  };
  return {
    virtualMemoryBytes: number('/proc/self/status', /^VmSize:\s+(\d+) kB$/m) * 1024,
    readBytes: number('/proc/self/io', /^read_bytes: (\d+)$/m),
    writeBytes: number('/proc/self/io', /^write_bytes: (\d+)$/m),
  };
}
