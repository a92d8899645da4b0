/**
 * The routes of a host whose paths are regular expressions: the first that is found in a path. Only those are tried whose literal
 * beginning the path has, so that a host may have thousands.
 */
import { literalPrefix } from '../../policies/rewrite/path-pattern.ts';
import { compileRegex, type UserRegex } from '../../settings/values/regex.ts';

/** A route and its pattern, which may begin with "^". */
export interface PatternRoute<R> {
  readonly pattern: string;
  readonly route: R;
}

/**
 * Characters that all patterns of one look-up may read together: each takes some tens of nanoseconds. Only hundreds of patterns with
 * one beginning and a path of kilobytes come to more.
 */
const MAX_WORK = 2 ** 20;

/** Lists of candidates that are longer are put together for each look-up: thousands of beginnings within each other would fill memory. */
const MAX_KEPT = 64;

/** Patterns with one literal beginning. */
interface Beginning {
  readonly text: string;
  /** The longest beginning of another one that this one begins with. */
  readonly parent: Beginning | null;
  /** Positions of routes, in order. */
  readonly own: number[];
  /** The same with those of all its parents; made on first use. */
  all: readonly number[] | null;
}

/** What a look-up throws instead of working too long. */
export class TooMuchWork extends Error {}

/** Makes a pattern into something that can be tried. */
export type Compile = (pattern: string) => Pick<UserRegex, 'test'>;

function compile(pattern: string): UserRegex {
  const regex = compileRegex(pattern, true);
  // The translation compiled it before, and would have denied the route.
  if (typeof regex === 'string') throw new Error(`the pattern ${pattern} ${regex}`);
  return regex;
}

export class PatternRoutes<R> {
  readonly #routes: readonly PatternRoute<R>[];
  readonly #compiled = new Map<string, Pick<UserRegex, 'test'>>();
  readonly #compile: Compile;
  /** Sorted by text. */
  readonly #beginnings: readonly Beginning[];

  /** In order of precedence. `previous`: the routes of the host before, whose patterns need not be compiled again. */
  constructor(routes: readonly PatternRoute<R>[], previous: PatternRoutes<R> | null = null, compileWith: Compile = compile) {
    this.#routes = routes;
    this.#compile = compileWith;
    const byText = new Map<string, number[]>();
    for (const [index, { pattern }] of routes.entries()) {
      const known = previous === null ? undefined : previous.#compiled.get(pattern);
      if (known !== undefined) this.#compiled.set(pattern, known);
      // Without "^" it may be found anywhere.
      const text = pattern.startsWith('^') ? literalPrefix(pattern.slice(1)) : '';
      const own = byText.get(text);
      if (own === undefined) byText.set(text, [index]);
      else own.push(index);
    }
    const beginnings: Beginning[] = [];
    for (const text of [...byText.keys()].sort()) {
      let parent = beginnings.at(-1) ?? null;
      while (parent !== null && !text.startsWith(parent.text)) parent = parent.parent;
      beginnings.push({ text, parent, own: byText.get(text)!, all: null });
    }
    this.#beginnings = beginnings;
  }

  /** The first route whose pattern is found in a normalised path; null: there is none. */
  find(path: string): R | null {
    const beginning = this.#longest(path.toLowerCase());
    if (beginning === null) return null;
    // PCRE's "$" also matches before a final newline.
    const shorter = path.endsWith('\n') ? path.slice(0, -1) : null;
    let work = 0;
    for (const index of candidates(beginning)) {
      work += path.length;
      if (work > MAX_WORK) throw new TooMuchWork();
      const { pattern, route } = this.#routes[index]!;
      const regex = this.#regex(pattern);
      if (regex.test(path) || (shorter !== null && regex.test(shorter))) return route;
    }
    return null;
  }

  #regex(pattern: string): Pick<UserRegex, 'test'> {
    let regex = this.#compiled.get(pattern);
    if (regex === undefined) this.#compiled.set(pattern, (regex = this.#compile(pattern)));
    return regex;
  }

  /** The longest of the beginnings that the path has: it is the last that does not come after the path, or one of its parents. */
  #longest(path: string): Beginning | null {
    let low = 0;
    let high = this.#beginnings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#beginnings[middle]!.text <= path) low = middle + 1;
      else high = middle;
    }
    let found = this.#beginnings[low - 1] ?? null;
    while (found !== null && !path.startsWith(found.text)) found = found.parent;
    return found;
  }
}

/** The positions of its routes and of those of its parents, in order. */
function candidates(beginning: Beginning): readonly number[] {
  if (beginning.parent === null) return beginning.own;
  if (beginning.all !== null) return beginning.all;
  const all: number[] = [];
  for (let one: Beginning | null = beginning; one !== null; one = one.parent) all.push(...one.own);
  all.sort((a, b) => a - b);
  if (all.length <= MAX_KEPT) beginning.all = all;
  return all;
}
