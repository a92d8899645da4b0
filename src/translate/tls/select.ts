/** Secrets as certificates of virtual hosts: what each Secret gives, and which of them a host is served with. */
import type { Diagnostic } from '../../model/diagnostic.ts';
import { createReporter, diagnostic, quote } from '../../model/report.ts';
import { coversHost } from '../../model/covers-host.ts';
import type { Certificate, CertificateId } from '../../model/table.ts';
import { CATCH_ALL_HOST } from '../../model/table.ts';
import type { ClusterView } from '../../model/view.ts';
import type { CertificateMemo } from '../certificate.ts';
import { wildcardOf } from '../hosts.ts';
import type { IngressPlan, TlsPlan } from '../plan.ts';
import type { CertificateRequest } from '../plan-index.ts';
import { objectRef } from '../read.ts';

/** A certificate, null when there is no usable one, and what is wrong. */
export interface TranslatedCertificate {
  readonly certificate: Certificate | null;
  readonly diagnostics: readonly Diagnostic[];
}

const DEFAULT_SERVED = 'The default certificate is served instead.';
const LAST_GOOD_SERVED = 'The certificate that the Secret held before is served on.';
const SERVED_ANYWAY = 'It is served all the same.';

/** Translates one Secret. `now`, in milliseconds since the epoch, only decides whether validity is remarked on. */
export function translateCertificate(
  request: CertificateRequest,
  view: ClusterView,
  now: number,
  memo: CertificateMemo,
): TranslatedCertificate {
  const { namespace, secret: name, references, isDefaultCertificate } = request;
  const secret = view.secret(namespace, name);
  if (secret === undefined) {
    memo.forget(request.id);
    const message = `the Secret ${quote(`${namespace}/${name}`)} does not exist`;
    const diagnostics = references.flatMap(({ plan, fields }) =>
      fields.map((field) => diagnostic(plan.object, 'SecretNotFound', 'error', field, message, DEFAULT_SERVED)),
    );
    if (isDefaultCertificate) {
      const asked = `${message}, which --default-ssl-certificate names`;
      const object = objectRef('Secret', namespace, name);
      const served = 'A self-signed certificate is served instead.';
      diagnostics.push(diagnostic(object, 'SecretNotFound', 'error', 'metadata.name', asked, served));
    }
    return { certificate: null, diagnostics };
  }
  const { report, diagnostics } = createReporter(objectRef('Secret', namespace, name, secret.metadata.uid));
  const parsed = memo.parse(secret);
  if ('problem' in parsed) {
    const certificate = memo.lastGood(request.id, secret);
    report(parsed.problem, 'error', parsed.field, parsed.message, certificate === null ? DEFAULT_SERVED : LAST_GOOD_SERVED);
    return { certificate, diagnostics };
  }
  const field = 'data[tls.crt]';
  if (now > parsed.notAfter) {
    const message = `the certificate expired at ${isoTime(parsed.notAfter)}`;
    report('CertificateExpired', 'warning', field, message, SERVED_ANYWAY);
  } else if (now < parsed.notBefore) {
    const message = `the certificate is not valid before ${isoTime(parsed.notBefore)}`;
    report('CertificateNotYetValid', 'warning', field, message, SERVED_ANYWAY);
  }
  return { certificate: parsed, diagnostics };
}

function isoTime(milliseconds: number): string {
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString() : 'an unreadable time';
}

/** Finds the usable certificate of a Secret. */
export type CertificateLookup = (namespace: string, secret: string) => Certificate | null;

export interface SelectedTls {
  /** The host has a certificate, if only the default one: `ssl-redirect` acts on it. */
  readonly configured: boolean;
  /** Null: the default certificate. */
  readonly certificate: CertificateId | null;
  /** The names of that certificate; none of the default one. */
  readonly names: readonly string[];
  /** One with a key of another type, to serve beside it. */
  readonly alternative: CertificateId | null;
  readonly diagnostics: readonly Diagnostic[];
}

const NO_TLS: SelectedTls = { configured: false, certificate: null, names: [], alternative: null, diagnostics: [] };
/** The host is served with the default certificate, and nothing is wrong with that. */
const DEFAULT: SelectedTls = { ...NO_TLS, configured: true };
const SERVED = 'The default certificate is served for the host.';

/**
 * The oldest Ingress of the host with any `spec.tls` decides: the entry that lists the host; else the first Secret whose certificate
 * covers it; else the default certificate. ingress-nginx, `createServers` and `extractTLSSecretName`. Of the further entries of the
 * same kind the first with a key of another type is served beside it: clients that know both prefer ECDSA.
 */
export function selectCertificate(host: string, plans: readonly IngressPlan[], lookup: CertificateLookup): SelectedTls {
  const plan = host === CATCH_ALL_HOST ? undefined : plans.find(({ tls }) => tls.length > 0);
  if (plan === undefined) return NO_TLS;
  const listed = plan.tls.find(({ hosts }) => hosts.includes(host));
  if (listed !== undefined) return fromEntry(host, plan, listed, lookup);
  for (const { secret } of plan.tls) {
    const certificate = secret === null ? null : lookup(plan.namespace, secret);
    if (certificate !== null && coversHost(certificate.names, host)) {
      return chosen(certificate, beside(host, plan, plan.tls, certificate, lookup));
    }
  }
  if (plan.tls.every(({ secret }) => secret === null)) return DEFAULT;
  const message = `no entry lists the host ${quote(host)}, and no certificate of the entries covers it`;
  return defaultWith(diagnostic(plan.object, 'CertificateHostMismatch', 'warning', 'spec.tls', message, SERVED));
}

/** The certificate of the host, or of the wildcard above it, which the TLS handshake falls back to. */
export function selectOfHost(
  host: string,
  own: readonly IngressPlan[],
  {
    plansOf,
    certificate,
  }: { readonly plansOf: (host: string) => readonly IngressPlan[]; readonly certificate: CertificateLookup },
): SelectedTls {
  const tls = selectCertificate(host, own, certificate);
  const wildcard = wildcardOf(host);
  if (tls.configured || wildcard === null) return tls;
  return { ...selectCertificate(wildcard, plansOf(wildcard), certificate), diagnostics: [] };
}

function fromEntry(host: string, plan: IngressPlan, { secret, field }: TlsPlan, lookup: CertificateLookup): SelectedTls {
  const certificate = secret === null ? null : lookup(plan.namespace, secret);
  // What is wrong with the Secret itself is reported with the Secret.
  if (certificate === null) return DEFAULT;
  if (coversHost(certificate.names, host)) {
    const listing = plan.tls.filter(({ hosts }) => hosts.includes(host));
    return chosen(certificate, beside(host, plan, listing, certificate, lookup));
  }
  const names = certificate.names.map(quote).join(', ') || 'no name';
  const message = `the certificate in the Secret ${quote(secret)} is for ${names}, not for ${quote(host)}`;
  return defaultWith(diagnostic(plan.object, 'CertificateHostMismatch', 'error', `${field}.secretName`, message, SERVED));
}

function chosen({ id, names }: Certificate, alternative: CertificateId | null): SelectedTls {
  return { ...DEFAULT, certificate: id, names, alternative };
}

function beside(
  host: string,
  { namespace }: IngressPlan,
  entries: readonly TlsPlan[],
  first: Certificate,
  lookup: CertificateLookup,
): CertificateId | null {
  for (const { secret } of entries) {
    const other = secret === null ? null : lookup(namespace, secret);
    if (other === null || other.key.asymmetricKeyType === first.key.asymmetricKeyType) continue;
    if (coversHost(other.names, host)) return other.id;
  }
  return null;
}

function defaultWith(problem: Diagnostic): SelectedTls {
  return { ...DEFAULT, diagnostics: [problem] };
}
