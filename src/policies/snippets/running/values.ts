/** Texts with variables, at run time. */
import type { SnippetText } from '../../../model/snippet.ts';
import type { Passage } from '../../acting.ts';

/** Makes a text for a request. */
export type TextOf = (passage: Passage) => string;

/** The value of a variable: a capture, one that was set, or one of nginx. */
export function valueOf(name: string, passage: Passage): string {
  const digit = name.charCodeAt(0) - 0x30;
  if (name.length === 1 && digit >= 0 && digit <= 9) return passage.rewriting.captures[digit] ?? '';
  return passage.variable(name);
}

/** Compiles a text. */
export function compileText(text: SnippetText): TextOf {
  if (text.every((part) => typeof part === 'string')) {
    const constant = text.join('');
    return () => constant;
  }
  const [only] = text;
  if (text.length === 1 && typeof only === 'object') return (passage) => valueOf(only.variable, passage);
  return (passage) => {
    let value = '';
    for (const part of text) value += typeof part === 'string' ? part : valueOf(part.variable, passage);
    return value;
  };
}

/** The value of a cookie that an answer sets. `lines`: its Set-Cookie fields, joined by commas. */
export function setCookieOf(lines: string, name: string): string {
  const wanted = `${name.toLowerCase()}=`;
  const found = lines.split(/, *(?=[^;, ]+=)/).find((line) => line.toLowerCase().startsWith(wanted));
  return found === undefined ? '' : found.slice(wanted.length).split(';', 1)[0]!;
}
