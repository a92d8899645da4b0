import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ocspRequest, subjectOf, type Subject } from '../../../src/proxy/ocsp/request.ts';
import { judgeResponse } from '../../../src/proxy/ocsp/response.ts';
import { makeCa, makeCertificate, makeKey, type KeyType, type TestCa } from '../../support/pki.ts';
import { makeOcspResponse, type OcspAnswer } from '../../support/revocation.ts';
import { skippedWithout } from '../../support/system-tools.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.now();
const ocspUrl = 'http://ocsp.example/a';

function setting(keyType: KeyType): { issuer: ReturnType<typeof makeCa>; cert: string; subject: Subject } {
  const root = makeCa({ name: `Root ${keyType}`, keyType });
  const issuer = makeCa({ name: `Issuer ${keyType}`, keyType, issuer: root });
  const { cert, chain } = makeCertificate({ names: ['a.example'], issuer, keyType, ocspUrl });
  return { issuer, cert, subject: subjectOf(chain) as Subject };
}

const { issuer, cert, subject } = setting('ec');
/** An issuer of the same name as ours, with another key. */
function makeCertificateTwin(): TestCa {
  const key = makeKey('ec', 'twin');
  return { ...issuer, ...makeCertificate({ names: [issuer.name], commonNameOnly: true, ca: true, key }) };
}

const other = makeCa({ name: 'Somebody else' });
const answer = (changes: Partial<OcspAnswer> = {}): Buffer => makeOcspResponse({ certificate: cert, issuer, ...changes });
const judged = (response: Buffer): unknown => judgeResponse(response, subject, NOW);

describe('a subject', () => {
  it('is asked about where its certificate says, by http only', () => {
    expect(subject.url).toBe(ocspUrl);
    for (const url of ['https://ocsp.example/', 'ldap://ocsp.example/', 'http://', 'file:///etc/passwd']) {
      const { chain } = makeCertificate({ names: ['a.example'], issuer, ocspUrl: url });
      expect([url, subjectOf(chain)]).toEqual([url, 'it names no responder']);
    }
    expect(subjectOf(makeCertificate({ names: ['a.example'], issuer }).chain)).toBe('it names no responder');
  });

  it('needs its issuer in the chain', () => {
    expect(subjectOf(cert)).toBe('the certificate of its issuer is not in the chain');
    expect(subjectOf(cert + other.cert)).toBe('the next certificate of the chain is not its issuer');
    // Of the same name, but another key.
    const twin = makeCa({ name: issuer.name, issuer: other });
    const foreign = makeCertificate({ names: ['a.example'], issuer: { ...twin, key: other.key }, ocspUrl });
    expect(subjectOf(foreign.cert + twin.cert)).toBe('the next certificate of the chain is not its issuer');
    expect(typeof subjectOf('')).toBe('string');
  });
});

describe.skipIf(skippedWithout('openssl'))('a request', () => {
  it.each(['ec', 'rsa'] as const)('is one that OpenSSL reads, and would have sent itself: %s', (keyType) => {
    const one = setting(keyType);
    const folder = mkdtempSync(join(tmpdir(), 'sluice-ocsp-'));
    try {
      const [leaf, by, out, own] = ['leaf.pem', 'issuer.pem', 'out.der', 'own.der'].map((name) => join(folder, name));
      writeFileSync(leaf!, one.cert);
      writeFileSync(by!, one.issuer.cert);
      writeFileSync(own!, ocspRequest(one.subject));
      execFileSync('openssl', ['ocsp', '-issuer', by!, '-cert', leaf!, '-no_nonce', '-reqout', out!], { stdio: 'ignore' });
      const text = (file: string): string => execFileSync('openssl', ['ocsp', '-reqin', file, '-req_text']).toString();
      expect(text(own!)).toBe(text(out!));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('an answer', () => {
  it.each(['ec', 'rsa', 'ed25519'] as const)('that is good is stapled until it ends: %s', (keyType) => {
    const one = setting(keyType);
    const end = Math.floor(NOW / 1000) * 1000 + DAY;
    const response = makeOcspResponse({ certificate: one.cert, issuer: one.issuer, nextUpdate: end });
    expect(judgeResponse(response, one.subject, NOW)).toEqual({ response, validUntil: end });
  });

  it.skipIf(skippedWithout('openssl'))('is one that OpenSSL takes too', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-ocsp-'));
    try {
      const [leaf, by, file] = ['leaf.pem', 'issuer.pem', 'response.der'].map((name) => join(folder, name));
      writeFileSync(leaf!, cert);
      writeFileSync(by!, issuer.cert);
      writeFileSync(file!, answer());
      const options = ['-issuer', by!, '-cert', leaf!, '-respin', file!, '-VAfile', by!, '-no_nonce'];
      expect(execFileSync('openssl', ['ocsp', ...options], { stdio: ['ignore', 'pipe', 'ignore'] }).toString()).toContain(
        ': good',
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is taken for a bounded time, whatever it says', () => {
    expect(judged(answer({ nextUpdate: NOW + 400 * DAY }))).toMatchObject({ validUntil: NOW + 10 * DAY });
    const began = Math.floor(NOW / 1000) * 1000;
    expect(judged(answer({ thisUpdate: began, nextUpdate: null }))).toMatchObject({ validUntil: began + HOUR });
  });

  it.each([
    ['the certificate is revoked', { status: 'revoked' }],
    ['the certificate is unknown', { status: 'unknown' }],
    ['the answer is too old', { nextUpdate: NOW - 1000 }],
    ['the answer is too old', { thisUpdate: NOW - 2 * HOUR, nextUpdate: null }],
    ['the answer is of the future', { thisUpdate: NOW + HOUR }],
    ['the answer is about another certificate', { certificate: makeCertificate({ names: ['b.example'], issuer }).cert }],
    // Of an issuer of the same name with another key.
    ['the answer is about another certificate', { issuer: makeCertificateTwin(), signer: issuer }],
    ['the answer is not signed by the issuer, nor in its name', { signer: other }],
    ['the answer is not signed by the issuer, nor in its name', { signer: other, attach: true }],
    // The issuer signed it, but not to speak of certificates.
    [
      'the answer is not signed by the issuer, nor in its name',
      { signer: makeCertificate({ names: ['a client'], issuer }), attach: true },
    ],
  ] as [string, Partial<OcspAnswer>][])('is not stapled when %s: %o', (problem, changes) => {
    expect(judged(answer(changes))).toBe(problem);
  });

  it('may be signed by whom the issuer allowed to, while its certificate lasts', () => {
    const delegate = makeCertificate({ names: ['responder'], issuer, ocspSigning: true });
    expect(judged(answer({ signer: delegate, attach: true }))).toMatchObject({ response: expect.any(Buffer) });
    expect(judged(answer({ signer: delegate }))).toBe('the answer is not signed by the issuer, nor in its name');
    const problem = 'the answer is not signed by the issuer, nor in its name';
    const late = makeCertificate({ names: ['responder'], issuer, ocspSigning: true, notAfter: new Date(NOW - HOUR) });
    expect(judged(answer({ signer: late, attach: true }))).toBe(problem);
    const foreign = makeCertificate({ names: ['responder'], issuer: other, ocspSigning: true });
    expect(judged(answer({ signer: foreign, attach: true }))).toBe(problem);
  });

  it('that refuses is none', () => {
    for (const code of [1, 2, 3, 5, 6])
      expect(judged(Buffer.from([0x30, 3, 0x0a, 1, code]))).toBe(`the responder refuses (0${code})`);
  });

  it('with any byte damaged, cut off or added is never stapled, and never throws', () => {
    const good = answer();
    const damaged = (bytes: Buffer): boolean => {
      const result = judged(bytes);
      return typeof result === 'string';
    };
    for (let length = 0; length < good.length; length++)
      expect([length, damaged(good.subarray(0, length))]).toEqual([length, true]);
    expect(damaged(Buffer.concat([good, Buffer.from([0])]))).toBe(true);
    expect(damaged(Buffer.concat([good, good]))).toBe(true);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(good);
        bytes[at]! ^= change;
        return damaged(bytes);
      }),
      { numRuns: 400, seed: 5 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => damaged(Buffer.from(bytes))),
      { numRuns: 300, seed: 6 },
    );
  });
});
