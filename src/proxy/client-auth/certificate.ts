/** The certificate that a client showed in its handshake, and what became of its verification. */
import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientAuth } from '../../model/table.ts';

/** What is known of the client of one connection whose host asks for certificates. */
export interface ClientCertificate {
  /** `ClientAuth.id` of what it was verified by. */
  readonly setting: string;
  /** `optional_no_ca` takes it for what it says it is. */
  readonly accepted: boolean;
  /** nginx's `$ssl_client_verify`: SUCCESS, NONE, or FAILED and why. */
  readonly result: string;
  /** As RFC 2253 writes names: nginx's `$ssl_client_s_dn` and `$ssl_client_i_dn`. Empty without a certificate. */
  readonly subject: string;
  readonly issuer: string;
  /** PEM, escaped as a part of a URI: nginx's `$ssl_client_escaped_cert`. Empty without a certificate. */
  readonly escaped: string;
}

/** What nginx lets pass with `optional_no_ca` (`ngx_ssl_verify_error_optional`), in the words of OpenSSL 3. */
const UNTRUSTED: ReadonlyMap<string, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unable to get local issuer certificate'],
  ['CERT_UNTRUSTED', 'certificate not trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate'],
]);

/** Certificates of a chain that are looked at, at most. */
const MAX_SENT = 32;

/** Reads it after the handshake. */
export function clientCertificate(socket: TLSSocket, auth: ClientAuth): ClientCertificate {
  const leaf = socket.getPeerX509Certificate();
  const setting = auth.id;
  if (leaf === undefined)
    return { setting, accepted: auth.verify !== 'on', result: 'NONE', subject: '', issuer: '', escaped: '' };
  const failure = failureOf(socket, leaf, auth);
  const tolerated = auth.verify === 'optional_no_ca' && failure !== null && UNTRUSTED.has(failure);
  return {
    setting,
    accepted: failure === null || tolerated,
    result: failure === null ? 'SUCCESS' : `FAILED:${UNTRUSTED.get(failure) ?? failure}`,
    subject: distinguishedName(leaf.subject),
    issuer: distinguishedName(leaf.issuer),
    escaped: encodeURIComponent(leaf.toString()),
  };
}

/** OpenSSL's code for why it does not verify; null: it does. */
function failureOf(socket: TLSSocket, leaf: X509Certificate, auth: ClientAuth): string | null {
  // A session is no proof; none should ever be resumed here.
  if (socket.isSessionReused()) return 'UNSPECIFIED';
  if (!socket.authorized) return String(socket.authorizationError);
  return withinDepth(leaf, sentBy(socket), rootsOf(auth), auth.depth) ? null : 'CERT_CHAIN_TOO_LONG';
}

function sentBy(socket: TLSSocket): X509Certificate[] {
  const sent: X509Certificate[] = [];
  let next = socket.getPeerCertificate(true);
  while (sent.length < MAX_SENT && next.issuerCertificate !== undefined && next.issuerCertificate !== next) {
    next = next.issuerCertificate;
    sent.push(new X509Certificate(next.raw));
  }
  return sent;
}

const authorities = new WeakMap<ClientAuth, readonly X509Certificate[]>();

function rootsOf(auth: ClientAuth): readonly X509Certificate[] {
  let roots = authorities.get(auth);
  if (roots === undefined) {
    const blocks = auth.ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    authorities.set(auth, (roots = blocks.map((block) => new X509Certificate(block))));
  }
  return roots;
}

/**
 * Whether a chain of at most `depth` certificates between it and one of the roots exists, as OpenSSL counts (neither the client's
 * nor the root counts). Node cannot tell OpenSSL the depth; and what it says of the chain is not what was verified.
 */
function withinDepth(
  leaf: X509Certificate,
  sent: readonly X509Certificate[],
  trusted: readonly X509Certificate[],
  depth: number,
): boolean {
  let level: readonly X509Certificate[] = [leaf];
  const seen = new Set([leaf.fingerprint256]);
  for (let between = 0; between <= depth && level.length > 0; between++) {
    const next: X509Certificate[] = [];
    for (const child of level) {
      if (isRoot(child) && trusted.some(({ fingerprint256 }) => fingerprint256 === child.fingerprint256)) return true;
      for (const issuer of [...trusted, ...sent]) {
        if (!isIssued(child, issuer)) continue;
        if (isRoot(issuer) && trusted.includes(issuer)) return true;
        if (!seen.has(issuer.fingerprint256)) next.push(issuer);
        seen.add(issuer.fingerprint256);
      }
    }
    level = next;
  }
  return false;
}

/** False for a key that Node cannot use, which a client may send as well. */
function isIssued(child: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return child.checkIssued(issuer) && child.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function isRoot(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}

/**
 * Node writes one relative name a line, the first first, escaped as RFC 2253 has it; there they stand in one line, the last first, and
 * what is not ASCII is written in hexadecimal (OpenSSL's XN_FLAG_RFC2253). So no name can hold a control character.
 */
function distinguishedName(lines: string | undefined): string {
  const names = (lines ?? '').split('\n').toReversed();
  return names
    .map((name) => name.replaceAll(/(?<!\\) \+ /g, '+'))
    .join(',')
    .replaceAll(/[^\x20-\x7e]/gu, hexadecimal);
}

function hexadecimal(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}
