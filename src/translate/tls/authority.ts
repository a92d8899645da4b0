/** Secrets as authorities of client certificates: `ca.crt`, and the list of revoked certificates in `ca.crl`. */
import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Secret } from '../../model/objects.ts';

/** What a Secret holds, as PEM without anything between the blocks. */
export interface Authority {
  readonly ca: string;
  readonly crl: string | null;
}

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]+-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const CRL = /-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g;
/** More authorities than any real bundle has; bounds the work one Secret can cause. */
const MAX_CERTIFICATES = 512;

/** By identity: a Secret in the store is never changed, a new version is a new object. */
const known = new WeakMap<Secret, Authority | string>();

/** The authorities in a Secret of any type, or why there are none. Never throws. */
export function readAuthority(secret: Secret): Authority | string {
  let authority = known.get(secret);
  if (authority === undefined) known.set(secret, (authority = read(secret)));
  return authority;
}

function decode(secret: Secret, key: string): string {
  const data: unknown = secret.data;
  if (typeof data !== 'object' || data === null || !Object.hasOwn(data, key)) return '';
  const value: unknown = Reflect.get(data, key);
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('latin1') : '';
}

function read(secret: Secret): Authority | string {
  const { name } = secret.metadata;
  const text = decode(secret, 'ca.crt');
  if (text === '') return `the Secret ${name} has no ca.crt`;
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) return `ca.crt of the Secret ${name} holds no PEM certificate`;
  if (blocks.length > MAX_CERTIFICATES)
    return `ca.crt of the Secret ${name} holds ${blocks.length} certificates, more than ${MAX_CERTIFICATES}`;
  const certificates: string[] = [];
  for (const [index, block] of blocks.entries()) {
    try {
      certificates.push(new X509Certificate(block).toString());
    } catch {
      return `certificate ${index + 1} of ${blocks.length} in ca.crt of the Secret ${name} cannot be read`;
    }
  }
  const ca = certificates.join('');
  const revoked = decode(secret, 'ca.crl');
  if (revoked.trim() === '') return { ca, crl: null };
  const lists = revoked.match(CRL) ?? [];
  if (lists.length === 0) return `ca.crl of the Secret ${name} holds no PEM list of revoked certificates`;
  try {
    createSecureContext({ ca, crl: lists });
  } catch {
    return `ca.crl of the Secret ${name} cannot be read`;
  }
  return { ca, crl: `${lists.join('\n')}\n` };
}
