/** Which certificate a virtual host is served with. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { diagnostic, quote } from '../model/report.ts';
import type { Certificate, CertificateId } from '../model/table.ts';
import { CATCH_ALL_HOST } from '../model/table.ts';
import { coversHost } from './certificate.ts';
import type { IngressPlan, TlsPlan } from './plan.ts';

/** Finds the usable certificate of a Secret. */
export type CertificateLookup = (namespace: string, secret: string) => Certificate | null;

export interface HostTls {
  /** The host has a certificate, if only the default one: `ssl-redirect` acts on it. */
  readonly configured: boolean;
  /** Null: the default certificate. */
  readonly certificate: CertificateId | null;
  readonly diagnostics: readonly Diagnostic[];
}

const NO_TLS: HostTls = { configured: false, certificate: null, diagnostics: [] };
const SERVED = 'The default certificate is served for the host.';

/**
 * The oldest Ingress of the host with any `spec.tls` decides: the entry that lists the host; else the first Secret whose certificate
 * covers it; else the default certificate. ingress-nginx, `createServers` and `extractTLSSecretName`.
 */
export function selectCertificate(host: string, plans: readonly IngressPlan[], lookup: CertificateLookup): HostTls {
  const plan = host === CATCH_ALL_HOST ? undefined : plans.find(({ tls }) => tls.length > 0);
  if (plan === undefined) return NO_TLS;
  const listed = plan.tls.find(({ hosts }) => hosts.includes(host));
  if (listed !== undefined) return fromEntry(host, plan, listed, lookup);
  for (const { secret } of plan.tls) {
    const certificate = secret === null ? null : lookup(plan.namespace, secret);
    if (certificate !== null && coversHost(certificate.names, host)) {
      return { configured: true, certificate: certificate.id, diagnostics: [] };
    }
  }
  if (plan.tls.every(({ secret }) => secret === null)) return { configured: true, certificate: null, diagnostics: [] };
  const message = `no entry lists the host ${quote(host)}, and no certificate of the entries covers it`;
  return defaultWith(diagnostic(plan.object, 'CertificateHostMismatch', 'warning', 'spec.tls', message, SERVED));
}

function fromEntry(host: string, plan: IngressPlan, { secret, field }: TlsPlan, lookup: CertificateLookup): HostTls {
  const certificate = secret === null ? null : lookup(plan.namespace, secret);
  // What is wrong with the Secret itself is reported with the Secret.
  if (certificate === null) return { configured: true, certificate: null, diagnostics: [] };
  if (coversHost(certificate.names, host)) return { configured: true, certificate: certificate.id, diagnostics: [] };
  const names = certificate.names.map(quote).join(', ') || 'no name';
  const message = `the certificate in the Secret ${quote(secret)} is for ${names}, not for ${quote(host)}`;
  return defaultWith(diagnostic(plan.object, 'CertificateHostMismatch', 'error', `${field}.secretName`, message, SERVED));
}

function defaultWith(problem: Diagnostic): HostTls {
  return { configured: true, certificate: null, diagnostics: [problem] };
}
