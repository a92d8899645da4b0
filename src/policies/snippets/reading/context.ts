/** What reading one snippet gathers beside its program: variables, and what has no effect. */
import type { SnippetPattern, SnippetText } from '../../../model/snippet.ts';
import { compileRegex } from '../../../settings/values/regex.ts';
import { isVariable } from '../../variables/template.ts';
import { type Directive, SnippetError } from './tokens.ts';

/** Something that nginx, or this place, makes no difference for. */
export interface SnippetNote {
  readonly line: number;
  readonly message: string;
}

/** Variables that only the answer of a backend gives a value. */
const OF_RESPONSE = /^(?:upstream_http_|upstream_cookie_|sent_http_)\w+$/;

/** Each costs time in proportion to the text it looks at, for every request. */
const MAX_PATTERNS = 100;

/** Variables of the path and query. */
const OF_URI = /^(?:uri|document_uri|args|query_string|is_args|arg_\w+)$/;

/** A name that `set` may give a value: ours are not changeable, and with some of them a request would go elsewhere. */
function isSettable(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && (!isVariable(name) || /^(?:http|cookie|arg)_/.test(name) || name === 'args');
}

/** The state of reading one snippet. */
export class SnippetContext {
  readonly notes: SnippetNote[] = [];
  /** The variables that the snippet itself gives a value. */
  readonly defined = new Set<string>();
  /** Those it uses and nginx does not have, with the line of their first use. */
  readonly used = new Map<string, number>();
  /** Directives of a request of our own, which has another path than the client's, and no query. */
  withoutUri = false;
  /** The backend speaks gRPC. */
  readonly grpc: boolean;

  #patterns = 0;

  constructor(grpc = false) {
    this.grpc = grpc;
  }

  note(line: number, message: string): void {
    this.notes.push({ line, message });
  }

  /** Takes a variable that is about to be set, `$name`. */
  define(text: string, line: number): string {
    const name = text.startsWith('$') ? text.slice(1) : '';
    if (!isSettable(name)) throw new SnippetError(line, `${shown(text)} is no variable that can be set`);
    this.defined.add(name);
    return name;
  }

  /** A variable on its own, `$name`. */
  variable(text: string, line: number): string {
    const name = text.slice(1);
    if (!/^\w+$/.test(name) || !text.startsWith('$')) throw new SnippetError(line, `${shown(text)} is no variable`);
    // nginx reads one digit, and has no variables that begin with one.
    if (/^\d/.test(name) && !/^[1-9]$/.test(name)) throw new SnippetError(line, `${shown(text)} is no variable`);
    this.#use(name, line);
    return name;
  }

  /** A text with variables: `$name`, `${name}`, and `$1` to `$9` (src/http/ngx_http_script.c). */
  text(text: string, line: number): SnippetText {
    const parts: (string | { readonly variable: string })[] = [];
    let literal = '';
    for (let at = 0; at < text.length;) {
      if (text[at] !== '$') {
        const dollar = text.indexOf('$', at);
        const end = dollar < 0 ? text.length : dollar;
        literal += text.slice(at, end);
        at = end;
        continue;
      }
      const found = /^\$(?:([1-9])|\{(\w+)\}|(\w+))/.exec(text.slice(at, at + 128));
      const name = found?.[1] ?? found?.[2] ?? found?.[3];
      if (found === null || name === undefined || /^(?:0|\d{2})/.test(name)) {
        throw new SnippetError(line, `"$" begins no variable in ${shown(text)}`);
      }
      this.#use(name, line);
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push({ variable: name });
      at += found[0].length;
    }
    if (literal !== '') parts.push(literal);
    return parts;
  }

  /** A regular expression. Its named groups become variables. */
  pattern(pattern: string, ignoreCase: boolean, line: number): SnippetPattern {
    if (++this.#patterns > MAX_PATTERNS) throw new SnippetError(line, `more than ${MAX_PATTERNS} regular expressions`);
    const compiled = compileRegex(pattern, ignoreCase);
    if (typeof compiled === 'string') {
      throw new SnippetError(
        line,
        `the regular expression ${shown(pattern)} is refused (look-around and back-references are): ${compiled}`,
      );
    }
    for (const [, name] of pattern.matchAll(/\(\?P?<(\w+)>/g)) this.define(`$${name}`, line);
    return { pattern, ignoreCase };
  }

  #use(name: string, line: number): void {
    if (this.withoutUri && OF_URI.test(name)) {
      throw new SnippetError(line, `$${name} is not of the client's request in an auth-snippet; use $request_uri`);
    }
    if (/^[1-9]$/.test(name) || isVariable(name) || OF_RESPONSE.test(name)) return;
    if (!this.used.has(name)) this.used.set(name, line);
  }
}

/** A text of a user within a message. */
export function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** The arguments, of which there must be as many. */
export function argumentsOf({ name, args, line, block }: Directive, least: number, most = least): readonly string[] {
  if (block !== null) throw new SnippetError(line, `${name} has no block`);
  if (args.length < least || args.length > most) {
    const wanted = least === most ? `${least}` : most === Infinity ? `at least ${least}` : `${least} to ${most}`;
    throw new SnippetError(line, `${name} has ${args.length} arguments, not ${wanted}`);
  }
  return args;
}
