/** Gives memory back when it is short: V8 lets garbage lie while there is no need to collect it, and only we know that there is. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/**
 * Collects all garbage of this thread now, and blocks it for some ten milliseconds. The inspector's HeapProfiler.collectGarbage
 * would need no flag, but collects nothing when it is asked from within the thread.
 */
export function collectGarbage(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
    setFlagsFromString('--no-expose-gc');
  }
  collect();
  // The memory of buffers is given back at the collection after the one that found them unused.
  collect();
}
