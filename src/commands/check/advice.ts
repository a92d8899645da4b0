/** What to do about a diagnostic, and whether ingress-nginx has the same difficulty. */
import type { Diagnostic, DiagnosticCode } from '../../model/diagnostic.ts';
import { CATALOGUE_ENTRIES } from '../../policies/catalogue/catalogue.ts';
import type { Finding } from './finding.ts';

/** What is to be said of every diagnostic of a code. */
interface Judgement {
  /** It is so with ingress-nginx too: moving changes nothing about it. */
  readonly alike: boolean;
  readonly advice: string;
}

/** Of every code there is. */
export const JUDGEMENTS: { readonly [C in DiagnosticCode]: Judgement } = {
  HostInvalid: { alike: true, advice: 'Write a DNS name, or a wildcard such as *.example.com.' },
  // nginx takes patterns that no matcher in linear time does.
  PathInvalid: { alike: false, advice: 'Begin the path with "/"; patterns need pathType ImplementationSpecific.' },
  PathTypeInvalid: { alike: true, advice: 'Write Exact, Prefix or ImplementationSpecific.' },
  PathConflict: { alike: true, advice: 'Take the path out of one of the two Ingresses.' },
  BackendMissing: { alike: true, advice: 'Name a Service and its port.' },
  BackendResourceUnsupported: { alike: true, advice: 'Name a Service instead.' },
  ServiceNotFound: { alike: true, advice: 'Create the Service, or take the path away.' },
  ServicePortNotFound: { alike: true, advice: 'Name a port that the Service has.' },
  ServiceNoEndpoints: { alike: true, advice: 'See why its Pods are not ready.' },
  ServiceTerminatingOnly: { alike: true, advice: 'See why no new Pod is ready.' },
  ServiceUpstreamHeadless: { alike: true, advice: 'Give the Service a cluster IP, or take the annotation away.' },
  ExternalNameRefused: {
    alike: true,
    advice: 'Name a host outside of the controller, or leave --disable-svc-external-name out.',
  },
  SecretNotFound: { alike: true, advice: 'Create the Secret, or mend its name.' },
  SecretInvalid: { alike: true, advice: 'Mend the Secret.' },
  SecretForbidden: {
    alike: true,
    advice: 'Copy the Secret into the namespace of the Ingress, or set allow-cross-namespace-resources in the ConfigMap.',
  },
  ClientCaInvalid: { alike: true, advice: 'Create the Secret with the authorities in ca.crt.' },
  AnnotationConflict: { alike: true, advice: 'Let the Ingresses of the host agree, or keep the annotation at one of them.' },
  CertificateKeyMismatch: { alike: true, advice: 'Put the key that belongs to the certificate into the Secret.' },
  CertificateExpired: { alike: true, advice: 'Renew the certificate.' },
  CertificateNotYetValid: { alike: true, advice: 'Wait, or mend the clock that made it.' },
  CertificateHostMismatch: { alike: true, advice: 'Have a certificate made that covers the host.' },
  CatchAllRefused: { alike: true, advice: 'Name a host in a rule, or leave --disable-catch-all out.' },
  AnnotationInvalid: { alike: true, advice: 'Mend the value, or take the annotation away.' },
  AnnotationUnsupported: {
    alike: false,
    advice: 'Take the annotation away where it is not needed; otherwise keep the Ingress with ingress-nginx.',
  },
  AnnotationForbidden: {
    alike: true,
    advice: 'Take the annotation away, or allow it in the ConfigMap (annotations-risk-level, annotation-value-word-blocklist).',
  },
  SnippetForbidden: {
    alike: true,
    advice:
      'Set allow-snippet-annotations and annotations-risk-level in the ConfigMap, or use annotations instead of the snippet.',
  },
  SnippetInvalid: {
    alike: false,
    advice: 'Write the snippet with the directives of docs/snippets.md, or use an annotation instead.',
  },
  SnippetWithoutEffect: { alike: true, advice: 'Take the directive out of the snippet.' },
  AnnotationUnknown: { alike: true, advice: 'Take the annotation away, or write the one that was meant.' },
  CanaryUnmatched: {
    alike: true,
    advice: 'Give the canary the host, path and pathType of the Ingress it is an alternative to, or take the path away.',
  },
  CanaryConflict: {
    alike: true,
    advice: 'Keep one canary for a Service port, with a Service port that no other Ingress names.',
  },
  ObjectMalformed: { alike: true, advice: 'Mend the field; an API server would refuse it.' },
  ConfigMapNotFound: { alike: true, advice: 'Create the ConfigMap, or mend its name.' },
  ConfigMapInvalid: { alike: true, advice: 'Mend the ConfigMap, or allow its headers in global-allowed-response-headers.' },
  StreamInvalid: { alike: true, advice: 'Mend the entry: "9000": "namespace/service:port".' },
  StreamConfigMapNotFound: { alike: true, advice: 'Create the ConfigMap, or leave the flag out.' },
  StreamPortUnavailable: { alike: true, advice: 'Free the port, or take another.' },
  ConfigKeyInvalid: { alike: true, advice: 'Mend the value in the ConfigMap.' },
  ConfigKeyIdle: { alike: false, advice: 'Take the key away, if the reason it gives is all right.' },
  ConfigKeyUnknown: { alike: false, advice: 'Take the key away, or write the one that was meant.' },
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
  const { alike, advice } = JUDGEMENTS[code];
  return {
    ...diagnostic,
    // What denies here for a bad value has a default there, or not.
    alike: alike && !(code === 'AnnotationInvalid' && diagnostic.severity === 'error'),
    advice: code === 'AnnotationUnsupported' && instead !== undefined ? instead : advice,
  };
}
