/**
 * Consistent hashing as lua-resty-chash has it (and nginx's `hash ... consistent`): 160 points per endpoint on a circle of 32 bits, by
 * CRC-32. Every worker and replica finds the same endpoint for a key, as ingress-nginx would; of n endpoints one that comes or goes
 * moves a share of 1/n of the keys.
 */
import { crc32 } from 'node:zlib';

const POINTS = 160;

export class Ring {
  /** Ascending; each hash has its owner's index in `#owners`. */
  readonly #hashes: Uint32Array;
  readonly #owners: Uint32Array;

  /** `ids` are all different. */
  constructor(ids: readonly string[]) {
    const size = ids.length * POINTS;
    const points = new Float64Array(size);
    const previous = Buffer.alloc(4);
    let at = 0;
    for (const [index, id] of ids.entries()) {
      const base = crc32(id);
      previous.fill(0);
      for (let i = 0; i < POINTS; i++) {
        const hash = crc32(previous, base);
        // The owner behind the comma: one sort, and of equal hashes the first id wins in every worker.
        points[at++] = hash + index / 2 ** 20;
        previous.writeUInt32LE(hash);
      }
    }
    points.sort();
    this.#hashes = new Uint32Array(size);
    this.#owners = new Uint32Array(size);
    for (const [index, point] of points.entries()) {
      const hash = Math.floor(point);
      this.#hashes[index] = hash;
      this.#owners[index] = (point - hash) * 2 ** 20;
    }
  }

  /** The index of the id that a key belongs to; -1 when there is none. */
  find(key: string): number {
    const { length } = this.#owners;
    return length === 0 ? -1 : this.#owners[this.#position(key) % length]!;
  }

  /** All indices, beginning with that of the key: who stands in for it, and for that one. Each once. */
  *walk(key: string): Generator<number> {
    const { length } = this.#owners;
    const seen = new Set<number>();
    const start = length === 0 ? 0 : this.#position(key);
    for (let i = 0; i < length && seen.size * POINTS < length; i++) {
      const owner = this.#owners[(start + i) % length]!;
      if (seen.has(owner)) continue;
      seen.add(owner);
      yield owner;
    }
  }

  /** Of the first point that is not before the key. */
  #position(key: string): number {
    const hash = crc32(key);
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
