/** As limits.test.ts, with a thousand responses at once in each coding. */
import { expect, it } from 'vitest';
import { manyStreams } from './many.ts';

const MIB = 1 << 20;

it.each([
  ['gzip', 0.5],
  ['br', 1.8],
  ['zstd', 0.9],
])('a thousand in %s', { timeout: 300_000 }, async (coding, mebibytes) => {
  const { compressed, during, after, growth } = await manyStreams(coding, 1000, 128, 8);
  const mib = (bytes: number): string => `${(bytes / MIB).toFixed(1)} MiB`;
  process.stdout.write(`${coding}: ${compressed} compressed, ${mib(during)}, left ${mib(after)}, growth ${mib(growth)}\n`);
  expect(compressed).toBe(128);
  expect(during).toBeLessThan((128 * mebibytes + 872 / 16 + 32) * MIB);
  expect(after).toBeLessThan(8 * MIB);
  // The allocator keeps some; seven rounds would leave five hundred.
  expect(growth).toBeLessThan(96 * MIB);
});
