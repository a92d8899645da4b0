/** Looking fields up in heads, against twins that do it the slow way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldOf } from '../../../../src/proxy/http1/head/field-of.ts';
import { LineRuns } from '../../../../src/proxy/http1/head/line-runs.ts';
import { TextSink } from '../../../../src/proxy/text-sink.ts';

const NAMES = ['access-control-allow-origin', 'a', 'ab', 'x-a', 'cookie', 'accept', 'x_a'];
const name = fc
  .constantFrom(...NAMES)
  .chain((lower) => fc.constantFrom(lower, lower.toUpperCase(), `${lower[0]!.toUpperCase()}${lower.slice(1)}`));
const value = fc.constantFrom('', ' ', ' 1', '\t2 \t', ' a: b', ' \u00a0', 'x-a: 3', ' ;');
const lines = fc.array(fc.tuple(name, value));
const wanted = fc.constantFrom(...NAMES, 'b', 'accept-language');

function trim(text: string): string {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}

describe('fieldOf', () => {
  it('finds what a twin finds', () => {
    fc.assert(
      fc.property(lines, wanted, (fields, lower) => {
        const head = `GET / HTTP/1.1\r\n${fields.map(([one, text]) => `${one}:${text}\r\n`).join('')}\r\na: after the head\r\n`;
        const values = fields.filter(([one]) => one.toLowerCase() === lower).map(([, text]) => trim(text));
        expect(fieldOf(head, 6, lower)).toBe(values.join(lower === 'cookie' ? '; ' : ', '));
      }),
    );
  });

  it('does not take the request line for a field', () => {
    expect(fieldOf('a:x HTTP/1.1\r\nb: 1\r\n\r\n', 0, 'a')).toBe('');
  });
});

describe('LineRuns', () => {
  /** A head of which the lines marked are to be forwarded. */
  const marked = fc.array(fc.tuple(name, value, fc.boolean()));

  function prepared(
    fields: readonly (readonly [string, string, boolean])[],
    start: number,
  ): { bytes: Buffer; text: string; runs: LineRuns } {
    const runs = new LineRuns();
    let text = 'HTTP/1.1 200 OK\r\n';
    for (const [one, said, kept] of fields) {
      const at = text.length;
      text += `${one}:${said}\r\n`;
      if (kept) runs.add(at, text.length);
    }
    return { bytes: Buffer.from(`${'\n:'.repeat(start / 2)}${text}\r\n`, 'latin1'), text, runs };
  }

  it('has, values and remove agree with a twin, wherever in its buffer the head begins', () => {
    fc.assert(
      fc.property(marked, fc.array(wanted), fc.constantFrom(0, 2, 40), (fields, names, start) => {
        const { bytes, text, runs } = prepared(fields, start);
        const kept = fields.filter(([, , keep]) => keep);
        const hit = (one: string): boolean => names.includes(one.toLowerCase());
        expect(runs.has(bytes, start, names)).toBe(kept.some(([one]) => hit(one)));
        for (const lower of names) {
          const values = kept.filter(([one]) => one.toLowerCase() === lower).map(([, said]) => trim(said));
          expect(runs.values(text, lower)).toEqual(values);
        }
        runs.remove(text, names);
        const sink = new TextSink();
        runs.sendText(sink, text);
        expect(sink.value).toBe(
          kept
            .filter(([one]) => !hit(one))
            .map(([one, said]) => `${one}:${said}\r\n`)
            .join(''),
        );
      }),
    );
  });

  it('takes lengths that differ by 32 apart', () => {
    const long = 'x'.repeat(33);
    const { bytes, runs } = prepared([[long, ' 1', true]], 0);
    expect([runs.has(bytes, 0, ['x']), runs.has(bytes, 0, [long])]).toEqual([false, true]);
  });
});
