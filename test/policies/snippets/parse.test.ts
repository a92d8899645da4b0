/** No text makes the parser of snippets throw, hang or build something that cannot be run or sent to a worker. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Passage } from '../../../src/policies/acting.ts';
import { ResponseChanges } from '../../../src/policies/changes.ts';
import { Rewriting } from '../../../src/policies/rewriting.ts';
import { readDirectives, SnippetError } from '../../../src/policies/snippets/reading/tokens.ts';
import { parseAuthSnippet, parseLocationSnippet, parseServerSnippet } from '../../../src/policies/snippets/reading/parse.ts';
import { applyFields, levelFields, NO_FIELDS } from '../../../src/policies/snippets/running/apply.ts';
import { compileRewrite } from '../../../src/policies/snippets/running/run.ts';
import { BROKEN, PROGRAMS } from '../../annotations/snippet-programs.ts';

const PIECES = [
  '{',
  '}',
  ';',
  '"',
  "'",
  '\\',
  '$',
  '#',
  '(',
  ')',
  '\n',
  '\r',
  '\t',
  ' ',
  '~',
  '*',
  '!',
  '=',
  '?',
  'if',
  'set',
  'return',
  'rewrite',
  'add_header',
  'location',
  'deny',
  'allow',
  'expires',
  'more_set_headers',
  'proxy_set_header',
  '$host',
  '${a}',
  '$1',
  '$arg_a',
  '$a',
  'last',
  'always',
  '403',
  '^/(.*)$',
  '/x$1?',
  'X-A',
  '10.0.0.0/8',
  '-s',
  '\0',
  'é',
  '\ud800',
];
const TEXTS = [...PROGRAMS.flatMap(({ server, location }) => [server ?? '', location ?? '']), ...BROKEN].filter(
  (text) => text !== '',
);

const pieced = fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(' '));
const glued = fc.array(fc.constantFrom(...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(''));
/** A program from which a piece is cut out, and another put in its place. */
const mended = fc
  .tuple(fc.constantFrom(...TEXTS), fc.nat(200), fc.nat(10), fc.constantFrom(...PIECES))
  .map(
    ([text, at, length, piece]) =>
      text.slice(0, at % (text.length + 1)) + piece + text.slice((at % (text.length + 1)) + length),
  );
const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), pieced, glued, mended);

function passage(text: string): Passage {
  const path = Buffer.from(text, 'utf8').toString('latin1');
  const rewriting = new Rewriting(path, 'a=1');
  const request = { rawPath: path, method: 'GET', target: path, field: () => '' };
  const variable = (name: string): string => rewriting.variables?.get(name) ?? (name === 'uri' ? rewriting.path : 'value');
  return { rewriting, request, variable, response: new ResponseChanges() } as unknown as Passage;
}

describe('any text', () => {
  it('is a program or a problem, in every place', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const parse of [parseLocationSnippet, parseServerSnippet, parseAuthSnippet]) {
          const parsed = parse(text);
          if ('problem' in parsed) {
            expect(parsed.problem.message.length).toBeLessThan(400);
            expect(parsed.problem.line).toBeGreaterThan(0);
          } else expect(structuredClone(parsed.program)).toEqual(parsed.program);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('that is a program runs, and writes no line that it must not', () => {
    let ran = 0;
    fc.assert(
      fc.property(anyText, fc.string({ unit: 'binary', maxLength: 30 }), (text, path) => {
        const parsed = parseLocationSnippet(text);
        if ('problem' in parsed) return;
        ran++;
        const request = passage(`/${path}`);
        const fields = levelFields(parsed.program.fields, NO_FIELDS);
        const answer = compileRewrite(parsed.program.rewrite, fields, 'text/html')(request);
        applyFields(request.rewriting.fields ?? fields, request, answer?.status ?? 200);
        for (const lines of [answer?.fields ?? '', request.response.lines]) {
          // oxlint-disable-next-line no-control-regex
          expect(lines).toMatch(/^(?:[!-9;-~]+: [\t -~\u0080-\u00ff]+\r\n)*$/);
        }
        const { target } = request.rewriting;
        if (target !== null) expect(target).toMatch(/^\/[!-~]*$/);
      }),
      { numRuns: 2000 },
    );
    expect(ran).toBeGreaterThan(100);
  });

  it('is read in time that is linear in it: 64 KiB of the worst', () => {
    const worst = ['{', '}', ';', '"', "'", '\\', '$', '#', '#\n', 'a ', 'a{', 'set $a 1;', '${', 'if (', '"a"', 'a;'];
    for (const piece of worst) {
      const text = piece.repeat(65_536 / piece.length);
      if (piece.startsWith('#')) expect(readDirectives(text)).toEqual([]);
      else expect(() => readDirectives(text)).toThrow(SnippetError);
    }
  });
});

describe('the end of the rewrite phase', () => {
  it.each([
    ['break;', true, false],
    ['rewrite ^ /y break;', true, false],
    ['rewrite ^ /y last;', true, true],
    ['rewrite ^ /y;', false, true],
    ['rewrite ^ /y; break;', true, false],
    ['set $a 1;', false, false],
  ])('%s: no directive of an annotation follows: %s; the location is looked for again: %s', (text, ended, changed) => {
    const parsed = parseLocationSnippet(text);
    const request = passage('/x');
    expect('problem' in parsed ? parsed.problem : compileRewrite(parsed.program.rewrite, NO_FIELDS, '')(request)).toBe(null);
    expect([request.rewriting.ended, request.rewriting.changed]).toEqual([ended, changed]);
  });
});

describe('words', () => {
  it.each([
    ['a b c;', [['a', 'b', 'c']]],
    ['a \'b c\' "d e";', [['a', 'b c', 'd e']]],
    ['a "b\\"c" d\\;e;', [['a', 'b"c', 'd\\;e']]],
    ['a "\\t\\r\\n\\\\\\x";', [['a', '\t\r\n\\\\x']]],
    ['a b# c;', [['a', 'b#', 'c']]],
    ['a # b;\nc;', [['a', 'c']]],
    ['a ${b}c;', [['a', '${b}c']]],
    ['a;b;', [['a'], ['b']]],
    ['a "b;c}{";', [['a', 'b;c}{']]],
    ['a\r\nb\r\n;', [['a', 'b']]],
    ['a é;', [['a', 'Ã©']]],
    ['"" x;', [['', 'x']]],
  ])('%j', (text, words) => {
    expect(readDirectives(text).map(({ name, args }) => [name, ...args])).toEqual(words);
  });

  it('know their lines', () => {
    const [first, second] = readDirectives('\n# x\na "b\n\nc"\n;\n  d {\n e;\n}');
    expect([first?.line, second?.line, second?.block?.[0]?.line]).toEqual([3, 7, 8]);
  });
});
