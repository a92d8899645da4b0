/** What the TLS handshakes of one host have of their own: client certificates, ciphers, a second certificate. */
import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../model/diagnostic.ts';
import { equalData } from '../../model/diff.ts';
import type { Secret } from '../../model/objects.ts';
import { diagnostic, quote } from '../../model/report.ts';
import type { CertificateId, ClientAuth, HostTls } from '../../model/table.ts';
import { CATCH_ALL_HOST } from '../../model/table.ts';
import type { TranslateSettings } from '../../settings/translate-settings.ts';
import { readAuthority, type Authority } from './authority.ts';
import { wildcardOf } from '../hosts.ts';
import type { IngressPlan } from '../plan.ts';

/** Finds a Secret. */
export type SecretLookup = (namespace: string, name: string) => Secret | undefined;

interface Context {
  readonly settings: TranslateSettings;
  readonly plansOf: (host: string) => readonly IngressPlan[];
  readonly secret: SecretLookup;
}

interface HostHandshake {
  readonly tls: HostTls | null;
  /** Client certificates are asked for and cannot be verified: nobody gets in. */
  readonly closed: boolean;
  /** Whether this host protects the rules of another as that one does, which it serves too (`--conformance=kubernetes`). */
  readonly guards: (ruleHost: string) => boolean;
  readonly diagnostics: readonly Diagnostic[];
}

/** `alternative`: the second certificate. */
export function hostTls(
  host: string,
  own: readonly IngressPlan[],
  alternative: CertificateId | null,
  context: Context,
): HostHandshake {
  const demand = demandOf(host, own, context);
  const ciphers = own.find((plan) => plan.tlsCiphers.ciphers !== null)?.tlsCiphers.ciphers ?? null;
  const preferServerCiphers = own.find((plan) => plan.tlsCiphers.preferServer !== null)?.tlsCiphers.preferServer ?? null;
  const versions = own.find((plan) => plan.tlsCiphers.versions !== null)?.tlsCiphers.versions ?? null;
  const clientAuth = demand.auth;
  const made = { alternative, ciphers, preferServerCiphers, versions, clientAuth };
  return {
    tls: Object.values(made).every((value) => value === null) ? null : made,
    closed: demand.closed,
    guards: (ruleHost) => {
      const other = demandOf(ruleHost, context.plansOf(ruleHost), context);
      return !other.closed && (other.auth === null || equalData(other.auth, clientAuth));
    },
    diagnostics: demand.diagnostics,
  };
}

interface Demand {
  readonly auth: ClientAuth | null;
  readonly closed: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

const NO_DEMAND: Demand = { auth: null, closed: false, diagnostics: [] };

/** With `--conformance=kubernetes` a host also serves the rules of its wildcard and of the catch-all, and so inherits what they demand. */
function demandOf(host: string, own: readonly IngressPlan[], context: Context): Demand {
  const demand = ownDemand(own, context);
  if (context.settings.conformance !== 'kubernetes' || demand.auth !== null || demand.closed) return demand;
  for (const above of [wildcardOf(host), host === CATCH_ALL_HOST ? null : CATCH_ALL_HOST]) {
    if (above === null) continue;
    const inherited = ownDemand(context.plansOf(above), context);
    if (inherited.auth !== null) return { ...inherited, closed: false, diagnostics: [] };
  }
  return demand;
}

const CLOSED = 'Every path of its hosts is answered with 503, also those of other Ingresses: it holds for the host.';
const OLDER = 'The older Ingress decides for the whole host.';

/** The oldest Ingress with authorities decides; one without closes the host. ingress-nginx, `getBackendServers`. */
function ownDemand(plans: readonly IngressPlan[], { settings, secret: find }: Context): Demand {
  if (plans.every(({ clientAuth }) => clientAuth === null)) return NO_DEMAND;
  const diagnostics: Diagnostic[] = [];
  let closed = false;
  let auth: ClientAuth | null = null;
  let decider: IngressPlan | null = null;
  for (const plan of plans) {
    if (plan.clientAuth === null) continue;
    const { secret: name, ...wish } = plan.clientAuth;
    const secret = find(name.namespace, name.name);
    const missing = `the Secret ${quote(`${name.namespace}/${name.name}`)} does not exist`;
    const authority = secret === undefined ? missing : readAuthority(secret);
    if (typeof authority === 'string') {
      closed = true;
      diagnostics.push(diagnostic(plan.object, 'ClientCaInvalid', 'error', plan.clientAuthField, authority, CLOSED));
      continue;
    }
    const made = clientAuthOf(authority, { ...wish, plainHttpPaths: settings.noTlsRedirectLocations });
    if (auth === null || decider === null) {
      auth = made;
      decider = plan;
    } else if (!equalData(auth, made)) {
      const message = `the Ingress ${decider.namespace}/${decider.name} asks for other client certificates for the same host`;
      diagnostics.push(diagnostic(plan.object, 'AnnotationConflict', 'warning', plan.clientAuthField, message, OLDER));
    }
  }
  return { auth, closed, diagnostics };
}

/** Of each Secret's content, by what hosts ask for. */
const known = new WeakMap<Authority, Map<string, ClientAuth>>();

/**
 * One object for all hosts that ask for the same: a bundle may have a megabyte, and what is one object here is sent to a worker, and
 * kept there, once.
 */
function clientAuthOf(authority: Authority, wish: Omit<ClientAuth, 'id' | 'ca' | 'crl'>): ClientAuth {
  let made = known.get(authority);
  if (made === undefined) known.set(authority, (made = new Map<string, ClientAuth>()));
  const key = JSON.stringify(wish);
  let auth = made.get(key);
  if (auth === undefined) {
    const { ca, crl } = authority;
    const id = createHash('sha256')
      .update(JSON.stringify([ca, crl, wish.verify, wish.depth]))
      .digest('hex');
    made.set(key, (auth = { id, ...wish, ca, crl }));
  }
  return auth;
}
