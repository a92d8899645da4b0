/** A short stretch of the fuzzing with fixed seeds, and everything that longer runs have found. `npm run fuzz` goes on from there. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Tally } from './oracles/tally.ts';
import { run, tryStream, type Finding, type Kind } from './run.ts';

const FINDINGS = new URL('findings/', import.meta.url);
const SEED = 20_261_122;

describe('our parsers and those of others', () => {
  it.each(readdirSync(FINDINGS).filter((name) => name.endsWith('.json')))('agree on what was found: %s', (name) => {
    const { kind, text, seed } = JSON.parse(readFileSync(new URL(name, FINDINGS), 'utf8')) as Finding;
    expect(tryStream(kind, text, seed, new Tally(), true)).toBeNull();
  });

  it('leave other hosts alone on a slice of hostile Ingresses', async () => {
    expect(await run('ingress', SEED, 300, new Tally())).toEqual([]);
  });

  // The share of streams that the others accept and we accept too; and of answers that clients get as they were given.
  it.each<[Kind, number, number]>([
    ['request', 8000, 0.87],
    ['response', 6000, 0.9],
    ['exchange', 4000, 0.8],
  ])('agree on a slice of %ss, and ours take what is valid', async (kind, count, floor) => {
    const tally = new Tally();
    expect(await run(kind, SEED, count, tally)).toEqual([]);
    expect(tally.streams).toBe(count);
    expect(tally.theirs).toBeGreaterThan(count / 4);
    expect(tally.both / tally.theirs).toBeGreaterThan(floor);
    expect(tally.compared).toBeGreaterThan(count / 2);
  });
});
