/**
 * Reads the text of a snippet as nginx reads its configuration (src/core/ngx_conf_file.c, ngx_conf_read_token): directives of words,
 * and blocks. What nginx would not read, or what would reach beyond the snippet, is a problem.
 */

/** Longer snippets are refused. */
const MAX_LENGTH = 65_536;
/** More directives are refused. */
const MAX_DIRECTIVES = 1000;
/** Blocks within blocks; nginx's `if` within a `location` of a server takes two. */
const MAX_DEPTH = 4;

/** A directive as it is written. */
export interface Directive {
  readonly name: string;
  readonly args: readonly string[];
  /** Counted from 1. */
  readonly line: number;
  /** Null: it ends with ";". */
  readonly block: readonly Directive[] | null;
}

/** What is wrong, and where. */
export interface SnippetProblem {
  readonly line: number;
  readonly message: string;
}

/** A problem on its way to the caller. */
export class SnippetError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** Reads the directives of a snippet: as nginx, in bytes (Latin-1), which is what paths and fields are. Throws nothing but `SnippetError`. */
export function readDirectives(text: string): readonly Directive[] {
  if (text.length > MAX_LENGTH) throw new SnippetError(1, `it is longer than ${MAX_LENGTH} characters`);
  if (text.includes('\0')) throw new SnippetError(1, 'it holds a NUL');
  return new Reader(Buffer.from(text, 'utf8').toString('latin1')).readBlock(0, 0);
}

const ESCAPED: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n', '"': '"', "'": "'", '\\': '\\' };

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\r' || char === '\n';
}

class Reader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #count = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The directives up to the end of the text, or to the "}" of the block that began in line `opened`. */
  readBlock(depth: number, opened: number): Directive[] {
    const directives: Directive[] = [];
    for (;;) {
      const next = this.#skipBlanks();
      if (next === '') {
        if (depth > 0) throw new SnippetError(opened, 'a block is not closed by "}"');
        return directives;
      }
      if (next === '}') {
        if (depth === 0) throw new SnippetError(this.#line, '"}" closes a block that the snippet did not open');
        this.#at++;
        return directives;
      }
      directives.push(this.#readDirective(depth));
    }
  }

  #readDirective(depth: number): Directive {
    const line = this.#line;
    if (++this.#count > MAX_DIRECTIVES) throw new SnippetError(line, `it has more than ${MAX_DIRECTIVES} directives`);
    const words: string[] = [];
    for (;;) {
      const next = this.#skipBlanks();
      if (next === ';' || next === '{') {
        if (words.length === 0) throw new SnippetError(this.#line, `unexpected "${next}"`);
        this.#at++;
        const [name = '', ...args] = words;
        if (next === ';') return { name, args, line, block: null };
        // What follows is in another language.
        if (name.endsWith('_by_lua_block'))
          throw new SnippetError(line, `${JSON.stringify(name.slice(0, 60))} is Lua, which nothing here runs`);
        if (depth === MAX_DEPTH) throw new SnippetError(line, `more than ${MAX_DEPTH} blocks are within each other`);
        return { name, args, line, block: this.readBlock(depth + 1, line) };
      }
      if (next === '' || next === '}') {
        throw new SnippetError(line, `the directive ${JSON.stringify((words[0] ?? '').slice(0, 60))} is not ended by ";"`);
      }
      words.push(this.#readWord(next));
    }
  }

  /** The character that comes after blanks and comments, or nothing at the end. */
  #skipBlanks(): string {
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!;
      if (char === '\n') this.#line++;
      else if (char === '#') {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length - 1 : end - 1;
      } else if (!isBlank(char)) return char;
    }
    return '';
  }

  #readWord(first: string): string {
    const quote = first === '"' || first === "'" ? first : null;
    const line = this.#line;
    if (quote !== null) this.#at++;
    let word = '';
    let variable = false;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) {
        if (quote === null) return word;
        throw new SnippetError(line, `a text in quotation marks (${quote}) does not end`);
      }
      if (quote === null && !(char === '{' && variable) && (isBlank(char) || char === ';' || char === '{')) return word;
      this.#at++;
      if (char === '\n') this.#line++;
      if (char === quote) {
        this.#checkAfterQuote();
        return word;
      }
      variable = char === '$';
      if (char === '\\') word += this.#readEscape();
      else word += char;
    }
  }

  /** What follows a backslash: only few escapes mean anything, but what is escaped never ends the word. */
  #readEscape(): string {
    const next = this.#text[this.#at];
    if (next === undefined) return '\\';
    this.#at++;
    if (next === '\n') this.#line++;
    return ESCAPED[next] ?? `\\${next}`;
  }

  #checkAfterQuote(): void {
    const next = this.#text[this.#at];
    if (next === undefined || isBlank(next) || next === ';' || next === '{' || next === ')') return;
    throw new SnippetError(this.#line, `unexpected ${JSON.stringify(next)} after a text in quotation marks`);
  }
}
