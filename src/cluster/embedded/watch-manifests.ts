/** Following manifest files: what was changed in them, and what was taken out. */
import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { equalJson } from './api/json.ts';
import type { JsonObject } from './api/json.ts';
import { manifestFiles, manifestKey, readManifestFile, withoutDuplicates } from './manifests.ts';
import type { Manifest, ManifestError } from './manifests.ts';

/** What is new since the last time. */
export interface ManifestChanges {
  /** Objects that are new or not as they were. */
  readonly changed: readonly JsonObject[];
  /** Objects that are in no file any more, as they were last. */
  readonly removed: readonly JsonObject[];
  /** All that is wrong now; a file with an error counts as it was when it was last right. */
  readonly errors: readonly ManifestError[];
}

/** A watch on manifest files. */
export interface ManifestWatch {
  /** Resolves when the files were read for the first time and their objects were reported. */
  readonly ready: Promise<void>;
  readonly close: () => Promise<void>;
}

/** Editors write a file in several steps. */
const DEBOUNCE_MS = 30;
/** How often a path that is not there is looked for. */
const RETRY_MS = 500;

function failure(file: string, error: unknown): ManifestError {
  return { file, document: undefined, line: undefined, message: error instanceof Error ? error.message : String(error) };
}

/**
 * Reads the files and directories, reports all their objects as changed, and from then on what changes. A broken file reports its
 * error and changes nothing: neither do its objects go, nor do some of them change. A path that goes away keeps its objects too,
 * as it may be about to come back; a file that goes out of a directory takes its objects with it.
 */
export function watchManifests(paths: readonly string[], onChange: (changes: ManifestChanges) => void): ManifestWatch {
  /** By path, then by file: the objects of the last time that the file was right. */
  const good = new Map<string, Map<string, readonly Manifest[]>>();
  const watchers = new Map<string, FSWatcher>();
  let known = new Map<string, JsonObject>();
  let lastErrors = '[]';
  let first = true;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;

  const follow = async (path: string): Promise<void> => {
    // The directory of a file: an editor that writes a new file in place of the old one ends a watch on the file.
    const directory = (await stat(path)).isDirectory() ? path : dirname(path);
    if (closed || watchers.has(directory)) return;
    const watcher = watch(directory, () => schedule(DEBOUNCE_MS));
    watchers.set(directory, watcher);
    watcher.on('error', () => unfollow(directory));
  };

  const unfollow = (directory: string): void => {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  };

  const readPath = async (path: string, errors: ManifestError[]): Promise<void> => {
    try {
      await follow(path);
      const before = good.get(path) ?? new Map<string, readonly Manifest[]>();
      const after = new Map<string, readonly Manifest[]>();
      for (const file of await manifestFiles(path)) {
        const read = await readManifestFile(file);
        errors.push(...read.errors);
        after.set(file, read.errors.length === 0 ? read.manifests : (before.get(file) ?? []));
      }
      good.set(path, after);
    } catch (error) {
      errors.push(failure(path, error));
      // A watch ends with its directory, and says nothing when another of that name comes.
      unfollow(path);
      unfollow(dirname(path));
      schedule(RETRY_MS);
    }
  };

  const read = async (): Promise<void> => {
    const errors: ManifestError[] = [];
    for (const path of paths) await readPath(path, errors);
    if (closed) return;
    const byFile = new Map([...good.values()].flatMap((files) => [...files]));
    const unique = withoutDuplicates([...byFile.values()].flat());
    errors.push(...unique.errors);
    const now = new Map(unique.manifests.map(({ object }) => [manifestKey(object), object]));
    const changed = [...now].filter(([key, object]) => !equalJson(known.get(key), object)).map(([, object]) => object);
    const removed = [...known].filter(([key]) => !now.has(key)).map(([, object]) => object);
    known = now;
    const errorsNow = JSON.stringify(errors);
    const news = first || changed.length > 0 || removed.length > 0 || errorsNow !== lastErrors;
    lastErrors = errorsNow;
    first = false;
    if (news) onChange({ changed, removed, errors });
  };

  const run = async (): Promise<void> => {
    do {
      again = false;
      await read();
    } while (again);
  };

  const start = (): Promise<void> => {
    if (running) again = true;
    else {
      running = run().finally(() => {
        running = undefined;
      });
    }
    return running;
  };

  function schedule(delayMs: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void start(), delayMs);
  }

  return {
    ready: start(),
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}
