/** All Ingresses of one host name → its virtual host. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { compareText, diagnostic, quote } from '../model/report.ts';
import type { ConfigMap } from '../model/objects.ts';
import type { RoutePolicies, UpstreamTls } from '../model/policies.ts';
import type { CertificateId, GroupId, Route, RouteMatch, RouteTarget, VirtualHost } from '../model/table.ts';
import { CATCH_ALL_HOST, certificateId, groupId } from '../model/table.ts';
import { policiesOfNobody } from '../policies/access/blocked-clients.ts';
import { annotationField, DENIED, type RouteContext, type RoutePolicy } from '../policies/policy.ts';
import { policiesEverywhere, resolvePolicies } from '../policies/registry.ts';
import { commonSnippets } from '../policies/snippets/reading/read.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { wildcardOf } from './hosts.ts';
import { commonPolicies, serverSnippetOf } from './routing/server-snippet.ts';
import { conflictKey, matchedType, settleMatches, subtract } from './paths.ts';
import type { BackendPlan, IngressPlan, PathPlan } from './plan.ts';
import { aliasesOf } from './routing/aliases.ts';
import { asksForRegex, orderPatterns, rewriteWish } from './routing/patterns.ts';
import { wwwDiagnostics } from './routing/www-redirect.ts';
import { hostTls, type SecretLookup } from './tls/host-tls.ts';
import type { CertificateLookup, SelectedTls } from './tls/select.ts';
import { selectOfHost } from './tls/select.ts';

/** What translating a host looks at besides its own Ingresses. */
export interface HostContext {
  readonly settings: TranslateSettings;
  /** The Ingresses of a host, oldest first. */
  readonly plansOf: (host: string) => readonly IngressPlan[];
  readonly serviceExists: (namespace: string, name: string) => boolean;
  readonly certificate: CertificateLookup;
  /** The Secret holds what TLS to backends needs. */
  readonly upstreamSecretUsable: (id: CertificateId, needsCa: boolean) => boolean;
  readonly secret: SecretLookup;
  readonly configMap: (namespace: string, name: string) => ConfigMap | undefined;
}

/** A virtual host and what is wrong with it. */
export interface TranslatedHost {
  readonly host: VirtualHost;
  readonly diagnostics: readonly Diagnostic[];
}

/** Translates one host. */
export function translateHost(host: string, context: HostContext): TranslatedHost {
  const own = context.plansOf(host);
  const tls = selectOfHost(host, own, context);
  const handshake = hostTls(host, own, tls.alternative, context);
  const misread = commonSnippets(context.settings).problem !== null;
  const closed = handshake.closed || misread || closedBy(own);
  const named = aliasesOf(host, own, context);
  const builder = new HostBuilder(host, tls, { closed, aliases: named.aliases }, context);
  const diagnostics: Diagnostic[] = [
    ...tls.diagnostics,
    ...handshake.diagnostics,
    ...named.diagnostics,
    ...wwwDiagnostics(host, own, context),
  ];
  const ruleHosts = context.settings.conformance === 'kubernetes' ? [host, wildcardOf(host), CATCH_ALL_HOST] : [host];
  builder.decideRegex(
    ruleHosts.filter((name) => name !== null),
    own,
  );
  builder.addRules(host, own, true, (problem) => diagnostics.push(problem));
  if (context.settings.conformance === 'kubernetes') {
    const wildcard = wildcardOf(host);
    if (wildcard !== null) builder.addRules(wildcard, context.plansOf(wildcard), handshake.guards(wildcard));
    if (host !== CATCH_ALL_HOST)
      builder.addRules(CATCH_ALL_HOST, context.plansOf(CATCH_ALL_HOST), handshake.guards(CATCH_ALL_HOST));
  }
  builder.addDefault(own);
  const routes = builder.finish();
  const passthrough = passthroughOf(host, own, routes);
  diagnostics.push(...builder.diagnostics);
  const aliases = named.aliases.length > 0 && { aliases: named.aliases };
  const found = serverSnippetOf(hostText(host), own, context.settings, (problem) => diagnostics.push(problem));
  const snippet = found !== null && { snippet: found };
  const names = { host, certificate: tls.certificate, tls: handshake.tls };
  return { host: { ...names, routes, ...aliases, passthrough, ...snippet }, diagnostics };
}

/** A protection of the whole host cannot be given. Whether its TLS passes through only its oldest Ingress decides. */
function closedBy(plans: readonly IngressPlan[]): boolean {
  return plans[0]?.sslPassthrough === 'denied' || plans.some(({ denied }) => denied === 'hosts');
}

/** ingress-nginx: the first Ingress of the host decides, and the location of the path "/" says where to. */
function passthroughOf(host: string, own: readonly IngressPlan[], routes: readonly Route[]): GroupId | null {
  if (host === CATCH_ALL_HOST || own[0]?.sslPassthrough !== 'on') return null;
  // Of two routes for "/" the one of type Prefix, which comes last, is the location that every path falls to.
  const root = routes.findLast(({ path, ingress }) => path === '/' && ingress !== null);
  return root?.target.kind === 'group' ? root.target.group : null;
}

const UNAVAILABLE: RouteTarget = { kind: 'answer', status: 503 };
const DENIED_TARGET: RouteTarget = { kind: 'answer', status: 503, denied: true };
const EVERYTHING: RouteMatch = { exact: null, prefix: '/', slashRedirect: null };

/** Gathers the routes of one host. Lives for one call of `translateHost`. */
class HostBuilder {
  readonly #host: string;
  readonly #tls: SelectedTls;
  readonly #context: HostContext;
  readonly #routes: Route[] = [];
  /** What resolving the policies of the routes found. */
  readonly diagnostics: Diagnostic[] = [];
  /** A protection of the whole host is asked for that cannot be given. */
  readonly #hostClosed: boolean;
  /** Its names beside its own. */
  readonly #aliases: readonly string[];
  /** Whose Ingresses of the host are denied for one of them. */
  readonly #deniedNamespaces = new Set<string>();
  /** So are the rules that are being added. */
  #closed = false;
  /** Its paths are regular expressions. */
  #regex = false;

  constructor(host: string, tls: SelectedTls, about: { closed: boolean; aliases: readonly string[] }, context: HostContext) {
    this.#host = host;
    this.#tls = tls;
    this.#hostClosed = about.closed;
    this.#aliases = about.aliases;
    this.#context = context;
  }

  /** One path of any Ingress is enough, that of the default backend included. `ruleHosts`: the hosts whose rules will be added. */
  decideRegex(ruleHosts: readonly string[], own: readonly IngressPlan[]): void {
    // Most hosts have no such Ingress, and that is soon seen.
    const asked = ruleHosts.some((name) => this.#context.plansOf(name).some(({ wishes }) => rewriteWish(wishes) !== undefined));
    if (!asked) return;
    this.#regex = ruleHosts.some((name) => this.#claims(name, this.#context.plansOf(name)).some(asksForRegex));
    const [oldest] = own;
    if (this.#regex || oldest === undefined || this.#host === CATCH_ALL_HOST) return;
    const root = this.#claims(this.#host, own).some(({ path }) => path.path === '/' && matchedType(path.pathType) === 'Prefix');
    this.#regex = !root && asksForRegex({ plan: oldest, path: { path: '/', pathType: 'Prefix' } });
  }

  /**
   * Adds the rules that these Ingresses have for `ruleHost`, behind those added before. `guarded`: this host protects them as that
   * one would.
   */
  addRules(ruleHost: string, plans: readonly IngressPlan[], guarded: boolean, report?: (problem: Diagnostic) => void): void {
    const taken = this.#routes.map(({ match }) => match);
    this.#closed = this.#hostClosed || !guarded || closedBy(plans);
    for (const { denied, namespace } of plans) if (denied === 'namespace') this.#deniedNamespaces.add(namespace);
    if (taken.some(({ prefix }) => prefix === '/')) return;
    const { conformance } = this.#context.settings;
    const claims = this.#claims(ruleHost, plans, report);
    if (this.#regex) return this.#addPatterns(claims, report);
    const matches = settleMatches(
      claims.map(({ path }) => path),
      conformance,
    );
    for (const [index, { plan, path }] of claims.entries()) {
      const settled = matches[index] ?? EVERYTHING;
      const match = taken.length === 0 ? settled : subtract(settled, taken);
      if (match === null) continue;
      if (match.exact === null && match.prefix === null && match.slashRedirect === null) {
        report?.(conflict(plan, path, `the path ${quote(path.path)} is already served by the other paths of the host`));
      } else this.#routes.push(this.#route(plan, path, match));
    }
  }

  #addPatterns(claims: readonly { plan: IngressPlan; path: PathPlan }[], report?: (problem: Diagnostic) => void): void {
    const matches = orderPatterns(claims);
    for (const { index, match, problem } of matches) {
      const { plan, path } = claims[index]!;
      const route = this.#route(plan, path, match);
      this.#routes.push(problem === null ? route : { ...route, target: DENIED_TARGET });
      if (problem !== null) report?.(refusedPattern(plan, path, match, problem));
    }
    const left = new Set(matches.map(({ index }) => index));
    for (const [index, { plan, path }] of claims.entries()) {
      if (!left.has(index))
        report?.(conflict(plan, path, 'the paths of the host are regular expressions, of which "/" takes all'));
    }
  }

  /** The first to claim a path has it; `plans` come oldest first. */
  #claims(
    ruleHost: string,
    plans: readonly IngressPlan[],
    report?: (problem: Diagnostic) => void,
  ): { plan: IngressPlan; path: PathPlan }[] {
    const { conformance } = this.#context.settings;
    const owners = new Map<string, IngressPlan>();
    const catchAll = ruleHost === CATCH_ALL_HOST && conformance === 'nginx' ? catchAllDefault(plans, conformance) : undefined;
    // ingress-nginx makes the location of the catch-all default backend before it looks at any rule.
    if (catchAll !== undefined) owners.set(conflictKey('/', 'Prefix', conformance), catchAll);
    const claims: { plan: IngressPlan; path: PathPlan }[] = [];
    for (const plan of plans) {
      for (const rule of plan.rules) {
        if (rule.host !== ruleHost) continue;
        for (const path of rule.paths) {
          const key = conflictKey(path.path, path.pathType, conformance);
          const owner = owners.get(key);
          if (owner === undefined) {
            owners.set(key, plan);
            claims.push({ plan, path });
          } else {
            const what = `${matchedType(path.pathType)} path ${quote(path.path)} of ${hostText(ruleHost)}`;
            report?.(conflict(plan, path, `the ${what} is already served for the Ingress ${owner.namespace}/${owner.name}`));
          }
        }
      }
    }
    return claims;
  }

  #route(plan: IngressPlan, { path, pathType, backend }: PathPlan, match: RouteMatch, takes?: TakesFamily): Route {
    const service = { name: backend.service, port: backend.port };
    const { policies, denied } = this.#policies(plan, { path, pathType }, service, takes);
    return {
      match,
      path,
      pathType,
      target: denied ? DENIED_TARGET : this.#target(plan, backend),
      policies,
      ingress: { namespace: plan.namespace, name: plan.name },
      service,
    };
  }

  #target(plan: IngressPlan, backend: BackendPlan): RouteTarget {
    const { namespace, fallback } = plan;
    if (this.#closed || this.#denied(plan)) return DENIED_TARGET;
    if (fallback === null && !this.#context.serviceExists(namespace, backend.service)) return UNAVAILABLE;
    return {
      kind: 'group',
      group: groupId(namespace, backend.service, backend.port),
      fallback: fallback === null ? null : groupId(namespace, fallback.service, fallback.port),
    };
  }

  /** Its own annotations forbid to send anything, or the Secret they name does. */
  #denied({ namespace, denied, proxySsl: { secret, needsCa } }: IngressPlan): boolean {
    if (denied !== 'none' || this.#deniedNamespaces.has(namespace)) return true;
    return secret !== null && !this.#context.upstreamSecretUsable(certificateId(secret.namespace, secret.name), needsCa);
  }

  /** The policies of one route. `denied`: what protects it cannot be had. */
  #policies(
    plan: IngressPlan,
    { path, pathType }: Pick<PathPlan, 'path' | 'pathType'>,
    service: Route['service'],
    takes?: TakesFamily,
  ): { readonly policies: RoutePolicies; readonly denied: boolean } {
    const { settings, secret, configMap, serviceExists } = this.#context;
    let denied = false;
    const report: RouteContext['report'] = (code, severity, annotation, message, served) => {
      const field = annotationField(settings.annotationsPrefix, annotation);
      this.diagnostics.push(diagnostic(plan.object, code, severity, field, message, served));
    };
    const policies = resolvePolicies(
      plan.wishes,
      {
        settings,
        namespace: plan.namespace,
        ingress: plan.name,
        host: this.#host,
        path,
        pathType,
        service,
        hostHasCertificate: this.#tls.configured,
        aliases: this.#aliases,
        aliasesCovered: this.#aliases.length > 0 ? this.#tls.names : null,
        secret,
        configMap,
        serviceExists,
        report,
        deny: (code, annotation, message) => {
          denied = true;
          report(code, 'error', annotation, message, DENIED);
        },
      },
      takes,
    );
    if (service === null) return { policies, denied };
    const proxySsl = upstreamTlsOf(plan);
    const sticky = plan.affinity.cookie !== null;
    if (proxySsl === undefined && !sticky) return { policies, denied };
    return {
      policies: { ...policies, ...(proxySsl !== undefined && { proxySsl }), ...(sticky && { sessionCookie: true }) },
      denied,
    };
  }

  /** The route for what no rule takes, unless a rule takes everything. */
  addDefault(own: readonly IngressPlan[]): void {
    if (this.#routes.some(({ match }) => match.prefix === '/')) return;
    const { conformance } = this.#context.settings;
    const isCatchAll = this.#host === CATCH_ALL_HOST;
    const candidates = conformance === 'nginx' ? own.slice(0, 1) : own;
    let plan = isCatchAll ? undefined : candidates.find(({ defaultBackend }) => defaultBackend !== null);
    if (plan === undefined && (isCatchAll || conformance === 'kubernetes')) {
      plan = catchAllDefault(this.#context.plansOf(CATCH_ALL_HOST), conformance);
    }
    const backend = plan?.defaultBackend;
    if (plan !== undefined && backend !== null && backend !== undefined) {
      const path: PathPlan = { path: '/', pathType: 'Prefix', backend, field: backend.field };
      const takes: TakesFamily = ({ notForCatchAll }) => !isCatchAll || notForCatchAll !== true;
      this.#routes.push(this.#route(plan, path, EVERYTHING, takes));
    } else this.#routes.push(this.#builtIn(isCatchAll ? undefined : own[0]));
  }

  /** `--default-backend-service` or the built-in 404, with the annotations of the oldest Ingress of the host. */
  #builtIn(oldest: IngressPlan | undefined): Route {
    const { settings, serviceExists } = this.#context;
    const service = settings.defaultBackendService;
    const resolved =
      oldest && this.#policies(oldest, { path: '/', pathType: 'Prefix' }, null, ({ ofBackend }) => ofBackend !== true);
    const denied = this.#hostClosed || (oldest !== undefined && this.#denied(oldest)) || resolved?.denied === true;
    const usable = !denied && service !== null && serviceExists(service.namespace, service.name);
    return {
      match: EVERYTHING,
      path: '/',
      pathType: 'Prefix',
      target: usable
        ? { kind: 'group', group: groupId(service.namespace, service.name, ''), fallback: null }
        : denied
          ? DENIED_TARGET
          : { kind: 'answer', status: 404 },
      // The default backend is nobody's: what this Ingress says of its own backends is not about it.
      policies: resolved?.policies ?? {
        ...policiesOfNobody(settings),
        ...commonPolicies(settings),
        ...policiesEverywhere({ ...this.#context, host: this.#host }),
      },
      ingress: null,
      service: usable ? { name: service.name, port: '' } : null,
    };
  }

  /** Patterns as they are tried; else Exact before Prefix, longer before shorter, so that "/" as Prefix comes last. */
  finish(): readonly Route[] {
    const routes = this.#regex
      ? this.#routes
      : this.#routes.sort(
          (a, b) =>
            Number(b.pathType === 'Exact') - Number(a.pathType === 'Exact') ||
            b.path.length - a.path.length ||
            compareText(a.path, b.path),
        );
    // ingress-nginx writes it into the server, the longest path first.
    const longest = routes.filter(({ policies }) => policies.appRoot !== undefined).sort(byLength)[0];
    const appRoot = longest?.policies.appRoot;
    if (appRoot === undefined) return routes;
    return routes.map((route) => ({ ...route, policies: { ...route.policies, appRoot } }));
  }
}

function byLength(a: Route, b: Route): number {
  return b.path.length - a.path.length || compareText(b.path, a.path);
}

/** Whether a route has a family of policies at all. */
type TakesFamily = (family: RoutePolicy<unknown, unknown>) => boolean;

/** TLS to the backends of an Ingress; undefined: nothing special. */
function upstreamTlsOf({ proxySsl: { secret, tls } }: IngressPlan): UpstreamTls | undefined {
  if (secret === null && !tls.verify) return undefined;
  return { secret: secret === null ? null : certificateId(secret.namespace, secret.name), ...tls };
}

/** The Ingress whose default backend gets what no host matches. */
function catchAllDefault(
  plans: readonly IngressPlan[],
  conformance: TranslateSettings['conformance'],
): IngressPlan | undefined {
  const withBackend = plans.filter(({ defaultBackend }) => defaultBackend !== null);
  const ruleless = withBackend.find(({ hasRules }) => !hasRules);
  return ruleless ?? (conformance === 'kubernetes' ? withBackend[0] : undefined);
}

function hostText(host: string): string {
  return host === CATCH_ALL_HOST ? 'the rules without a host' : `host ${quote(host)}`;
}

function conflict(plan: IngressPlan, path: PathPlan, message: string): Diagnostic {
  return diagnostic(
    plan.object,
    'PathConflict',
    'error',
    `${path.field}.path`,
    message,
    'The other path is served; this one is left out.',
  );
}

function refusedPattern(plan: IngressPlan, path: PathPlan, { pattern }: RouteMatch, problem: string): Diagnostic {
  const message = `${quote(path.path)} cannot be matched as a regular expression in linear time: ${problem}`;
  const served = `Requests for what may match are answered with 503: ${quote(pattern)}.`;
  return diagnostic(plan.object, 'PathInvalid', 'error', `${path.field}.path`, message, served);
}
