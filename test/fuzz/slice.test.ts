/** A short stretch of the fuzzing with fixed seeds, and everything that longer runs have found. `npm run fuzz` goes on from there. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { requests, responses } from './generate.ts';
import { readRequests, readResponse } from './ours.ts';
import { Random } from './random.ts';
import { run, tryStream, type Finding } from './run.ts';

const FINDINGS = new URL('findings/', import.meta.url);

describe('our parsers and llhttp', () => {
  it.each(readdirSync(FINDINGS).filter((name) => name.endsWith('.json')))('agree on what was found: %s', (name) => {
    const { kind, text, seed } = JSON.parse(readFileSync(new URL(name, FINDINGS), 'utf8')) as Finding;
    expect(tryStream(kind, text, seed)).toBeNull();
  });

  it('agree on a slice of generated streams', () => {
    expect(run(20_261_122, 40_000)).toEqual([]);
  });

  it('are given streams that say something: many are taken, with bodies', () => {
    const random = new Random(1);
    let taken = 0;
    let bodies = 0;
    for (let i = 0; i < 1000; i++) {
      const bytes = Buffer.from(i % 2 === 0 ? requests(random) : responses(random), 'latin1');
      const { messages } = i % 2 === 0 ? readRequests(bytes, [bytes.length]) : readResponse(bytes, false, [bytes.length]);
      if (messages.some(({ complete }) => complete)) taken++;
      if (messages.some(({ complete, body }) => complete && body !== '')) bodies++;
    }
    expect(taken).toBeGreaterThan(600);
    expect(bodies).toBeGreaterThan(300);
  });
});
