import { describe, expect, it } from 'vitest';
import { MatchCache } from '../../../src/proxy/routing/match-cache.ts';
import { PatternRoutes } from '../../../src/proxy/routing/pattern-routes.ts';

/** Routes that count how often they are looked up. */
function counted(): { routes: PatternRoutes<string>; tried: () => number } {
  let tried = 0;
  const routes = new PatternRoutes([{ pattern: '^/a', route: 'a' }], null, () => ({
    test: (path) => tried++ >= 0 && path !== '/ab',
  }));
  return { routes, tried: () => tried };
}

describe('the memory of matches', () => {
  it('asks the patterns once for a path, also where they say no', () => {
    const cache = new MatchCache<string>();
    const { routes, tried } = counted();
    for (let times = 0; times < 3; times++) {
      expect(cache.find(routes, '/ax')).toBe('a');
      expect(cache.find(routes, '/ab')).toBeNull();
    }
    expect([tried(), cache.size]).toEqual([2, 2]);
  });

  it('tells the patterns of hosts apart, and forgets those that are gone', () => {
    const cache = new MatchCache<string>();
    const one = counted();
    const other = new PatternRoutes([{ pattern: '^/a', route: 'b' }]);
    expect([cache.find(one.routes, '/a'), cache.find(other, '/a')]).toEqual(['a', 'b']);
    cache.forget(one.routes);
    cache.forget(one.routes);
    expect(cache.size).toBe(1);
    expect([cache.find(one.routes, '/a'), one.tried()]).toEqual(['a', 2]);
  });

  it('is bounded, whatever clients ask for', () => {
    const cache = new MatchCache<string>();
    const { routes } = counted();
    let most = 0;
    for (let index = 0; index < 30_000; index++) {
      cache.find(routes, `/a${index}`);
      most = Math.max(most, cache.size);
    }
    cache.find(routes, `/a${'x'.repeat(256)}`);
    expect(most).toBe(8192);
    const before = cache.size;
    cache.find(routes, `/a${'x'.repeat(300)}`);
    expect(cache.size).toBe(before);
  });
});
