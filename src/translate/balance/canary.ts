/**
 * Which upstream groups have a canary: an Ingress with the annotation `canary` is the alternative of those that share its hosts and paths
 * (ingress-nginx, internal/ingress/controller/controller.go, `mergeAlternativeBackends`).
 */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { diagnostic, quote } from '../../model/report.ts';
import { CATCH_ALL_HOST, groupId, type GroupId, type Route, type VirtualHost } from '../../model/table.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { conflictKey, matchedType } from '../paths.ts';
import { comparePlans, type BackendPlan, type IngressPlan } from '../plan.ts';

/** A canary is the alternative of a group, by one of its paths. */
export interface Merge {
  readonly primary: GroupId;
  readonly alternative: GroupId;
  readonly plan: IngressPlan;
  /** Of the path among those of its Ingress. */
  readonly order: number;
  /** Where the canary names its Service port. */
  readonly field: string;
}

/** The canaries of one host. */
export interface HostCanaries {
  readonly merges: readonly Merge[];
  readonly diagnostics: readonly Diagnostic[];
}

const NOT_SENT = 'No request is sent to the canary for it.';

/** Finds what these canaries, oldest first, are alternatives to among the routes of a host; null: there is no such host. */
export function mergeCanaries(
  name: string,
  host: VirtualHost | null,
  canaries: readonly IngressPlan[],
  conformance: TranslateSettings['conformance'],
): HostCanaries {
  if (canaries.length === 0) return { merges: [], diagnostics: [] };
  const merges: Merge[] = [];
  const diagnostics: Diagnostic[] = [];
  const routes = host?.routes.flatMap((route) => (primaryOf(route) === null ? [] : [route])) ?? [];
  const byPath = Map.groupBy(routes, ({ path, pathType }) => conflictKey(path, pathType, conformance));
  const merge = (plan: IngressPlan, backend: BackendPlan, matching: readonly Route[], order: number): void => {
    const alternative = groupId(plan.namespace, backend.service, backend.port);
    const { field } = backend;
    const primaries = new Set(matching.map(primaryOf).filter((id) => id !== null));
    for (const primary of primaries) {
      if (primary !== alternative) merges.push({ primary, alternative, plan, order, field });
      else {
        const same = `the canary names the Service port that serves the path anyway (${quote(backend.service)})`;
        diagnostics.push(diagnostic(plan.object, 'CanaryConflict', 'warning', field, same, NOT_SENT));
      }
    }
  };
  const unmatched = (plan: IngressPlan, field: string, message: string): void => {
    diagnostics.push(diagnostic(plan.object, 'CanaryUnmatched', 'error', field, message, NOT_SENT));
  };
  for (const plan of canaries) {
    const { canary } = plan;
    if (canary === null) continue;
    let order = 0;
    // It is for everything that the catch-all host serves.
    if (canary.defaultBackend !== null && name === CATCH_ALL_HOST) {
      merge(plan, canary.defaultBackend, routes, order);
      if (routes.length === 0) unmatched(plan, 'spec.defaultBackend', 'no other Ingress serves what no host takes');
    }
    for (const rule of canary.rules) {
      for (const { path, pathType, backend, field } of rule.paths) {
        order++;
        if (rule.host !== name) continue;
        const matching = byPath.get(conflictKey(path, pathType, conformance)) ?? [];
        merge(plan, backend, matching, order);
        const message = `no other Ingress serves the ${matchedType(pathType)} path ${quote(path)} of ${hostText(name)}`;
        if (matching.length === 0) unmatched(plan, `${field}.path`, message);
      }
    }
  }
  return { merges, diagnostics };
}

function hostText(host: string): string {
  return host === CATCH_ALL_HOST ? 'the rules without a host' : `host ${quote(host)}`;
}

/** The group that a route would send its requests to, were nothing against it. What the built-in default backend takes has none. */
function primaryOf({ ingress, service }: Route): GroupId | null {
  return ingress === null || service === null ? null : groupId(ingress.namespace, service.name, service.port);
}

/** The merges of all hosts, by the group they are about. */
export class Merges {
  readonly #hosts = new Map<string, readonly Merge[]>();
  readonly #groups = new Map<GroupId, Map<string, readonly Merge[]>>();

  /** Replaces those of a host. Returns the groups whose merges may have changed. */
  set(host: string, merges: readonly Merge[]): ReadonlySet<GroupId> {
    const before = this.#hosts.get(host) ?? [];
    if (merges.length > 0) this.#hosts.set(host, merges);
    else this.#hosts.delete(host);
    for (const { primary } of before) {
      const hosts = this.#groups.get(primary);
      hosts?.delete(host);
      if (hosts?.size === 0) this.#groups.delete(primary);
    }
    for (const merge of merges) {
      const hosts = this.#groups.get(merge.primary) ?? new Map<string, readonly Merge[]>();
      this.#groups.set(merge.primary, hosts.set(host, [...(hosts.get(host) ?? []), merge]));
    }
    return new Set([...before, ...merges].map(({ primary }) => primary));
  }

  /** Those about a group: by the oldest canary first, and then as it writes them. */
  of(group: GroupId): readonly Merge[] {
    const hosts = this.#groups.get(group);
    if (hosts === undefined) return [];
    return [...hosts.values()].flat().sort((a, b) => comparePlans(a.plan, b.plan) || a.order - b.order);
  }
}
