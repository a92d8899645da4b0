/** Lists of revoked certificates (RFC 5280 section 5) and OCSP responses (RFC 6960), signed by a CA of the tests. */
import { createHash, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { algorithmOf, pem, signatureOf, signed, universal, type TestCa, type TestCertificate } from './pki.ts';

const { asn1 } = forge;
const DAY = 86_400_000;

const sequence = (...parts: readonly forge.asn1.Asn1[]): forge.asn1.Asn1 => universal(asn1.Type.SEQUENCE, true, [...parts]);
const oid = (name: string): forge.asn1.Asn1 => universal(asn1.Type.OID, false, asn1.oidToDer(name).getBytes());
const octets = (bytes: Buffer): forge.asn1.Asn1 => universal(asn1.Type.OCTETSTRING, false, bytes.toString('binary'));
const enumerated = (value: number): forge.asn1.Asn1 => universal(asn1.Type.ENUMERATED, false, String.fromCharCode(value));
const time = (milliseconds: number): forge.asn1.Asn1 =>
  universal(asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(new Date(milliseconds)));
/** The tags 0, 1 and 2, as the library calls them. */
const TAGS = [asn1.Type.NONE, asn1.Type.BOOLEAN, asn1.Type.INTEGER] as const;
const explicit = (tag: 0 | 1, ...parts: readonly forge.asn1.Asn1[]): forge.asn1.Asn1 =>
  asn1.create(asn1.Class.CONTEXT_SPECIFIC, TAGS[tag], true, [...parts]);
const implicit = (tag: 0 | 2, value: string): forge.asn1.Asn1 =>
  asn1.create(asn1.Class.CONTEXT_SPECIFIC, TAGS[tag], false, value);

function serialOf(certificate: string): forge.asn1.Asn1 {
  const hex = new X509Certificate(certificate).serialNumber;
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('binary');
  return universal(asn1.Type.INTEGER, false, bytes.charCodeAt(0) > 127 ? `\0${bytes}` : bytes);
}

/** The body of a certificate: RFC 5280 section 4.1. */
function bodyOf(certificate: string): forge.asn1.Asn1[] {
  const whole = asn1.fromDer(new X509Certificate(certificate).raw.toString('binary'));
  return (whole.value as forge.asn1.Asn1[])[0]!.value as forge.asn1.Asn1[];
}

/** A list of revoked certificates, PEM. */
export function makeCrl(ca: TestCa, revoked: readonly TestCertificate[], nextUpdate = Date.now() + DAY): string {
  const entries = revoked.map(({ cert }) => sequence(serialOf(cert), time(Date.now() - DAY)));
  const body = sequence(
    universal(asn1.Type.INTEGER, false, '\x01'),
    algorithmOf(ca.keyType),
    bodyOf(ca.cert)[5]!,
    time(Date.now() - DAY),
    time(nextUpdate),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
  );
  return pem('X509 CRL', signed(body, ca.keyType, ca.key));
}

/** What an OCSP response is about, and says. */
export interface OcspAnswer {
  readonly certificate: string;
  /** The certificate's issuer. */
  readonly issuer: TestCa;
  readonly status?: 'good' | 'revoked' | 'unknown';
  /** Milliseconds since the epoch; null: it names none. */
  readonly thisUpdate?: number;
  readonly nextUpdate?: number | null;
  /** Who signs: the issuer, or one it made for that. */
  readonly signer?: TestCertificate & { readonly keyType?: TestCa['keyType'] };
  /** The response carries the certificate of its signer. */
  readonly attach?: boolean;
}

/** A response, DER. */
export function makeOcspResponse(answer: OcspAnswer): Buffer {
  const { certificate, issuer, status = 'good', nextUpdate = Date.now() + DAY, thisUpdate = Date.now() - 1000 } = answer;
  const signer = answer.signer ?? issuer;
  const keyType = signer.keyType ?? 'ec';
  const issuerBody = bodyOf(issuer.cert);
  const keyBits = (issuerBody[6]!.value as forge.asn1.Asn1[])[1]!.value;
  const keyBytes = typeof keyBits === 'string' ? keyBits.slice(1) : asn1.toDer(keyBits[0]!).getBytes();
  const sha1 = (bytes: string): Buffer => createHash('sha1').update(Buffer.from(bytes, 'binary')).digest();
  const id = sequence(
    sequence(oid('1.3.14.3.2.26'), universal(asn1.Type.NULL, false, '')),
    octets(sha1(asn1.toDer(issuerBody[5]!).getBytes())),
    octets(sha1(keyBytes)),
    serialOf(certificate),
  );
  const said =
    status === 'good' ? implicit(0, '') : status === 'unknown' ? implicit(2, '') : explicit(1, time(Date.now() - DAY));
  const single = sequence(id, said, time(thisUpdate), ...(nextUpdate === null ? [] : [explicit(0, time(nextUpdate))]));
  const data = sequence(explicit(1, bodyOf(signer.cert)[5]!), time(Date.now()), sequence(single));
  const whole = new X509Certificate(signer.cert).raw.toString('binary');
  const basic = sequence(
    data,
    algorithmOf(keyType),
    signatureOf(data, keyType, signer.key),
    ...(answer.attach === true ? [explicit(0, sequence(asn1.fromDer(whole)))] : []),
  );
  const bytes = octets(Buffer.from(asn1.toDer(basic).getBytes(), 'binary'));
  const response = sequence(enumerated(0), explicit(0, sequence(oid('1.3.6.1.5.5.7.48.1.1'), bytes)));
  return Buffer.from(asn1.toDer(response).getBytes(), 'binary');
}
