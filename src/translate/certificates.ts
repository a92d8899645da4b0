/** A Secret that is named as certificate → the certificate, and what there is to say about it. */
import type { Diagnostic } from '../model/diagnostic.ts';
import { createReporter, diagnostic, quote } from '../model/report.ts';
import type { Certificate } from '../model/table.ts';
import type { ClusterView } from '../model/view.ts';
import type { CertificateMemo } from './certificate.ts';
import type { CertificateRequest } from './plan-index.ts';
import { objectRef } from './read.ts';

/** A certificate, null when there is no usable one, and what is wrong. */
export interface TranslatedCertificate {
  readonly certificate: Certificate | null;
  readonly diagnostics: readonly Diagnostic[];
}

const DEFAULT_SERVED = 'The default certificate is served instead.';
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
  const parsed = memo(secret);
  if ('problem' in parsed) {
    report(parsed.problem, 'error', parsed.field, parsed.message, DEFAULT_SERVED);
    return { certificate: null, diagnostics };
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
