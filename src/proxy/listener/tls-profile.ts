/**
 * What of a TLS handshake must be settled before it begins, because neither Node's SNI callback nor OpenSSL could change it any more
 * or would resume a session past it: client certificates, versions, ciphers, whose order counts, two certificates. Most hosts have the profile of all.
 */
import { createHash } from 'node:crypto';
import type { Certificate, ClientAuth, HostTls, TlsVersions } from '../../model/table.ts';

export interface TlsProfile {
  /** Differs when anything else does; empty: that of all hosts. */
  readonly key: string;
  /** The key without the certificates: what the table says of a host. */
  readonly base: string;
  /** Null: no certificate is asked for. */
  readonly clientAuth: ClientAuth | null;
  readonly ciphers: string | null;
  readonly preferServerCiphers: boolean | null;
  readonly versions: TlsVersions | null;
  /** The certificates of one host with keys of two types; null: SNI chooses one. */
  readonly pair: readonly [Certificate, Certificate] | null;
}

/** The profile of hosts that have none of their own. */
export const ALL_HOSTS: TlsProfile = {
  key: '',
  base: '',
  clientAuth: null,
  ciphers: null,
  preferServerCiphers: null,
  versions: null,
  pair: null,
};

/** The profile of a host. */
export function profileOf(tls: HostTls | null): TlsProfile {
  if (tls === null) return ALL_HOSTS;
  const { ciphers, preferServerCiphers, versions } = tls;
  const clientAuth = tls.clientAuth === null || tls.clientAuth.verify === 'off' ? null : tls.clientAuth;
  if (clientAuth === null && ciphers === null && (preferServerCiphers ?? true) && versions === null) return ALL_HOSTS;
  const text = JSON.stringify([clientAuth?.id ?? null, ciphers, preferServerCiphers, versions]);
  const key = createHash('sha256').update(text).digest('hex');
  return { key, base: key, clientAuth, ciphers, preferServerCiphers, versions, pair: null };
}

/** A profile for the one host that has these certificates. */
export function withPair(profile: TlsProfile, first: Certificate, second: Certificate): TlsProfile {
  const text = JSON.stringify([profile.key, first.fingerprint, second.fingerprint]);
  return { ...profile, key: createHash('sha256').update(text).digest('hex'), pair: [first, second] };
}
