import { createPrivateKey, X509Certificate } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { makeCa, makeCertificate } from './pki.ts';
import type { KeyType } from './pki.ts';

describe('test certificates', () => {
  it.each<[KeyType, KeyType]>([
    ['rsa', 'rsa'],
    ['ec', 'rsa'],
    ['rsa', 'ec'],
    ['ed25519', 'ec'],
  ])('makes a %s leaf below an intermediate and a %s root', (leafType, rootType) => {
    const root = makeCa({ keyType: rootType, name: 'Root' });
    const middle = makeCa({ keyType: rootType, name: 'Middle', issuer: root });
    const leaf = makeCertificate({ names: ['a.example', '*.b.example'], keyType: leafType, issuer: middle });
    const parsed = new X509Certificate(leaf.cert);
    expect(parsed.subjectAltName).toBe('DNS:a.example, DNS:*.b.example');
    expect(parsed.checkPrivateKey(createPrivateKey(leaf.key))).toBe(true);
    expect(parsed.verify(new X509Certificate(middle.cert).publicKey)).toBe(true);
    expect(new X509Certificate(middle.cert).verify(new X509Certificate(root.cert).publicKey)).toBe(true);
    expect(leaf.chain).toBe(leaf.cert + middle.cert);
  });

  it('signs itself without an issuer, with the validity asked for', () => {
    const { cert, chain } = makeCertificate({
      names: ['only.cn'],
      commonNameOnly: true,
      notBefore: new Date('2020-01-01T00:00:00Z'),
      notAfter: new Date('2021-01-01T00:00:00Z'),
    });
    const parsed = new X509Certificate(cert);
    expect(parsed.subjectAltName).toBeUndefined();
    expect(parsed.subject).toBe('CN=only.cn');
    expect(parsed.verify(parsed.publicKey)).toBe(true);
    expect(parsed.validToDate.toISOString()).toBe('2021-01-01T00:00:00.000Z');
    expect(chain).toBe(cert);
  });
});
