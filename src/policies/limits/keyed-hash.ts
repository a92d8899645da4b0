/**
 * HalfSipHash-2-4 with 64 bits of output (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; Linux has it as hsiphash): whoever
 * does not know the key cannot choose texts that meet in one place of a table.
 */

export interface HashKey {
  readonly low: number;
  readonly high: number;
}

/** The hash of a text of Latin-1, as two integers of 32 bits with sign. */
export class KeyedHash implements HashKey {
  low = 0;
  high = 0;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  /** Leaves the hash in `low` and `high`. */
  hash({ low, high }: HashKey, text: string): this {
    this.#v0 = low;
    this.#v1 = high ^ 0xee;
    this.#v2 = 0x6c796765 ^ low;
    this.#v3 = 0x74656462 ^ high;
    const { length } = text;
    let at = 0;
    for (; at + 4 <= length; at += 4)
      this.#take(byte(text, at) | (byte(text, at + 1) << 8) | (byte(text, at + 2) << 16) | (byte(text, at + 3) << 24));
    let last = length << 24;
    for (let shift = 0; at < length; at++, shift += 8) last |= byte(text, at) << shift;
    this.#take(last);
    this.#v2 ^= 0xee;
    for (let i = 0; i < 4; i++) this.#round();
    this.low = this.#v1 ^ this.#v3;
    this.#v1 ^= 0xdd;
    for (let i = 0; i < 4; i++) this.#round();
    this.high = this.#v1 ^ this.#v3;
    return this;
  }

  #take(word: number): void {
    this.#v3 ^= word;
    this.#round();
    this.#round();
    this.#v0 ^= word;
  }

  #round(): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3;
    v0 = (v0 + v1) | 0;
    v1 = rotated(v1, 5) ^ v0;
    v0 = rotated(v0, 16);
    v2 = (v2 + v3) | 0;
    v3 = rotated(v3, 8) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = rotated(v3, 7) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = rotated(v1, 13) ^ v2;
    v2 = rotated(v2, 16);
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}

function byte(text: string, at: number): number {
  return text.charCodeAt(at) & 0xff;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
