/** The values that keys and annotations of bodies, timeouts, retries and limits have. */
import { parseNginxSize, type ValueType } from './values.ts';

/** nginx's `on` and `off`. ingress-nginx reads them in any case (internal/ingress/annotations/parser, ValidateOptions). */
export const OFF_ON: ValueType<boolean> = {
  word: 'on|off',
  expected: '"on" or "off"',
  parse: (value) => {
    const word = value.toLowerCase();
    return word === 'on' ? true : word === 'off' ? false : undefined;
  },
  format: (value) => (value ? 'on' : 'off'),
};

/** After what another endpoint may be tried: the words of nginx's proxy_next_upstream. */
export const NEXT_UPSTREAM_WORDS = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
] as const;

/** `off` beside other words means `off` alone, as in nginx. */
export const NEXT_UPSTREAM: ValueType<readonly string[]> = {
  word: 'conditions',
  expected: `words separated by spaces, of ${NEXT_UPSTREAM_WORDS.join(', ')}`,
  parse: (value) => {
    const words = [...new Set(value.split(/\s+/).filter((word) => word !== ''))];
    if (words.length === 0 || !words.every((word) => NEXT_UPSTREAM_WORDS.some((known) => known === word))) return undefined;
    return words.includes('off') ? ['off'] : words;
  },
  format: (words) => words.join(' '),
};

/** A size as annotations write it: digits, and `b`, `k`, `m` or `g` in either case (SizeRegex of internal/ingress/annotations/parser). */
export function parseAnnotationSize(text: string): number | undefined {
  return parseNginxSize(text.replace(/(?<=^\d+)b$/i, ''));
}
