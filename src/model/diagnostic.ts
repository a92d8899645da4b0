/**
 * Diagnostics: what a user configured wrong, as values. Translation never throws for bad input; it reports here which
 * object, which field, what is wrong and what is served instead. A diagnostic becomes an Event on the object, a line in the
 * log and an entry of the configuration dump.
 */

/** Every diagnostic there is, with its meaning. The code is stable: people write alerts on it. */
export const DIAGNOSTIC_CODES = {
  HostInvalid: 'The host of a rule is not a DNS name (an IP address, a bad wildcard, illegal characters).',
  PathInvalid: 'The path of a rule does not begin with "/" or holds characters its pathType does not allow.',
  PathTypeInvalid: 'The pathType of a rule is not Exact, Prefix or ImplementationSpecific.',
  PathConflict: 'An older Ingress already serves this host, path and pathType.',
  BackendMissing: 'A rule or default backend names no Service.',
  BackendResourceUnsupported: 'A backend is a resource reference, which only Services can be here.',
  ServiceNotFound: 'The Service of a backend does not exist.',
  ServicePortNotFound: 'The Service has no port of that number or name.',
  ServiceNoEndpoints: 'The Service has no endpoint that is ready.',
  ServiceTerminatingOnly: 'All endpoints are terminating; those still serving are used.',
  ServiceUpstreamHeadless: 'service-upstream was asked for a Service without a cluster IP; its endpoints are used.',
  ExternalNameRefused: 'An ExternalName Service is disabled, empty, or names the loopback.',
  SecretNotFound: 'The Secret that a tls entry or an annotation names does not exist.',
  SecretInvalid:
    'A Secret lacks what it is to hold (tls.crt, tls.key, ca.crt), or it cannot be read; as a certificate, what it held before is served on.',
  SecretForbidden: 'An annotation names a Secret of another namespace; the routes it protects are answered with 503.',
  ClientCaInvalid:
    'The Secret of auth-tls-secret is missing, lacks ca.crt, or cannot be read; the paths of its hosts are answered with 503.',
  AnnotationConflict: 'An annotation that holds for the whole host is set otherwise by an older Ingress, which decides.',
  CertificateKeyMismatch: 'The private key of a Secret does not belong to its certificate; what it held before is served on.',
  CertificateExpired: 'A certificate is past its validity; it is served all the same.',
  CertificateNotYetValid: 'A certificate is not valid yet; it is served all the same.',
  CertificateHostMismatch: 'The certificate of a tls entry does not cover the host.',
  CatchAllRefused: 'A catch-all Ingress is refused by --disable-catch-all.',
  AnnotationInvalid: 'An annotation has a value that cannot be understood; its default is used.',
  AnnotationUnsupported:
    'An annotation of ingress-nginx is not supported; if it protects, the routes of its Ingress are answered with 503.',
  AnnotationForbidden:
    'The ConfigMap forbids an annotation (annotations-risk-level, annotation-value-word-blocklist); the routes are answered with 503.',
  SnippetForbidden: 'A snippet is not allowed (allow-snippet-annotations); the routes are answered with 503.',
  SnippetInvalid: 'A snippet holds a directive that is not known here, or cannot be read; the routes are answered with 503.',
  SnippetWithoutEffect: 'A directive of a snippet has no effect here; the rest of the snippet is heeded.',
  AnnotationUnknown: 'An annotation with the prefix of ingress-nginx is none of its annotations.',
  CanaryUnmatched: 'A canary has a path that no other Ingress serves; it takes no request of it.',
  CanaryConflict:
    'A canary is for a Service port that has an older canary already, or its own Service port is no canary by an older Ingress.',
  ObjectMalformed: 'An object has a field of the wrong type; that part of it is left out.',
  ConfigMapNotFound: 'The ConfigMap with headers that an annotation or a setting names does not exist.',
  ConfigMapInvalid: 'A ConfigMap with headers has a name or value that cannot be sent, or one that is not allowed.',
  StreamInvalid: 'An entry of the ConfigMap with TCP or UDP services cannot be understood, or names a port that is taken.',
  StreamConfigMapNotFound: 'The ConfigMap of --tcp-services-configmap or --udp-services-configmap does not exist.',
  StreamPortUnavailable: 'The port of a TCP or UDP service cannot be listened on; it is tried again and again.',
  ConfigKeyInvalid: 'A key of the ConfigMap has a value that cannot be understood; its default is used.',
  ConfigKeyUnknown: 'A key of the ConfigMap is not known.',
  ConfigKeyIdle: 'A key of the ConfigMap is known, and has nothing to do here.',
} as const;

/** The stable code of a diagnostic. */
export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES;

/** Names one Kubernetes object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** `error`: something asked for is not served. `warning`: it is served, but not as asked. */
  readonly severity: 'error' | 'warning';
  /** The object to mend. */
  readonly object: ObjectRef;
  /** The field's path in that object, for example `spec.rules[0].http.paths[1].backend.service.port`. */
  readonly field: string;
  /** What is wrong, in a sentence, with the offending value. At most 1 KiB. */
  readonly message: string;
  /** What is served instead, in a sentence. */
  readonly served: string;
}
