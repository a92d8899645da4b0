/**
 * Fills the compile cache that NODE_COMPILE_CACHE names with every module of Sluice, when an image is built. Without it each
 * thread strips the types of all it loads, and the stripper alone holds some 45 MiB of a process at rest.
 */
import { execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const SRC = join(import.meta.dirname, '..', 'src');
/** These begin to work when they are loaded. */
const MAIN = 'main.ts';
const THREADS: readonly string[] = [join('proxy', 'workers', 'worker.ts'), join('policies', 'passwords', 'thread.ts')];

if (process.env['NODE_COMPILE_CACHE'] === undefined) throw new Error('NODE_COMPILE_CACHE must name the directory to fill');
execFileSync(process.execPath, [join(SRC, MAIN), '--version']);
for (const file of globSync('**/*.ts', { cwd: SRC })) {
  if (file === MAIN) continue;
  const loaded = import(join(SRC, file));
  // Compiled, they find that this is not a worker thread.
  await (THREADS.includes(file) ? loaded.catch(() => undefined) : loaded);
}
