/** The value grammar of annotations: that of Go's strconv, which ingress-nginx parses them with. Undefined: not such a value. */

/** Go's `strconv.Atoi`: decimal digits with an optional sign, so "60s" and "0x1" are none. Only what a double holds exactly. */
export function parseInteger(text: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value + 0 : undefined;
}

/** A text as ingress-nginx reads it: every line trimmed; the empty text counts as absent. */
export function parseText(text: string): string | undefined {
  const trimmed = text
    .split('\n')
    .map((line) => line.trim())
    .join('\n');
  return trimmed.trim() === '' ? undefined : trimmed;
}

/** What ingress-nginx takes for the name of a server, or a pattern of one (parser.IsValidRegex): nothing that ends a word of nginx. */
export const NAME_PATTERN = /^[-._~a-zA-Z0-9/:^$[\](){}*+?|&=\\]*$/;
