/** What an issuer's responder is asked about a certificate: RFC 6960 section 4.1. */
import { createHash, X509Certificate } from 'node:crypto';
import { algorithm, bitsOf, contentOf, inside, INTEGER, OCTET_STRING, readAll, SEQUENCE, write, type Der } from './der.ts';

/** SHA-1, which is what responders know a certificate by (RFC 5019 section 2.1.1). */
const SHA1 = Buffer.from('2b0e03021a', 'hex');

/** A certificate and how its issuer's responder knows it. */
export interface Subject {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate;
  /** Where to ask. */
  readonly url: string;
  /** The content of the serial number. */
  readonly serial: Buffer;
  /** The name of the issuer, whole, and the bits of its public key. */
  readonly issuerName: Buffer;
  readonly issuerKey: Buffer;
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The first http address of a responder in the certificate. */
function responderOf({ infoAccess }: X509Certificate): string | null {
  for (const line of (infoAccess ?? '').split('\n')) {
    const url = /^OCSP - URI:(http:\/\/[\x21-\x7e]+)$/.exec(line)?.[1];
    if (url !== undefined && URL.canParse(url)) return url;
  }
  return null;
}

/** The fields of a certificate from its serial number on: RFC 5280 section 4.1. */
function fieldsOf({ raw }: X509Certificate): Der[] {
  const [body] = inside(readAll(raw)[0], SEQUENCE);
  const fields = inside(body, SEQUENCE);
  return fields[0]?.tag === INTEGER ? fields : fields.slice(1);
}

/** The leaf of a chain (PEM) as a subject; or why nobody can be asked about it. */
export function subjectOf(chain: string): Subject | string {
  try {
    const [first, second] = chain.match(PEM) ?? [];
    if (first === undefined) return 'there is no certificate';
    const leaf = new X509Certificate(first);
    const url = responderOf(leaf);
    if (url === null) return 'it names no responder';
    if (second === undefined) return 'the certificate of its issuer is not in the chain';
    const issuer = new X509Certificate(second);
    if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey))
      return 'the next certificate of the chain is not its issuer';
    const [serial, , issuerName] = fieldsOf(leaf);
    const key = inside(fieldsOf(issuer)[5], SEQUENCE)[1];
    return {
      leaf,
      issuer,
      url,
      serial: contentOf(serial, INTEGER),
      issuerName: issuerName!.whole,
      issuerKey: bitsOf(key),
    };
  } catch (error) {
    return (error as Error).message;
  }
}

/** The request, DER. */
export function ocspRequest({ serial, issuerName, issuerKey }: Subject): Buffer {
  const digest = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();
  const id = write(
    SEQUENCE,
    algorithm(SHA1),
    write(OCTET_STRING, digest(issuerName)),
    write(OCTET_STRING, digest(issuerKey)),
    write(INTEGER, serial),
  );
  return write(SEQUENCE, write(SEQUENCE, write(SEQUENCE, write(SEQUENCE, id))));
}
