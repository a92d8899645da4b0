/**
 * crypt(3)'s `$5$` and `$6$`: passwords hashed by SHA-256 and SHA-512 (Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512"). nginx
 * takes them from its C library.
 */
import { createHash } from 'node:crypto';

const ITOA64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const DEFAULT_ROUNDS = 5000;
const MIN_ROUNDS = 1000;
/** More would let one Secret hold up all others; the specification allows 999999999. */
export const MAX_ROUNDS = 1_000_000;

/** A hash taken apart. */
const FORM = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([^$]{0,64})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})$/;

/** Which bytes of the last digest stand together, three by three; -1: none. The order is the specification's. */
function groupsOf(length: number): readonly (readonly [number, number, number])[] {
  if (length === 64) return [...Array.from({ length: 21 }, (_, i) => rotated([i, i + 21, i + 42], i)), [-1, -1, 63] as const];
  return [...Array.from({ length: 10 }, (_, i) => rotated([i, i + 10, i + 20], -i)), [-1, 31, 30] as const];
}

function rotated([a, b, c]: readonly [number, number, number], by: number): readonly [number, number, number] {
  const turn = ((by % 3) + 3) % 3;
  return turn === 0 ? [a, b, c] : turn === 1 ? [b, c, a] : [c, a, b];
}

/** The rounds that a hash of this form asks for; undefined: it is none. */
export function shaCryptRounds(hash: string): number | undefined {
  const parts = FORM.exec(hash);
  if (parts === null || (parts[1] === '5') !== (parts[4]!.length === 43)) return undefined;
  return parts[2] === undefined ? DEFAULT_ROUNDS : Math.max(MIN_ROUNDS, Number(parts[2]));
}

/** The last part of the hash of a password by the method, rounds and salt of `like`, which is such a hash. */
export function shaCrypt(password: Buffer, like: string): string {
  const [, method, , saltText] = FORM.exec(like)!;
  const algorithm = method === '5' ? 'sha256' : 'sha512';
  const size = method === '5' ? 32 : 64;
  const rounds = shaCryptRounds(like)!;
  const salt = Buffer.from(saltText!.slice(0, 16), 'latin1');
  const digest = (...parts: readonly Buffer[]): Buffer => {
    const hash = createHash(algorithm);
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  const inner = digest(password, salt, password);
  const parts = [password, salt, repeated(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push((bits & 1) === 1 ? inner : password);
  let last = digest(...parts);
  const p = repeated(digest(...Array.from<Buffer>({ length: password.length }).fill(password)), password.length);
  const s = repeated(digest(...Array.from<Buffer>({ length: 16 + last[0]! }).fill(salt)), salt.length);
  for (let round = 0; round < rounds; round++) {
    const odd = (round & 1) === 1;
    const sequence = [odd ? p : last];
    if (round % 3 !== 0) sequence.push(s);
    if (round % 7 !== 0) sequence.push(p);
    sequence.push(odd ? last : p);
    last = digest(...sequence);
  }
  let text = '';
  for (const [a, b, c] of groupsOf(size)) {
    let value = ((a < 0 ? 0 : last[a]!) << 16) | ((b < 0 ? 0 : last[b]!) << 8) | last[c]!;
    for (let n = a >= 0 ? 4 : b >= 0 ? 3 : 2; n > 0; n--) {
      text += ITOA64[value & 63];
      value >>= 6;
    }
  }
  return text;
}

/** As many bytes as asked for, of a text repeated. */
function repeated(bytes: Buffer, length: number): Buffer {
  return Buffer.alloc(length, bytes);
}
