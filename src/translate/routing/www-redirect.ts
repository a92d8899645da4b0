/** Hosts that `from-to-www-redirect` makes: "www." and a host, or a host without it, which send to that host. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { coversHost } from '../../model/covers-host.ts';
import { diagnostic, quote } from '../../model/report.ts';
import { CATCH_ALL_HOST } from '../../model/table.ts';
import { annotationField } from '../../policies/policy.ts';
import type { HostContext, TranslatedHost } from '../host.ts';
import type { IngressPlan } from '../plan.ts';
import { selectOfHost } from '../tls/select.ts';

const WWW = 'www.';

/** The host that is sent to this one, if this one asks for it; null: there cannot be one. */
function counterpart(host: string): string | null {
  if (host === CATCH_ALL_HOST || host.startsWith('*')) return null;
  return host.startsWith(WWW) ? host.slice(WWW.length) : WWW + host;
}

/** The hosts whose translation, and being there, may depend on this one. */
export function wwwRelatives(host: string): readonly string[] {
  if (counterpart(host) === null) return [];
  return host.startsWith(WWW) ? [host.slice(WWW.length), WWW + host] : [WWW + host];
}

function asking(plans: readonly IngressPlan[]): IngressPlan | undefined {
  return plans.find(({ wwwRedirect }) => wwwRedirect);
}

/** What is wrong with the wish of a host. */
export function wwwDiagnostics(host: string, own: readonly IngressPlan[], context: HostContext): readonly Diagnostic[] {
  const plan = asking(own);
  const from = counterpart(host);
  if (plan === undefined || host === CATCH_ALL_HOST) return [];
  const field = annotationField(context.settings.annotationsPrefix, 'from-to-www-redirect');
  const problem =
    from === null
      ? `${quote(host)} is a wildcard, which has no counterpart with "www."`
      : context.plansOf(from).length > 0
        ? `an Ingress serves ${quote(from)} itself`
        : null;
  if (problem === null) return [];
  return [diagnostic(plan.object, 'AnnotationConflict', 'warning', field, problem, 'Nothing is redirected.')];
}

/** The host that exists only to send elsewhere; null: nobody asks for it. */
export function translateWwwHost(host: string, context: HostContext): TranslatedHost | null {
  // ingress-nginx writes them in alphabetical order, and nginx keeps the first of a name.
  const to = wwwRelatives(host)
    .filter((other) => counterpart(other) === host && asking(context.plansOf(other)) !== undefined)
    .sort()[0];
  if (to === undefined) return null;
  const { certificate, names } = selectOfHost(to, context.plansOf(to), context);
  return {
    host: {
      host,
      certificate: coversHost(names, host) ? certificate : null,
      tls: null,
      routes: [
        {
          match: { exact: null, prefix: '/', slashRedirect: null },
          path: '/',
          pathType: 'Prefix',
          target: { kind: 'answer', status: 404 },
          policies: { wwwRedirect: { to, code: context.settings.httpRedirectCode } },
          ingress: null,
          service: null,
        },
      ],
      passthrough: null,
    },
    diagnostics: [],
  };
}
