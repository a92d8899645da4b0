/** Patterns that V8 matches: the same as re2js finds, and none that could take long. */
import fc from 'fast-check';
import { runInNewContext } from 'node:vm';
import { RE2JS } from 're2js';
import { describe, expect, it } from 'vitest';
import { plainPattern } from '../../src/settings/values/plain-pattern.ts';

/** The first match and its groups, by re2js. */
function byRe2(pattern: string, ignoreCase: boolean, text: string): readonly unknown[] | null {
  const matcher = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0).matcher(text);
  if (!matcher.find()) return null;
  return [matcher.start(), ...Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? '')];
}

function byV8(regex: RegExp, text: string): readonly unknown[] | null {
  const found = regex.exec(text);
  return found === null ? null : [found.index, ...Array.from(found, (group) => group ?? '')];
}

describe('a plain pattern', () => {
  it.each([
    '/api(/|$)(.*)',
    '/api',
    '^/foo/(.*)',
    '/v[0-9]/(.+)',
    '/a\\.b$',
    '(/|$)',
    '/(foo|bar)/x',
    '/x/([^/]*)',
    '^/(?:a|b)(/|$)(.*)',
    '/.',
    '',
  ])('is %j', (pattern) => {
    expect(plainPattern(pattern, true)).not.toBeNull();
  });

  it.each([
    '(a+)+b',
    '/a*b',
    '(.*)x',
    '.*.*',
    '(.*)(.*)',
    '/a{1,5}',
    'a?',
    '(a|b)*',
    '(.*)$',
    '/(?i)a',
    '\\d+',
    '/\\w',
    'é',
    '(?P<name>x)',
    '(.*',
    '[[:alpha:]]',
    '[a-z',
    '^^^(',
    '(a|b)'.repeat(30),
    '(a|a|a|a|a)(a|a|a|a|a)b',
    'a'.repeat(300),
  ])('is not %j', (pattern) => {
    expect(plainPattern(pattern, true)).toBeNull();
  });

  const piece = fc.constantFrom(
    '/',
    'a',
    'B',
    '0',
    '.',
    '\\.',
    '[a-c]',
    '[^/]',
    '(/|$)',
    '(a|b)',
    '(?:a|/)',
    '-',
    '%',
    ' ',
    '~',
  );
  const last = fc.constantFrom('', '$', '(.*)', '.*', '.+', '([^/]*)', '[^/]+');
  const pattern = fc
    .tuple(fc.constantFrom('', '^'), fc.array(piece, { maxLength: 6 }), last)
    .map((parts) => parts.flat().join(''));
  const text = fc.string({ unit: fc.constantFrom(...'/aAbB0.-% ~\n\r\u00e9\u00a0\u0085'.split('')), maxLength: 20 });

  it('finds what re2js finds', () => {
    let compared = 0;
    fc.assert(
      fc.property(pattern, text, fc.boolean(), (one, subject, ignoreCase) => {
        const regex = plainPattern(one, ignoreCase);
        if (regex === null) return;
        compared++;
        expect(byV8(regex, subject)).toEqual(byRe2(one, ignoreCase, subject));
      }),
      { numRuns: 5000 },
    );
    expect(compared).toBeGreaterThan(1000);
  });
});

// Who writes an Ingress writes the pattern: looking at it must not take longer than matching by it would.
it.each([
  ['classes', '[aaaaaaaa]'.repeat(18)],
  ['ranges', '[aa-aaaaa]'.repeat(18)],
  ['one long class', `[${'a'.repeat(190)}]`],
  ['choices', '(a|a|aaaa)'.repeat(18)],
  ['empty choices', '()(|)(||)'.repeat(20)],
  ['open parentheses', '('.repeat(190)],
])('a pattern of %s is looked at in no time, also when it is refused in the end', (_, beginning) => {
  const look = (): RegExp | null => plainPattern(`${beginning}+x`, false);
  // Interrupts what would never end.
  expect(runInNewContext('look()', { look }, { timeout: 5000 })).toBeNull();
});
