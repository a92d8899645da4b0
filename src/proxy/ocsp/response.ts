/** Judges the answer of a responder: RFC 6960 section 3.2. Only what says "good" of our certificate, now, and is signed, is stapled. */
import { createHash, verify, X509Certificate, type KeyObject } from 'node:crypto';
import {
  bitsOf,
  contentOf,
  ENUMERATED,
  inside,
  INTEGER,
  OCTET_STRING,
  OID,
  readAll,
  SEQUENCE,
  timeOf,
  type Der,
} from './der.ts';
import type { Subject } from './request.ts';

/** An answer that may be stapled until then, in milliseconds since the epoch. */
export interface Staple {
  readonly response: Buffer;
  readonly validUntil: number;
}

/** Why there is no staple when the issuer itself has taken the certificate back. */
export const REVOKED = 'the certificate is revoked';

/** How far a responder's clock may be ahead of ours. */
const SKEW = 300_000;
/** An answer without an end (RFC 6960 §4.2.2.1: newer ones are always there) is taken for so long. */
const WITHOUT_END = 3_600_000;
/** No answer is taken for longer, whatever it says. */
const LONGEST = 10 * 86_400_000;

const BASIC = Buffer.from('2b0601050507300101', 'hex');
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const GOOD = 0x80;
const EXPLICIT_0 = 0xa0;
const STATES: ReadonlyMap<number, string> = new Map([
  [0xa1, REVOKED],
  [0x82, 'the certificate is unknown'],
]);

const HASHES: ReadonlyMap<string, string> = new Map([
  ['2b0e03021a', 'sha1'],
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
]);
/** RSA, ECDSA and Ed25519; SHA-1 is no signature any more. */
const SIGNATURES: ReadonlyMap<string, string | null> = new Map([
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b6570', null],
]);

/** The answer as a staple, or why it must not be one. `now`: milliseconds since the epoch. Never throws. */
export function judgeResponse(response: Buffer, subject: Subject, now: number): Staple | string {
  try {
    return judge(response, subject, now);
  } catch (error) {
    return `the answer cannot be read: ${(error as Error).message}`;
  }
}

function judge(response: Buffer, subject: Subject, now: number): Staple | string {
  const answers = readAll(response);
  if (answers.length !== 1) return 'there is more than an answer';
  const [status, bytes] = inside(answers[0], SEQUENCE);
  const code = contentOf(status, ENUMERATED);
  if (code.length !== 1 || code[0] !== 0) return `the responder refuses (${code.toString('hex')})`;
  const [type, basic] = inside(inside(bytes, EXPLICIT_0)[0], SEQUENCE);
  if (!contentOf(type, OID).equals(BASIC)) return 'the answer is of an unknown type';
  const [data, algorithm, signature, certificates] = inside(readAll(contentOf(basic, OCTET_STRING))[0], SEQUENCE);
  const problem = signatureProblem(data, algorithm, signature, certificates, subject, now);
  if (problem !== null) return problem;

  // Optional version, responder, time of production, answers.
  const fields = inside(data, SEQUENCE);
  const singles = inside(fields[fields[0]?.tag === EXPLICIT_0 ? 3 : 2], SEQUENCE);
  for (const single of singles) {
    const [id, state, thisUpdate, nextUpdate] = inside(single, SEQUENCE);
    if (!isAbout(id, subject)) continue;
    const from = timeOf(thisUpdate);
    if (from > now + SKEW) return 'the answer is of the future';
    const until = nextUpdate?.tag === EXPLICIT_0 ? timeOf(inside(nextUpdate, EXPLICIT_0)[0]) : from + WITHOUT_END;
    if (until <= now) return 'the answer is too old';
    if (state?.tag !== GOOD || state.content.length > 0) return STATES.get(state?.tag ?? 0) ?? 'the certificate is not good';
    return { response, validUntil: Math.min(until, now + LONGEST) };
  }
  return 'the answer is about another certificate';
}

function isAbout(id: Der | undefined, { serial, issuerName, issuerKey }: Subject): boolean {
  const [algorithm, name, key, number] = inside(id, SEQUENCE);
  const hash = HASHES.get(contentOf(inside(algorithm, SEQUENCE)[0], OID).toString('hex'));
  if (hash === undefined) return false;
  const digest = (bytes: Buffer): Buffer => createHash(hash).update(bytes).digest();
  return (
    contentOf(number, INTEGER).equals(serial) &&
    contentOf(name, OCTET_STRING).equals(digest(issuerName)) &&
    contentOf(key, OCTET_STRING).equals(digest(issuerKey))
  );
}

/** It is signed by the issuer, or by whom the issuer gave a certificate for just that (RFC 6960 §4.2.2.2). */
function signatureProblem(
  data: Der | undefined,
  algorithm: Der | undefined,
  signature: Der | undefined,
  certificates: Der | undefined,
  { issuer }: Subject,
  now: number,
): string | null {
  const hash = SIGNATURES.get(contentOf(inside(algorithm, SEQUENCE)[0], OID).toString('hex'));
  if (hash === undefined || data === undefined) return 'the answer is signed by an unknown algorithm';
  const bits = bitsOf(signature);
  const signedBy = (key: KeyObject): boolean => verify(hash, data.whole, key, bits);
  if (signedBy(issuer.publicKey)) return null;
  const attached = certificates === undefined ? [] : inside(inside(certificates, EXPLICIT_0)[0], SEQUENCE);
  for (const { whole } of attached.slice(0, 4)) {
    const delegate = new X509Certificate(whole);
    // Node names the extended key usage so.
    if (!(delegate.keyUsage ?? []).includes(OCSP_SIGNING)) continue;
    if (!delegate.checkIssued(issuer) || !delegate.verify(issuer.publicKey)) continue;
    if (now < delegate.validFromDate.getTime() || now > delegate.validToDate.getTime()) continue;
    if (signedBy(delegate.publicKey)) return null;
  }
  return 'the answer is not signed by the issuer, nor in its name';
}
