/** Translates what is checked, as the controller would, and says what that comes to for each Ingress. */
import { malformedDiagnostics } from '../../controller/malformed.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Ingress } from '../../model/objects.ts';
import { compareDiagnostics, compareText } from '../../model/report.ts';
import type { Certificate, RoutingTable } from '../../model/table.ts';
import { ANNOTATIONS, CANARY_ANNOTATIONS } from '../../policies/annotations.ts';
import { parseGoBool } from '../../settings/values/values.ts';
import { CATALOGUE_ENTRIES } from '../../policies/catalogue/catalogue.ts';
import { annotationField, DENIED_HOSTS, DENIED } from '../../policies/policy.ts';
import type { Settings } from '../../settings/settings.ts';
import { objectRef } from '../../translate/read.ts';
import { Translator } from '../../translate/incremental.ts';
import { annotationOf, findingOf } from './advice.ts';
import type { Finding } from './finding.ts';
import type { CheckInput, GivenKind } from './input.ts';
import type { Selection } from './selection.ts';

/** What an Ingress comes to. `denied`: paths are answered with 503; `notes`: there is something to say. */
export type Verdict = 'identical' | 'notes' | 'denied';

/** One Ingress. */
export interface IngressAssessment {
  readonly namespace: string;
  readonly name: string;
  /** As the Ingress names it; empty: none. */
  readonly className: string;
  readonly hosts: readonly string[];
  readonly verdict: Verdict;
  /** The annotations that are honoured, without prefix, sorted. */
  readonly honoured: readonly string[];
  /** Errors first. */
  readonly findings: readonly Finding[];
}

/** How often an annotation occurs. */
export interface AnnotationUse {
  /** Without prefix. */
  readonly name: string;
  readonly ingresses: number;
  /** In how many of them there is something to say about it. */
  readonly withFindings: number;
  readonly treatment: 'honoured' | 'no effect' | 'not honoured' | 'unknown';
}

/** Everything that was found. */
export interface Assessment {
  /** By namespace and name. */
  readonly ingresses: readonly IngressAssessment[];
  /** About other objects: the ConfigMap, arguments, Services. */
  readonly others: readonly Finding[];
  /** Most frequent first. */
  readonly annotations: readonly AnnotationUse[];
  /** What was not looked into because objects were not given: names, by kind. */
  readonly unchecked: ReadonlyMap<GivenKind, number>;
}

/** Assesses. `complete`: the kinds of which an object that is not there does not exist. */
export function assess(
  input: CheckInput,
  selection: Selection,
  settings: Settings,
  complete: ReadonlySet<GivenKind>,
  certificate: Certificate,
  now: number,
): Assessment {
  const { view } = selection;
  const prefix = settings.translate.annotationsPrefix;
  const translator = new Translator(settings.translate, certificate);
  translator.load(view, now);
  const cluster = { cache: input.store, malformed: () => input.store.malformed() };
  const accepted = new Set(selection.ingresses.map(keyOfIngress));
  const malformed = malformedDiagnostics(
    cluster,
    () => translator.references().services,
    settings,
    (ingress) => accepted.has(keyOfIngress(ingress)),
  );
  const unchecked = new Map<GivenKind, Set<string>>();
  const byIngress = new Map<string, Finding[]>();
  const others: Finding[] = [];
  const add = (finding: Finding): void => {
    const { kind, namespace, name } = finding.object;
    const own = kind === 'Ingress' && accepted.has(key(namespace, name)) ? key(namespace, name) : null;
    if (own === null) others.push(finding);
    else byIngress.set(own, [...(byIngress.get(own) ?? []), finding]);
  };
  for (const diagnostic of [...malformed, ...translator.diagnostics()]) {
    const missing = missingKind(diagnostic);
    if (missing === undefined || complete.has(missing)) add(findingOf(diagnostic, prefix));
    else {
      const names = unchecked.get(missing) ?? new Set();
      unchecked.set(missing, names.add(diagnostic.message));
    }
  }
  for (const finding of input.findings) add(finding);
  for (const ingress of selection.ingresses) for (const finding of differences(ingress, prefix)) add(finding);
  addDeniedByOthers(selection.ingresses, byIngress, translator.table);
  const ingresses = selection.ingresses.map((ingress) => {
    const found = (byIngress.get(keyOfIngress(ingress)) ?? []).sort(compareFindings);
    return assessIngress(ingress, selection.classOf(ingress), found, prefix);
  });
  return {
    ingresses: ingresses.sort((a, b) => compareText(a.namespace, b.namespace) || compareText(a.name, b.name)),
    others: others.sort(compareFindings),
    annotations: annotationUses(selection.ingresses, byIngress, prefix),
    unchecked: new Map([...unchecked].map(([kind, names]) => [kind, names.size])),
  };
}

function key(namespace: string | undefined, name: string): string {
  return JSON.stringify([namespace, name]);
}

function keyOfIngress({ metadata: { namespace, name } }: Ingress): string {
  return key(namespace, name);
}

/** The kind of the object whose absence a diagnostic is about. */
function missingKind({ code, message }: Diagnostic): GivenKind | undefined {
  if (code === 'ServiceNotFound') return 'Service';
  if (code === 'ServiceNoEndpoints') return 'EndpointSlice';
  // Of what protects, one code may stand for an object that is missing and for one that is bad.
  if (!code.endsWith('NotFound') && !message.includes('does not exist')) return undefined;
  const about = `${code.replace(/(?:Stream)?(\w+)NotFound/u, '$1 ')} ${message}`;
  return /\bConfigMap\b/u.test(about) ? 'ConfigMap' : /\bSecret\b/u.test(about) ? 'Secret' : undefined;
}

/** Where what is honoured is so otherwise than by ingress-nginx. */
function differences(ingress: Ingress, prefix: string): readonly Finding[] {
  const { namespace = '', name } = ingress.metadata;
  return namesOf(ingress, prefix).flatMap((each): Finding[] => {
    const differs = CATALOGUE_ENTRIES.get(each);
    if (differs?.differs === undefined || !isHeeded(ingress, each, prefix)) return [];
    return [
      {
        code: 'AnnotationDiffers',
        severity: 'warning',
        object: objectRef('Ingress', namespace, name),
        field: annotationField(prefix, differs.name),
        message: differs.differs,
        served: 'It is honoured.',
        alike: false,
        advice: differs.instead ?? '',
      },
    ];
  });
}

/** Whether a finding is why paths are answered with 503. */
function denies({ severity, served }: Finding): boolean {
  return severity === 'error' && (served === DENIED || served.startsWith(DENIED_HOSTS.slice(0, DENIED_HOSTS.indexOf(','))));
}

/** An Ingress can be denied by what another of its host asks for; that is then said of it too. */
function addDeniedByOthers(ingresses: readonly Ingress[], byIngress: Map<string, Finding[]>, table: RoutingTable): void {
  const deniers = new Map<string, Finding>();
  for (const ingress of ingresses) {
    const finding = byIngress.get(keyOfIngress(ingress))?.find((found) => denies(found) && found.served !== DENIED);
    if (finding !== undefined) for (const host of hostsOf(ingress)) deniers.set(host, finding);
  }
  if (deniers.size === 0) return;
  for (const { host, routes } of table.hosts.values()) {
    const denier = deniers.get(host);
    if (denier === undefined) continue;
    for (const { ingress, target } of routes) {
      if (ingress === null || target.kind !== 'answer' || target.denied !== true) continue;
      const own = key(ingress.namespace, ingress.name);
      const before = byIngress.get(own) ?? [];
      if (before.some((found) => denies(found) || found.code === 'HostDenied')) continue;
      const { namespace, name } = denier.object;
      byIngress.set(own, [
        ...before,
        {
          code: 'HostDenied',
          severity: 'error',
          object: objectRef('Ingress', ingress.namespace, ingress.name),
          field: 'spec.rules',
          message: `the Ingress ${namespace}/${name} denies the whole host ${host}`,
          served: DENIED,
          alike: denier.alike,
          advice: `See ${namespace}/${name}.`,
        },
      ]);
    }
  }
}

function hostsOf({ spec }: Ingress): readonly string[] {
  const hosts = (spec?.rules ?? []).map(({ host = '_' }) => (host === '' ? '_' : host.toLowerCase()));
  return [...new Set(spec?.defaultBackend !== undefined && hosts.length === 0 ? ['_'] : hosts)];
}

function namesOf({ metadata: { annotations = {} } }: Ingress, prefix: string): readonly string[] {
  return Object.keys(annotations)
    .filter((full) => full.startsWith(`${prefix}/`))
    .map((full) => full.slice(prefix.length + 1))
    .sort(compareText);
}

/** Of a canary most annotations have no effect, in ingress-nginx neither. */
function isHeeded({ metadata: { annotations = {} } }: Ingress, name: string, prefix: string): boolean {
  const canary: unknown = annotations[`${prefix}/canary`];
  return CANARY_ANNOTATIONS.has(name) || typeof canary !== 'string' || parseGoBool(canary.trim()) !== true;
}

function assessIngress(ingress: Ingress, className: string, findings: readonly Finding[], prefix: string): IngressAssessment {
  const { namespace = '', name } = ingress.metadata;
  const about = new Set(findings.map(({ field }) => annotationOf(field, prefix)));
  return {
    namespace,
    name,
    className,
    hosts: hostsOf(ingress),
    verdict: findings.some(denies) ? 'denied' : findings.length > 0 ? 'notes' : 'identical',
    honoured: namesOf(ingress, prefix).filter(
      (each) => treatmentOf(each) === 'honoured' && !about.has(each) && isHeeded(ingress, each, prefix),
    ),
    findings,
  };
}

/** What becomes of an annotation in general. */
function treatmentOf(name: string): AnnotationUse['treatment'] {
  const treatment = ANNOTATIONS.get(name);
  if (treatment === undefined) return 'unknown';
  if (treatment.kind === 'supported') return 'honoured';
  if (treatment.kind === 'harmless') return 'no effect';
  return treatment.kind === 'option' ? treatmentOf(treatment.of) : 'not honoured';
}

function annotationUses(
  ingresses: readonly Ingress[],
  byIngress: ReadonlyMap<string, readonly Finding[]>,
  prefix: string,
): readonly AnnotationUse[] {
  const uses = new Map<string, { ingresses: number; withFindings: number }>();
  for (const ingress of ingresses) {
    const about = new Set((byIngress.get(keyOfIngress(ingress)) ?? []).map(({ field }) => annotationOf(field, prefix)));
    for (const name of namesOf(ingress, prefix)) {
      const use = uses.get(name) ?? { ingresses: 0, withFindings: 0 };
      uses.set(name, use);
      use.ingresses++;
      if (about.has(name)) use.withFindings++;
    }
  }
  return [...uses]
    .map(([name, use]) => ({ name, ...use, treatment: treatmentOf(name) }))
    .sort((a, b) => b.ingresses - a.ingresses || compareText(a.name, b.name));
}

function compareFindings(a: Finding, b: Finding): number {
  if (a.severity !== b.severity) return a.severity === 'error' ? -1 : 1;
  // The codes of check itself are ordered like those of diagnostics.
  return compareDiagnostics(a as Diagnostic, b as Diagnostic);
}
