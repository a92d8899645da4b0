/**
 * nginx's access phase: addresses, passwords and authentication services in turn, all of them or, with `satisfy: any`, until one lets the
 * request in (ngx_http_core_access_phase, ngx_http_core_post_access_phase).
 */
import type { RoutePolicies } from '../../model/policies.ts';
import type { Route } from '../../model/table.ts';
import { type Passage, PENDING, type RequestStep, type StepServices } from '../acting.ts';
import { type Answer, page } from '../answer.ts';
import { basicCheck } from './basic.ts';
import { type Check, GRANTED, type Verdict } from './check.ts';
import { digestCheck } from './digest.ts';
import { externalCheck } from '../external-auth/external-check.ts';
import { sourceRangesCheck } from './source-ranges.ts';

type Outcome = Answer | typeof PENDING | null;

const LET_IN = { over: true, outcome: null } as const;
const GO_ON = { over: false, outcome: null } as const;

/** The step; null: everybody may come. */
export function accessStep(route: Route, services: StepServices): RequestStep | null {
  const { sourceRanges, passwordAuth, externalAuth, satisfyAny } = route.policies;
  const checks: Check[] = [];
  if (sourceRanges !== undefined) checks.push(sourceRangesCheck(sourceRanges));
  if (passwordAuth?.scheme === 'basic') checks.push(basicCheck(passwordAuth, services.passwords));
  if (passwordAuth?.scheme === 'digest') checks.push(digestCheck(passwordAuth, services.nonces));
  if (externalAuth !== undefined) checks.push(externalCheck(externalAuth, route, services));
  if (checks.length === 0) return null;
  const any = satisfyAny === true && checks.length > 1;
  const named = externalAuth?.responseHeaders ?? [];
  const cleared = [...(passwordAuth === undefined ? [] : ['Authorization']), ...named];
  const identities = new Set(named.map(withoutUnderscores));
  const underscored = named.some((name) => name.includes('_'));
  return (passage) => {
    // Whoever lets it in: a backend believes these to be of the proxy.
    for (const name of cleared) passage.upstream.remove(name);
    if (underscored || (identities.size > 0 && passage.settings.underscoresInHeaders)) removeAliases(passage, identities);
    return decide(passage, checks, any, 0, null);
  };
}

/** The checks from `at` on; `refusal`: what those before it say, where one of these may still let the request in. */
function decide(passage: Passage, checks: readonly Check[], any: boolean, at: number, refusal: Answer | null): Outcome {
  let said = refusal;
  for (let index = at; index < checks.length; index++) {
    const before = said;
    const verdict = checks[index]!(passage, (late) => {
      // Whatever goes wrong here lets nobody in.
      let outcome: Outcome = page(500);
      try {
        const told = take(late, any, before);
        outcome = told.over ? told.outcome : decide(passage, checks, any, index + 1, told.outcome);
      } finally {
        if (outcome !== PENDING) passage.resume(outcome);
      }
    });
    if (verdict === PENDING) return PENDING;
    const told = take(verdict, any, before);
    if (told.over) return told.outcome;
    said = told.outcome;
  }
  return said;
}

/** What a verdict comes to: the end, or what to answer if nobody lets the request in. `said`: before it. */
function take(
  verdict: Verdict,
  any: boolean,
  said: Answer | null,
): { readonly over: boolean; readonly outcome: Answer | null } {
  if (verdict === GRANTED) return any ? LET_IN : said === null ? GO_ON : { over: false, outcome: said };
  if (verdict === null) return said === null ? GO_ON : { over: false, outcome: said };
  if (!any || !canBeOverruled(verdict)) return { over: true, outcome: verdict };
  return { over: false, outcome: stronger(said, verdict) };
}

/** A redirect to a sign-in page stands for 401. */
function canBeOverruled({ status }: Answer): boolean {
  return status === 401 || status === 403 || status === 302;
}

/** The client is asked who it is, rather than sent away: 401 before 403, of several the last. */
function stronger(before: Answer | null, answer: Answer): Answer {
  return before !== null && before.status !== 403 && answer.status === 403 ? before : answer;
}

/** The names, of those a client sent, that are the proxy's to send: a backend that is asked beside the access phase gets none of them. */
export function identityFields({ externalAuth }: RoutePolicies, names: readonly string[]): readonly string[] {
  if (externalAuth === undefined || externalAuth.responseHeaders.length === 0) return [];
  const identities = new Set(externalAuth.responseHeaders.map(withoutUnderscores));
  return names.filter((name) => identities.has(withoutUnderscores(name)));
}

function withoutUnderscores(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** A backend may not tell "-" from "_" (CVE-2026-39858). */
function removeAliases(passage: Passage, identities: ReadonlySet<string>): void {
  for (const [name] of passage.request.lines()) if (identities.has(withoutUnderscores(name))) passage.upstream.remove(name);
}
