/** The acting half of `rewrite.ts`: nginx's `rewrite "(?i)<path>" <target> break` and the proxying that follows it. */
import type { Rewrite, RewritePart } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { Passage, RequestStep } from '../acting.ts';
import { page, redirect, type Answer } from '../answer.ts';
import { compileRegex, type UserRegex } from '../../settings/values/regex.ts';
import { escapeArguments, escapeTarget, escapeUri, unescapeRedirect } from './escape.ts';

/** Rewrites the path, or redirects; where the path does not match, which needs an odd pattern, nothing happens. */
export function rewriteStep({ policies }: Route): RequestStep | null {
  const { rewrite } = policies;
  if (rewrite === undefined) return null;
  let regex: UserRegex | null = null;
  return (passage) => {
    // On first use: a host may have thousands.
    regex ??= compiled(rewrite.pattern);
    const { path } = passage;
    // PCRE's "$" also matches before a final newline, and so the router has it.
    const found = regex.exec(path) ?? (path.endsWith('\n') ? regex.exec(path.slice(0, -1)) : null);
    if (found === null) return null;
    const { prefix } = rewrite;
    if (prefix !== undefined) passage.upstream.set('X-Forwarded-Prefix', joined(prefix, found.groups, passage));
    return rewrite.redirects ? redirected(rewrite, found.groups, passage) : rewritten(rewrite, found.groups, passage);
  };
}

function compiled(pattern: string): UserRegex {
  const regex = compileRegex(pattern, true);
  // The translation compiled it before.
  if (typeof regex === 'string') throw new Error(`the pattern ${pattern} ${regex}`);
  return regex;
}

function redirected(rewrite: Rewrite, groups: readonly string[], passage: Passage): Answer {
  const url = unescapeRedirect(joined(rewrite.path, escapedGroups(groups, passage), passage));
  const query = rewrite.keepsQuery ? passage.rewriting.query : '';
  return redirect(302, query === '' ? url : `${url}${url.includes('?') ? '&' : '?'}${query}`);
}

function rewritten(rewrite: Rewrite, groups: readonly string[], passage: Passage): Answer | null {
  const path = joined(rewrite.path, groups, passage);
  // nginx: "the rewritten URI has a zero length".
  if (path === '') return page(500);
  // No request can be made of it.
  if (!path.startsWith('/')) return page(400);
  let query = rewrite.keepsQuery ? passage.rewriting.query : '';
  if (rewrite.query !== null) {
    const own = joined(rewrite.query, escapedGroups(groups, passage), passage);
    query = query === '' ? own : `${own}&${query}`;
  }
  passage.upstream.target = query === '' ? escapeUri(path) : `${escapeUri(path)}?${escapeTarget(query)}`;
  return null;
}

/** nginx escapes what goes into a query or a redirect only if something in the path was written in another way. */
function escapedGroups(groups: readonly string[], { request: { rawPath } }: Passage): readonly string[] {
  return /[%+]/.test(rawPath) ? groups.map(escapeArguments) : groups;
}

function joined(parts: readonly RewritePart[], groups: readonly string[], passage: Passage): string {
  let text = '';
  for (const part of parts) {
    if (typeof part === 'string') text += part;
    else if ('group' in part) text += groups[part.group] ?? '';
    else text += passage.variable(part.variable);
  }
  return text;
}
