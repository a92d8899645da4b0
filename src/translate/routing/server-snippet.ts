/** The server-snippet of a host, and what the ConfigMap says for all hosts and paths. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { NO_POLICIES, type RoutePolicies } from '../../model/policies.ts';
import { diagnostic } from '../../model/report.ts';
import type { SnippetServer } from '../../model/snippet.ts';
import { annotationField } from '../../policies/policy.ts';
import { serverSnippet } from '../../policies/registry.ts';
import { joinServers } from '../../policies/snippets/reading/join.ts';
import { commonSnippets } from '../../policies/snippets/reading/read.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import type { IngressPlan } from '../plan.ts';

/** ingress-nginx: the first Ingress of the host that has one decides. `host`: as messages name it. */
export function serverSnippetOf(
  host: string,
  own: readonly IngressPlan[],
  settings: TranslateSettings,
  report: (problem: Diagnostic) => void,
): SnippetServer | null {
  const { server: common } = commonSnippets(settings);
  const [first, ...others] = own.filter(({ wishes }) => serverSnippet(wishes) !== null);
  if (first === undefined) return common;
  for (const { object } of others) {
    const message = `the Ingress ${first.namespace}/${first.name} has a server-snippet for ${host} too, and is older`;
    const field = annotationField(settings.annotationsPrefix, 'server-snippet');
    report(
      diagnostic(object, 'AnnotationConflict', 'warning', field, message, 'That one is heeded for this host, and this is not.'),
    );
  }
  return joinServers(serverSnippet(first.wishes), common);
}

/** Of a route that is no Ingress's. */
export function commonPolicies(settings: TranslateSettings): RoutePolicies {
  const { location } = commonSnippets(settings);
  return location === null ? NO_POLICIES : { snippets: { location, auth: null } };
}
