/** As limits.test.ts, with a thousand responses at once in each coding. */
import { expect, it } from 'vitest';
import { manyStreams } from './many.ts';

const MIB = 1 << 20;

it.each([
  ['gzip', 0.5],
  ['br', 1.8],
  ['zstd', 0.9],
])('a thousand in %s', { timeout: 300_000 }, async (coding, mebibytes) => {
  const { compressed, during, after } = await manyStreams(coding, 1000, 128);
  process.stdout.write(
    `${coding}: ${compressed} compressed, ${(during / MIB).toFixed(1)} MiB, left ${(after / MIB).toFixed(1)} MiB\n`,
  );
  expect(compressed).toBe(128);
  expect(during).toBeLessThan(128 * mebibytes * MIB + 872 * (64 << 10) + 8 * MIB);
  expect(after).toBeLessThan(8 * MIB);
});
