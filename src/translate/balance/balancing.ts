/** How an upstream group is balanced: what the Ingresses that name its Service port ask for, and which of them decides (reference §4.4). */
import type { Affinity, Balancing } from '../../model/balancing.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { equalData } from '../../model/diff.ts';
import { diagnostic } from '../../model/report.ts';
import type { GroupRequest, Reference } from '../plan-index.ts';
import type { IngressPlan } from '../plan.ts';
import type { Merge } from './canary.ts';

/** Undefined: endpoints take turns. `merges`: the canaries that are alternatives to this group, in order. */
export function balancingOf(
  request: Pick<GroupRequest, 'references' | 'port'>,
  merges: readonly Merge[],
): { readonly balancing: Balancing | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const { references, port } = request;
  // The fallback of a group is balanced as that group is.
  const first = port === '' ? undefined : references[0]?.plan;
  if (first === undefined) return { balancing: undefined, diagnostics: [] };
  const affinity = affinityOf(references);
  const alternative = merges[0];
  const balancing: Balancing = {
    ...(first.loadBalance === 'ewma' && { algorithm: 'ewma' }),
    ...(first.hashBy !== null && { hashBy: first.hashBy }),
    ...(affinity !== null && { affinity }),
    ...(alternative !== undefined && {
      alternative: { group: alternative.alternative, sticky: alternative.plan.affinity.canaryBehavior === 'sticky' },
    }),
    ...(first.canary !== null && { canary: first.canary.canaryRules }),
  };
  return {
    balancing: Object.keys(balancing).length === 0 ? undefined : balancing,
    diagnostics: [...overruled(first, references), ...superfluous(merges)],
  };
}

/** Type and mode of the first that says so; the cookie of the last, as `getBackendServers` writes one over the other. */
function affinityOf(references: readonly Reference[]): Affinity | null {
  const plans = references.filter(({ plan, fields }) => plan.canary === null && fields.some(isRule)).map(({ plan }) => plan);
  const cookie = plans.findLast((plan) => plan.affinity.cookie !== null)?.affinity.cookie ?? null;
  if (cookie === null) return null;
  return { mode: plans.find((plan) => plan.affinity.mode !== null)?.affinity.mode ?? 'balanced', cookie };
}

function isRule(field: string): boolean {
  return field.startsWith('spec.rules');
}

/** Canaries whose rules are not heeded, as an older Ingress names their Service port. */
function overruled(first: IngressPlan, references: readonly Reference[]): readonly Diagnostic[] {
  return references.flatMap(({ plan, fields }) => {
    if (plan.canary === null || plan === first) return [];
    if (first.canary !== null && equalData(plan.canary.canaryRules, first.canary.canaryRules)) return [];
    const older = `the older Ingress ${first.namespace}/${first.name} names the same Service port`;
    const [message, served] =
      first.canary === null
        ? [`${older}, and is no canary`, 'No request is sent to the canary.']
        : [`${older} as canary, with other rules`, 'The rules of the older one hold.'];
    return fields.map((field) => diagnostic(plan.object, 'CanaryConflict', 'warning', field, message, served));
  });
}

/** A group has one canary: the oldest (balancer.lua, `alternative_backends[1]`). */
function superfluous([chosen, ...others]: readonly Merge[]): readonly Diagnostic[] {
  return others
    .filter(({ alternative }) => alternative !== chosen?.alternative)
    .map(({ plan, field }) => {
      const owner = chosen === undefined ? '' : `${chosen.plan.namespace}/${chosen.plan.name}`;
      const message = `the Service port of this path has a canary already, by the Ingress ${owner}`;
      return diagnostic(plan.object, 'CanaryConflict', 'warning', field, message, 'No request is sent to this canary for it.');
    });
}
