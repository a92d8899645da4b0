/**
 * What a policy is. Its reading half, here, turns the annotations of one Ingress into plain data, once per change of the
 * Ingress, and that into the data of each route. Its acting half (`acting.ts`) belongs to the data plane.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ConfigMap, Secret } from '../model/objects.ts';
import type { Report } from '../model/report.ts';
import { compareText, quote } from '../model/report.ts';
import type { TranslateSettings } from '../settings/translate-settings.ts';
import { parseGoBool } from '../settings/values/values.ts';
import { parseText } from './values.ts';

/** Whose routes are answered with 503: nobody's, one Ingress's, those of every Ingress of its hosts in its namespace, or of all. */
export type Denial = 'none' | 'ingress' | 'namespace' | 'hosts';

/** The annotations of one Ingress, named without their prefix. A value that cannot be understood is reported and read as absent. */
export interface AnnotationSource {
  /** The namespace of the Ingress: names without one are names in it. */
  readonly namespace: string;
  readonly bool: (name: string, fallback: boolean) => boolean;
  /** Trimmed per line; undefined when absent or empty. */
  readonly text: (name: string) => string | undefined;
  /** As the API gave it: it may be anything. */
  readonly value: (name: string) => unknown;
  /** The names of all annotations with the prefix, sorted. */
  readonly names: () => readonly string[];
  /** Reports something about one annotation; the name may be anything. */
  readonly report: (...about: Parameters<Report>) => void;
  /** Reports a value that the policy itself found wrong. `served` says what happens instead. */
  readonly invalid: (name: string, expected: string, served: string, severity?: Diagnostic['severity']) => void;
  /** As `invalid`, of what protects: every path of the Ingress (or, with `hosts`, of its hosts) is answered with 503. */
  readonly deny: (name: string, expected: string, scope?: Exclude<Denial, 'none'>, code?: Diagnostic['code']) => void;
  /** Denies without a report, for those who report in other words. */
  readonly denyFor: (scope: Exclude<Denial, 'none'>) => void;
  /** Reports something about another field of the Ingress. */
  readonly reportField: Report;
  /** What `deny` and `denyFor` said by now. */
  readonly denied: () => Denial;
}

/** The reading half of a policy. */
export interface PolicyReader<Data> {
  /** The annotations it reads, without prefix: each annotation belongs to one policy. */
  readonly annotations: readonly string[];
  readonly read: (source: AnnotationSource, settings: TranslateSettings) => Data;
}

/** A Secret or ConfigMap that an annotation names. */
export interface ObjectReference {
  readonly kind: 'Secret' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
}

/** What resolving a policy for one route looks at besides the wish of its Ingress. */
export interface RouteContext {
  readonly settings: TranslateSettings;
  readonly namespace: string;
  /** The name of the Ingress. */
  readonly ingress: string;
  /** The virtual host. */
  readonly host: string;
  /** As the Ingress writes it. */
  readonly path: string;
  readonly pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific';
  /** Its Service and port; null for the built-in default backend. */
  readonly service: { readonly name: string; readonly port: string } | null;
  /** The host has a certificate of its own (reference §4.14–16), or that of the wildcard above it. */
  readonly hostHasCertificate: boolean;
  /** The further names of the host (`server-alias`): names, wildcards, and regular expressions behind "~". */
  readonly aliases: readonly string[];
  /** The names of that certificate, where the host has aliases, which it need not cover; null: it has none. */
  readonly aliasesCovered: readonly string[] | null;
  /** Objects that the policy's `references` names; undefined: there is none of that name. */
  readonly secret: (namespace: string, name: string) => Secret | undefined;
  readonly configMap: (namespace: string, name: string) => ConfigMap | undefined;
  readonly serviceExists: (namespace: string, name: string) => boolean;
  /** Reports about an annotation. Said once, however many routes say it. */
  readonly report: (
    code: Diagnostic['code'],
    severity: Diagnostic['severity'],
    annotation: string,
    message: string,
    served: string,
  ) => void;
  /** As `report`, of what protects: the route is answered with 503. */
  readonly deny: (code: Diagnostic['code'], annotation: string, message: string) => void;
}

/** The reading half of a policy whose data is that of a route. Listed in `registry.ts`. */
export interface RoutePolicy<Data, Wish = NonNullable<Data>> {
  readonly annotations: readonly string[];
  /** It is about the backend of the rule: the default backend of a host goes without it. */
  readonly ofBackend?: true;
  /** The settings ask for it also where there is no Ingress. */
  readonly everywhere?: true;
  /** ingress-nginx leaves it out for a catch-all default backend. */
  readonly notForCatchAll?: true;
  /** What the annotations, or the settings in their absence, ask for; undefined: nothing. Once per version of an Ingress. */
  readonly read: (source: AnnotationSource, settings: TranslateSettings) => Wish | undefined;
  /** The objects it names: they are watched, and routes are resolved anew when they change. */
  // As methods, so that the registry can hold policies whose wishes differ.
  references?(wish: Wish): readonly ObjectReference[];
  /** What that is for one route; undefined: nothing. */
  resolve(wish: Wish, at: RouteContext): Data | undefined;
}

const SCOPES: readonly Denial[] = ['none', 'ingress', 'namespace', 'hosts'];

/** The one that denies most. */
export function widest(...denials: readonly Denial[]): Denial {
  return denials.reduce((a, b) => (SCOPES.indexOf(b) > SCOPES.indexOf(a) ? b : a));
}

/** What every path of a denied Ingress gets, in the words of diagnostics. */
export const DENIED = 'Every path of this Ingress is answered with 503.';
/** The same for what holds for a host. */
export const DENIED_HOSTS =
  'Every path of its hosts is answered with 503, also those of other Ingresses: it holds for the host.';

/** The same for what would hold for a host, of those who may not decide about it. */
export const DENIED_NAMESPACE =
  'Every path of its hosts is answered with 503, also those of other Ingresses of its namespace: it would hold for the host.';

/** The field path of an annotation in diagnostics. */
export function annotationField(prefix: string, name: string): string {
  return `metadata.annotations[${prefix}/${name}]`;
}

/** Reads the annotations of an Ingress of `namespace`. `annotations` is what the API gave: it may be anything. */
export function annotationSource(annotations: unknown, prefix: string, report: Report, namespace: string): AnnotationSource {
  let denied: Denial = 'none';
  const valueOf = (name: string): unknown => {
    if (typeof annotations !== 'object' || annotations === null) return undefined;
    const key = `${prefix}/${name}`;
    return Object.hasOwn(annotations, key) ? Reflect.get(annotations, key) : undefined;
  };
  const raw = (name: string): string | undefined => {
    const value = valueOf(name);
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'string') return value;
    report(
      'ObjectMalformed',
      'warning',
      annotationField(prefix, name),
      `${quote(value)} is not a text`,
      'The default is used.',
    );
    return undefined;
  };
  const invalid: AnnotationSource['invalid'] = (name, expected, served, severity = 'warning') => {
    const message = `${name}: ${quote(raw(name))} is not ${expected}`;
    report('AnnotationInvalid', severity, annotationField(prefix, name), message, served);
  };
  return {
    namespace,
    bool: (name, fallback) => {
      const text = raw(name);
      if (text === undefined) return fallback;
      const value = parseGoBool(text);
      if (value === undefined) invalid(name, 'a boolean ("true" or "false")', `The default, ${fallback}, is used.`);
      return value ?? fallback;
    },
    text: (name) => {
      const text = raw(name);
      return text === undefined ? undefined : parseText(text);
    },
    value: valueOf,
    names: () => {
      if (typeof annotations !== 'object' || annotations === null) return [];
      const keys = Object.keys(annotations).filter((key) => key.startsWith(`${prefix}/`));
      return keys.map((key) => key.slice(prefix.length + 1)).sort(compareText);
    },
    report: (code, severity, name, message, served) => {
      // Without the quotation marks: bounded, and free of control characters.
      report(code, severity, annotationField(prefix, quote(name).slice(1, -1)), message, served);
    },
    invalid,
    deny: (name, expected, scope = 'ingress', code = 'AnnotationInvalid') => {
      denied = widest(denied, scope);
      const value = valueOf(name);
      // What is no text cannot be understood, and must not pass for absent.
      const message = `${name}: ${quote(value)} is not ${expected}`;
      const served = scope === 'hosts' ? DENIED_HOSTS : DENIED;
      report(code, 'error', annotationField(prefix, name), message, served);
    },
    denyFor: (scope) => {
      denied = widest(denied, scope);
    },
    reportField: report,
    denied: () => denied,
  };
}
