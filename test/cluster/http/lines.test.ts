import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineSplitter } from '../../../src/cluster/http/lines.ts';

describe('createLineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const line = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' '));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), line, fc.array(fc.nat(20)), (lines, rest, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join('') + rest);
        const splitter = createLineSplitter(10_000);
        const seen: string[] = [];
        let from = 0;
        for (const cut of cuts) {
          seen.push(...splitter.push(bytes.subarray(from, from + cut)));
          from += cut;
        }
        seen.push(...splitter.push(bytes.subarray(from)));
        expect(seen).toEqual(lines.map((text) => Buffer.from(text).toString()));
        expect(splitter.rest()).toBe(Buffer.from(rest).toString());
      }),
      { numRuns: 100 },
    );
  });

  it('bounds a line, in one chunk or many, but not the number of lines', () => {
    const splitter = createLineSplitter(4);
    expect(splitter.push(Buffer.from('aaaa\nbbbb\ncccc\n'))).toHaveLength(3);
    splitter.push(Buffer.from('ddd'));
    expect(() => splitter.push(Buffer.from('dd'))).toThrow(RangeError);
    expect(() => createLineSplitter(4).push(Buffer.from('eeeee\n'))).toThrow('longer than 4 bytes');
  });
});
