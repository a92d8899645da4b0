/** The access phase by itself: what becomes of verdicts that no whole proxy gives at will. */
import { describe, expect, it } from 'vitest';
import { createSecretKey } from 'node:crypto';
import type { ExternalAuth, RoutePolicies } from '../../../src/model/policies.ts';
import type { Answer } from '../../../src/policies/answer.ts';
import { accessStep } from '../../../src/policies/access/access.ts';
import { PENDING, type Passage, type StepServices } from '../../../src/policies/acting.ts';
import { RequestChanges, ResponseChanges } from '../../../src/policies/changes.ts';
import type { PasswordAnswer } from '../../../src/policies/passwords/checker.ts';
import { basic } from '../../support/auth.ts';
import { prefixRoute } from '../../support/proxy.ts';

const PASSWORD: RoutePolicies['passwordAuth'] = {
  scheme: 'basic',
  realm: 'r',
  secret: 'default/users',
  users: createSecretKey(Buffer.from('joe:{PLAIN}secret')),
};

/** A service that there is not: who asks it throws. */
const NOBODY: ExternalAuth = {
  tls: false,
  authority: ['a'],
  target: ['/'],
  location: '/',
  method: null,
  signin: null,
  responseHeaders: [],
  requestHeaders: [],
  requestRedirect: null,
  cache: null,
  keepAlive: null,
  alwaysSetCookie: false,
};

/** One request on its way, with passwords that are answered so. `late`: after PENDING. */
function passing(policies: RoutePolicies, said: PasswordAnswer, late = false) {
  const resumed: (Answer | null)[] = [];
  let answer = (): void => undefined;
  const services = {
    passwords: {
      nameOf: () => 'list',
      check: (_: unknown, done: (answer: PasswordAnswer) => void) => {
        answer = () => done(said);
        return late ? null : said;
      },
    },
  } as unknown as StepServices;
  const passage = {
    client: { address: '192.0.2.1' },
    request: { lines: () => [] },
    field: () => basic('joe', 'x').slice('Authorization: '.length).trim(),
    settings: { underscoresInHeaders: false },
    upstream: new RequestChanges(),
    response: new ResponseChanges(),
    resume: (outcome: Answer | null) => resumed.push(outcome),
  } as unknown as Passage;
  const outcome = accessStep(prefixRoute('/', 'app', policies), services)!(passage);
  return { outcome, resumed, answer: () => answer() };
}

const statusOf = (outcome: unknown): unknown =>
  outcome === null || outcome === PENDING ? outcome : (outcome as Answer).status;

describe('satisfy: any', () => {
  const policies: RoutePolicies = {
    sourceRanges: { deny: [], allow: ['10.0.0.0/8'] },
    passwordAuth: PASSWORD,
    satisfyAny: true,
  };

  it.each([
    ['right', null],
    ['wrong', 401],
    ['busy', 503],
    ['failed', 500],
  ] as const)('an address that may not come, and a password that is %s', (said, status) => {
    expect(statusOf(passing(policies, said).outcome)).toBe(status);
    const { outcome, resumed, answer } = passing(policies, said, true);
    expect([outcome, resumed]).toEqual([PENDING, []]);
    answer();
    expect(resumed.map(statusOf)).toEqual([status]);
  });

  it('what cannot be found out ends it, as in nginx: no later check is asked', () => {
    expect(statusOf(passing({ ...policies, externalAuth: NOBODY }, 'failed').outcome)).toBe(500);
  });
});

describe('a check that throws when it is late', () => {
  it('lets nobody in', () => {
    const { resumed, answer } = passing({ passwordAuth: PASSWORD, externalAuth: NOBODY }, 'right', true);
    expect(answer).toThrow();
    expect(resumed.map(statusOf)).toEqual([500]);
  });
});
