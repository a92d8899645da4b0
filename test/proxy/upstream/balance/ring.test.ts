/** The circle of consistent hashing: the same as lua-resty-chash's, and how little a change of the endpoints moves. */
import fc from 'fast-check';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Ring } from '../../../../src/proxy/upstream/balance/ring.ts';

const KEYS = Array.from({ length: 4000 }, (_, index) => `key-${index}`);

function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `10.1.2.${index}:8080`);
}

/** lua-resty-chash in ten lines: chash.c `chash_point_init`, chash.lua `_find_id`. */
function naive(ids: readonly string[], key: string): string | undefined {
  const points = ids.flatMap((id) => {
    let previous = 0;
    return Array.from({ length: 160 }, () => {
      const bytes = Buffer.from([previous & 255, (previous >>> 8) & 255, (previous >>> 16) & 255, previous >>> 24]);
      previous = crc32(Buffer.concat([Buffer.from(id), bytes]));
      return { hash: previous, id };
    });
  });
  points.sort((a, b) => a.hash - b.hash);
  return (points.find(({ hash }) => hash >= crc32(key)) ?? points[0])?.id;
}

describe('a ring', () => {
  it('finds what lua-resty-chash finds', () => {
    const ids = fc.uniqueArray(
      fc.ipV4().map((address) => `${address}:80`),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(ids, fc.string(), (list, key) => {
        expect(list[new Ring(list).find(key)]).toBe(naive(list, key));
      }),
      { numRuns: 60 },
    );
  });

  it('gives each of its ids about as many keys', () => {
    const ring = new Ring(idsOf(10));
    const counts = Array.from<number>({ length: 10 }).fill(0);
    for (const key of KEYS) counts[ring.find(key)]!++;
    for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(120);
  });

  it('of n ids one that comes takes a share of 1/n of the keys, and no key moves between the others', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), (count) => {
        const before = idsOf(count);
        const after = idsOf(count + 1);
        const [old, fresh] = [new Ring(before), new Ring(after)];
        const moved = KEYS.filter((key) => before[old.find(key)] !== after[fresh.find(key)]);
        expect(new Set(moved.map((key) => fresh.find(key)))).toEqual(new Set([count]));
        const share = KEYS.length / (count + 1);
        expect(moved.length).toBeGreaterThan(share * 0.6);
        expect(moved.length).toBeLessThan(share * 1.4);
      }),
      { numRuns: 20 },
    );
  });

  it('of ids one that goes leaves the keys of the others where they were', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.nat(), (count, which) => {
        const before = idsOf(count);
        const gone = before[which % count]!;
        const after = before.filter((id) => id !== gone);
        const [old, fresh] = [new Ring(before), new Ring(after)];
        for (const key of KEYS.slice(0, 500)) {
          const owner = before[old.find(key)]!;
          if (owner !== gone) expect(after[fresh.find(key)]).toBe(owner);
          // Who stands in for it while it fails has it once it is gone.
          else expect(after[fresh.find(key)]).toBe(before[[...old.walk(key)][1]!]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('walks over all ids, each once, beginning with that of the key', () => {
    const ring = new Ring(idsOf(7));
    for (const key of KEYS.slice(0, 50)) {
      const walk = [...ring.walk(key)];
      expect(walk[0]).toBe(ring.find(key));
      expect(walk.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
  });

  it('without ids finds nothing', () => {
    expect(new Ring([]).find('key')).toBe(-1);
    expect([...new Ring([]).walk('key')]).toEqual([]);
  });

  it('does not depend on the order of the ids', () => {
    const ids = idsOf(9);
    const [one, other] = [new Ring(ids), new Ring(ids.toReversed())];
    for (const key of KEYS.slice(0, 500)) expect(ids.toReversed()[other.find(key)]).toBe(ids[one.find(key)]);
  });
});
