import { expect, it } from 'vitest';
import { KeyedHash } from '../../../src/policies/limits/keyed-hash.ts';

/** The key 00 01 … 07 of the reference implementation's vectors (github.com/veorq/SipHash, vectors_hsip64), and its texts 00 01 …. */
const KEY = { low: 0x03020100, high: 0x07060504 };
const TEXT = String.fromCharCode(...Array.from({ length: 64 }, (_, at) => at));

function hex(text: string): string {
  const { low, high } = new KeyedHash().hash(KEY, text);
  const bytes = Buffer.alloc(8);
  bytes.writeInt32LE(low, 0);
  bytes.writeInt32LE(high, 4);
  return bytes.toString('hex');
}

it.each([
  [0, '218d1f59b9b83cc8'],
  [1, 'be552412f8387315'],
  [2, '064f39ef7c50eb57'],
  [3, 'ce0f1a45f7060679'],
  [4, 'd5e78a175be52ea1'],
  [5, 'cb9d7c3f2f3db580'],
  [6, 'ce3e91358aa2bc25'],
  [7, 'ff202728b07bc684'],
  [8, 'edfee820bce4858c'],
])('HalfSipHash-2-4 of %i bytes is that of the reference', (length, expected) => {
  expect(hex(TEXT.slice(0, length))).toBe(expected);
});

it('another key is another hash', () => {
  const hash = new KeyedHash();
  const { low } = hash.hash(KEY, '192.0.2.1');
  expect(hash.hash({ ...KEY, high: 1 }, '192.0.2.1').low).not.toBe(low);
});
