/**
 * Certificates for tests, of any mixture of key types. node-forge builds the certificate's body, which it can only do for RSA
 * keys; the public key and the signature of other types are put in its place.
 */
import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import forge from 'node-forge';

/** The kinds of key the tests use. `ec` is P-256. */
export type KeyType = 'rsa' | 'ec' | 'ed25519';

/** A certificate, its private key, and what a server sends: the certificate and its issuers but the root. All PEM. */
export interface TestCertificate {
  readonly cert: string;
  /** PKCS#8. */
  readonly key: string;
  readonly chain: string;
}

/** A certificate that can issue others. */
export interface TestCa extends TestCertificate {
  /** The CN. */
  readonly name: string;
  readonly keyType: KeyType;
  readonly root: boolean;
}

/** What `makeCertificate` makes; all but the names has a default. */
export interface CertificateOptions {
  /** DNS names for the subject alternative names; the first is the CN too. */
  readonly names: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly keyType?: KeyType;
  /** Self-signed when absent. */
  readonly issuer?: TestCa;
  /** Leave the subject alternative names out: only the CN names the host. */
  readonly commonNameOnly?: boolean;
  /** Take this key (PEM) instead of one of the process's cached keys. */
  readonly key?: string;
  readonly ca?: boolean;
  /** Names of the subject, first to last, instead of the CN: short names (RFC 2253) and values. */
  readonly subject?: readonly { readonly shortName: string; readonly value: string }[];
  /** Where the issuer says whether the certificate is revoked. */
  readonly ocspUrl?: string;
  /** It may sign OCSP responses in its issuer's name. */
  readonly ocspSigning?: boolean;
}

const DAY = 86_400_000;
const keys = new Map<string, string>();

/** A private key (PKCS#8 PEM). The same `name` gives the same key within one process: making RSA keys is slow. */
export function makeKey(type: KeyType, name = 'leaf'): string {
  const id = `${type} ${name}`;
  let pem = keys.get(id);
  if (pem === undefined) {
    pem = GENERATORS[type]().export({ type: 'pkcs8', format: 'pem' }) as string;
    keys.set(id, pem);
  }
  return pem;
}

const GENERATORS: Record<KeyType, () => KeyObject> = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ec: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ed25519: () => generateKeyPairSync('ed25519').privateKey,
};

/** A certificate authority: a root, or an intermediate when `issuer` is given. */
export function makeCa(
  options: { name?: string; keyType?: KeyType; issuer?: TestCa; notBefore?: Date; notAfter?: Date } = {},
): TestCa {
  const { name = 'Test CA', keyType = 'ec', ...rest } = options;
  const key = makeKey(keyType, name);
  const made = makeCertificate({ ...rest, names: [name], keyType, commonNameOnly: true, ca: true, key });
  return { ...made, name, keyType, root: options.issuer === undefined };
}

/** A certificate for host names, valid by default from yesterday for ninety days. */
export function makeCertificate(options: CertificateOptions): TestCertificate {
  const keyType = options.keyType ?? 'ec';
  const key = options.key ?? makeKey(keyType);
  const cert = issue(options, keyType, key);
  const { issuer } = options;
  return { cert, key, chain: issuer === undefined || issuer.root ? cert : cert + issuer.chain };
}

const { asn1, pki } = forge;

/** RFC 5280 section 4.2.2.1: one responder. */
function authorityInformation(url: string): forge.asn1.Asn1 {
  const method = universal(asn1.Type.OID, false, asn1.oidToDer('1.3.6.1.5.5.7.48.1').getBytes());
  // The tag is 6, which the library calls so.
  const location = asn1.create(asn1.Class.CONTEXT_SPECIFIC, asn1.Type.OID, false, url);
  return universal(asn1.Type.SEQUENCE, true, [universal(asn1.Type.SEQUENCE, true, [method, location])]);
}

// RFC 8017 appendix A.2.4, RFC 5758 section 3.2, RFC 8410 section 3.
const SIGNATURES = {
  rsa: { oid: '1.2.840.113549.1.1.11', hash: 'sha256', nullParameters: true },
  ec: { oid: '1.2.840.10045.4.3.2', hash: 'sha256', nullParameters: false },
  ed25519: { oid: '1.3.101.112', hash: null, nullParameters: false },
} as const;

/** A value of a universal type. */
export function universal(type: forge.asn1.Type, constructed: boolean, value: string | forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, type, constructed, value);
}

/** The algorithm that a key of this type signs with here. */
export function algorithmOf(type: KeyType): forge.asn1.Asn1 {
  const { oid, nullParameters } = SIGNATURES[type];
  const parts = [universal(asn1.Type.OID, false, asn1.oidToDer(oid).getBytes())];
  if (nullParameters) parts.push(universal(asn1.Type.NULL, false, ''));
  return universal(asn1.Type.SEQUENCE, true, parts);
}

function issue(options: CertificateOptions, keyType: KeyType, key: string): string {
  const certificate = pki.createCertificate();
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = options.notBefore ?? new Date(Date.now() - DAY);
  certificate.validity.notAfter = options.notAfter ?? new Date(Date.now() + 90 * DAY);
  const subject = [{ name: 'commonName', value: options.names[0] ?? '' }];
  const named = options.subject?.map((each) => ({
    ...each,
    valueTagClass: forge.asn1.Type.UTF8 as unknown as forge.asn1.Class,
  }));
  certificate.setSubject(named ?? subject);
  certificate.setIssuer(options.issuer === undefined ? subject : [{ name: 'commonName', value: options.issuer.name }]);
  const extensions: object[] = [{ name: 'basicConstraints', cA: options.ca === true, critical: true }];
  if (options.commonNameOnly !== true) {
    extensions.push({ name: 'subjectAltName', altNames: options.names.map((value) => ({ type: 2, value })) });
  }
  if (options.ocspSigning === true) extensions.push({ name: 'extKeyUsage', '1.3.6.1.5.5.7.3.9': true });
  if (options.ocspUrl !== undefined) extensions.push({ id: '1.3.6.1.5.5.7.1.1', value: authorityInformation(options.ocspUrl) });
  certificate.setExtensions(extensions);
  const one = new forge.jsbn.BigInteger('1', 10);
  certificate.publicKey = pki.setRsaPublicKey(one, one);

  const signingType = options.issuer?.keyType ?? keyType;
  // Placeholders, so that forge writes the body; replaced below.
  certificate.signatureOid = SIGNATURES.rsa.oid;
  certificate.siginfo.algorithmOid = SIGNATURES.rsa.oid;
  certificate.signature = '';
  const [body] = pki.certificateToAsn1(certificate).value as [forge.asn1.Asn1];
  const fields = body.value as forge.asn1.Asn1[];
  // RFC 5280 section 4.1: version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, extensions.
  fields[2] = algorithmOf(signingType);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  fields[6] = asn1.fromDer(spki.toString('binary'));
  return pem('CERTIFICATE', signed(body, signingType, options.issuer?.key ?? key));
}

/** The SEQUENCE of a body, the algorithm and the signature over the body: certificates and lists of revoked ones. */
export function signed(body: forge.asn1.Asn1, type: KeyType, key: string): forge.asn1.Asn1 {
  return universal(asn1.Type.SEQUENCE, true, [body, algorithmOf(type), signatureOf(body, type, key)]);
}

/** The signature over what is encoded, as a BIT STRING. */
export function signatureOf(body: forge.asn1.Asn1, type: KeyType, key: string): forge.asn1.Asn1 {
  const signature = sign(SIGNATURES[type].hash, Buffer.from(asn1.toDer(body).getBytes(), 'binary'), key);
  return universal(asn1.Type.BITSTRING, false, `\0${signature.toString('binary')}`);
}

/** PEM. */
export function pem(label: string, value: forge.asn1.Asn1): string {
  const base64 = Buffer.from(asn1.toDer(value).getBytes(), 'binary').toString('base64');
  return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;
}
