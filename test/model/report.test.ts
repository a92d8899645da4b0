import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { createReporter, diagnostic, quote, sortedDiagnostics } from '../../src/model/report.ts';

const OBJECT = { apiVersion: 'v1', kind: 'Secret', namespace: 'ns', name: 'name' };

function make(name: string, field: string): Diagnostic {
  return diagnostic({ ...OBJECT, name }, 'SecretInvalid', 'error', field, 'm', 's');
}

describe('quote', () => {
  it.each([
    ['plain', '"plain"'],
    ['line\nbreak\u0007', '"line\\nbreak\\u0007"'],
    ['c1 \u0085, bidi \u202e, separator \u2028', '"c1 \\u0085, bidi \\u202e, separator \\u2028"'],
    [undefined, 'undefined'],
    [7, '7'],
    [{ a: ['b'] }, '{"a":["b"]}'],
  ])('of %j is %s', (value, text) => {
    expect(quote(value)).toBe(text);
  });

  it('survives what JSON does not, and is short', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(quote(circle)).toBe('object');
    expect(quote(10n)).toBe('bigint');
    expect(quote('x'.repeat(100_000)).length).toBeLessThan(300);
  });
});

describe('diagnostics', () => {
  it('have messages of at most 1 KiB without control characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 10 }), fc.nat(500), (unit, times) => {
        const text = unit.repeat(times);
        const { message, served } = diagnostic(OBJECT, 'SecretInvalid', 'error', 'data', text, text);
        for (const bounded of [message, served]) {
          expect(Buffer.byteLength(bounded)).toBeLessThanOrEqual(1024);
          expect(bounded).not.toMatch(/[\p{Cc}\p{Cf}]/u);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('are collected per object', () => {
    const { report, diagnostics } = createReporter(OBJECT);
    report('SecretInvalid', 'error', 'data', 'wrong', 'nothing');
    expect(diagnostics).toEqual([
      { code: 'SecretInvalid', severity: 'error', object: OBJECT, field: 'data', message: 'wrong', served: 'nothing' },
    ]);
  });

  it('are sorted by object and field, each once', () => {
    const sorted = sortedDiagnostics([make('b', 'x'), make('a', 'y'), make('a', 'x'), make('b', 'x')]);
    expect(sorted.map(({ object, field }) => object.name + field)).toEqual(['ax', 'ay', 'bx']);
  });
});
