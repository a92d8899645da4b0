/**
 * The rules of the Kubernetes documentation of Ingress, as cases: those of the ingress-controller-conformance suite's features, and
 * a twin that applies the documentation's words to random rules.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Ingress, IngressRule, KubeObject, Service } from '../../src/model/objects.ts';
import type { RoutingTable } from '../../src/model/table.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';
import { matchRoute } from '../support/naive-match.ts';

type Conformance = TranslateSettings['conformance'];

const CLASS: KubeObject & { spec: object } = {
  kind: 'IngressClass',
  metadata: { name: 'conformance' },
  spec: { controller: TRANSLATE_DEFAULTS.controllerClass },
};

function ingressOf(spec: NonNullable<Ingress['spec']>, name = 'ingress'): Ingress {
  return { kind: 'Ingress', metadata: { namespace: 'ns', name }, spec: { ingressClassName: 'conformance', ...spec } };
}

function serviceOf(name: string): Service {
  return { kind: 'Service', metadata: { namespace: 'ns', name }, spec: { ports: [{ name: 'http', port: 8080 }] } };
}

function tableOf(ingresses: readonly Ingress[], services: readonly string[], conformance: Conformance): RoutingTable {
  const view = new ObjectStore([CLASS, ...ingresses, ...services.map(serviceOf)]).view();
  return translateTable(view, { ...TRANSLATE_DEFAULTS, conformance }, FALLBACK_CERTIFICATE, 0).table;
}

/** `Exact /path service` lines as a rule. */
function rule(host: string | undefined, ...lines: readonly string[]): IngressRule {
  const paths = lines.map((line) => {
    const [pathType = '', path = '', name = ''] = line.split(' ');
    return { path, pathType, backend: { service: { name, port: { number: 8080 } } } };
  });
  return host === undefined ? { http: { paths } } : { host, http: { paths } };
}

/** Who answers: a Service, a status, or the path that the client is sent to. */
function answer(table: RoutingTable, host: string, path: string): string {
  const { route, redirect } = matchRoute(table, host, path);
  if (redirect) return `301 ${path}/`;
  return route.target.kind === 'answer' ? String(route.target.status) : (route.service?.name ?? '');
}

describe('the features of ingress-controller-conformance', () => {
  const ingress = ingressOf({
    rules: [
      rule('exact-path-rules', 'Exact /foo foo-exact'),
      rule('prefix-path-rules', 'Prefix /foo foo-prefix', 'Prefix /aaa/bbb aaa-slash-bbb-prefix', 'Prefix /aaa aaa-prefix'),
      rule('mixed-path-rules', 'Prefix /foo foo-prefix', 'Exact /foo foo-exact'),
      rule('trailing-slash-path-rules', 'Prefix /aaa/bbb/ aaa-slash-bbb-slash-prefix', 'Exact /foo/ foo-slash-exact'),
      rule('*.foo.com', 'Prefix / wildcard-foo-com'),
      rule('foo.bar.com', 'Prefix / foo-bar-com'),
    ],
  });
  const services = (ingress.spec?.rules ?? [])
    .flatMap(({ http }) => http?.paths ?? [])
    .map(({ backend }) => backend?.service?.name ?? '');
  const table = tableOf([ingress], services, 'kubernetes');

  it.each([
    ['exact-path-rules', '/foo', 'foo-exact'],
    ['exact-path-rules', '/foo/', '404'],
    ['exact-path-rules', '/FOO', '404'],
    ['exact-path-rules', '/bar', '404'],
    ['prefix-path-rules', '/foo', 'foo-prefix'],
    ['prefix-path-rules', '/foo/', 'foo-prefix'],
    ['prefix-path-rules', '/FOO', '404'],
    ['prefix-path-rules', '/aaa/bbb', 'aaa-slash-bbb-prefix'],
    ['prefix-path-rules', '/aaa/bbb/ccc', 'aaa-slash-bbb-prefix'],
    ['prefix-path-rules', '/aaa/ccc', 'aaa-prefix'],
    ['prefix-path-rules', '/aaaccc', '404'],
    ['mixed-path-rules', '/foo', 'foo-exact'],
    ['trailing-slash-path-rules', '/aaa/bbb', 'aaa-slash-bbb-slash-prefix'],
    ['trailing-slash-path-rules', '/aaa/bbb/', 'aaa-slash-bbb-slash-prefix'],
    ['trailing-slash-path-rules', '/foo', '404'],
    ['trailing-slash-path-rules', '/foo/', 'foo-slash-exact'],
    ['foo.bar.com', '/', 'foo-bar-com'],
    ['subdomain.bar.com', '/', '404'],
    ['bar.foo.com', '/', 'wildcard-foo-com'],
    ['baz.bar.foo.com', '/', '404'],
    ['foo.com', '/', '404'],
  ])('%s%s is answered by %s', (host, path, expected) => {
    expect(answer(table, host, path)).toBe(expected);
  });

  it('default_backend: an Ingress without rules takes every request', () => {
    const only = ingressOf({ defaultBackend: { service: { name: 'echo', port: { number: 8080 } } } });
    const everything = tableOf([only], ['echo'], 'kubernetes');
    for (const [host, path] of [
      ['my-host', '/'],
      ['my-host', '/sub-path'],
      ['some.host', '/resource'],
    ] as const) {
      expect(answer(everything, host, path)).toBe('echo');
    }
  });

  it('ingress_class: an Ingress of an unknown class is not served', () => {
    const foreign = ingressOf({ ingressClassName: 'some-invalid-class-name', rules: [rule('ingress-class', 'Prefix / web')] });
    expect(answer(tableOf([foreign], ['web'], 'kubernetes'), 'ingress-class', '/')).toBe('404');
  });
});

interface Flat {
  readonly host: string | undefined;
  readonly path: string;
  readonly exact: boolean;
  readonly service: string;
}

const HOSTS = ['a.test', '*.test', undefined] as const;
const rules = fc.uniqueArray(
  fc.record({
    host: fc.constantFrom(...HOSTS),
    path: fc.constantFrom('/', '/x', '/x/', '/x/y', '/x/y/', '/z/'),
    exact: fc.boolean(),
  }),
  { maxLength: 8, selector: (item) => JSON.stringify(item) },
);
const request = fc.record({
  host: fc.constantFrom('a.test', 'b.test', 'else'),
  path: fc.constantFrom('/', '/x', '/x/', '/x/y', '/x/y/', '/x/y/z', '/xy', '/z', '/z/', '/z/a'),
});

const elements = (path: string): string[] => path.split('/').filter((element) => element !== '');

/** Kubernetes: "Ingress", sections "Path types", "Multiple matches" and "Hostname wildcards". */
function documented(all: readonly Flat[], host: string, path: string): string {
  const covers = ({ exact, path: own }: Flat): boolean =>
    exact ? own === path : elements(own).every((element, index) => elements(path)[index] === element);
  for (const tier of [host, host.replace(/^[^.]+/, '*'), undefined]) {
    const [best] = all
      .filter((item) => item.host === tier && covers(item))
      .sort((a, b) => Number(b.exact) - Number(a.exact) || elements(b.path).length - elements(a.path).length);
    if (best !== undefined) return best.service;
  }
  return '404';
}

/** nginx: which server, then `=` locations, the redirect of locations that end in "/", then the longest prefix. */
function asNginx(all: readonly Flat[], host: string, path: string): string {
  const server = [host, host.replace(/^[^.]+/, '*'), undefined].find((name) => all.some((item) => item.host === name));
  const own = all.filter((item) => item.host === server);
  const equal = own.find((item) => item.exact && item.path === path) ?? own.find((item) => item.path === path && path !== '/');
  if (equal !== undefined) return equal.service;
  if (own.some((item) => item.path === `${path}/`)) return `301 ${path}/`;
  const directory = (item: Flat): string => (item.path.endsWith('/') ? item.path : `${item.path}/`);
  const [longest] = own
    .filter((item) => !item.exact && path.startsWith(directory(item)))
    // Of `/x` and `/x/`, which make the same location, the one written so.
    .sort((a, b) => directory(b).length - directory(a).length || b.path.length - a.path.length);
  return longest?.service ?? '404';
}

describe.each([
  ['kubernetes', documented],
  ['nginx', asNginx],
] as const)('random rules with --conformance=%s', (conformance, twin) => {
  it('are matched as its words say', () => {
    fc.assert(
      fc.property(rules, fc.array(request, { minLength: 1, maxLength: 5 }), (chosen, requests) => {
        const all = chosen.map((item, index) => ({ ...item, service: `s${index}` }));
        const ingress = ingressOf({
          rules: all.map(({ host, path, exact, service }) => rule(host, `${exact ? 'Exact' : 'Prefix'} ${path} ${service}`)),
        });
        const services = all.map(({ service }) => service);
        const table = tableOf([ingress], services, conformance);
        for (const { host, path } of requests) {
          expect([host, path, answer(table, host, path)]).toEqual([host, path, twin(all, host, path)]);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
