/** Lists of texts and regular expressions as nginx's `map` has them: "~" begins an expression, "~*" one for any case of letters. */
import { compileRegex } from './regex.ts';

/** An item can be used: a text, or an expression that compiles. */
export function isMapItem(item: string): boolean {
  return !item.startsWith('~') || typeof expressionOf(item) !== 'string';
}

/** Whether a text is in the list: texts in any case first, then expressions in their order. Null: the list is empty. Items are usable. */
export function mapMatcher(items: readonly string[]): ((text: string) => boolean) | null {
  if (items.length === 0) return null;
  const texts = new Set(items.filter((item) => !item.startsWith('~')).map((item) => item.toLowerCase()));
  const expressions = items.flatMap((item) => {
    if (!item.startsWith('~')) return [];
    const compiled = expressionOf(item);
    if (typeof compiled === 'string') throw new Error(`${item} ${compiled}`);
    return [compiled];
  });
  return (text) => texts.has(text.toLowerCase()) || expressions.some((expression) => expression.test(text));
}

function expressionOf(item: string): ReturnType<typeof compileRegex> {
  const anyCase = item.startsWith('~*');
  return compileRegex(item.slice(anyCase ? 2 : 1), anyCase);
}
