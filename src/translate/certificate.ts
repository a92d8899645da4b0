/** Certificates from Secrets: read, checked against their key, put in order. */
import type { KeyObject } from 'node:crypto';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

import type { DiagnosticCode } from '../model/diagnostic.ts';
import type { Secret } from '../model/objects.ts';
import type { Certificate, CertificateId } from '../model/table.ts';
import { certificateId } from '../model/table.ts';
import { nameOf } from './read.ts';

/** Why a Secret gives no certificate. */
export interface CertificateProblem {
  readonly problem: Extract<DiagnosticCode, 'SecretInvalid' | 'CertificateKeyMismatch'>;
  readonly field: string;
  readonly message: string;
}

/** What a Secret is read as. */
export type ParsedCertificate = Certificate | CertificateProblem;

/**
 * Reads Secrets, each version of one only once, and remembers the last that was good: a Secret that is broken by an edit goes
 * on being served as it was (ingress-nginx, store.go `syncSecret`).
 */
export class CertificateMemo {
  /** By identity: a Secret in the store is never changed, a new version is a new object. */
  readonly #parsed = new WeakMap<Secret, ParsedCertificate>();
  readonly #good = new Map<CertificateId, { readonly uid: string | undefined; readonly certificate: Certificate }>();

  parse(secret: Secret): ParsedCertificate {
    let parsed = this.#parsed.get(secret);
    if (parsed === undefined) this.#parsed.set(secret, (parsed = parseCertificate(secret)));
    if (!('problem' in parsed)) this.#good.set(parsed.id, { uid: secret.metadata.uid, certificate: parsed });
    return parsed;
  }

  /** What the same Secret was when it last was good, or null; one of the same name that came later is another. */
  lastGood(id: CertificateId, secret: Secret): Certificate | null {
    const good = this.#good.get(id);
    return good !== undefined && good.uid === secret.metadata.uid ? good.certificate : null;
  }

  /** The Secret is gone, or nobody names it any more. */
  forget(id: CertificateId): void {
    this.#good.delete(id);
  }
}

const CERT_FIELD = 'data[tls.crt]';
const KEY_FIELD = 'data[tls.key]';
const PEM_CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;
/** More than any real chain has; bounds the work one Secret can cause. */
const MAX_CHAIN = 32;
/** A bundle of all public authorities has some hundred and fifty. */
const MAX_BUNDLE = 512;
const KEY_TYPES: ReadonlySet<string | undefined> = new Set(['rsa', 'rsa-pss', 'ec', 'ed25519', 'ed448']);

function invalid(field: string, message: string): CertificateProblem {
  return { problem: 'SecretInvalid', field, message };
}

function decode(secret: Secret, key: 'tls.crt' | 'tls.key' | 'ca.crt'): string | undefined {
  const data: unknown = secret.data;
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, key)) return undefined;
  const value: unknown = Reflect.get(data, key);
  return typeof value === 'string' && value !== '' ? Buffer.from(value, 'base64').toString('latin1') : undefined;
}

/** The certificate in `tls.crt` and `tls.key` of a Secret of any type, or what is wrong with it. Never throws. */
export function parseCertificate(secret: Secret): ParsedCertificate {
  const id = nameOf(secret);
  if (id === null) return invalid('metadata.name', 'the Secret has no name');
  const certText = decode(secret, 'tls.crt');
  if (certText === undefined) return invalid(CERT_FIELD, 'tls.crt is missing');
  const keyText = decode(secret, 'tls.key');
  if (keyText === undefined) return invalid(KEY_FIELD, 'tls.key is missing');

  const certificates = readChain(certText, 'tls.crt', MAX_CHAIN);
  if ('problem' in certificates) return certificates;
  const key = readKey(keyText);
  if ('problem' in key) return key;

  const leaf = certificates.find((certificate) => matches(certificate, key));
  if (leaf === undefined) {
    const message = 'the private key belongs to none of the certificates in tls.crt';
    return { problem: 'CertificateKeyMismatch', field: KEY_FIELD, message };
  }
  const ordered = orderChain(leaf, certificates);
  const chain = ordered.map((certificate) => certificate.toString()).join('');
  const weakness = refusedByTls(ordered, key, chain);
  if (weakness !== null) return invalid(CERT_FIELD, weakness);
  const hash = createHash('sha256')
    .update(chain)
    .update('\0')
    .update(key.export({ type: 'pkcs8', format: 'der' }));
  return {
    id: certificateId(id.namespace, id.name),
    chain,
    key,
    fingerprint: hash.digest('hex'),
    names: namesOf(leaf),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

/** The certificates in the bundle `ca.crt`; null when there is none. Never throws. */
export function readCertificates(secret: Secret, key: 'ca.crt'): X509Certificate[] | CertificateProblem | null {
  const text = decode(secret, key);
  return text === undefined ? null : readChain(text, key, MAX_BUNDLE);
}

function readChain(text: string, key: 'tls.crt' | 'ca.crt', most: number): X509Certificate[] | CertificateProblem {
  const field = `data[${key}]`;
  const blocks = text.match(PEM_CERTIFICATE) ?? [];
  if (blocks.length === 0) return invalid(field, `${key} holds no PEM certificate`);
  if (blocks.length > most) return invalid(field, `${key} holds ${blocks.length} certificates, more than ${most}`);
  const certificates: X509Certificate[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block));
    } catch {
      return invalid(field, `certificate ${index + 1} of ${blocks.length} in ${key} cannot be read`);
    }
  }
  return certificates;
}

function readKey(text: string): KeyObject | CertificateProblem {
  // The text itself must not get into a message.
  if (/-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text))
    return invalid(KEY_FIELD, 'the private key in tls.key is encrypted');
  try {
    const key = createPrivateKey(text);
    if (KEY_TYPES.has(key.asymmetricKeyType)) return key;
    return invalid(KEY_FIELD, `a private key of type ${key.asymmetricKeyType ?? 'unknown'} cannot be used for TLS`);
  } catch {
    return invalid(KEY_FIELD, 'tls.key holds no PEM private key that can be read (PKCS#8, PKCS#1 or SEC1)');
  }
}

function matches(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.checkPrivateKey(key);
  } catch {
    return false;
  }
}

/** Leaf first, each followed by its issuer; what belongs to no one comes last. An order that is right is kept. */
function orderChain(leaf: X509Certificate, certificates: readonly X509Certificate[]): readonly X509Certificate[] {
  const inOrder = certificates.every(
    (certificate, index) => index === 0 || certificates[index - 1]?.checkIssued(certificate) === true,
  );
  if (inOrder && certificates[0] === leaf) return certificates;
  const rest = new Set(certificates);
  rest.delete(leaf);
  const ordered = [leaf];
  let current: X509Certificate | undefined = leaf;
  while (current !== undefined) {
    const child: X509Certificate = current;
    current = [...rest].find((candidate) => child.checkIssued(candidate));
    if (current !== undefined) {
      rest.delete(current);
      ordered.push(current);
    }
  }
  return [...ordered, ...rest];
}

const COMMON_CURVES: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);

function isCommon({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): boolean {
  if (type === 'rsa') return (details?.modulusLength ?? 0) >= 2048;
  return type === 'ec' ? COMMON_CURVES.has(details?.namedCurve) : type === 'ed25519' || type === 'ed448';
}

/**
 * OpenSSL's security level refuses small keys and weak signatures, of the leaf or of any other, only when a TLS context is made,
 * which is not cheap: what is common need not be tried.
 */
function refusedByTls(chain: readonly X509Certificate[], key: KeyObject, text: string): string | null {
  const weak = chain.find(
    ({ signatureAlgorithm, publicKey }) => /md5|sha1/i.test(signatureAlgorithm ?? '') || !isCommon(publicKey),
  );
  if (weak === undefined) return null;
  try {
    createSecureContext({ cert: text, key: key.export({ type: 'pkcs8', format: 'pem' }), ca: [] });
    return null;
  } catch {
    const { modulusLength, namedCurve } = weak.publicKey.asymmetricKeyDetails ?? {};
    const size = modulusLength === undefined ? (namedCurve ?? 'unknown key') : `${modulusLength} bits`;
    const which = weak === chain[0] ? 'the certificate or key' : 'a certificate of the chain';
    return `${which} is too weak for TLS (${weak.signatureAlgorithm ?? 'unknown signature'}, ${size})`;
  }
}

// "DNS:a.example, IP Address:10.0.0.1"; a value with special characters is a JSON string (nodejs/node, CVE-2021-44532).
const ALTERNATIVE_NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy;

function namesOf(leaf: X509Certificate): readonly string[] {
  const names: string[] = [];
  for (const [, type, value] of (leaf.subjectAltName ?? '').matchAll(ALTERNATIVE_NAME)) {
    if (type === 'DNS' && value !== undefined && !value.startsWith('"')) names.push(value.toLowerCase());
  }
  if (names.length > 0) return names;
  const common: unknown = leaf.toLegacyObject().subject?.CN;
  // Of several common names the last counts, as in Go's pkix.Name.
  const name: unknown = Array.isArray(common) ? common.at(-1) : common;
  return typeof name === 'string' ? [name.toLowerCase()] : [];
}
