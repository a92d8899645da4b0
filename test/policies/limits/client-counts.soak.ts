/** A million clients, and what they cost. */
import { expect, it } from 'vitest';
import { countsAlone } from '../../../src/policies/limits/client-counts.ts';

it('a million addresses take no more memory than there is, and nothing of a client at his limit', () => {
  const counts = countsAlone(10 * 1024 ** 2);
  const zone = counts.zone('default/web');
  const rate = { rate: 10_000, burst: 50_000 };
  while (counts.request(zone, '192.0.2.1', rate, 0));
  const before = process.memoryUsage();
  const began = performance.now();
  for (let i = 0; i < 1_000_000; i++)
    counts.request(zone, `2001:db8:${(i >> 16).toString(16)}:${(i & 0xffff).toString(16)}::1`, rate, 10);
  const each = ((performance.now() - began) / 1_000_000) * 1000;
  const after = process.memoryUsage();
  console.log(
    `${each.toFixed(2)} µs each, ${counts.places} places, RSS +${((after.rss - before.rss) / 2 ** 20).toFixed(1)} MiB`,
  );
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1_000_000);
  expect(counts.census().taken).toBeLessThanOrEqual(counts.places);
  expect(counts.request(zone, '192.0.2.1', rate, 10)).toBe(false);
}, 60_000);
