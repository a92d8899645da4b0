import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literalPrefix, pathPattern, quotePattern } from '../../../src/policies/rewrite/path-pattern.ts';
import { compileRegex } from '../../../src/settings/values/regex.ts';
import { PatternRoutes, TooMuchWork, type PatternRoute } from '../../../src/proxy/routing/pattern-routes.ts';

/** Pieces of patterns that V8 and re2js read alike, over few letters, so that paths match often. */
const piece = fc.constantFrom(
  '/',
  '/',
  'a',
  'b',
  'Ab',
  '.',
  '\\.',
  '[ab]',
  '[^/]+',
  '(a|b)',
  '(/|$)',
  '(.*)',
  'a+',
  'b*',
  'a?',
  'a{2}',
  'b{0,1}',
  '|/b',
  '(?:ab)+',
  '[|]',
  '\\|',
  '$',
  'é',
);
const pattern = fc.array(piece, { maxLength: 5 }).map((pieces) => `/${pieces.join('')}`);
const path = fc
  .array(fc.constantFrom('/', '/', 'a', 'b', 'A', 'B', '.', '|', 'c', '\xc3\xa9', '\n'), { maxLength: 8 })
  .map((pieces) => `/${pieces.join('')}`);

/** Whether V8 reads it at all: two quantifiers may meet. */
function readable(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp && typeof compileRegex(`^${text}`, true) !== 'string';
  } catch {
    return false;
  }
}

function routesOf(patterns: readonly string[]): PatternRoute<number>[] {
  return patterns.map((text, route) => ({ pattern: `^${text}`, route }));
}

/** The routes in order, each tried on every path. */
function naive(routes: readonly PatternRoute<number>[], text: string): number | null {
  const found = routes.find(({ pattern: one }) => {
    const regex = new RegExp(one, 'i');
    return regex.test(text) || (text.endsWith('\n') && regex.test(text.slice(0, -1)));
  });
  return found?.route ?? null;
}

describe('the routes of a host whose paths are patterns', () => {
  it('are those that trying each in turn finds', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), fc.array(path, { minLength: 1, maxLength: 6 }), (patterns, paths) => {
        const routes = routesOf(patterns.map(pathPattern).filter(readable));
        const compiled = new PatternRoutes(routes);
        for (const one of paths) expect([one, compiled.find(one)]).toEqual([one, naive(routes, one)]);
        // Also after a change that keeps some of them.
        const fewer = routes.slice(1);
        const changed = new PatternRoutes(fewer, compiled);
        for (const one of paths) expect([one, changed.find(one)]).toEqual([one, naive(fewer, one)]);
      }),
      { numRuns: 2000 },
    );
  });

  it('tries only the patterns whose beginning the path has', () => {
    const tried: string[] = [];
    const routes = routesOf(Array.from({ length: 1000 }, (_, index) => `/tenant-${index}/(.*)`));
    const compiled = new PatternRoutes(routes, null, (text) => {
      const regex = compileRegex(text, true);
      if (typeof regex === 'string') throw new Error(regex);
      return {
        test: (subject) => {
          tried.push(text);
          return regex.test(subject);
        },
      };
    });
    expect(compiled.find('/TENANT-77/x')).toBe(77);
    expect(compiled.find('/tenant-1000/x')).toBeNull();
    expect(compiled.find('/other')).toBeNull();
    expect(tried).toEqual(['^/tenant-77/(.*)']);
  });

  it('compiles a pattern once, on first use, and not again after a change', () => {
    const made: string[] = [];
    const compile = (text: string): { test: () => boolean } => {
      made.push(text);
      return { test: () => text === '^/a' };
    };
    const first = new PatternRoutes(routesOf(['/a', '/b']), null, compile);
    expect(made).toEqual([]);
    expect([first.find('/a'), first.find('/a')]).toEqual([0, 0]);
    const second = new PatternRoutes(routesOf(['/a', '/c']), first, compile);
    expect(second.find('/a')).toBe(0);
    expect(made).toEqual(['^/a']);
  });

  it('gives up at a bound of work: many patterns with one beginning, on a long path', () => {
    let characters = 0;
    const compiled = new PatternRoutes(routesOf(Array.from({ length: 1000 }, (_, index) => `/(.*)${index}x`)), null, () => ({
      test: (subject) => {
        characters += subject.length;
        return false;
      },
    }));
    expect(() => compiled.find(`/${'a'.repeat(8000)}`)).toThrow(TooMuchWork);
    expect(characters).toBeLessThanOrEqual(2 ** 20);
    characters = 0;
    expect(compiled.find(`/${'a'.repeat(1000)}`)).toBeNull();
    expect(characters).toBe(1_001_000);
  });

  it('may have thousands of beginnings within each other', () => {
    const patterns = Array.from({ length: 3000 }, (_, index) => `/${'a'.repeat(index % 500)}.${index}`);
    const compiled = new PatternRoutes(routesOf(patterns), null, (text) => ({ test: () => text === '^/.0' }));
    expect(compiled.find(`/${'a'.repeat(300)}`)).toBe(0);
  });
});

describe('the literal beginning of a pattern', () => {
  it('is one of every path that the pattern matches', () => {
    fc.assert(
      fc.property(pattern, path, (text, subject) => {
        const bytes = pathPattern(text);
        if (!readable(bytes) || !new RegExp(`^${bytes}`, 'i').test(subject)) return;
        expect(subject.toLowerCase().startsWith(literalPrefix(bytes))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['/foo', '/foo'],
    ['/Foo(/|$)(.*)', '/foo'],
    ['/foo.bar', '/foo'],
    ['/foo\\.bar\\/x', '/foo.bar/x'],
    ['/foo?', '/fo'],
    ['/foo*', '/fo'],
    ['/foo{0,2}', '/fo'],
    ['/foo+bar', '/foo'],
    ['/a|/b', ''],
    ['/(a|b)', '/'],
    ['/x[|]y', '/x'],
    ['/x[\\]|]y|/z', ''],
    ['/x[[:alpha:]|]|/z', ''],
    ['/x[]|]y', '/x'],
    ['/x)|y', ''],
    ['/x(|y', ''],
    ['/a\\d', '/a'],
    ['/a\\Q|\\E', ''],
    ['/a(?x) # |', ''],
    ['/a(?!b)', '/a'],
    ['/a$', '/a'],
    [`/${'a'.repeat(4000)}`, `/${'a'.repeat(511)}`],
  ])('of %.20s is %.20j', (text, beginning) => {
    expect(literalPrefix(text)).toBe(beginning);
  });

  it('is matched as it stands where a pattern is made of it', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (text) => {
        const regex = compileRegex(`^${quotePattern(text)}`, true);
        expect(typeof regex !== 'string' && regex.test(text)).toBe(true);
      }),
    );
  });
});
