/** What the handlers of the API server share. */
import type { Faults } from '../api/faults.ts';
import type { MemoryStorage } from '../api/memory-storage.ts';

export interface Context {
  readonly storage: MemoryStorage;
  readonly faults: Faults;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds between the bookmarks of a watch that asks for them. */
  readonly bookmarkInterval: number;
  /** Told of what was thrown and is no StatusError. */
  readonly onBug: (error: unknown) => void;
  /** How long a watch lasts that names no timeout, in milliseconds. */
  readonly watchTimeout: () => number;
}
