import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Route, VirtualHost } from '../../src/model/table.ts';
import { readPath } from '../../src/proxy/routing/path.ts';
import { Router } from '../../src/proxy/routing/router.ts';
import { NO_POLICIES } from '../../src/model/policies.ts';
import { host } from '../support/proxy.ts';

function route(match: Partial<Route['match']>): Route {
  return {
    match: { exact: null, prefix: null, slashRedirect: null, ...match },
    path: match.exact ?? match.prefix ?? '',
    pathType: 'Prefix',
    target: { kind: 'answer', status: 404 },
    policies: NO_POLICIES,
    ingress: null,
    service: null,
  };
}

const ROOT = route({ prefix: '/' });
const FOO = route({ exact: '/foo', prefix: '/foo/' });
const BAR = route({ exact: '/foo/bar' });
const DEEP = route({ exact: '/foo/bar/baz', prefix: '/foo/bar/baz/' });
const SLASH = route({ exact: '/s/', prefix: '/s/', slashRedirect: '/s' });
const UMLAUT = route({ exact: '/ä', prefix: '/ä/' });

function routerOf(...hosts: VirtualHost[]): Router<Route> {
  const router = new Router<Route>();
  for (const one of hosts) router.set(one, one.routes);
  return router;
}

/** The naive twin: the definition, read aloud. */
function naive(routes: readonly Route[], path: string): Route | null {
  const exact = routes.find(({ match }) => match.exact === path);
  if (exact !== undefined) return exact;
  const redirect = routes.find(({ match }) => match.slashRedirect === path);
  if (redirect !== undefined) return redirect;
  const prefixes = routes.filter(({ match }) => match.prefix !== null && path.startsWith(match.prefix));
  return prefixes.sort((a, b) => b.match.prefix!.length - a.match.prefix!.length)[0] ?? null;
}

describe('the router', () => {
  const router = routerOf(
    host('a.example', [BAR, DEEP, FOO, SLASH, UMLAUT, ROOT]),
    host('*.example', [ROOT]),
    host('only.example', [FOO]),
    host('_', [SLASH]),
  );

  it.each([
    ['/', ROOT],
    ['/foo', FOO],
    ['/foo/', FOO],
    ['/foo/x', FOO],
    ['/foobar', ROOT],
    ['/foo/bar', BAR],
    ['/foo/bar/', FOO],
    ['/foo/bar/baz/qux', DEEP],
    ['/s/', SLASH],
    ['/s/x', SLASH],
    ['/%C3%A4/x', UMLAUT],
    ['//foo///x', FOO],
    ['/x/../foo', FOO],
    ['/x/%2e%2e/foo/./y', FOO],
    ['/%66oo', FOO],
    ['/FOO', ROOT],
  ])('finds %s', (path, expected) => {
    expect(router.find('a.example', path, !/%|\/\/|\/\./.test(path)).route).toBe(expected);
  });

  it('says when the answer is the path with a slash', () => {
    expect(router.find('a.example', '/s', true)).toMatchObject({ route: SLASH, slashRedirect: true });
    expect(router.find('a.example', '/s/', true)).toMatchObject({ route: SLASH, slashRedirect: false });
  });

  it.each([
    ['A.Example:8080', ROOT],
    ['a.example.', ROOT],
    ['b.example', ROOT],
    ['b.example:1', ROOT],
    ['c.b.example', null],
    ['example', null],
    ['only.example', null],
    ['*.example', null],
    ['_', null],
  ])('takes the host %s', (name, expected) => {
    // An exact host without a matching path does not fall back to the wildcard or the catch-all.
    expect(router.find(name, '/', true).route).toBe(expected);
  });

  it.each(['/..', '/a/../../b', '/%', '/%4', '/%zz', '/%00', '/%2e%2e/x'])('refuses the path %s', (path) => {
    expect(router.find('a.example', path, false).badPath).toBe(true);
  });

  it('forgets hosts', () => {
    const small = routerOf(host('a.example', [ROOT]));
    expect(small.knows('a.example')).toBe(true);
    small.delete('a.example');
    expect(small.find('a.example', '/', true).route).toBeNull();
    expect(small.knows('a.example')).toBe(false);
  });

  it('agrees with its naive twin', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'ab', ''), { maxLength: 4 })
      .map((segments) => readPath(`/${segments.join('/')}`)!.path);
    const anyRoute = fc.tuple(path, fc.constantFrom('exact', 'prefix', 'slash')).map(([text, kind]) => {
      const bare = text === '/' ? '/' : text.replace(/\/$/, '');
      if (kind === 'exact') return route({ exact: text });
      if (bare === '/') return route({ prefix: '/' });
      return kind === 'prefix'
        ? route({ exact: bare, prefix: `${bare}/` })
        : route({ exact: `${bare}/`, prefix: `${bare}/`, slashRedirect: bare });
    });
    fc.assert(
      fc.property(fc.array(anyRoute, { maxLength: 8 }), path, (routes, request) => {
        const found = routerOf(host('h', routes)).find('h', request, true).route;
        const expected = naive(routes, request);
        expect(found === null ? null : routes.indexOf(found)).toBe(expected === null ? null : routes.indexOf(expected));
      }),
      { numRuns: 2000 },
    );
  });
});
