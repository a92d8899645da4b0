/**
 * `enable-cors` and the `cors-*` annotations: preflight requests are answered, and all responses say what browsers may do with them
 * (ingress-nginx: internal/ingress/annotations/cors/main.go, and "CORS" of nginx.tmpl).
 */
import type { Cors } from '../../model/policies.ts';
import { quote } from '../../model/report.ts';
import type { Route } from '../../model/table.ts';
import type { RequestStep, ResponseStep } from '../acting.ts';
import type { Answer } from '../answer.ts';
import type { AnnotationSource, RoutePolicy } from '../policy.ts';
import { parseInteger } from '../values.ts';
import { isOrigin, originMatcher } from './origins.ts';

const METHODS = 'GET, PUT, POST, DELETE, PATCH, OPTIONS';
const HEADERS = 'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization';
const MAX_AGE = 1_728_000;

/** Words between commas, white space or both: ingress-nginx's patterns, in a form that takes no longer for odd texts. */
const METHOD_LIST = /^[A-Za-z]+(?:(?:,[ \t]?|[ \t])[A-Za-z]+)*(?:,[ \t]?|[ \t])?$/;
const HEADER_LIST = /^[A-Za-z0-9\-_, ]*$/;
const EXPOSE_LIST = /^[A-Za-z0-9\-_*](?:(?:,[ \t]?|[ \t])?[A-Za-z0-9\-_*])*(?:,[ \t]?|[ \t])?$/;

const NO_ORIGIN = 'No origin is allowed: nothing is added to responses, and preflight requests go to the backend.';

/** What it says of each annotation holds alone: a bad value costs its own default, but for origins, of which none is allowed then. */
export const cors: RoutePolicy<Cors> = {
  annotations: [
    'enable-cors',
    'cors-allow-origin',
    'cors-allow-methods',
    'cors-allow-headers',
    'cors-expose-headers',
    'cors-allow-credentials',
    'cors-max-age',
  ],
  read: (source) => {
    if (!source.bool('enable-cors', false)) return undefined;
    const listed = (name: string, pattern: RegExp, expected: string, fallback: string): string => {
      const text = source.text(name);
      if (text === undefined || pattern.test(text)) return text ?? fallback;
      source.invalid(name, expected, fallback === '' ? 'It is left out.' : `The default, ${fallback}, is used.`);
      return fallback;
    };
    return {
      origins: readOrigins(source),
      methods: listed('cors-allow-methods', METHOD_LIST, 'a list of methods', METHODS),
      headers: listed('cors-allow-headers', HEADER_LIST, 'a list of header names', HEADERS),
      expose: listed('cors-expose-headers', EXPOSE_LIST, 'a list of header names, or "*"', ''),
      credentials: source.bool('cors-allow-credentials', true),
      maxAge: readMaxAge(source),
    };
  },
  resolve: (wish) => wish,
};

/** ingress-nginx takes a list it does not understand at all for "*". Here that would let everybody in whom nobody named. */
function readOrigins(source: AnnotationSource): Cors['origins'] {
  const value = source.value('cors-allow-origin');
  if (value === undefined || value === null) return '*';
  if (typeof value !== 'string') {
    source.report('AnnotationInvalid', 'error', 'cors-allow-origin', `${quote(value)} is not a text`, NO_ORIGIN);
    return [];
  }
  const text = source.text('cors-allow-origin');
  if (text === undefined) return '*';
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  const good: string[] = [];
  for (const item of items) {
    // What follows is not read any more.
    if (item === '*') return '*';
    if (isOrigin(item)) good.push(item.toLowerCase());
  }
  if (good.length < items.length) {
    const expected = 'a list of origins such as "https://app.example", "https://*.app.example:8443", "null" or "*"';
    const served = good.length === 0 ? NO_ORIGIN : 'Only those that are origins are allowed.';
    source.invalid('cors-allow-origin', expected, served, 'error');
  }
  return good;
}

function readMaxAge(source: AnnotationSource): number {
  const text = source.text('cors-max-age');
  const value = text === undefined ? MAX_AGE : parseInteger(text);
  if (value === undefined) source.invalid('cors-max-age', 'a whole number of seconds', `The default, ${MAX_AGE}, is used.`);
  return value ?? MAX_AGE;
}

/** nginx's own media type for it lacks the semicolon. */
const PREFLIGHT: Answer = {
  status: 204,
  // Said although there is no content (RFC 9110 §8.6), as ingress-nginx does.
  fields: 'Content-Type: text/plain charset=UTF-8\r\nContent-Length: 0\r\n',
  contentType: '',
  body: '',
};

/** An OPTIONS request of an origin that is allowed is a preflight request, whatever else it says. */
export function corsRequestStep({ policies: { cors: wanted } }: Route): RequestStep | null {
  if (wanted === undefined) return null;
  const { origins } = wanted;
  if (origins === '*') return ({ request: { method } }) => (method === 'OPTIONS' ? PREFLIGHT : null);
  const allowed = originMatcher(origins);
  return ({ request }) => (request.method === 'OPTIONS' && allowed(request.field('origin')) ? PREFLIGHT : null);
}

/** The fields of all responses, in place of those of the backend. */
export function corsResponseStep({ policies: { cors: wanted } }: Route): ResponseStep | null {
  if (wanted === undefined) return null;
  const { origins, credentials, methods, headers, expose, maxAge } = wanted;
  const fields = [
    ...(credentials ? [['Access-Control-Allow-Credentials', 'true']] : []),
    ['Access-Control-Allow-Methods', methods],
    ['Access-Control-Allow-Headers', headers],
    ...(expose === '' ? [] : [['Access-Control-Expose-Headers', expose]]),
    ['Access-Control-Max-Age', String(maxAge)],
  ] as const;
  const names = ['access-control-allow-origin', ...fields.map(([name]) => name.toLowerCase())];
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  if (origins === '*') {
    const all = `Access-Control-Allow-Origin: *\r\n${lines}`;
    return ({ response }) => response.replace(names, all);
  }
  const allowed = originMatcher(origins);
  return ({ request, response }) => {
    const origin = request.field('origin');
    if (allowed(origin)) response.replace(names, `Access-Control-Allow-Origin: ${origin}\r\n${lines}`);
  };
}
