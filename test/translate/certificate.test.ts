import { createPrivateKey, generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { Secret } from '../../src/model/objects.ts';
import type { Certificate } from '../../src/model/table.ts';
import type { CertificateProblem } from '../../src/translate/certificate.ts';
import { coversHost } from '../../src/model/covers-host.ts';
import { CertificateMemo, parseCertificate } from '../../src/translate/certificate.ts';
import type { KeyType } from '../support/pki.ts';
import { makeCa, makeCertificate, makeKey } from '../support/pki.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function secretOf(cert: string, key: string): Secret {
  return { metadata: { namespace: 'ns', name: 'tls' }, data: { 'tls.crt': base64(cert), 'tls.key': base64(key) } };
}

function good(cert: string, key: string): Certificate {
  const parsed = parseCertificate(secretOf(cert, key));
  if ('problem' in parsed) throw new Error(`${parsed.problem}: ${parsed.message}`);
  return parsed;
}

function bad(secret: Secret): CertificateProblem {
  const parsed = parseCertificate(secret);
  if (!('problem' in parsed)) throw new Error('the certificate was accepted');
  return parsed;
}

const pem = (text: string): string[] => text.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];

describe('parseCertificate', () => {
  it.each<KeyType>(['rsa', 'ec', 'ed25519'])('reads an %s certificate', (keyType) => {
    const notBefore = new Date('2025-01-01T00:00:00Z');
    const notAfter = new Date('2026-01-01T00:00:00Z');
    const made = makeCertificate({ names: ['A.example', '*.b.example'], keyType, notBefore, notAfter });
    const parsed = good(made.chain, made.key);
    expect(parsed).toMatchObject({ id: '["ns","tls"]', names: ['a.example', '*.b.example'] });
    expect([parsed.notBefore, parsed.notAfter]).toEqual([notBefore.getTime(), notAfter.getTime()]);
    expect(parsed.chain).toBe(made.cert);
    expect(parsed.key.asymmetricKeyType).toBe(keyType);
    expect(JSON.stringify(parsed)).not.toContain('PRIVATE');
  });

  it('reads the older key formats, PKCS#1 and SEC1', () => {
    for (const [keyType, type] of [
      ['rsa', 'pkcs1'],
      ['ec', 'sec1'],
    ] as const) {
      const { chain, key } = makeCertificate({ names: ['a.example'], keyType });
      const old = createPrivateKey(key).export({ type, format: 'pem' }).toString();
      expect(old).toMatch(/BEGIN (RSA|EC) PRIVATE KEY/);
      expect(good(chain, old).fingerprint).toBe(good(chain, key).fingerprint);
    }
  });

  it('puts a chain in any order in order, leaf first', () => {
    const root = makeCa({ name: 'Root' });
    const outer = makeCa({ name: 'Outer', issuer: root });
    const inner = makeCa({ name: 'Inner', issuer: outer });
    const leaf = makeCertificate({ names: ['a.example'], issuer: inner });
    const right = pem(leaf.chain);
    expect(right).toHaveLength(3);
    const [first = '', second = '', third = ''] = right;
    for (const order of [
      [first, second, third],
      [third, second, first],
      [second, third, first],
      [first, third, second],
    ]) {
      expect(good(order.join(''), leaf.key).chain).toBe(leaf.chain);
    }
    const stranger = makeCertificate({ names: ['other.example'], key: makeKey('ec', 'other') });
    expect(good([third, stranger.cert, first, second].join(''), leaf.key).chain).toBe(leaf.chain + stranger.cert);
  });

  it('takes the common name when there is no alternative name', () => {
    const { chain, key } = makeCertificate({ names: ['CN.example'], commonNameOnly: true });
    expect(good(chain, key).names).toEqual(['cn.example']);
  });

  it('reports a key of another certificate', () => {
    const { chain } = makeCertificate({ names: ['a.example'] });
    for (const key of [makeKey('ec', 'other'), makeKey('rsa', 'other')]) {
      expect(bad(secretOf(chain, key))).toMatchObject({ problem: 'CertificateKeyMismatch', field: 'data[tls.key]' });
    }
  });

  it('reports an encrypted key, and keys that are none, without showing them', () => {
    const { chain, key } = makeCertificate({ names: ['a.example'] });
    const encrypted = createPrivateKey(key)
      .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hidden' })
      .toString();
    expect(bad(secretOf(chain, encrypted)).message).toBe('the private key in tls.key is encrypted');
    const broken = key.replace(/[A-Za-z]{8}/, '????????');
    for (const text of [broken, 'top secret', chain]) {
      const { problem, field, message } = bad(secretOf(chain, text));
      expect([problem, field]).toEqual(['SecretInvalid', 'data[tls.key]']);
      expect(message).toBe('tls.key holds no PEM private key that can be read (PKCS#8, PKCS#1 or SEC1)');
    }
    const dsa = generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey;
    const dsaPem = dsa.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(bad(secretOf(chain, dsaPem)).message).toContain('type dsa');
  });

  it('reports certificates that are none, naming which', () => {
    const { chain, key } = makeCertificate({ names: ['a.example'] });
    const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    expect(bad(secretOf('hello', key)).message).toBe('tls.crt holds no PEM certificate');
    expect(bad(secretOf(chain + garbage, key)).message).toBe('certificate 2 of 2 in tls.crt cannot be read');
    expect(bad(secretOf(garbage.repeat(33), key)).message).toContain('more than 32');
  });

  it('reports a key that OpenSSL refuses to serve with', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const key = weak.export({ type: 'pkcs8', format: 'pem' }).toString();
    const { chain } = makeCertificate({ names: ['a.example'], keyType: 'rsa', key });
    expect(bad(secretOf(chain, key)).message).toMatch(/too weak for TLS .*1024 bits/);
  });

  it('reports a certificate of the chain that OpenSSL refuses to serve with: no handshake of its host would succeed', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const tiny = generateKeyPairSync('ec', { namedCurve: 'secp160r1' }).privateKey;
    for (const [key, keyType, shown] of [
      [small, 'rsa', '1024 bits'],
      [tiny, 'ec', 'secp160r1'],
    ] as const) {
      const text = key.export({ type: 'pkcs8', format: 'pem' }).toString();
      const weak = {
        ...makeCertificate({ names: ['Weak CA'], keyType, key: text, ca: true }),
        name: 'Weak CA',
        keyType,
        root: false,
      };
      const leaf = makeCertificate({ names: ['a.example'], issuer: weak });
      expect(bad(secretOf(leaf.chain, leaf.key)).message).toMatch(`a certificate of the chain is too weak for TLS`);
      expect(bad(secretOf(leaf.chain, leaf.key)).message).toContain(shown);
    }
  });

  it.each([undefined, null, 'text', [], { 'tls.crt': 7 }, { 'tls.crt': '' }])('survives data %j', (data) => {
    const secret = { metadata: { namespace: 'ns', name: 'tls' }, data } as unknown as Secret;
    expect(bad(secret)).toMatchObject({ problem: 'SecretInvalid', field: 'data[tls.crt]', message: 'tls.crt is missing' });
  });

  it('has a fingerprint of chain and key', () => {
    const one = makeCertificate({ names: ['a.example'] });
    const two = makeCertificate({ names: ['a.example'] });
    expect(good(one.chain, one.key).fingerprint).toBe(good(one.chain, one.key).fingerprint);
    expect(good(two.chain, two.key).fingerprint).not.toBe(good(one.chain, one.key).fingerprint);
  });

  it('is done once per Secret with a memo', () => {
    const { chain, key } = makeCertificate({ names: ['a.example'] });
    const memo = new CertificateMemo();
    const secret = secretOf(chain, key);
    expect(memo.parse(secret)).toBe(memo.parse(secret));
    expect(memo.parse(secretOf(chain, key))).not.toBe(memo.parse(secret));
  });
});

describe('coversHost', () => {
  it.each([
    ['a.example', 'a.example', true],
    ['a.example', 'b.example', false],
    ['*.example', 'a.example', true],
    ['*.example', 'b.a.example', false],
    ['*.example', 'example', false],
    ['*.example', '*.example', true],
    ['*.a.example', '*.example', false],
    ['a.example', '*.example', false],
    ['*', 'a', false],
  ])('of %s for %s is %s', (name, host, covered) => {
    expect(coversHost([name], host)).toBe(covered);
  });
});
