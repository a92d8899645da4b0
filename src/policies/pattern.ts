/**
 * Regular expressions of users that V8's backtracking engine can do no harm with (R8: one pattern must not stop a worker). A
 * pattern is taken only when it can be seen that it ends soon on any text of `MAX_TEXT` characters.
 */

/** A text longer than this matches no pattern. */
const MAX_TEXT = 512;

const ATOM =
  /(?:[A-Za-z0-9 !"#%&',/:;<=>@_`~-]|\\[dwsDWS]|\\[^A-Za-z0-9\s]|\.|\[\^?(?:[^\]\\[]|\\[dwsDWS]|\\[^A-Za-z0-9\s])+\])/y;
const QUANTIFIER = /(?:[*+?]|\{(\d{1,2})(,(\d{0,2}))?\})\??/y;

/**
 * Tries that alternatives and bounded repetitions may ask for at each start, by how many unbounded repetitions the pattern has:
 * each of these multiplies the work by the length of the text.
 */
const TRIES = [1000, 200, 4] as const;

/**
 * Whether the pattern is harmless: literals, classes, groups, alternatives and anchors; repetitions of single characters only, at
 * most two of them unbounded; no look-around, no back-reference, and nothing that PCRE, which it was written for, would read otherwise.
 */
export function isHarmless(pattern: string): boolean {
  let tries = 1;
  let unbounded = 0;
  /** The number of alternatives of each open group, the pattern itself first. */
  const open = [1];
  for (let at = 0; at < pattern.length;) {
    const char = pattern[at]!;
    if (char === '^' || char === '$') at++;
    else if (char === '|') {
      open[open.length - 1]!++;
      at++;
    } else if (char === '(') {
      open.push(1);
      at += pattern.startsWith('(?:', at) ? 3 : 1;
    } else if (char === ')') {
      if (open.length === 1) return false;
      tries *= open.pop()!;
      at++;
    } else {
      ATOM.lastIndex = at;
      if (!ATOM.test(pattern)) return false;
      QUANTIFIER.lastIndex = at = ATOM.lastIndex;
      const found = QUANTIFIER.exec(pattern);
      if (found === null) continue;
      at = QUANTIFIER.lastIndex;
      const [text, least, range, most] = found;
      if (text.startsWith('*') || text.startsWith('+') || (range !== undefined && most === '')) unbounded++;
      else if (text.startsWith('?')) tries *= 2;
      else if (most !== undefined) tries *= Math.max(1, Number(most) - Number(least) + 1);
    }
  }
  if (open.length !== 1) return false;
  const limit = TRIES[unbounded];
  if (limit === undefined || tries * open[0]! > limit) return false;
  try {
    return new RegExp(pattern) instanceof RegExp;
  } catch {
    return false;
  }
}

/** A test of texts against a harmless pattern, found anywhere in them, as nginx's `~`. */
export function matcher(pattern: string): (text: string) => boolean {
  const expression = new RegExp(pattern);
  return (text) => text.length <= MAX_TEXT && expression.test(text);
}
