/**
 * Which certificate a TLS client gets: by SNI, exact name before wildcard before the default. Contexts are made on first use
 * and kept within a bound; replacing a certificate touches no open connection.
 */
import { constants } from 'node:crypto';
import tls from 'node:tls';
import type { Certificate, CertificateId, VirtualHost } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';

/** Contexts kept at once: each holds some tens of kilobytes outside the heap. */
const MAX_CONTEXTS = 1000;

/** Sessions of one listener can be resumed on it, whatever context SNI chose: all hosts have the same settings. */
const SESSION_ID_CONTEXT = 'sluice';

/** Whether clients may resume sessions: either key of ingress-nginx asks for it. */
function resumes({ tlsSessionCache, tlsSessionTickets }: ProxySettings): boolean {
  return tlsSessionCache || tlsSessionTickets;
}

/** The TLS options that listeners and contexts share. */
export function tlsOptions(settings: ProxySettings): tls.SecureContextOptions {
  return {
    minVersion: settings.tlsMinVersion,
    maxVersion: settings.tlsMaxVersion,
    ciphers: settings.tlsCiphers,
    ecdhCurve: settings.tlsCurves,
    honorCipherOrder: true,
    // No roots: a leaf without its chain would be verified against some hundred and fifty of them in every handshake.
    ca: [],
    // Node allows renegotiation, which nobody needs and which costs us more than the client (CVE-2011-1473).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (resumes(settings) ? 0 : constants.SSL_OP_NO_TICKET),
  };
}

export class TlsContexts {
  #settings: ProxySettings;
  readonly #certificates = new Map<CertificateId, Certificate>();
  /** Host → certificate, for hosts that have one of their own. */
  readonly #hosts = new Map<string, CertificateId>();
  /** Fingerprint → context, the longest unused first. */
  readonly #contexts = new Map<string, tls.SecureContext>();
  #default: Certificate | null = null;

  constructor(settings: ProxySettings) {
    this.#settings = settings;
  }

  /** Contexts already made are forgotten: they hold the old settings. */
  configure(settings: ProxySettings): void {
    this.#settings = settings;
    this.#contexts.clear();
  }

  setCertificate(certificate: Certificate): void {
    this.#forget(this.#certificates.get(certificate.id));
    this.#certificates.set(certificate.id, certificate);
  }

  deleteCertificate(id: CertificateId): void {
    this.#forget(this.#certificates.get(id));
    this.#certificates.delete(id);
  }

  setDefault(certificate: Certificate): void {
    this.#default = certificate;
  }

  setHost(host: VirtualHost): void {
    if (host.certificate === null) this.#hosts.delete(host.host);
    else this.#hosts.set(host.host, host.certificate);
  }

  deleteHost(host: string): void {
    this.#hosts.delete(host);
  }

  clear(): void {
    this.#certificates.clear();
    this.#hosts.clear();
    this.#contexts.clear();
  }

  /**
   * The options of the context for clients without SNI, and a key that differs when they do; null before the first table. This
   * context also decides on the sessions of all others.
   */
  defaultOptions(): { options: tls.SecureContextOptions; key: string } | null {
    if (this.#default === null) return null;
    // OpenSSL counts in whole seconds.
    const sessionTimeout = Math.ceil(this.#settings.tlsSessionTimeout / 1000);
    return {
      options: { ...this.#options(this.#default), sessionTimeout, sessionIdContext: SESSION_ID_CONTEXT },
      key: JSON.stringify([this.#default.fingerprint, tlsOptions(this.#settings), sessionTimeout]),
    };
  }

  /** The context for a name as the client sent it: any case, perhaps with a final dot (CVE-2026-48928). */
  contextFor(serverName: string): tls.SecureContext {
    const name = (serverName.endsWith('.') ? serverName.slice(0, -1) : serverName).toLowerCase();
    const dot = name.indexOf('.');
    const id = this.#hosts.get(name) ?? (dot > 0 ? this.#hosts.get(`*${name.slice(dot)}`) : undefined);
    const certificate = id === undefined ? undefined : this.#certificates.get(id);
    const served = certificate ?? this.#default;
    if (served === null) throw new Error('no default certificate yet');
    return this.#context(served);
  }

  get size(): number {
    return this.#contexts.size;
  }

  #context(certificate: Certificate): tls.SecureContext {
    let context = this.#contexts.get(certificate.fingerprint);
    if (context === undefined) {
      context = tls.createSecureContext(this.#options(certificate));
      if (this.#contexts.size >= MAX_CONTEXTS)
        for (const oldest of this.#contexts.keys()) if (this.#contexts.delete(oldest)) break;
    } else this.#contexts.delete(certificate.fingerprint);
    this.#contexts.set(certificate.fingerprint, context);
    return context;
  }

  #options(certificate: Certificate): tls.SecureContextOptions {
    return {
      ...tlsOptions(this.#settings),
      cert: certificate.chain,
      key: certificate.key.export({ type: 'pkcs8', format: 'pem' }),
    };
  }

  #forget(certificate: Certificate | undefined): void {
    if (certificate !== undefined) this.#contexts.delete(certificate.fingerprint);
  }
}
