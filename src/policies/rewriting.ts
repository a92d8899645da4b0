/**
 * The rewrite phase of one request: what its directives, of snippets and of annotations, made of the URI, and the variables that they
 * set. It goes on from one location to the next when the URI changes.
 */
import type { AnswerFields } from './snippets/running/apply.ts';

/** nginx's NGX_HTTP_MAX_URI_CHANGES: so often the location is looked for again. */
export const MAX_RELOCATIONS = 10;

const NOTHING: readonly string[] = [];

/** The state of the phase. */
export class Rewriting {
  /** nginx's `$uri`: decoded, in Latin-1. */
  path: string;
  /** nginx's `$args`. */
  query: string;
  /** Path or query are no longer the client's: the backend gets these, escaped. */
  rewritten = false;
  /** The path was changed in this location: at the end of the phase the location is looked for again. */
  changed = false;
  /** `break`, or what acts as one: no further directive of the phase is heeded in this location. */
  ended = false;
  /** So often the location was looked for again. */
  relocations = 0;
  /** Captures go escaped into the values of variables. */
  escapes = true;
  /** The groups of the last regular expression that matched, the whole match first. */
  captures: readonly string[] = NOTHING;
  /** Null: none was set. */
  variables: Map<string, string> | null = null;

  /**
   * Fields of the request that are no longer the client's, by name in lower case; empty: taken away. What is checked, and said by
   * variables, is this. Null: none.
   */
  input: Map<string, string> | null = null;

  /** What snippets make of the fields of the answer where the request is now; null: nothing, or what its route says. */
  fields: AnswerFields | null = null;

  constructor(path: string, query: string) {
    this.path = path;
    this.query = query;
  }

  set(variable: string, value: string): void {
    (this.variables ??= new Map()).set(variable, value);
  }

  /** Another location begins. */
  relocate(): void {
    this.relocations++;
    this.changed = this.ended = false;
  }

  /** What the backend gets as the request target; null: it is not the client's own, but cannot be sent either. */
  get target(): string | null {
    if (!this.path.startsWith('/') || DOT_SEGMENT.test(this.path)) return null;
    const path = escapePath(this.path);
    return this.query === '' ? path : `${path}?${escapeControls(this.query)}`;
  }
}

/** A backend that resolves them would see a path that was not routed. */
const DOT_SEGMENT = /(?:^|[/\\])\.\.?(?:[/\\;]|$)/;

/** A character is a byte, but in what an Ingress itself says. */
function percent(char: string): string {
  const bytes = Buffer.from(char, char > '\u00ff' ? 'utf8' : 'latin1');
  return bytes.toString('hex').toUpperCase().replaceAll(/../g, '%$&');
}

/** nginx's NGX_ESCAPE_URI. */
export function escapePath(path: string): string {
  return path.replaceAll(/[^!-~]|[#%?]/gu, percent);
}

/** nginx's NGX_ESCAPE_ARGS. */
export function escapeQuery(text: string): string {
  return text.replaceAll(/[^!-~]|[#%&+;?]/gu, percent);
}

/** What would end a request target, or a line. */
export function escapeControls(text: string): string {
  return text.replaceAll(/[^!-~]/gu, percent);
}
