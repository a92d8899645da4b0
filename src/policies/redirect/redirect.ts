/**
 * `permanent-redirect`, `temporal-redirect` and their codes: every request for the paths of the Ingress is sent elsewhere, before
 * anything else is asked of it. ingress-nginx: internal/ingress/annotations/redirect/redirect.go.
 */
import type { Redirect } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep } from '../acting.ts';
import { redirect as redirectTo, type Answer } from '../answer.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { parseInteger } from '../values.ts';
import { expand, parseTemplate, type Template } from '../variables/template.ts';

/** RFC 3986's characters, and variables. */
const URL_TEXT = /^https?:\/\/[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%{}]+$/;
const EXPECTED = 'a URL that begins with "http://" or "https://"';

/** Reads and resolves them; a temporal redirect wins. What is no URL denies: the backend was never meant to be seen. */
export const redirect: RoutePolicy<Redirect> = {
  annotations: ['permanent-redirect', 'permanent-redirect-code', 'temporal-redirect', 'temporal-redirect-code'],
  notForCatchAll: true,
  read: (source) => {
    const temporal = readUrl(source, 'temporal-redirect');
    if (temporal !== undefined) return { code: readCode(source, 'temporal-redirect-code', 307, 302), location: temporal };
    const permanent = readUrl(source, 'permanent-redirect');
    if (permanent === undefined) return undefined;
    return { code: readCode(source, 'permanent-redirect-code', 308, 301), location: permanent };
  },
  resolve: (wish) => wish,
};

function readUrl(source: AnnotationSource, name: string): Template | undefined {
  const value: unknown = source.value(name);
  const text = source.text(name);
  if (text === undefined && (value === undefined || value === null || typeof value === 'string')) return undefined;
  const parsed = text !== undefined && URL_TEXT.test(text) ? parseTemplate(text) : null;
  if (parsed !== null && 'template' in parsed) return parsed.template;
  source.deny(name, parsed === null ? EXPECTED : `free of unknown variables ($${parsed.unknown})`);
  return undefined;
}

function readCode(source: AnnotationSource, name: string, highest: number, fallback: number): number {
  const text = source.text(name);
  const code = text === undefined ? fallback : parseInteger(text);
  if (code !== undefined && code >= 300 && code <= highest) return code;
  source.invalid(name, `a status from 300 to ${highest}`, `The default, ${fallback}, is used.`);
  return fallback;
}

/** Statuses that come with a Location; of others nginx's `return` makes a text (ngx_http_send_response). */
const WITH_LOCATION: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** nginx's `return`. */
export function redirectStep({ policies }: Route): RequestStep | null {
  const { redirect: wanted } = policies;
  if (wanted === undefined) return null;
  const { code, location } = wanted;
  const answer = (url: string): Answer =>
    WITH_LOCATION.has(code)
      ? redirectTo(code, url)
      : { status: code, fields: '', contentType: 'text/plain', body: code === 304 ? '' : url };
  // Made once where nothing in it varies.
  const whole = location.every((part) => typeof part === 'string') ? answer(location.join('')) : null;
  return whole === null ? (passage) => answer(expand(location, passage)) : () => whole;
}
