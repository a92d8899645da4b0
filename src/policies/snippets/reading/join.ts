/** Two snippets of one level, one behind the other, as ingress-nginx writes them into its configuration. */
import type { FieldSteps, SnippetLevel, SnippetServer } from '../../../model/snippet.ts';

/** The first before the second; either may be missing. */
export function joinLevels(a: SnippetLevel | null, b: SnippetLevel | null): SnippetLevel | null {
  if (a === null || b === null) return a ?? b;
  return {
    rewrite: [...a.rewrite, ...b.rewrite],
    fields: joinFields(a.fields, b.fields),
    access: [...a.access, ...b.access],
    proxyHeaders: [...a.proxyHeaders, ...b.proxyHeaders],
    hidden: [...a.hidden, ...b.hidden],
    // nginx takes neither twice; the nearer one counts here.
    method: a.method ?? b.method,
    defaultType: a.defaultType ?? b.defaultType,
    authVariables: [...a.authVariables, ...b.authVariables],
  };
}

function joinFields(a: FieldSteps, b: FieldSteps): FieldSteps {
  return {
    more: [...a.more, ...b.more],
    add: a.add === null || b.add === null ? (a.add ?? b.add) : [...a.add, ...b.add],
    expires: a.expires ?? b.expires,
    input: [...a.input, ...b.input],
    compressed: a.compressed ?? b.compressed,
  };
}

/** The same for servers, and their locations. */
export function joinServers(a: SnippetServer | null, b: SnippetServer | null): SnippetServer | null {
  if (a === null || b === null) return a ?? b;
  return { level: joinLevels(a.level, b.level)!, locations: [...a.locations, ...b.locations] };
}
