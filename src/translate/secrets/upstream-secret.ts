/** Secrets for TLS to backends: certificates to trust, and one to show. */
import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { Secret } from '../../model/objects.ts';
import { createReporter, diagnostic, quote } from '../../model/report.ts';
import type { UpstreamSecret } from '../../model/table.ts';
import type { ClusterView } from '../../model/view.ts';
import { parseCertificate, readCertificates, type CertificateProblem } from '../certificate.ts';
import type { UpstreamSecretRequest } from '../plan-index.ts';
import { objectRef } from '../read.ts';

/** What a Secret gives; null when it is not to be used, and what is wrong. */
interface TranslatedUpstreamSecret {
  readonly secret: UpstreamSecret | null;
  readonly diagnostics: readonly Diagnostic[];
}

const DENIED = 'Every path of the Ingresses that name it in proxy-ssl-secret is answered with 503.';

/** Translates one Secret. Unlike a certificate that is served, a broken one is not used on as it was: whom to trust has changed. */
export function translateUpstreamSecret(request: UpstreamSecretRequest, view: ClusterView): TranslatedUpstreamSecret {
  const { id, namespace, secret: name, references } = request;
  const secret = view.secret(namespace, name);
  if (secret === undefined) {
    const message = `the Secret ${quote(`${namespace}/${name}`)} does not exist`;
    const diagnostics = references.flatMap(({ plan, fields }) =>
      fields.map((field) => diagnostic(plan.object, 'SecretNotFound', 'error', field, message, DENIED)),
    );
    return { secret: null, diagnostics };
  }
  const { report, diagnostics } = createReporter(objectRef('Secret', namespace, name, secret.metadata.uid));
  const parsed = parsedOf(secret);
  if ('problem' in parsed) {
    report(parsed.problem, 'error', parsed.field, parsed.message, DENIED);
    return { secret: null, diagnostics };
  }
  if (parsed.ca === null && references.some(({ plan }) => plan.proxySsl.needsCa)) {
    const served = 'Every path of the Ingresses that verify their backends by it is answered with 503.';
    report('SecretInvalid', 'error', 'data[ca.crt]', 'ca.crt is missing, which proxy-ssl-verify needs', served);
  }
  return { secret: { id, ...parsed }, diagnostics };
}

/** Whether a Secret holds what TLS to backends needs. */
export function isUsable(secret: UpstreamSecret | undefined, needsCa: boolean): boolean {
  return secret !== undefined && (!needsCa || secret.ca !== null);
}

type Parsed = Omit<UpstreamSecret, 'id'>;

/** By identity: a Secret in the store is never changed, a new version is a new object. */
const known = new WeakMap<Secret, Parsed | CertificateProblem>();

function parsedOf(secret: Secret): Parsed | CertificateProblem {
  let parsed = known.get(secret);
  if (parsed === undefined) known.set(secret, (parsed = parse(secret)));
  return parsed;
}

/** ingress-nginx, getPemCertificate: a key pair, a CA, or both. */
function parse(secret: Secret): Parsed | CertificateProblem {
  const ca = readCertificates(secret, 'ca.crt');
  if (ca !== null && 'problem' in ca) return ca;
  const data: unknown = secret.data;
  const has = (key: string): boolean =>
    typeof data === 'object' && data !== null && Object.hasOwn(data, key) && Reflect.get(data, key) !== '';
  const pair = has('tls.crt') || has('tls.key') ? parseCertificate(secret) : null;
  if (pair !== null && 'problem' in pair) return pair;
  if (ca === null && pair === null)
    return { problem: 'SecretInvalid', field: 'data', message: 'the Secret holds neither ca.crt nor tls.crt and tls.key' };
  const trusted = ca === null ? null : ca.map((certificate) => certificate.toString()).join('');
  return {
    ca: trusted,
    chain: pair === null ? null : pair.chain,
    key: pair === null ? null : pair.key,
    fingerprint: createHash('sha256')
      .update(JSON.stringify([trusted, pair?.fingerprint]))
      .digest('hex'),
  };
}
