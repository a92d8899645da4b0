/** The whole translation: every object at once. `incremental.ts` gives the same result from changes. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { sortedDiagnostics } from '../model/report.ts';
import type { Certificate, CertificateId, RoutingTable, UpstreamSecret } from '../model/table.ts';
import { CATCH_ALL_HOST, certificateId } from '../model/table.ts';
import type { ClusterView } from '../model/view.ts';
import { headerConfigMapProblems, headerConfigMaps } from '../policies/headers/global-headers.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { acceptIngress } from './accept.ts';
import { mergeCanaries, Merges } from './balance/canary.ts';
import { CertificateMemo } from './certificate.ts';
import { translateGroup } from './group.ts';
import type { HostContext } from './host.ts';
import type { IngressPlan } from './plan.ts';
import { planIngress } from './plan.ts';
import type { PlanIndex } from './plan-index.ts';
import { buildIndex } from './plan-index.ts';
import { planStreams } from './streams/plan-streams.ts';
import { translateName } from './routing/any-host.ts';
import { wwwRelatives } from './routing/www-redirect.ts';
import { translateCertificate } from './tls/select.ts';
import { isUsable, translateUpstreamSecret } from './secrets/upstream-secret.ts';

/** A namespaced object that the table depends on, whether it exists or not. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** What the accepted Ingresses and the settings name: each once, in no particular order. */
export interface References {
  readonly secrets: readonly ObjectName[];
  readonly services: readonly ObjectName[];
  /** Those that annotations and the settings of headers name. */
  readonly configMaps: readonly ObjectName[];
}

/** The result of a translation. The Maps have no particular order; the diagnostics are sorted. */
export interface Translation {
  readonly table: RoutingTable;
  readonly diagnostics: readonly Diagnostic[];
  readonly references: References;
}

/**
 * Translates all objects. `defaultCertificate` is served unless `--default-ssl-certificate` names a usable Secret; `now` is in
 * milliseconds since the epoch. Never throws for an object.
 */
export function translateTable(
  view: ClusterView,
  settings: TranslateSettings,
  defaultCertificate: Certificate,
  now: number,
  memo: CertificateMemo = new CertificateMemo(),
): Translation {
  const diagnostics: Diagnostic[] = [];
  const plans: IngressPlan[] = [];
  for (const ingress of view.ingresses()) {
    const acceptance = acceptIngress(ingress, view.ingressClass, settings);
    const plan = acceptance.accepted ? planIngress(ingress, settings) : null;
    if (plan !== null) plans.push(plan);
    diagnostics.push(...(acceptance.accepted ? (plan?.diagnostics ?? []) : acceptance.diagnostics));
  }
  const index = buildIndex(plans, settings);
  const streams = planStreams(view, settings);
  diagnostics.push(...streams.diagnostics);
  index.setStreams(streams.references);
  diagnostics.push(...headerConfigMapProblems(settings, view.configMap));

  const usable = new Map<string, Certificate>();
  for (const request of index.certificates.values()) {
    const translated = translateCertificate(request, view, now, memo);
    diagnostics.push(...translated.diagnostics);
    if (translated.certificate !== null) usable.set(request.id, translated.certificate);
  }
  const certificates = new Map(
    [...index.certificates.values()].flatMap((request) => {
      const certificate = usable.get(request.id);
      return certificate === undefined || request.references.length === 0 ? [] : [[request.id, certificate]];
    }),
  );
  const upstreamSecrets = new Map<CertificateId, UpstreamSecret>();
  for (const request of index.upstreamSecrets.values()) {
    const translated = translateUpstreamSecret(request, view);
    diagnostics.push(...translated.diagnostics);
    if (translated.secret !== null) upstreamSecrets.set(request.id, translated.secret);
  }
  const context: HostContext = {
    settings,
    plansOf: (host) => index.plansOf(host),
    serviceExists: (namespace, name) => view.service(namespace, name) !== undefined,
    certificate: (namespace, secret) => usable.get(certificateId(namespace, secret)) ?? null,
    upstreamSecretUsable: (id, needsCa) => isUsable(upstreamSecrets.get(id), needsCa),
    secret: (namespace, name) => view.secret(namespace, name),
    configMap: (namespace, name) => view.configMap(namespace, name),
  };
  const hosts = new Map(
    [...new Set([CATCH_ALL_HOST, ...[...index.hosts.keys()].flatMap((host) => [host, ...wwwRelatives(host)])])].flatMap(
      (host) => {
        const translated = translateName(host, context);
        if (translated === null) return [];
        diagnostics.push(...translated.diagnostics);
        return [[host, translated.host]];
      },
    ),
  );
  const merges = new Merges();
  for (const host of index.canaryHosts) {
    const merged = mergeCanaries(host, hosts.get(host) ?? null, index.canariesOf(host), settings.conformance);
    diagnostics.push(...merged.diagnostics);
    merges.set(host, merged.merges);
  }
  const groups = new Map(
    [...index.groups.values()].map((request) => {
      const translated = translateGroup(request, merges.of(request.id), view, settings);
      diagnostics.push(...translated.diagnostics);
      return [request.id, translated.group];
    }),
  );
  const named = settings.defaultSslCertificate;
  const chosen = named === null ? undefined : usable.get(certificateId(named.namespace, named.name));
  return {
    table: {
      hosts,
      groups,
      certificates,
      streams: streams.streams,
      upstreamSecrets,
      defaultCertificate: chosen ?? defaultCertificate,
    },
    diagnostics: sortedDiagnostics(diagnostics),
    references: referencesOf(index),
  };
}

/** What the Ingresses of an index, and its settings, name. */
export function referencesOf(index: PlanIndex): References {
  const services = new Map<string, ObjectName>();
  for (const { namespace, service } of index.groups.values()) {
    services.set(JSON.stringify([namespace, service]), { namespace, name: service });
  }
  const secrets = new Map<string, ObjectName>();
  for (const { namespace, secret } of [...index.certificates.values(), ...index.upstreamSecrets.values()])
    secrets.set(certificateId(namespace, secret), { namespace, name: secret });
  for (const secret of index.clientCaSecrets()) secrets.set(certificateId(secret.namespace, secret.name), secret);
  const configMaps: ObjectName[] = [...headerConfigMaps(index.settings)];
  for (const { kind, namespace, name } of index.references.objects()) {
    if (kind === 'ConfigMap') configMaps.push({ namespace, name });
    else secrets.set(certificateId(namespace, name), { namespace, name });
  }
  return {
    secrets: [...secrets.values()],
    services: [...services.values()],
    configMaps,
  };
}
