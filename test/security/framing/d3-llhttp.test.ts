/**
 * D3. What the parser of most Node.js servers refuses would, if we passed it on, be judged by whatever backend is there.
 * Source: llhttp's own tests of malformed requests; here the table of cases and damaged forms of it are the corpus.
 */
import { expect, it } from 'vitest';
import { compare } from './d3-llhttp.ts';

it('D3: no request that a strict node:http does not see reaches a backend', async () => {
  const { streams, refused } = await compare(20_261_123, 3);
  expect(streams).toBeGreaterThan(1500);
  expect(refused).toBeGreaterThan(700);
});
