/** `canary` and its rules: an Ingress that is an alternative to another, for some of its requests. */
import type { CanaryRules } from '../../model/balancing.ts';
import { parseGoBool } from '../../settings/values/values.ts';
import type { AnnotationSource, PolicyReader } from '../policy.ts';
import { compileRegex } from '../../settings/values/regex.ts';
import { parseInteger } from '../values.ts';
import { BASIC_CHARACTERS } from './characters.ts';

const OPTIONS = [
  'canary-by-header',
  'canary-by-header-value',
  'canary-by-header-pattern',
  'canary-by-cookie',
  'canary-weight',
  'canary-weight-total',
] as const;

/** Less is none (balancer.lua, `route_to_alternative_balancer`). */
const LEAST_TOTAL = 100;

/** The rules of a canary; null: the Ingress is none. */
export const canary: PolicyReader<CanaryRules | null> = {
  annotations: ['canary', ...OPTIONS],
  read: (source) => {
    if (!isCanary(source)) return null;
    const pattern = source.text('canary-by-header-pattern') ?? '';
    const problem = pattern === '' ? null : compileRegex(pattern, false);
    if (typeof problem === 'string') {
      const served = 'A request with that header is not sent to the canary, whatever the other rules say, as in ingress-nginx.';
      source.invalid('canary-by-header-pattern', `a regular expression that can be matched (${problem})`, served);
    }
    const total = integer(source, 'canary-weight-total', LEAST_TOTAL);
    if (total < LEAST_TOTAL) {
      const message = `canary-weight-total: ${total} is less than ${LEAST_TOTAL}`;
      source.report(
        'AnnotationInvalid',
        'warning',
        'canary-weight-total',
        message,
        `${LEAST_TOTAL} is used, as in ingress-nginx.`,
      );
    }
    return {
      // nginx has no other names for header fields: $http_x_y is "X-Y".
      header: basic(source, 'canary-by-header').toLowerCase().replaceAll('_', '-'),
      headerValue: basic(source, 'canary-by-header-value'),
      headerPattern: pattern,
      cookie: basic(source, 'canary-by-cookie'),
      weight: integer(source, 'canary-weight', 0),
      weightTotal: Math.max(total, LEAST_TOTAL),
    };
  },
};

function isCanary(source: AnnotationSource): boolean {
  const text = source.text('canary');
  const answer = text === undefined ? false : parseGoBool(text);
  if (answer === undefined) source.invalid('canary', 'a boolean ("true" or "false")', 'The Ingress is served like any other.');
  if (answer) return true;
  const idle = OPTIONS.find((name) => asks(name, source.text(name)));
  if (idle !== undefined && answer === false) {
    const served = 'It has no effect, and the Ingress is served like any other, as in ingress-nginx.';
    source.report('AnnotationInvalid', 'warning', idle, `${idle} without canary: "true"`, served);
  }
  return false;
}

/** A weight of 0 is what tools leave that switch canaries on and off. */
function asks(name: string, text: string | undefined): boolean {
  if (name === 'canary-weight') return text !== undefined && (parseInteger(text) ?? 0) > 0;
  return text !== undefined && name !== 'canary-weight-total';
}

function integer(source: AnnotationSource, name: string, fallback: number): number {
  const text = source.text(name);
  if (text === undefined) return fallback;
  const value = parseInteger(text);
  if (value === undefined) source.invalid(name, 'a whole number', `The default, ${fallback}, is used.`);
  return value ?? fallback;
}

function basic(source: AnnotationSource, name: string): string {
  const text = source.text(name) ?? '';
  if (BASIC_CHARACTERS.test(text)) return text;
  source.invalid(name, 'made of letters, digits and "-._~/:"', 'It is not looked at.');
  return '';
}

/** What a canary looks at. */
export interface CanaryRequest {
  /** As `RequestView.field`. */
  readonly field: (lowerName: string) => string;
  /** The value of a cookie, by its name as nginx compares it; empty: there is none. */
  readonly cookie: (name: string) => string;
}

/** Whether a request goes to the canary; `random` as `Math.random`. */
export type CanaryTest = (request: CanaryRequest, random: () => number) => boolean;

/** Header before cookie before weight (balancer.lua, `route_to_alternative_balancer`). */
export function canaryTest(rules: CanaryRules): CanaryTest {
  const { header, headerValue, headerPattern, cookie, weight, weightTotal } = rules;
  const pattern = headerValue === '' && headerPattern !== '' ? compileRegex(headerPattern, false) : null;
  const byHeader = (value: string): boolean | null => {
    if (headerValue !== '') return value === headerValue ? true : null;
    if (typeof pattern === 'string') return false;
    if (pattern !== null) return pattern.test(value) ? true : null;
    return alwaysOrNever(value);
  };
  return (request, random) => {
    const value = header === '' ? '' : request.field(header);
    const said = (value === '' ? null : byHeader(value)) ?? (cookie === '' ? null : alwaysOrNever(request.cookie(cookie)));
    return said ?? Math.floor(random() * weightTotal) < weight;
  };
}

function alwaysOrNever(value: string): boolean | null {
  return value === 'always' ? true : value === 'never' ? false : null;
}
