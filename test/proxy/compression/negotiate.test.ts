/** Accept-Encoding against a naive twin, and the cases that RFC 9110 §12.5.3 and nginx speak of. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptEncoding, CODINGS, preferred, type Coding } from '../../../src/proxy/compression/negotiate.ts';

describe('preferred', () => {
  it.each<[string, Coding | null]>([
    ['', null],
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, zstd', 'zstd'],
    ['GZIP;Q=1', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['br;q=0.001', 'br'],
    ['br;q=0, gzip;q=0.000', null],
    ['*', 'br'],
    ['*;q=0', null],
    ['br;q=0, *', 'zstd'],
    ['*;q=0, gzip;q=0.1', 'gzip'],
    ['identity', null],
    ['identity;q=0', null],
    ['identity;q=0, gzip', 'gzip'],
    ['identity, gzip', 'gzip'],
    ['identity;q=1, gzip;q=0.5', null],
    ['gzip;q=0, gzip', null],
    ['deflate', null],
    // None of these is a member of the list: what is not understood allows nothing.
    ['gzip;q=2', null],
    ['gzip;q=-1', null],
    ['gzip;q=0.1234', null],
    ['gzip;q=', null],
    ['gzip;level=9', null],
    ['gzip br', null],
    ['"gzip"', null],
    ['gzipped, xgzip', null],
    [',, ,\tgzip\t;\tq=0.5\t,,', 'gzip'],
  ])('of %j takes %s', (field, coding) => {
    expect(preferred(field, CODINGS)).toBe(coding);
  });

  it('takes only what is available', () => {
    expect(preferred('br, gzip', ['gzip'])).toBe('gzip');
    expect(preferred('br', ['gzip'])).toBe(null);
    expect(preferred('*', [])).toBe(null);
  });

  const members = fc.array(
    fc.record({
      name: fc.constantFrom('br', 'zstd', 'gzip', 'identity', '*', 'deflate', 'x-gzip'),
      weight: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: null }),
      upper: fc.boolean(),
      space: fc.constantFrom('', ' ', '\t', '  '),
    }),
    { maxLength: 8 },
  );

  it('is what its naive twin is', () => {
    fc.assert(
      fc.property(members, fc.subarray([...CODINGS]), (list, available) => {
        const field = list
          .map(({ name, weight, upper, space }) => {
            const word = upper ? name.toUpperCase() : name;
            return space + word + space + (weight === null ? '' : `;${space}q=${(weight / 1000).toFixed(3)}${space}`);
          })
          .join(',');
        const weightOf = (name: string): number | null => {
          const named = list.filter((one) => one.name.replace('x-gzip', 'gzip') === name);
          return named.length === 0 ? null : Math.min(...named.map(({ weight }) => weight ?? 1000));
        };
        // All that are accepted, and of those with the highest weight the first in our order.
        const accepted = available
          .map((coding) => ({ coding, weight: weightOf(coding) ?? weightOf('*') ?? 0 }))
          .filter(({ weight }) => weight > 0 && weight >= (weightOf('identity') ?? 0))
          .toSorted((a, b) => b.weight - a.weight || CODINGS.indexOf(a.coding) - CODINGS.indexOf(b.coding));
        expect(preferred(field, available)).toBe(accepted[0]?.coding ?? null);
      }),
    );
  });

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii', maxLength: 200 }), (field) => {
        expect([...CODINGS, null]).toContain(preferred(field, CODINGS));
      }),
    );
  });
});

describe('acceptEncoding', () => {
  it('joins the lines of a head, and looks nowhere else', () => {
    const head =
      'GET /accept-encoding:br HTTP/1.1\r\nHost: a\r\naccept-ENCODING: gzip\r\nX-Accept-Encoding: br\r\nAccept-Encoding:br\r\n\r\n';
    expect(preferred(acceptEncoding(head), CODINGS)).toBe('br');
    expect(
      acceptEncoding(head)
        .split(',')
        .map((part) => part.trim()),
    ).toEqual(['gzip', 'br']);
    expect(acceptEncoding('GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('');
  });
});
