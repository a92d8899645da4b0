/** What one Ingress asks for, by itself: read, checked and reported once per version of it, whatever else there is. */
import type { Diagnostic, ObjectRef } from '../model/diagnostic.ts';
import type { Ingress } from '../model/objects.ts';
import type { CanaryRules, HashBy } from '../model/balancing.ts';
import type { Report } from '../model/report.ts';
import { createReporter, quote } from '../model/report.ts';
import { CATCH_ALL_HOST } from '../model/table.ts';
import { ANNOTATIONS } from '../policies/annotations.ts';
import { affinity, type AffinityWish } from '../policies/balance/affinity.ts';
import { canary } from '../policies/balance/canary.ts';
import { hashBy } from '../policies/balance/hash-by.ts';
import { loadBalance, type Algorithm } from '../policies/balance/load-balance.ts';
import { defaultBackend } from '../policies/backend/default-backend.ts';
import { clientCertificate, type ClientCertificateWish } from '../policies/tls/client-certificate.ts';
import {
  annotationField,
  annotationSource,
  type AnnotationSource,
  type Denial,
  type ObjectReference,
  widest,
} from '../policies/policy.ts';
import { serverAlias } from '../policies/host/server-alias.ts';
import { wwwRedirect } from '../policies/redirect/www-redirect.ts';
import { policyReferences, readPolicies, type PolicyWishes } from '../policies/registry.ts';
import { proxySsl, type ProxySslWish } from '../policies/tls/proxy-ssl.ts';
import { serviceUpstream } from '../policies/backend/service-upstream.ts';
import { sslPassthrough, type SslPassthroughWish } from '../policies/tls/ssl-passthrough.ts';
import { tlsCiphers, type TlsCiphersWish } from '../policies/tls/tls-ciphers.ts';
import { readRefused } from '../policies/rules/modsecurity.ts';
import { readRules } from '../policies/rules/rules.ts';
import { reportUnread } from '../policies/unread.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { parseHost } from './hosts.ts';
import { rewriteWish } from './routing/patterns.ts';
import type { PathType } from './paths.ts';
import { pathProblem } from './paths.ts';
import type { Fields } from './read.ts';
import { isPort, nameOf, objectKey, objectRef, readFields, readList, readText } from './read.ts';

/** A port of a Service that an Ingress names, and where it does. */
export interface BackendPlan {
  readonly service: string;
  /** A number in decimal or a name; empty: the first port of the Service (annotation `default-backend`). */
  readonly port: string;
  readonly field: string;
}

export interface PathPlan {
  readonly path: string;
  readonly pathType: PathType;
  readonly backend: BackendPlan;
  readonly field: string;
}

/** A rule whose host is one. The host exists even when no path of it is left. */
export interface RulePlan {
  readonly host: string;
  readonly paths: readonly PathPlan[];
}

export interface TlsPlan {
  /** Lower-case. */
  readonly hosts: readonly string[];
  readonly secret: string | null;
  readonly field: string;
}

/** Which requests a canary takes, of the paths it shares with others. */
export interface CanaryPlan {
  readonly canaryRules: CanaryRules;
  readonly rules: readonly RulePlan[];
  /** It is an alternative to whatever the catch-all host serves. */
  readonly defaultBackend: BackendPlan | null;
}

/** One accepted Ingress. Never changed: a new version of the Ingress is a new plan. */
export interface IngressPlan {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly object: ObjectRef;
  /** Milliseconds since the epoch; `-Infinity` when absent or unreadable, as Go's zero time is before all others. */
  readonly created: number;
  readonly rules: readonly RulePlan[];
  /** Whether `spec.rules` has any item, good or bad: only an Ingress without any is a catch-all. */
  readonly hasRules: boolean;
  readonly defaultBackend: BackendPlan | null;
  readonly tls: readonly TlsPlan[];
  /** The Service of the annotation `default-backend`. */
  readonly fallback: BackendPlan | null;
  readonly serviceUpstream: boolean;
  readonly loadBalance: Algorithm;
  readonly hashBy: HashBy | null;
  readonly affinity: AffinityWish;
  /** It is an alternative to other Ingresses: `rules` and the like are empty. So are those of a canary that is forbidden, which has null here. */
  readonly canary: CanaryPlan | null;
  /** The field of the annotation `service-upstream`, for diagnostics. */
  readonly serviceUpstreamField: string;
  readonly sslPassthrough: SslPassthroughWish;
  /** What it asks of the policies of its routes. */
  readonly wishes: PolicyWishes;
  /** The Secrets and ConfigMaps that these name. */
  readonly references: readonly ObjectReference[];
  readonly proxySsl: ProxySslWish;
  /** The field of the annotation `proxy-ssl-secret`, for diagnostics. */
  readonly proxySslField: string;
  readonly clientAuth: ClientCertificateWish | null;
  /** The field of the annotation `auth-tls-secret`, for diagnostics. */
  readonly clientAuthField: string;
  readonly tlsCiphers: TlsCiphersWish;
  /** `server-alias`: sorted. */
  readonly aliases: readonly string[];
  /** `from-to-www-redirect`. */
  readonly wwwRedirect: boolean;
  /** Whose routes are answered with 503, because an annotation that protects is not supported, not understood, or cannot be honoured. */
  readonly denied: Denial;
  readonly diagnostics: readonly Diagnostic[];
}

/** Oldest first; of the same age, the greater `namespace/name` first. As ingress-nginx sorts them. */
export function comparePlans(a: IngressPlan, b: IngressPlan): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1;
  const left = `${a.namespace}/${a.name}`;
  const right = `${b.namespace}/${b.name}`;
  if (left === right) return 0;
  return left > right ? -1 : 1;
}

const PATH_LEFT_OUT = 'This path is left out; the others of the Ingress are served.';
const RULE_LEFT_OUT = 'This rule is left out; the others of the Ingress are served.';

/** Reads an accepted Ingress. Null when it has no name. */
export function planIngress(ingress: Ingress, settings: TranslateSettings): IngressPlan | null {
  const id = nameOf(ingress);
  if (id === null) return null;
  const { metadata } = ingress;
  const object = objectRef('Ingress', id.namespace, id.name, metadata.uid);
  const { report, diagnostics } = createReporter(object);
  const source = annotationSource(metadata.annotations, settings.annotationsPrefix, report, id.namespace);
  const canaryRules = canary.read(source, settings);
  // ingress-nginx makes neither hosts nor certificates nor routes of a canary, so most annotations have nothing to be about.
  const own = canaryRules === null ? source : annotationSource({}, settings.annotationsPrefix, () => undefined, id.namespace);
  reportUnread(source);
  readRules(source, metadata.annotations, ANNOTATIONS, canaryRules !== null, settings);
  const forbidden = canaryRules !== null && source.denied() !== 'none';
  readRefused(own, settings);
  const passthrough = sslPassthrough.read(own, settings);
  const clientAuth = readClientAuth(own, id.namespace, settings);
  const spec = readFields(ingress.spec, 'spec', report) ?? {};
  const specBackend = readDefaultBackend(spec, report);
  const created: unknown = metadata.creationTimestamp;
  const time = typeof created === 'string' ? Date.parse(created) : Number.NaN;
  const wishes = wishesOf(own, passthrough === 'on', settings);
  // A canary's paths are compared with those of its primary, whose annotations say what they are.
  const patterns = canaryRules !== null || rewriteWish(wishes) !== undefined;
  const rules = readList(spec['rules'], 'spec.rules', report).flatMap((rule, index) =>
    readRule(rule, `spec.rules[${index}]`, { settings, patterns, report }),
  );
  const tls = readProxySsl(own, id.namespace, settings);
  const ciphers = tlsCiphers.read(own, settings);
  const hostDenied = clientAuth === 'denied' || ciphers.denied;
  const fallback = defaultBackend.read(own, settings);
  return {
    ...id,
    key: objectKey(id.namespace, id.name),
    object,
    created: Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time,
    rules: canaryRules === null ? rules : [],
    hasRules: Array.isArray(spec['rules']) ? spec['rules'].length > 0 : spec['rules'] !== undefined && spec['rules'] !== null,
    defaultBackend: canaryRules === null ? specBackend : null,
    tls: readList(canaryRules === null ? spec['tls'] : [], 'spec.tls', report).map((entry, index) =>
      readTls(entry, `spec.tls[${index}]`, report),
    ),
    fallback:
      fallback === null
        ? null
        : { service: fallback, port: '', field: annotationField(settings.annotationsPrefix, 'default-backend') },
    serviceUpstream: serviceUpstream.read(source, settings),
    loadBalance: loadBalance.read(source, settings),
    hashBy: hashBy.read(source, settings),
    affinity: affinity.read(source, settings),
    canary: canaryRules === null || forbidden ? null : { canaryRules, rules, defaultBackend: specBackend },
    serviceUpstreamField: annotationField(settings.annotationsPrefix, 'service-upstream'),
    sslPassthrough: passthrough,
    wishes,
    references: policyReferences(wishes),
    proxySsl: tls,
    proxySslField: annotationField(settings.annotationsPrefix, 'proxy-ssl-secret'),
    clientAuth: clientAuth === 'denied' ? null : clientAuth,
    clientAuthField: annotationField(settings.annotationsPrefix, 'auth-tls-secret'),
    tlsCiphers: ciphers,
    aliases: serverAlias.read(own, settings),
    wwwRedirect: wwwRedirect.read(own, settings),
    denied: widest(hostDenied ? 'hosts' : passthrough === 'denied' ? 'namespace' : 'none', own.denied()),
    diagnostics,
  };
}

function wishesOf(source: AnnotationSource, passesTls: boolean, settings: TranslateSettings): PolicyWishes {
  const wishes = readPolicies(source, settings);
  if (!passesTls || (wishes.get('backendProtocol') ?? 'HTTP') !== 'HTTP') return wishes;
  // What comes in plain text goes to the same port, which speaks TLS (ingress-nginx, controller.go).
  return new Map(wishes).set('backendProtocol', 'HTTPS');
}

/** A Secret of another namespace is another tenant's (ingress-nginx without `allow-cross-namespace-resources`). */
function readProxySsl(source: AnnotationSource, namespace: string, settings: TranslateSettings): ProxySslWish {
  const wish = proxySsl.read(source, settings);
  if (wish.secret === null || wish.secret.namespace === namespace || settings.allowCrossNamespaceResources) return wish;
  source.deny('proxy-ssl-secret', "a Secret of the Ingress's own namespace");
  return { ...wish, secret: null };
}

/** `denied`: it cannot be honoured, which was reported. */
function readClientAuth(
  source: AnnotationSource,
  namespace: string,
  settings: TranslateSettings,
): ClientCertificateWish | 'denied' | null {
  const wish = clientCertificate.read(source, settings);
  if (wish === null) return null;
  if (wish === 'invalid') return 'denied';
  if (wish.secret.namespace === namespace || settings.allowCrossNamespaceResources) return wish;
  const message = 'the Secret is in another namespace, which the ConfigMap does not allow (allow-cross-namespace-resources)';
  const served = 'Every path of its hosts is answered with 503, also those of other Ingresses: it holds for the host.';
  source.report('SecretForbidden', 'error', 'auth-tls-secret', message, served);
  return 'denied';
}

function readDefaultBackend(spec: Fields, report: Report): BackendPlan | null {
  const field = 'spec.defaultBackend';
  const backend = readFields(spec['defaultBackend'], field, report);
  return backend === undefined ? null : readBackend(backend, field, 'This default backend is left out.', report);
}

/** `patterns`: the Ingress asks for its paths to be regular expressions. */
interface RuleReading {
  readonly settings: TranslateSettings;
  readonly patterns: boolean;
  readonly report: Report;
}

function readRule(value: unknown, field: string, reading: RuleReading): RulePlan[] {
  const { report } = reading;
  const rule = readFields(value, field, report);
  if (rule === undefined) return [];
  const hostText = readText(rule['host'], `${field}.host`, report);
  if (hostText === null) return [];
  const parsed = parseHost(hostText);
  if ('problem' in parsed) {
    report('HostInvalid', 'error', `${field}.host`, `${quote(hostText)} ${parsed.problem}`, RULE_LEFT_OUT);
    return [];
  }
  const http = readFields(rule['http'], `${field}.http`, report);
  const paths = readList(http?.['paths'], `${field}.http.paths`, report);
  return [
    {
      host: parsed.host,
      paths: paths.flatMap((path, index) => readPath(path, `${field}.http.paths[${index}]`, reading)),
    },
  ];
}

function readPath(value: unknown, field: string, { settings, patterns, report }: RuleReading): PathPlan[] {
  const fields = readFields(value, field, report);
  if (fields === undefined) return [];
  const pathText = readText(fields['path'], `${field}.path`, report);
  const typeText = readText(fields['pathType'], `${field}.pathType`, report);
  if (pathText === null || typeText === null) return [];
  const path = pathText === undefined || pathText === '' ? '/' : pathText;
  const pathType = typeText ?? 'Prefix';
  if (pathType !== 'Exact' && pathType !== 'Prefix' && pathType !== 'ImplementationSpecific') {
    const message = `${quote(pathType)} is not Exact, Prefix or ImplementationSpecific`;
    report('PathTypeInvalid', 'error', `${field}.pathType`, message, PATH_LEFT_OUT);
    return [];
  }
  let problem = pathProblem(path, pathType, settings.strictValidatePathType);
  if (problem !== null && patterns && pathProblem(path, 'ImplementationSpecific', false) === null) {
    // ingress-nginx's webhook refuses it, but its controller serves what is there.
    const served = 'It is served as a regular expression, as the annotations ask.';
    report('PathInvalid', 'warning', `${field}.path`, `${quote(path)} ${problem}`, served);
    problem = null;
  }
  if (problem !== null) {
    report('PathInvalid', 'error', `${field}.path`, `${quote(path)} ${problem}`, PATH_LEFT_OUT);
    return [];
  }
  const backendFields = readFields(fields['backend'], `${field}.backend`, report) ?? {};
  const backend = readBackend(backendFields, `${field}.backend`, PATH_LEFT_OUT, report);
  return backend === null ? [] : [{ path, pathType, backend, field }];
}

function readBackend(backend: Fields, field: string, served: string, report: Report): BackendPlan | null {
  const service = readFields(backend['service'], `${field}.service`, report);
  if (service === undefined) {
    if (backend['resource'] !== undefined && backend['resource'] !== null) {
      const message = `${quote(backend['resource'])} is a resource, and only Services can be backends`;
      report('BackendResourceUnsupported', 'error', `${field}.resource`, message, served);
    } else report('BackendMissing', 'error', field, 'no Service is named', served);
    return null;
  }
  const name = readText(service['name'], `${field}.service.name`, report);
  if (typeof name !== 'string' || name === '') {
    if (name !== null) report('BackendMissing', 'error', `${field}.service.name`, 'no Service is named', served);
    return null;
  }
  const portField = `${field}.service.port`;
  const port = readFields(service['port'], portField, report);
  const number = port?.['number'];
  if (isPort(number)) return { service: name, port: String(number), field: `${portField}.number` };
  // ingress-nginx: a number that is not above 0 counts as absent.
  if (number !== undefined && number !== null && number !== 0) {
    report('ServicePortNotFound', 'error', `${portField}.number`, `${quote(number)} is not a port number`, served);
    return null;
  }
  const portName = readText(port?.['name'], `${portField}.name`, report);
  if (typeof portName === 'string' && portName !== '') return { service: name, port: portName, field: `${portField}.name` };
  if (portName !== null) report('BackendMissing', 'error', portField, `no port of the Service ${quote(name)} is named`, served);
  return null;
}

function readTls(value: unknown, field: string, report: Report): TlsPlan {
  const entry = readFields(value, field, report);
  const hosts = readList(entry?.['hosts'], `${field}.hosts`, report).flatMap((host, index) => {
    const text = readText(host, `${field}.hosts[${index}]`, report);
    return typeof text === 'string' ? [text.toLowerCase()] : [];
  });
  const secret = readText(entry?.['secretName'], `${field}.secretName`, report);
  return { hosts, secret: typeof secret === 'string' && secret !== '' ? secret : null, field };
}

/** The virtual hosts that the Ingress has a part in. */
export function hostsOf(plan: IngressPlan, settings: TranslateSettings): ReadonlySet<string> {
  const hosts = new Set(plan.rules.map(({ host }) => host));
  if (plan.defaultBackend !== null && (!plan.hasRules || settings.conformance === 'kubernetes')) hosts.add(CATCH_ALL_HOST);
  return hosts;
}

/** The virtual hosts for whose requests it is an alternative. */
export function canaryHostsOf({ canary: plan }: IngressPlan): ReadonlySet<string> {
  const hosts = new Set(plan?.rules.map(({ host }) => host));
  if ((plan?.defaultBackend ?? null) !== null) hosts.add(CATCH_ALL_HOST);
  return hosts;
}

/** Every Service port the Ingress names: in rules, as default backend, as fallback, and as canary. */
export function backendsOf(plan: IngressPlan): readonly BackendPlan[] {
  const backends = plan.rules.flatMap((rule) => rule.paths.map(({ backend }) => backend));
  if (plan.defaultBackend !== null) backends.push(plan.defaultBackend);
  if (plan.fallback !== null) backends.push(plan.fallback);
  if (plan.canary === null) return backends;
  backends.push(...plan.canary.rules.flatMap((rule) => rule.paths.map(({ backend }) => backend)));
  if (plan.canary.defaultBackend !== null) backends.push(plan.canary.defaultBackend);
  return backends;
}
