import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { makeFakeCertificate } from '../../src/controller/fake-certificate.ts';
import { makeKey } from '../support/pki.ts';

const NOW = Date.parse('2026-01-01T00:00:00.500Z');
const makeRsaKey = () => createPrivateKey(makeKey('rsa', 'fake'));

describe('the fake certificate', () => {
  it('is ingress-nginx’s, self-signed, for a year', () => {
    const made = makeFakeCertificate(NOW, { makeKey: makeRsaKey, randomBytes: (size) => Buffer.alloc(size, 7) });
    const parsed = new X509Certificate(made.chain);
    expect(parsed.subject).toBe('O=Acme Co\nCN=Kubernetes Ingress Controller Fake Certificate');
    expect(parsed.issuer).toBe(parsed.subject);
    expect(parsed.subjectAltName).toBe('DNS:ingress.local');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.checkPrivateKey(made.key)).toBe(true);
    expect(parsed.serialNumber).toBe(`01${'07'.repeat(15)}`);
    expect(parsed.validFromDate.getTime()).toBe(made.notBefore);
    expect(parsed.validToDate.getTime()).toBe(made.notAfter);
    expect(new Date(made.notBefore).toISOString()).toBe('2026-01-01T00:00:00.000Z');
    expect(new Date(made.notAfter).toISOString()).toBe('2027-01-01T00:00:00.000Z');
    expect(made.names).toEqual(['ingress.local']);
  });

  it('can be served, and is another one each time', () => {
    const first = makeFakeCertificate(NOW);
    const second = makeFakeCertificate(NOW, { makeKey: makeRsaKey, randomBytes: (size) => Buffer.alloc(size, 1) });
    expect(first.fingerprint).not.toBe(second.fingerprint);
    const key = first.key.export({ type: 'pkcs8', format: 'pem' });
    expect(() => createSecureContext({ cert: first.chain, key })).not.toThrow();
  });
});
