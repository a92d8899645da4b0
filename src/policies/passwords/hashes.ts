/** The password hashes of an htpasswd file, as nginx's ngx_crypt and the C library of ingress-nginx's image (musl) know them. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import apacheCrypt from 'apache-crypt';
import apacheMd5 from 'apache-md5';
import { compareSync } from 'bcryptjs';
import { MAX_ROUNDS, shaCrypt, shaCryptRounds } from './sha-crypt.ts';

/** It is CommonJS, and its types are not. */
const md5Crypt = apacheMd5 as unknown as (password: string, salt: string) => string;

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** 2.5 s of one core; a higher cost would let one Secret hold up all others. */
const MAX_COST = 15;
const MD5 = /^\$(?:apr1|1)\$[^$]{0,8}\$[./0-9A-Za-z]{22}$/;
const DES = /^[./0-9A-Za-z]{13}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** bcrypt takes 72 bytes, DES 8; nobody types more than this. */
export const MAX_PASSWORD = 1024;

/** `fast`: some microseconds; `slow`: so much that it must not happen on the event loop. */
export type HashCost = 'fast' | 'slow';

/** What a hash costs to check; undefined: it is none of those known. */
export function costOf(hash: string): HashCost | undefined {
  if (hash.startsWith('{PLAIN}')) return 'fast';
  if (hash.startsWith('{SHA}')) return BASE64.test(hash.slice(5)) ? 'fast' : undefined;
  if (hash.startsWith('{SSHA}')) return BASE64.test(hash.slice(6)) ? 'fast' : undefined;
  const cost = BCRYPT.exec(hash)?.[1];
  if (cost !== undefined) return Number(cost) >= 4 && Number(cost) <= MAX_COST ? 'slow' : undefined;
  if (MD5.test(hash) || DES.test(hash)) return 'slow';
  const rounds = shaCryptRounds(hash);
  return rounds !== undefined && rounds <= MAX_ROUNDS ? 'slow' : undefined;
}

/** One of those that can be checked. */
export function isKnownHash(hash: string): boolean {
  return costOf(hash) !== undefined;
}

/** Whether the password is that of a known hash. */
export function matches(password: Buffer, hash: string): boolean {
  if (password.length > MAX_PASSWORD) return false;
  // A NUL ends the password for C's crypt: what follows would be any.
  if (password.includes(0)) return false;
  if (hash.startsWith('{PLAIN}')) return same(password, Buffer.from(hash.slice(7), 'latin1'));
  if (hash.startsWith('{SHA}')) return same(createHash('sha1').update(password).digest(), Buffer.from(hash.slice(5), 'base64'));
  if (hash.startsWith('{SSHA}')) {
    const stored = Buffer.from(hash.slice(6), 'base64');
    const digest = createHash('sha1').update(password).update(stored.subarray(20)).digest();
    return same(digest, stored.subarray(0, 20));
  }
  // bcryptjs takes text: bytes that are none would become others.
  if (BCRYPT.test(hash)) return isUtf8(password) && compareSync(password.toString(), hash);
  const text = password.toString('latin1');
  if (MD5.test(hash)) return same(Buffer.from(md5Crypt(text, hash)), Buffer.from(hash));
  if (DES.test(hash)) return same(Buffer.from(apacheCrypt(text, hash)), Buffer.from(hash));
  if (shaCryptRounds(hash) === undefined) return false;
  return same(Buffer.from(shaCrypt(password, hash)), Buffer.from(hash.slice(hash.lastIndexOf('$') + 1)));
}

/** In a time that says nothing of where they differ. */
export function same(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
