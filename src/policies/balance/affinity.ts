/** `affinity`, `affinity-mode`, `affinity-canary-behavior`, `session-cookie-*`: a client stays with an endpoint, by a cookie. */
import type { Affinity, SessionCookie } from '../../model/balancing.ts';
import { quote } from '../../model/report.ts';
import type { AnnotationSource, PolicyReader } from '../policy.ts';
import { parseInteger } from '../values.ts';
import { BASIC_CHARACTERS, URL_CHARACTERS } from './characters.ts';

/** What one Ingress says; the group makes one of what all of its Ingresses say. */
export interface AffinityWish {
  /** Null: no affinity. */
  readonly cookie: SessionCookie | null;
  /** Null: not said. */
  readonly mode: Affinity['mode'] | null;
  /** Of a canary. */
  readonly canaryBehavior: 'sticky' | 'legacy';
}

const DEFAULT_NAME = 'INGRESSCOOKIE';
const NOT_SENT = 'The cookie is sent without it.';

/** `affinity-mode` and `affinity-canary-behavior` are read of every Ingress: they may be about another's affinity. */
export const affinity: PolicyReader<AffinityWish> = {
  annotations: [
    'affinity',
    'affinity-mode',
    'affinity-canary-behavior',
    'session-cookie-name',
    'session-cookie-path',
    'session-cookie-domain',
    'session-cookie-expires',
    'session-cookie-max-age',
    'session-cookie-samesite',
    'session-cookie-conditional-samesite-none',
    'session-cookie-secure',
    'session-cookie-change-on-failure',
  ],
  read: (source) => {
    const kind = source.text('affinity');
    if (kind !== undefined && kind !== 'cookie')
      source.invalid('affinity', '"cookie"', 'Clients are not kept with an endpoint.');
    return {
      cookie: kind === 'cookie' ? readCookie(source) : null,
      mode: oneOf(source, 'affinity-mode', ['balanced', 'persistent']),
      canaryBehavior: oneOf(source, 'affinity-canary-behavior', ['sticky', 'legacy']) ?? 'sticky',
    };
  },
};

function oneOf<T extends string>(source: AnnotationSource, name: string, choices: readonly [T, T]): T | null {
  const text = source.text(name);
  if (text === undefined) return null;
  const choice = choices.find((one) => one === text);
  const [fallback, other] = choices;
  if (choice === undefined) source.invalid(name, `"${fallback}" or "${other}"`, `The default, "${fallback}", is used.`);
  return choice ?? null;
}

function readCookie(source: AnnotationSource): SessionCookie {
  const name = matching(source, 'session-cookie-name', BASIC_CHARACTERS, `The default, ${DEFAULT_NAME}, is used.`);
  const path = matching(source, 'session-cookie-path', URL_CHARACTERS, 'The path of the Ingress is used.');
  if (path === null && isTrue(source, 'use-regex')) {
    const message =
      'without session-cookie-path the path of the cookie is that of the Ingress, which is a regular expression here';
    source.report('AnnotationInvalid', 'warning', 'affinity', message, 'Clients may not send the cookie back.');
  }
  return {
    name: name ?? DEFAULT_NAME,
    path,
    domain: matching(source, 'session-cookie-domain', BASIC_CHARACTERS, NOT_SENT),
    expires: seconds(source, 'session-cookie-expires'),
    maxAge: seconds(source, 'session-cookie-max-age'),
    sameSite: readSameSite(source),
    conditionalSameSiteNone: source.bool('session-cookie-conditional-samesite-none', false),
    secure: source.bool('session-cookie-secure', false),
    changeOnFailure: source.bool('session-cookie-change-on-failure', false),
  };
}

/** Of another family, which reports it if it is wrong. */
function isTrue(source: AnnotationSource, name: string): boolean {
  return /^(1|t|true)$/i.test(source.text(name)?.trim() ?? '');
}

/** A longer one would be a burden to every response. */
const MAX_LENGTH = 1024;

function matching(source: AnnotationSource, name: string, pattern: RegExp, served: string): string | null {
  const text = source.text(name);
  if (text === undefined || (text.length <= MAX_LENGTH && pattern.test(text))) return text ?? null;
  source.invalid(name, `made of characters such as ${pattern === URL_CHARACTERS ? 'a URL has' : 'a name has'}`, served);
  return null;
}

/** The last moment that a date has (ECMA-262 §21.4.1.1), far enough from any "now". */
const MOST_SECONDS = 8_000_000_000_000;

function seconds(source: AnnotationSource, name: string): number | null {
  const text = source.text(name);
  const value = text === undefined ? undefined : parseInteger(text);
  if (text !== undefined && (value === undefined || Math.abs(value) > MOST_SECONDS)) {
    source.invalid(name, 'a number of seconds', NOT_SENT);
    return null;
  }
  return value ?? null;
}

const SAME_SITE = ['None', 'Lax', 'Strict'] as const;

/** In this spelling only: resty.cookie sends nothing for another. */
function readSameSite(source: AnnotationSource): SessionCookie['sameSite'] {
  const text = source.text('session-cookie-samesite');
  if (text === undefined) return null;
  const value = SAME_SITE.find((one) => one === text);
  if (value === undefined) {
    const message = `session-cookie-samesite: ${quote(text)} is not None, Lax or Strict, in this spelling`;
    source.report('AnnotationInvalid', 'warning', 'session-cookie-samesite', message, NOT_SENT);
  }
  return value ?? null;
}
