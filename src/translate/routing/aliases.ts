/** The further names of a host: of the oldest Ingress that has any (ingress-nginx, `createServers`). */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { equalData } from '../../model/diff.ts';
import { diagnostic, quote } from '../../model/report.ts';
import { annotationField } from '../../policies/policy.ts';
import type { HostContext } from '../host.ts';
import type { IngressPlan } from '../plan.ts';

/** The aliases of a host, without those that a host has for its own name. */
export function aliasesOf(
  host: string,
  own: readonly IngressPlan[],
  { plansOf, settings }: HostContext,
): { readonly aliases: readonly string[]; readonly diagnostics: readonly Diagnostic[] } {
  const decider = own.find(({ aliases }) => aliases.length > 0);
  if (decider === undefined) return { aliases: [], diagnostics: [] };
  const field = annotationField(settings.annotationsPrefix, 'server-alias');
  const diagnostics: Diagnostic[] = [];
  const aliases = decider.aliases.filter((alias) => {
    if (alias === host) return false;
    if (plansOf(alias).length === 0) return true;
    const message = `${quote(alias)} is the host of an Ingress itself`;
    diagnostics.push(
      diagnostic(decider.object, 'AnnotationConflict', 'warning', field, message, 'That Ingress is served for it.'),
    );
    return false;
  });
  for (const plan of own) {
    if (plan.aliases.length === 0 || equalData(plan.aliases, decider.aliases)) continue;
    const message = `the Ingress ${decider.namespace}/${decider.name} sets other aliases for the host ${quote(host)}`;
    diagnostics.push(
      diagnostic(plan.object, 'AnnotationConflict', 'warning', field, message, 'The older Ingress decides for the whole host.'),
    );
  }
  return { aliases, diagnostics };
}

/** Which hosts have a name as alias: their translation depends on whether there is a host of that name. */
export class AliasIndex {
  readonly #hosts = new Map<string, Map<string, number>>();

  /** `count`: 1 when a plan that has part in these hosts came, -1 when it went. */
  add({ aliases }: IngressPlan, hosts: Iterable<string>, count: 1 | -1): void {
    if (aliases.length === 0) return;
    for (const alias of aliases) {
      let counts = this.#hosts.get(alias);
      if (counts === undefined) this.#hosts.set(alias, (counts = new Map<string, number>()));
      for (const host of hosts) {
        const total = (counts.get(host) ?? 0) + count;
        if (total === 0) counts.delete(host);
        else counts.set(host, total);
      }
      if (counts.size === 0) this.#hosts.delete(alias);
    }
  }

  hostsOf(alias: string): Iterable<string> {
    return this.#hosts.get(alias)?.keys() ?? [];
  }
}
