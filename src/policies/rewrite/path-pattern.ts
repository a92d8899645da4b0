/** The path of a rule as a regular expression. */

/** As nginx reads it between the quotes of its configuration (ngx_conf_read_token), with bytes for characters. */
export function pathPattern(path: string): string {
  const read = path.replace(/\\(["'\\trn])/g, (_, char: string) => ({ t: '\t', r: '\r', n: '\n' })[char] ?? char);
  return Buffer.from(read, 'utf8').toString('latin1');
}

const SPECIAL = /[.*+?()[\]{}|^$\\]/;

/** The literal text as a regular expression. */
export function quotePattern(text: string): string {
  return text.replace(/[.*+?()[\]{}|^$\\]/g, '\\$&');
}

/** Longer beginnings tell no more patterns apart, and a pattern made of one must stay below the bound of patterns. */
const MAX_PREFIX = 512;

/**
 * What every match of `^` and this pattern begins with, as far as can be seen; in lower case. Holds also for patterns that are refused:
 * what is not understood counts as anything.
 */
export function literalPrefix(pattern: string): string {
  if (hasAlternatives(pattern)) return '';
  let prefix = '';
  for (let at = 0; at < pattern.length && prefix.length < MAX_PREFIX; at++) {
    let char = pattern[at]!;
    if (char === '\\') {
      const next = pattern[at + 1];
      // Letters and digits behind "\" are classes, and more; all else stands for itself.
      if (next === undefined || /[A-Za-z0-9]|[^\x20-\x7e]/.test(next)) break;
      char = next;
      at++;
    } else if (SPECIAL.test(char)) break;
    const quantifier = pattern[at + 1];
    if (quantifier === '?' || quantifier === '*' || quantifier === '{') break;
    prefix += char;
    if (quantifier === '+') break;
  }
  return prefix.toLowerCase();
}

/** A "|" that may stand outside of all parentheses, or something that may hide one. */
function hasAlternatives(pattern: string): boolean {
  if (!pattern.includes('|')) return false;
  if (/\\[QEc]|\(\?[a-zA-Z-]*x|\(\?#|\(\*/.test(pattern)) return true;
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '\\') at++;
    else if (char === '[') {
      // "]" is literal where it comes first.
      const end = pattern.indexOf(']', at + (pattern[at + 1] === '^' ? 3 : 2));
      if (end < 0) return true;
      // Where the class ends is not seen here if there are others, or escapes, in it.
      if (/[[\\]/.test(pattern.slice(at + 1, end))) return true;
      at = end;
    } else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === '|' && depth <= 0) return true;
    if (depth < 0) return true;
  }
  return depth !== 0;
}
