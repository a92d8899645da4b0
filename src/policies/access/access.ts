/**
 * nginx's access phase: addresses, passwords and authentication services in turn, all of them or, with `satisfy: any`, until one lets the
 * request in (ngx_http_core_access_phase, ngx_http_core_post_access_phase).
 */
import type { Route } from '../../model/table.ts';
import { type Passage, PENDING, type RequestStep, type StepServices } from '../acting.ts';
import { type Answer, page } from '../answer.ts';
import { basicCheck } from './basic.ts';
import { type Check, GRANTED, type Verdict } from './check.ts';
import { digestCheck } from './digest.ts';
import { externalCheck } from '../external-auth/external-check.ts';
import { sourceRangesCheck } from './source-ranges.ts';

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
function decide(
  passage: Passage,
  checks: readonly Check[],
  any: boolean,
  at: number,
  refusal: Answer | null,
): Answer | typeof PENDING | null {
  let refused = refusal;
  for (let index = at; index < checks.length; index++) {
    const said = refused;
    const verdict = checks[index]!(passage, (late) => {
      // Whatever goes wrong here lets nobody in.
      let outcome: Answer | typeof PENDING | null = page(500);
      try {
        outcome = settle(late, any, said, (answer) => decide(passage, checks, any, index + 1, answer));
      } finally {
        if (outcome !== PENDING) passage.resume(outcome);
      }
    });
    if (verdict === PENDING) return PENDING;
    if (verdict === GRANTED) {
      if (any) return null;
    } else if (verdict !== null) {
      if (!any || !canBeOverruled(verdict)) return verdict;
      refused = stronger(refused, verdict);
    }
  }
  return refused;
}

function settle<T>(verdict: Verdict, any: boolean, refused: Answer | null, rest: (refused: Answer | null) => T): T | Answer | null {
  if (verdict === GRANTED) return any ? null : rest(refused);
  if (verdict === null) return rest(refused);
  return any && canBeOverruled(verdict) ? rest(stronger(refused, verdict)) : verdict;
}

/** A redirect to a sign-in page stands for 401. */
function canBeOverruled({ status }: Answer): boolean {
  return status === 401 || status === 403 || status === 302;
}

/** The client is asked who it is, rather than sent away: 401 before 403, of several the last. */
function stronger(before: Answer | null, answer: Answer): Answer {
  return before !== null && before.status !== 403 && answer.status === 403 ? before : answer;
}

function withoutUnderscores(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

/** A backend may not tell "-" from "_" (CVE-2026-39858). */
function removeAliases(passage: Passage, identities: ReadonlySet<string>): void {
  for (const [name] of passage.request.lines())
    if (identities.has(withoutUnderscores(name))) passage.upstream.remove(name);
}
