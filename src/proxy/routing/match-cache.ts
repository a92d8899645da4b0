/** What patterns said of paths, remembered: of all hosts together no more than a bound. */
import type { PatternRoutes } from './pattern-routes.ts';

/** Paths that are remembered, and how long they may be. */
const MAX_PATHS = 8192;
const MAX_LENGTH = 256;

export class MatchCache<R> {
  readonly #paths = new Map<PatternRoutes<R>, Map<string, R | null>>();
  #size = 0;

  /** The paths that are remembered. */
  get size(): number {
    return this.#size;
  }

  /** The first route whose pattern is found in the path. Throws as `PatternRoutes.find`. */
  find(patterns: PatternRoutes<R>, path: string): R | null {
    if (path.length > MAX_LENGTH) return patterns.find(path);
    const known = this.#paths.get(patterns)?.get(path);
    if (known !== undefined) return known;
    const route = patterns.find(path);
    if (this.#size >= MAX_PATHS) {
      this.#paths.clear();
      this.#size = 0;
    }
    let remembered = this.#paths.get(patterns);
    if (remembered === undefined) this.#paths.set(patterns, (remembered = new Map<string, R | null>()));
    // A slice of a head would keep all of that head.
    remembered.set(Buffer.from(path, 'latin1').toString('latin1'), route);
    this.#size++;
    return route;
  }

  /** These patterns are used no longer. */
  forget(patterns: PatternRoutes<R>): void {
    this.#size -= this.#paths.get(patterns)?.size ?? 0;
    this.#paths.delete(patterns);
  }
}
