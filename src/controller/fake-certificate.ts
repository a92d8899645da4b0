/**
 * The certificate that is served when there is no other: self-signed, made at start, trusted by no one. Its subject is that of
 * ingress-nginx's, which people and monitoring know (internal/net/ssl, `GetFakeSSLCert`).
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import forge from 'node-forge';

import type { Certificate } from '../model/table.ts';
import { certificateId } from '../model/table.ts';

const COMMON_NAME = 'Kubernetes Ingress Controller Fake Certificate';
const HOST = 'ingress.local';
const YEAR = 365 * 86_400_000;

/** Where the key and the serial number come from. */
interface FakeCertificateSource {
  /** An RSA private key. */
  readonly makeKey: () => KeyObject;
  readonly randomBytes: (size: number) => Buffer;
}

const SYSTEM: FakeCertificateSource = {
  makeKey: () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  randomBytes,
};

/** Makes the certificate, valid for a year from `now` (milliseconds since the epoch). */
export function makeFakeCertificate(now: number, source: FakeCertificateSource = SYSTEM): Certificate {
  const key = source.makeKey();
  const privateKey = forge.pki.privateKeyFromPem(key.export({ type: 'pkcs1', format: 'pem' }).toString());
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  // Positive, and not zero: RFC 5280 section 4.1.2.2.
  certificate.serialNumber = `01${source.randomBytes(15).toString('hex')}`;
  const notBefore = Math.floor(now / 1000) * 1000;
  const notAfter = notBefore + YEAR;
  certificate.validity.notBefore = new Date(notBefore);
  certificate.validity.notAfter = new Date(notAfter);
  const name = [
    { name: 'organizationName', value: 'Acme Co' },
    { name: 'commonName', value: COMMON_NAME },
  ];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'subjectAltName', altNames: [{ type: 2, value: HOST }] },
  ]);
  certificate.sign(privateKey, forge.md.sha256.create());
  const chain = forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
  const hash = createHash('sha256')
    .update(chain)
    .update('\0')
    .update(key.export({ type: 'pkcs8', format: 'der' }));
  return {
    // No namespace is empty, so no Secret has this id.
    id: certificateId('', 'fake-certificate'),
    chain,
    key,
    fingerprint: hash.digest('hex'),
    names: [HOST],
    notBefore,
    notAfter,
  };
}
