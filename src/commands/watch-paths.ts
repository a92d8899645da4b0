/** Notices changes of files and directories. */
import { type FSWatcher, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Logger } from '../observe/log.ts';

/** Editors write a file in several steps; this long after the last of them it is looked at. Milliseconds. */
const SETTLE_MS = 50;

/**
 * Calls back after something under one of the paths was written, renamed or removed. A file is watched through its
 * directory, because many editors replace it. Returns the function that ends it.
 */
export function watchPaths(paths: readonly string[], changed: () => void, log: Logger): () => void {
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, SETTLE_MS);
  };
  const watchers: FSWatcher[] = [];
  for (const path of paths) {
    try {
      const watcher = statSync(path).isDirectory()
        ? watch(path, { recursive: true }, soon)
        : watch(dirname(path), (_event, name) => {
            if (name === null || name === basename(path)) soon();
          });
      watcher.on('error', (error) => log.warn({ path, error }, 'changes of this path are not noticed any more'));
      watchers.push(watcher);
    } catch (error) {
      log.warn({ path, error }, 'changes of this path are not noticed');
    }
  }
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}
