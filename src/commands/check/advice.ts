/** What to do about a diagnostic, and whether ingress-nginx has the same difficulty. */
import type { Diagnostic, DiagnosticCode } from '../../model/diagnostic.ts';
import { CATALOGUE_ENTRIES } from '../../policies/catalogue/catalogue.ts';
import type { Finding } from './finding.ts';

/** What is so with ingress-nginx too: moving changes nothing about it. */
const ALIKE: ReadonlySet<DiagnosticCode> = new Set<DiagnosticCode>([
  'HostInvalid',
  'PathInvalid',
  'PathTypeInvalid',
  'PathConflict',
  'BackendMissing',
  'BackendResourceUnsupported',
  'ServiceNotFound',
  'ServicePortNotFound',
  'ServiceNoEndpoints',
  'ServiceTerminatingOnly',
  'ServiceUpstreamHeadless',
  'ExternalNameRefused',
  'SecretNotFound',
  'SecretInvalid',
  'SecretForbidden',
  'ClientCaInvalid',
  'AnnotationConflict',
  'AnnotationInvalid',
  'AnnotationUnknown',
  'CertificateKeyMismatch',
  'CertificateExpired',
  'CertificateNotYetValid',
  'CertificateHostMismatch',
  'CatchAllRefused',
  'ObjectMalformed',
  'StreamInvalid',
  'StreamConfigMapNotFound',
  'StreamPortUnavailable',
  'ConfigKeyInvalid',
]);

const ADVICE: { readonly [C in DiagnosticCode]?: string } = {
  HostInvalid: 'Write a DNS name, or a wildcard such as *.example.com.',
  PathInvalid: 'Begin the path with "/"; patterns need pathType ImplementationSpecific.',
  PathTypeInvalid: 'Write Exact, Prefix or ImplementationSpecific.',
  PathConflict: 'Take the path out of one of the two Ingresses.',
  BackendMissing: 'Name a Service and its port.',
  BackendResourceUnsupported: 'Name a Service instead.',
  ServiceNotFound: 'Create the Service, or take the path away.',
  ServicePortNotFound: 'Name a port that the Service has.',
  SecretNotFound: 'Create the Secret, or mend its name.',
  SecretInvalid: 'Mend the Secret.',
  SecretForbidden:
    'Copy the Secret into the namespace of the Ingress, or set allow-cross-namespace-resources in the ConfigMap.',
  ClientCaInvalid: 'Create the Secret with the authorities in ca.crt.',
  AnnotationConflict: 'Let the Ingresses of the host agree, or keep the annotation at one of them.',
  AnnotationInvalid: 'Mend the value, or take the annotation away.',
  AnnotationUnknown: 'Take the annotation away, or write the one that was meant.',
  AnnotationUnsupported: 'Take the annotation away where it is not needed; until then keep the Ingress with ingress-nginx.',
  CertificateHostMismatch: 'Have a certificate made that covers the host.',
  CertificateKeyMismatch: 'Put the key that belongs to the certificate into the Secret.',
  CertificateExpired: 'Renew the certificate.',
  CatchAllRefused: 'Name a host in a rule, or leave --disable-catch-all out.',
  ConfigKeyInvalid: 'Mend the value in the ConfigMap.',
  ConfigKeyUnknown: 'Take the key away, or write the one that was meant.',
  ObjectMalformed: 'Mend the field; an API server would refuse it.',
};

/** The annotation that a diagnostic is about; undefined: none. */
export function annotationOf(field: string, prefix: string): string | undefined {
  const begin = `metadata.annotations[${prefix}/`;
  return field.startsWith(begin) && field.endsWith(']') ? field.slice(begin.length, -1) : undefined;
}

/** A diagnostic with what to do about it. */
export function findingOf(diagnostic: Diagnostic, prefix: string): Finding {
  const { code } = diagnostic;
  const annotation = annotationOf(diagnostic.field, prefix);
  const instead = annotation === undefined ? undefined : CATALOGUE_ENTRIES.get(annotation)?.instead;
  const advice = code === 'AnnotationUnsupported' && instead !== undefined ? instead : (ADVICE[code] ?? '');
  return { ...diagnostic, alike: ALIKE.has(code), advice };
}
