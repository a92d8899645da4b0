/**
 * Which certificate a TLS client gets: by SNI, exact name before wildcard before the default. Contexts are made on first use
 * and kept within a bound; replacing a certificate touches no open connection.
 */
import { constants } from 'node:crypto';
import tls from 'node:tls';
import { coversHost } from '../../model/covers-host.ts';
import { CATCH_ALL_HOST, type Certificate, type CertificateId, type VirtualHost } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { HostAliases } from '../routing/host-aliases.ts';
import { ALL_HOSTS, profileOf, withPair, type TlsProfile } from './tls-profile.ts';

/** Contexts kept at once: each holds some tens of kilobytes outside the heap. */
const MAX_CONTEXTS = 1000;

/** OpenSSL resumes a session only where this is the same: hosts with the same profile may share sessions, others never. */
const SESSION_ID_CONTEXT = 'sluice';

/**
 * OpenSSL's own (3.5), without the finite-field groups: they cost the server far more than the client (CVE-2002-20001), and no client
 * needs them.
 */
const GROUPS = '?*X25519MLKEM768 / ?*X25519:?secp256r1 / ?X448:?secp384r1:?secp521r1';

/** Whether clients may resume sessions: either key of ingress-nginx asks for it. */
function resumes({ tlsSessionCache, tlsSessionTickets }: ProxySettings): boolean {
  return tlsSessionCache || tlsSessionTickets;
}

/** The TLS options that listeners and contexts share. */
export function tlsOptions(settings: ProxySettings, profile: TlsProfile = ALL_HOSTS): tls.SecureContextOptions {
  const { clientAuth } = profile;
  // With client certificates every handshake is a full one: a session would say who somebody was, not who it is, nor to whom.
  const tickets = resumes(settings) && clientAuth === null;
  return {
    minVersion: profile.versions?.min ?? settings.tlsMinVersion,
    maxVersion: profile.versions?.max ?? settings.tlsMaxVersion,
    ciphers: profile.ciphers ?? settings.tlsCiphers,
    ecdhCurve: settings.tlsCurves === 'auto' ? GROUPS : settings.tlsCurves,
    honorCipherOrder: profile.preferServerCiphers ?? true,
    // No roots: a leaf without its chain would be verified against some hundred and fifty of them in every handshake.
    ca: clientAuth === null ? [] : clientAuth.ca,
    ...(clientAuth === null || clientAuth.crl === null ? {} : { crl: clientAuth.crl }),
    // Node allows renegotiation, which nobody needs and which costs us more than the client (CVE-2011-1473).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (tickets ? 0 : constants.SSL_OP_NO_TICKET),
  };
}

/** What the table says of one host's handshakes. */
interface HostEntry {
  readonly certificate: CertificateId | null;
  readonly alternative: CertificateId | null;
  readonly profile: TlsProfile;
  /** Its handshakes are not like those of all hosts. */
  readonly special: boolean;
}

export class TlsContexts {
  #settings: ProxySettings;
  readonly #certificates = new Map<CertificateId, Certificate>();
  readonly #hosts = new Map<string, HostEntry>();
  readonly #aliases = new HostAliases();
  /** Hosts whose profile is not that of all. */
  #special = 0;
  /** Base of a profile → how many hosts have it; 0 until it is swept. */
  readonly #profiles = new Map<string, number>();
  /** What it is made of → context, the longest unused first. */
  readonly #contexts = new Map<string, tls.SecureContext>();
  /** Its keys that are more than a fingerprint. */
  readonly #composed = new Set<string>();
  #default: Certificate | null = null;
  /** Refuses every handshake with an alert: there is no certificate in it. */
  #refusing: tls.SecureContext | null = null;

  constructor(settings: ProxySettings) {
    this.#settings = settings;
  }

  /** Contexts already made are forgotten: they hold the old settings. */
  configure(settings: ProxySettings): void {
    this.#settings = settings;
    this.#contexts.clear();
    this.#composed.clear();
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

  setHost({ host, certificate, tls: own, aliases }: VirtualHost): void {
    this.deleteHost(host);
    this.#aliases.set(host, aliases);
    const profile = profileOf(own);
    const alternative = own?.alternative ?? null;
    const entry: HostEntry = { certificate, alternative, profile, special: profile !== ALL_HOSTS || alternative !== null };
    this.#hosts.set(host, entry);
    if (entry.special) this.#special++;
    this.#count(profile, 1);
  }

  deleteHost(host: string): void {
    const entry = this.#hosts.get(host);
    if (entry === undefined) return;
    this.#hosts.delete(host);
    this.#aliases.delete(host);
    if (entry.special) this.#special--;
    this.#count(entry.profile, -1);
  }

  clear(): void {
    this.#certificates.clear();
    this.#hosts.clear();
    this.#aliases.clear();
    this.#contexts.clear();
    this.#composed.clear();
    this.#profiles.clear();
    this.#special = 0;
  }

  /**
   * Forgets the contexts of profiles that no host has any more; to be called after a change of hosts. An authority's list of revoked
   * certificates may have a megabyte, and each that is published makes another profile.
   */
  sweep(): void {
    let gone = 0;
    for (const [base, hosts] of this.#profiles) if (hosts === 0 && this.#profiles.delete(base)) gone++;
    if (gone === 0) return;
    for (const key of this.#composed) {
      if (this.#profiles.has(key.slice(key.indexOf('\0') + 1))) continue;
      this.#contexts.delete(key);
      this.#composed.delete(key);
    }
  }

  /** Whether some host may have this profile. */
  isCurrent({ base, pair }: TlsProfile): boolean {
    if (base !== '' && !this.#profiles.has(base)) return false;
    return pair === null || pair.every((certificate) => this.#certificates.get(certificate.id) === certificate);
  }

  /** Some host has a profile of its own: the name must be known before the handshake. */
  get hasProfiles(): boolean {
    return this.#special > 0;
  }

  /**
   * The profile of the handshakes for a name as the client sent it; null: it sent none. Exact before wildcard before catch-all, as
   * requests are routed by Host.
   */
  profileFor(serverName: string | null): TlsProfile {
    const [exact, wildcard] = serverName === null ? [] : this.#entriesOf(serverName);
    const entry = exact ?? wildcard ?? this.#hosts.get(CATCH_ALL_HOST);
    const profile = entry?.profile ?? ALL_HOSTS;
    const certificate = this.#certificateOf(entry?.certificate);
    const alternative = this.#certificateOf(entry?.alternative);
    return certificate === undefined || alternative === undefined ? profile : withPair(profile, certificate, alternative);
  }

  /**
   * The options of the context for clients without SNI, and a key that differs when they do; null before the first table. This
   * context also decides on the sessions of all others.
   */
  defaultOptions(profile: TlsProfile = ALL_HOSTS): { options: tls.SecureContextOptions; key: string } | null {
    if (this.#default === null) return null;
    // OpenSSL counts in whole seconds.
    const sessionTimeout = Math.ceil(this.#settings.tlsSessionTimeout / 1000);
    const sessionIdContext = profile.key === '' ? SESSION_ID_CONTEXT : profile.key.slice(0, 32);
    const shared = tlsOptions(this.#settings, profile);
    const served = profile.pair ?? (this.#settings.tlsRejectUnknown ? [] : [this.#default]);
    const own = served.length === 0 ? shared : { ...shared, ...credentials(served) };
    return {
      options: { ...own, sessionTimeout, sessionIdContext },
      key: JSON.stringify([this.#default.fingerprint, this.#settings.tlsRejectUnknown, shared, sessionTimeout]),
    };
  }

  /**
   * The context for a name as the client sent it: any case, perhaps with a final dot (CVE-2026-48928). Null: that of the server
   * itself. Of another context Node takes one certificate only, so a pair is the server's.
   */
  contextFor(serverName: string, profile: TlsProfile = ALL_HOSTS): tls.SecureContext | null {
    if (profile.pair !== null) return null;
    const [exact, wildcard] = this.#entriesOf(serverName);
    if (this.#settings.tlsRejectUnknown && exact === undefined && wildcard === undefined)
      return (this.#refusing ??= tls.createSecureContext({ ca: [] }));
    for (const entry of [exact, wildcard]) {
      const certificate = this.#certificateOf(entry?.certificate);
      if (certificate !== undefined) return this.#context(certificate, profile);
    }
    if (this.#default === null) throw new Error('no default certificate yet');
    return this.#context(this.#default, profile);
  }

  get size(): number {
    return this.#contexts.size;
  }

  /** The host of a name, which may be an alias of it, and the wildcard above it. */
  #entriesOf(serverName: string): [HostEntry | undefined, HostEntry | undefined] {
    const name = (serverName.endsWith('.') ? serverName.slice(0, -1) : serverName).toLowerCase();
    const dot = name.indexOf('.');
    const exact =
      (name === CATCH_ALL_HOST ? undefined : this.#hosts.get(name)) ?? this.#aliasEntry(this.#aliases.named(name), name);
    const wildcard = dot > 0 ? this.#hosts.get(`*${name.slice(dot)}`) : undefined;
    if (exact !== undefined || wildcard !== undefined) return [exact, wildcard];
    return [this.#aliasEntry(this.#aliases.matched(name), name), undefined];
  }

  /** As its host, but for the certificate, unless that covers the alias. */
  #aliasEntry(host: string | null, name: string): HostEntry | undefined {
    const entry = host === null ? undefined : this.#hosts.get(host);
    if (entry === undefined) return undefined;
    const covered = (id: CertificateId | null): CertificateId | null =>
      coversHost(this.#certificateOf(id)?.names ?? [], name) ? id : null;
    return { ...entry, certificate: covered(entry.certificate), alternative: covered(entry.alternative) };
  }

  #count({ base }: TlsProfile, more: 1 | -1): void {
    if (base !== '') this.#profiles.set(base, (this.#profiles.get(base) ?? 0) + more);
  }

  #certificateOf(id: CertificateId | null | undefined): Certificate | undefined {
    return id === null || id === undefined ? undefined : this.#certificates.get(id);
  }

  #context(certificate: Certificate, profile: TlsProfile): tls.SecureContext {
    const { fingerprint } = certificate;
    // The fingerprint alone where nothing else is to be told apart, as for most.
    const key = profile.key === '' ? fingerprint : `${fingerprint}\0${profile.key}`;
    let context = this.#contexts.get(key);
    if (context === undefined) {
      context = tls.createSecureContext({ ...tlsOptions(this.#settings, profile), ...credentials([certificate]) });
      if (this.#contexts.size >= MAX_CONTEXTS)
        for (const oldest of this.#contexts.keys()) {
          this.#contexts.delete(oldest);
          this.#composed.delete(oldest);
          break;
        }
      if (key !== fingerprint) this.#composed.add(key);
    } else this.#contexts.delete(key);
    this.#contexts.set(key, context);
    return context;
  }

  #forget(certificate: Certificate | undefined): void {
    if (certificate === undefined) return;
    const { fingerprint } = certificate;
    this.#contexts.delete(fingerprint);
    for (const key of this.#composed) {
      if (!key.startsWith(`${fingerprint}\0`)) continue;
      this.#contexts.delete(key);
      this.#composed.delete(key);
    }
  }
}

function credentials(served: readonly Certificate[]): { cert: string[]; key: string[] } {
  return {
    cert: served.map(({ chain }) => chain),
    key: served.map(({ key }) => key.export({ type: 'pkcs8', format: 'pem' }) as string),
  };
}
