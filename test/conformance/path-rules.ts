/** Kubernetes, "Ingress": Path types, Examples, Multiple matches. Feature path_rules of ingress-controller-conformance. */
import { ingress } from '../support/manifests.ts';
import type { Scenario } from './feature.ts';

export const PATH_RULES: readonly Scenario[] = [
  {
    name: 'Exact, Prefix, both, and trailing slashes',
    objects: [
      ingress(
        'path-rules',
        `
          exact-path-rules           Exact   /foo       foo-exact
          prefix-path-rules          Prefix  /foo       foo-prefix
          prefix-path-rules          Prefix  /aaa/bbb   aaa-slash-bbb-prefix
          prefix-path-rules          Prefix  /aaa       aaa-prefix
          mixed-path-rules           Prefix  /foo       foo-prefix
          mixed-path-rules           Exact   /foo       foo-exact
          trailing-slash-path-rules  Prefix  /aaa/bbb/  aaa-slash-bbb-slash-prefix
          trailing-slash-path-rules  Exact   /foo/      foo-slash-exact
        `,
      ),
    ],
    published: ['path-rules'],
    cases: [
      { request: 'http://exact-path-rules/foo', answer: 'foo-exact' },
      { request: 'http://exact-path-rules/foo?query=/bar', answer: 'foo-exact', because: 'the query is no part of the path' },
      { request: 'http://exact-path-rules/foo/', answer: '404' },
      { request: 'http://exact-path-rules/FOO', answer: '404', because: 'with case sensitivity' },
      { request: 'http://exact-path-rules/bar', answer: '404' },
      { request: 'http://exact-path-rules/foo/bar', answer: '404' },
      { request: 'http://prefix-path-rules/foo', answer: 'foo-prefix' },
      { request: 'http://prefix-path-rules/foo/', answer: 'foo-prefix' },
      { request: 'http://prefix-path-rules/FOO', answer: '404', because: 'matching is case sensitive' },
      { request: 'http://prefix-path-rules/aaa/bbb', answer: 'aaa-slash-bbb-prefix' },
      { request: 'http://prefix-path-rules/aaa/bbb/ccc', answer: 'aaa-slash-bbb-prefix' },
      { request: 'http://prefix-path-rules/aaa/ccc', answer: 'aaa-prefix' },
      { request: 'http://prefix-path-rules/aaaccc', answer: '404', because: 'done on a path element by element basis' },
      { request: 'http://mixed-path-rules/foo', answer: 'foo-exact', because: 'precedence is given to the exact path type' },
      { request: 'http://mixed-path-rules/foo/bar', answer: 'foo-prefix' },
      {
        request: 'http://trailing-slash-path-rules/aaa/bbb',
        answer: 'aaa-slash-bbb-slash-prefix',
        nginx: { difference: 'prefix-trailing-slash', answer: '301 http://trailing-slash-path-rules/aaa/bbb/' },
      },
      { request: 'follow http://trailing-slash-path-rules/aaa/bbb', answer: 'aaa-slash-bbb-slash-prefix' },
      { request: 'http://trailing-slash-path-rules/aaa/bbb/', answer: 'aaa-slash-bbb-slash-prefix' },
      {
        request: 'http://trailing-slash-path-rules/foo',
        answer: '404',
        nginx: { difference: 'exact-trailing-slash', answer: '301 http://trailing-slash-path-rules/foo/' },
      },
      { request: 'http://trailing-slash-path-rules/foo/', answer: 'foo-slash-exact' },
      { request: 'http://trailing-slash-path-rules/foo/bar', answer: '404' },
    ],
  },
  {
    name: 'the table of examples in the documentation',
    objects: [
      ingress(
        'examples',
        `
          all             Prefix                  /          p1
          exact           Exact                   /foo       p1
          exact-slash     Exact                   /foo/      p1
          prefix          Prefix                  /foo       p1
          prefix-slash    Prefix                  /foo/      p1
          two-short       Prefix                  /aaa/bb    p1
          two             Prefix                  /aaa/bbb   p1
          two-slash       Prefix                  /aaa/bbb/  p1
          nested-1        Prefix                  /          p1
          nested-1        Prefix                  /aaa       p2
          nested-2        Prefix                  /          p1
          nested-2        Prefix                  /aaa       p2
          nested-2        Prefix                  /aaa/bbb   p3
          aaa             Prefix                  /aaa       p1
          mixed           Prefix                  /foo       p1
          mixed           Exact                   /foo       p2
          implementation  ImplementationSpecific  /foo       p1
        `,
      ),
    ],
    cases: [
      { request: 'http://all/', answer: 'p1' },
      { request: 'http://all/any/path', answer: 'p1', because: 'Prefix / matches all paths' },
      { request: 'http://exact/foo', answer: 'p1' },
      { request: 'http://exact/bar', answer: '404' },
      { request: 'http://exact/foo/', answer: '404' },
      {
        request: 'http://exact-slash/foo',
        answer: '404',
        nginx: { difference: 'exact-trailing-slash', answer: '301 http://exact-slash/foo/' },
      },
      { request: 'http://prefix/foo', answer: 'p1' },
      { request: 'http://prefix/foo/', answer: 'p1' },
      {
        request: 'http://prefix-slash/foo',
        answer: 'p1',
        nginx: { difference: 'prefix-trailing-slash', answer: '301 http://prefix-slash/foo/' },
      },
      { request: 'http://prefix-slash/foo/', answer: 'p1' },
      { request: 'http://two-short/aaa/bbb', answer: '404' },
      { request: 'http://two/aaa/bbb', answer: 'p1' },
      {
        request: 'http://two-slash/aaa/bbb',
        answer: 'p1',
        because: 'ignores trailing slash',
        nginx: { difference: 'prefix-trailing-slash', answer: '301 http://two-slash/aaa/bbb/' },
      },
      { request: 'http://two/aaa/bbb/', answer: 'p1', because: 'matches trailing slash' },
      { request: 'http://two/aaa/bbb/ccc', answer: 'p1', because: 'matches subpath' },
      { request: 'http://two/aaa/bbbxyz', answer: '404', because: 'does not match string prefix' },
      { request: 'http://nested-1/aaa/ccc', answer: 'p2', because: 'matches /aaa prefix' },
      { request: 'http://nested-2/aaa/bbb', answer: 'p3', because: 'matches /aaa/bbb prefix' },
      { request: 'http://nested-2/ccc', answer: 'p1', because: 'matches / prefix' },
      { request: 'http://aaa/ccc', answer: '404', because: 'uses default backend' },
      { request: 'http://mixed/foo', answer: 'p2', because: 'prefers Exact' },
      { request: 'http://implementation/foo', answer: 'p1' },
    ],
  },
  {
    name: 'with multiple matches the longest path comes first, whatever the order of the rules and Ingresses',
    objects: [
      ingress('short', 'multiple Prefix /a p1'),
      ingress('middle', 'multiple Prefix /a/b p2'),
      ingress('long', 'multiple Exact /a/b/c p3'),
    ],
    cases: [
      { request: 'http://multiple/a/x', answer: 'p1' },
      { request: 'http://multiple/a/b/x', answer: 'p2' },
      { request: 'http://multiple/a/b/c', answer: 'p3' },
      { request: 'http://multiple/a/b/c/d', answer: 'p2' },
    ],
  },
  {
    name: 'one path as a Prefix with and without a trailing slash',
    objects: [ingress('twins', 'twins Prefix /foo p1\ntwins Prefix /foo/ p2')],
    cases: [
      { request: 'http://twins/foo', answer: 'p1' },
      { request: 'http://twins/foo/', answer: 'p1', nginx: { difference: 'prefix-slash-twins', answer: 'p2' } },
      { request: 'http://twins/foo/bar', answer: 'p1', nginx: { difference: 'prefix-slash-twins', answer: 'p2' } },
    ],
  },
];
