/** D3 with many more damaged forms: see d3-llhttp.test.ts. */
import { expect, it } from 'vitest';
import { compare } from './d3-llhttp.ts';

it('D3: no request that a strict node:http does not see reaches a backend', async () => {
  const { streams } = await compare(1, 100);
  expect(streams).toBeGreaterThan(40_000);
});
