/**
 * Regular expressions of users, matched in time that is linear in the input (re2js): none can hang a worker. What needs more than a
 * finite automaton, look-around or back-references, is refused, as are texts and patterns beyond a bound.
 */
import { RE2JS } from 're2js';
import { plainPattern } from './plain-pattern.ts';

/** Longer patterns are refused: compiling costs in proportion. */
const MAX_LENGTH = 4096;

/** A compiled expression. */
export interface UserRegex {
  /** Found anywhere in the text. */
  readonly test: (text: string) => boolean;
  /** How many groups it has. */
  readonly groups: number;
  /** The numbers of the groups that have names. */
  readonly names: ReadonlyMap<string, number>;
  /** The first match and its groups, "" for those that took no part; null: there is none. */
  readonly exec: (text: string) => { readonly start: number; readonly end: number; readonly groups: readonly string[] } | null;
}

/** Compiles a pattern; returns why it is refused instead. */
export function compileRegex(pattern: string, ignoreCase: boolean): UserRegex | string {
  if (pattern.length > MAX_LENGTH) return `is longer than ${MAX_LENGTH} characters`;
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const plain = plainPattern(pattern, ignoreCase);
  if (plain !== null) return plainRegex(plain, compiled.groupCount());
  return {
    test: (text) => compiled.matcher(text).find(),
    groups: compiled.groupCount(),
    names: new Map(Object.entries(compiled.namedGroups())),
    exec: (text) => {
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return null;
      const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? '');
      return { start: matcher.start(), end: matcher.end(), groups };
    },
  };
}

/** The same by V8's engine. */
function plainRegex(regex: RegExp, groups: number): UserRegex {
  return {
    test: (text) => regex.test(text),
    groups,
    names: new Map(),
    exec: (text) => {
      const found = regex.exec(text);
      if (found === null) return null;
      return { start: found.index, end: found.index + found[0].length, groups: Array.from(found, (group) => group ?? '') };
    },
  };
}
