/** `rewrite-target` and `x-forwarded-prefix` taken apart: text, groups of the path's pattern, variables. */
import type { Rewrite, RewritePart } from '../../model/policies.ts';
import { parseTemplate } from '../variables/template.ts';

/** What a URL is written with, and variables; nothing that nginx's configuration would need quotes for, no quotes themselves. */
const WRITTEN = /^[A-Za-z0-9\-._~/:$?&=%+,@!*#{}]*$/;
const ABSOLUTE = /^(?:https?:\/\/|\$scheme\b)/;
/** A "." or ".." segment: it would lead out of where the path belongs. */
const DOTS = /(?:^|\/)\.{1,2}(?:\/|\?|$)/;

/** Takes a text apart. `$1` is a group wherever it stands, as in nginx: `$10` is group 1 and a "0". Returns what is wrong. */
export function parseParts(text: string): readonly RewritePart[] | string {
  if (!WRITTEN.test(text)) return 'a path of letters, digits and "-._~/:?&=%+,@!*#", with groups ($1) and variables';
  const parts: RewritePart[] = [];
  for (const piece of text.split(/(\$[1-9])/)) {
    if (/^\$[1-9]$/.test(piece)) {
      parts.push({ group: Number(piece[1]) });
      continue;
    }
    const parsed = parseTemplate(piece);
    if ('unknown' in parsed) return `free of unknown variables ($${parsed.unknown})`;
    if (parsed.template.some((part) => typeof part === 'string' && part.includes('$')))
      return 'free of a "$" that names nothing';
    parts.push(...parsed.template);
  }
  return parts;
}

/** What ingress-nginx's validator lets through (`RegexPathWithCapture`); what it does not, counts as absent there. */
export function isValidThere(text: string): boolean {
  return /^[A-Za-z0-9\-._~/:$]*$/.test(text);
}

/** The target as nginx's `rewrite … break` understands it (ngx_http_rewrite). Returns what is wrong. */
export function parseTarget(text: string): Omit<Rewrite, 'pattern' | 'prefix'> | string {
  const redirects = ABSOLUTE.test(text);
  if (!redirects && !/^[/$]/.test(text)) return 'a path that begins with "/", or a URL';
  if (!redirects && DOTS.test(text)) return 'a path without "." and ".." segments';
  // The last "?" drops the arguments of the request.
  const keepsQuery = !text.endsWith('?');
  const rest = keepsQuery ? text : text.slice(0, -1);
  const question = redirects ? -1 : rest.indexOf('?');
  const path = parseParts(question < 0 ? rest : rest.slice(0, question));
  if (typeof path === 'string') return path;
  const query = question < 0 ? null : parseParts(rest.slice(question + 1));
  if (typeof query === 'string') return query;
  return { path, query, keepsQuery, redirects };
}

/** The highest group that is named; 0: none. */
export function highestGroup(parts: readonly RewritePart[]): number {
  return Math.max(0, ...parts.map((part) => (typeof part !== 'string' && 'group' in part ? part.group : 0)));
}
