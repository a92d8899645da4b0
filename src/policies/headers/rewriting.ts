/** Texts that backends say and that are replaced: `from to` as nginx's proxy_cookie_* and proxy_redirect have it. */
import type { Rewriting } from '../../model/policies.ts';
import type { Passage } from '../acting.ts';
import { bytesOf } from '../changes.ts';
import { compileRegex } from '../../settings/values/regex.ts';
import { expand, parseTemplate, type Template } from '../variables/template.ts';

/** Reads `from` and `to`; returns what is wrong with them instead. `ignoreCase`: also of an expression that begins with "~". */
export function readRewriting(from: string, to: string, ignoreCase = false): Rewriting | string {
  const regex = from.startsWith('~');
  const parsed = parseTemplate(to, (name) => regex && /^[0-9]$/.test(name));
  if ('unknown' in parsed) return `names the variable $${parsed.unknown}, which is not known`;
  const replacement = parsed.template.map((part) => (typeof part === 'string' ? bytesOf(part) : part));
  if (!regex) {
    if (from === '') return 'begins with nothing';
    const literal = parseTemplate(from);
    if ('unknown' in literal) return `names the variable $${literal.unknown}, which is not known`;
    return { kind: 'text', from: literal.template, to: replacement };
  }
  const caseless = from.startsWith('~*');
  const pattern = from.slice(caseless ? 2 : 1);
  const compiled = compileRegex(pattern, caseless || ignoreCase);
  if (typeof compiled === 'string') return `is an expression that is not taken: ${compiled}`;
  return { kind: 'regex', pattern, ignoreCase: caseless || ignoreCase, to: replacement };
}

/** Rewrites a text; null: it stays as it is. */
export type Rewriter = (text: string, passage: Passage) => string | null;

/** Makes it. `whole`: a text is replaced as a whole, and its beginning does not do; in any case of letters. */
export function rewriter(rewriting: Rewriting, whole = false): Rewriter {
  const { to } = rewriting;
  if (rewriting.kind === 'regex') return regexRewriter(rewriting.pattern, rewriting.ignoreCase, to);
  const { from } = rewriting;
  return (text, passage) => {
    const wanted = expand(from, passage);
    if (wanted === '') return null;
    if (whole) return text.toLowerCase() === wanted.toLowerCase() ? expand(to, passage) : null;
    return text.startsWith(wanted) ? expand(to, passage) + text.slice(wanted.length) : null;
  };
}

function regexRewriter(pattern: string, ignoreCase: boolean, to: Template): Rewriter {
  const compiled = compileRegex(pattern, ignoreCase);
  if (typeof compiled === 'string') throw new Error(`the pattern ${pattern} was taken, and now ${compiled}`);
  return (text, passage) => {
    const match = compiled.exec(text);
    if (match === null) return null;
    const variable = (name: string): string =>
      /^[0-9]$/.test(name) ? (match.groups[Number(name)] ?? '') : passage.variable(name);
    return expand(to, { variable });
  };
}
