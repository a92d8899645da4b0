import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { applyPatch, diffTables, isEmptyPatch } from '../../src/model/diff.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { GroupId, RoutingTable } from '../../src/model/table.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { CertificateMemo } from '../../src/translate/certificate.ts';
import type { ObjectChange } from '../../src/translate/incremental.ts';
import { Translator } from '../../src/translate/incremental.ts';
import { translateTable, type References } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';
import { makeCa, makeCertificate } from '../support/pki.ts';
import { comparable } from '../support/table-text.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const validity = { notBefore: new Date(NOW - 1000), notAfter: new Date(NOW + 1000) };
const a = makeCertificate({ names: ['a.test'], ...validity });
const wild = makeCertificate({ names: ['*.test'], ...validity, notAfter: new Date(NOW - 500) });
const rsa = makeCertificate({ names: ['a.test', '*.test'], keyType: 'rsa', ...validity });
const authority = makeCa();
const SECRET_DATA = [
  { 'tls.crt': base64(a.chain), 'tls.key': base64(a.key) },
  { 'tls.crt': base64(wild.chain), 'tls.key': base64(wild.key) },
  { 'tls.crt': base64(a.chain) },
  { 'ca.crt': base64(a.chain) },
  { 'tls.crt': base64(rsa.chain), 'tls.key': base64(rsa.key), 'ca.crt': base64(authority.cert) },
  { 'ca.crt': base64(authority.cert) },
  { 'ca.crt': base64('nothing') },
  { auth: base64('somebody:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n') },
  { auth: base64('another:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n'), 'tls.crt': base64(a.chain), 'tls.key': base64(a.key) },
];

const namespace = fc.constantFrom('one', 'one', 'one', 'two');
const serviceName = fc.constantFrom('web', 'api');
const secretName = fc.constantFrom('cert', 'other');
const backend = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      service: fc.record({ name: serviceName, port: fc.constantFrom({ number: 80 }, { name: 'http' }, { number: 9 }) }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({}) },
);
const path = fc.record({
  path: fc.constantFrom('/', '/foo', '/foo', '/foo/', '/foo/bar', '/f(o+)', '/f(?=o)', 'bad'),
  pathType: fc.constantFrom('Exact', 'Prefix', 'ImplementationSpecific'),
  backend,
});
const rule = fc.record(
  {
    host: fc.constantFrom('a.test', 'a.test', '*.test', '*.test', 'b.test', 'www.a.test', '10.0.0.1'),
    http: fc.record({ paths: fc.array(path, { maxLength: 3 }) }),
  },
  { requiredKeys: ['http'] },
);
const tls = fc.record({ hosts: fc.subarray(['a.test', '*.test']), secretName }, { requiredKeys: [] });
const annotations = fc.record(
  {
    'nginx.ingress.kubernetes.io/force-ssl-redirect': fc.constantFrom('true', 'maybe'),
    'nginx.ingress.kubernetes.io/service-upstream': fc.constant('true'),
    'nginx.ingress.kubernetes.io/default-backend': serviceName,
    'nginx.ingress.kubernetes.io/ssl-passthrough': fc.constant('true'),
    'nginx.ingress.kubernetes.io/backend-protocol': fc.constantFrom('HTTPS', 'grpc', 'nonsense'),
    'nginx.ingress.kubernetes.io/proxy-ssl-secret': fc.constantFrom('one/cert', 'one/cert', 'two/cert', 'cert'),
    'nginx.ingress.kubernetes.io/proxy-ssl-verify': fc.constantFrom('on', 'off'),
    'nginx.ingress.kubernetes.io/auth-tls-secret': fc.constantFrom('one/cert', 'one/other', 'two/cert', 'cert'),
    'nginx.ingress.kubernetes.io/auth-tls-verify-client': fc.constantFrom('on', 'off', 'optional', 'never'),
    'nginx.ingress.kubernetes.io/ssl-prefer-server-ciphers': fc.constantFrom('true', 'false'),
    'nginx.ingress.kubernetes.io/use-regex': fc.constantFrom('true', 'false', 'false', 'false', 'false'),
    'nginx.ingress.kubernetes.io/rewrite-target': fc.constantFrom('/foo', '/', '/$1', 'bad', '', '', '', ''),
    'nginx.ingress.kubernetes.io/app-root': fc.constantFrom('/one', '/two', ''),
    'nginx.ingress.kubernetes.io/server-alias': fc.constantFrom('b.test,c.test', '*.test', '~^d', 'www.a.test', '~('),
    'nginx.ingress.kubernetes.io/from-to-www-redirect': fc.constantFrom('true', 'true', 'false'),
    'nginx.ingress.kubernetes.io/permanent-redirect': fc.constantFrom('https://x.test/', 'bad', '', '', ''),
    'nginx.ingress.kubernetes.io/auth-type': fc.constantFrom('basic', '', ''),
    'nginx.ingress.kubernetes.io/auth-secret': fc.constantFrom('cert', 'other', 'two/cert'),
    'nginx.ingress.kubernetes.io/auth-secret-type': fc.constantFrom('auth-file', 'auth-map', 'bad'),
    'nginx.ingress.kubernetes.io/auth-url': fc.constantFrom('http://auth.test/', '$host', '', ''),
    'nginx.ingress.kubernetes.io/auth-proxy-set-headers': fc.constantFrom('fields', 'one/fields', 'two/fields'),
    'nginx.ingress.kubernetes.io/custom-headers': fc.constantFrom('fields', 'two/fields', '', '', ''),
    'nginx.ingress.kubernetes.io/custom-http-errors': fc.constantFrom('503', '404,503', 'x'),
    'nginx.ingress.kubernetes.io/enable-cors': fc.constantFrom('true', 'false'),
    'nginx.ingress.kubernetes.io/mirror-target': fc.constantFrom('http://mirror.test$request_uri', 'bad'),
    'nginx.ingress.kubernetes.io/satisfy': fc.constantFrom('any', 'all'),
    'nginx.ingress.kubernetes.io/whitelist-source-range': fc.constantFrom('10.0.0.0/8', '', '', 'bad'),
    'nginx.ingress.kubernetes.io/limit-rps': fc.constantFrom('5', '5s'),
    'nginx.ingress.kubernetes.io/configuration-snippet': fc.constantFrom(
      'set $a 1;',
      'more_set_headers "A: $a";',
      'x;',
      '',
      '',
    ),
    'nginx.ingress.kubernetes.io/server-snippet': fc.constantFrom('return 418;', 'location /s { return 200; }', 'x;', '', ''),
    'nginx.ingress.kubernetes.io/auth-snippet': fc.constantFrom('proxy_set_header A b;', 'x;', ''),
    'nginx.ingress.kubernetes.io/canary': fc.constantFrom('true', 'false'),
    'nginx.ingress.kubernetes.io/canary-weight': fc.constantFrom('10', '20'),
    'nginx.ingress.kubernetes.io/affinity': fc.constant('cookie'),
    'nginx.ingress.kubernetes.io/affinity-mode': fc.constantFrom('balanced', 'persistent'),
    'nginx.ingress.kubernetes.io/affinity-canary-behavior': fc.constantFrom('sticky', 'legacy'),
    'nginx.ingress.kubernetes.io/session-cookie-name': fc.constantFrom('one', 'two'),
    'nginx.ingress.kubernetes.io/upstream-hash-by': fc.constantFrom('$host', '$uri'),
    'nginx.ingress.kubernetes.io/load-balance': fc.constantFrom('ewma', 'round_robin'),
  },
  { requiredKeys: [] },
);
const ingress: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('Ingress'),
  metadata: fc.record({
    namespace,
    name: fc.constantFrom('i1', 'i2', 'i3'),
    creationTimestamp: fc.constantFrom('2025-01-01T00:00:00Z', '2025-01-02T00:00:00Z'),
    annotations,
  }),
  spec: fc.record(
    {
      ingressClassName: fc.constantFrom('ours', 'ours', 'ours', 'ours', 'late'),
      defaultBackend: backend,
      rules: fc.array(rule, { maxLength: 3 }),
      tls: fc.array(tls, { maxLength: 2 }),
    },
    { requiredKeys: ['ingressClassName'] },
  ),
});
const service: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('Service'),
  metadata: fc.record({ namespace, name: serviceName }),
  spec: fc.constantFrom(
    { clusterIP: '10.1.1.1', ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
    { clusterIP: 'None', ports: [{ port: 80, targetPort: 'http', appProtocol: 'kubernetes.io/h2c' }] },
    { type: 'ExternalName', externalName: 'example.com', ports: [{ port: 80 }] },
    { ports: [] },
  ),
});
const slice: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('EndpointSlice'),
  metadata: fc.record({
    namespace,
    name: fc.constantFrom('s1', 's2'),
    labels: fc.record({ 'kubernetes.io/service-name': serviceName }),
  }),
  ports: fc.constant([{ name: 'http', port: 8080 }]),
  endpoints: fc.array(
    fc.record({
      addresses: fc.subarray(['10.2.0.1', '10.2.0.2'], { minLength: 1 }),
      conditions: fc.constantFrom({}, { ready: false }, { ready: false, serving: true, terminating: true }),
    }),
    { maxLength: 2 },
  ),
});
const secret: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('Secret'),
  metadata: fc.record({ namespace, name: secretName }),
  data: fc.constantFrom(...SECRET_DATA),
});
const STREAM_CONFIG_MAP = { namespace: 'one', name: 'streams' };
const configMap: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('ConfigMap'),
  metadata: fc.constantFrom(STREAM_CONFIG_MAP, { namespace: 'two', name: 'streams' }),
  data: fc.dictionary(
    fc.constantFrom('9000', '9001', '09000', '80', 'x'),
    fc.constantFrom('one/web:80', 'one/web:http:PROXY', 'one/api:80', 'two/web:9', 'bad'),
    { maxKeys: 3 },
  ),
});
const fieldsMap: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('ConfigMap'),
  metadata: fc.record({ namespace, name: fc.constant('fields') }),
  data: fc.constantFrom({ 'X-One': 'one' }, { 'X-One': '$host' }, { 'bad name': '1' }, {}),
});
const ingressClass: fc.Arbitrary<KubeObject> = fc.record({
  kind: fc.constant('IngressClass'),
  metadata: fc.constantFrom({ name: 'ours' }, { name: 'late' }),
  spec: fc.constantFrom({ controller: 'k8s.io/ingress-nginx' }, { controller: 'other' }),
});
const anyObject = fc.oneof(
  { weight: 4, arbitrary: ingress },
  { weight: 2, arbitrary: service },
  { weight: 2, arbitrary: slice },
  { weight: 2, arbitrary: secret },
  { weight: 1, arbitrary: ingressClass },
  { weight: 2, arbitrary: configMap },
  { weight: 2, arbitrary: fieldsMap },
);
const operation = fc.record({ object: anyObject, remove: fc.boolean(), flush: fc.boolean() });
const settings: fc.Arbitrary<TranslateSettings> = fc
  .record({
    conformance: fc.constantFrom<'nginx' | 'kubernetes'>('nginx', 'kubernetes'),
    disableCatchAll: fc.boolean(),
    allowSnippetAnnotations: fc.boolean(),
    annotationsRiskLevel: fc.constantFrom<'Critical' | 'High'>('Critical', 'High'),
    allowCrossNamespaceResources: fc.boolean(),
    globalAllowedResponseHeaders: fc.constantFrom(['X-One'], []),
    addHeaders: fc.constantFrom(null, { namespace: 'one', name: 'fields' }),
    proxySetHeaders: fc.constantFrom(null, { namespace: 'two', name: 'fields' }),
    customHttpErrors: fc.constantFrom([], [404]),
    globalAuthUrl: fc.constantFrom('', '', 'http://global.test/', 'bad'),
    serverSnippet: fc.constantFrom('', '', 'return 410;', 'x;'),
    sslPassthrough: fc.boolean(),
    tcpServicesConfigMap: fc.constantFrom(null, STREAM_CONFIG_MAP),
    udpServicesConfigMap: fc.constantFrom(null, STREAM_CONFIG_MAP),
    defaultBackendService: fc.constantFrom(null, { namespace: 'one', name: 'web' }),
    defaultSslCertificate: fc.constantFrom(null, { namespace: 'two', name: 'cert' }),
  })
  .map((changes) => ({ ...TRANSLATE_DEFAULTS, ...changes }));
const CLASS = { kind: 'IngressClass', metadata: { name: 'ours' }, spec: { controller: 'k8s.io/ingress-nginx' } };

describe('translation', () => {
  it('gives the same result whatever the order of the objects', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyObject, {
          maxLength: 12,
          selector: ({ kind, metadata }) => JSON.stringify([kind, metadata.namespace, metadata.name]),
        }),
        fc.infiniteStream(fc.nat()),
        settings,
        (objects, ranks, chosen) => {
          const shuffled = objects
            .map((object) => ({ object, rank: ranks.next().value as number }))
            .sort((left, right) => left.rank - right.rank)
            .map(({ object }) => object);
          const [first, second] = [objects, shuffled].map((list) => {
            const view = new ObjectStore([CLASS, ...list]).view();
            const { table, diagnostics } = translateTable(view, chosen, FALLBACK_CERTIFICATE, NOW);
            return comparable(table, diagnostics);
          });
          expect(second).toEqual(first);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('gives every host a last route for every path, and every target a group of the table', () => {
    fc.assert(
      fc.property(fc.array(anyObject, { maxLength: 12 }), settings, (objects, chosen) => {
        const view = new ObjectStore([CLASS, ...objects]).view();
        const { table } = translateTable(view, chosen, FALLBACK_CERTIFICATE, NOW);
        for (const { group } of table.streams.values()) expect(table.groups.has(group)).toBe(true);
        for (const { routes, certificate, passthrough } of table.hosts.values()) {
          expect(passthrough === null || table.groups.has(passthrough)).toBe(true);
          expect(routes.at(-1)?.match.prefix).toBe('/');
          const matches = routes.flatMap(({ match }) => [match.exact, match.slashRedirect].filter((path) => path !== null));
          expect(new Set(matches).size).toBe(matches.length);
          const prefixes = routes.flatMap(({ match }) => match.prefix ?? []);
          expect(new Set(prefixes).size).toBe(prefixes.length);
          const groups: (GroupId | null)[] = routes.flatMap(({ target }) =>
            target.kind === 'group' ? [target.group, target.fallback] : [],
          );
          for (const { id, balancing } of table.groups.values()) {
            expect(balancing?.alternative?.group).not.toBe(id);
            groups.push(balancing?.alternative?.group ?? null);
          }
          expect(groups.filter((id) => id !== null && !table.groups.has(id))).toEqual([]);
          expect(certificate === null || table.certificates.has(certificate)).toBe(true);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('of changes gives what translating everything gives, and deltas that lead there', () => {
    fc.assert(
      fc.property(
        fc.array(anyObject, { maxLength: 6 }),
        fc.array(operation, { minLength: 1, maxLength: 20 }),
        settings,
        (initial, operations, chosen) => {
          const store = new ObjectStore([CLASS, ...initial]);
          const memo = new CertificateMemo();
          const translator = new Translator(chosen, FALLBACK_CERTIFICATE, memo);
          const loaded = translator.load(store.view(), NOW);
          let applied: RoutingTable = applyPatch(null, diffTables(null, loaded.table, 1));
          let followed = new Set(loaded.diagnostics.added.map((item) => JSON.stringify(item)));
          let pending: ObjectChange[] = [];
          const flush = (): void => {
            const view = store.view();
            const before = translator.table;
            const { table, delta, diagnostics } = translator.apply(pending, view, NOW);
            pending = [];
            const whole = translateTable(view, chosen, FALLBACK_CERTIFICATE, NOW, memo);
            const expected = comparable(whole.table, whole.diagnostics);
            expect(comparable(table, translator.diagnostics())).toEqual(expected);
            expect(references(translator.references())).toEqual(references(whole.references));
            applied = applyPatch(applied, { ...delta, version: 2 });
            expect(comparable(applied, whole.diagnostics)).toEqual(expected);
            // The delta holds nothing that did not change.
            expect(isEmptyPatch(delta)).toBe(isEmptyPatch(diffTables(before, table, 2)));
            for (const item of diagnostics.removed) expect(followed.delete(JSON.stringify(item))).toBe(true);
            followed = new Set([...followed, ...diagnostics.added.map((item) => JSON.stringify(item))]);
            expect(followed).toEqual(new Set(whole.diagnostics.map((item) => JSON.stringify(item))));
          };
          for (const { object, remove, flush: now } of operations) {
            const before = remove ? store.remove(object) : store.put(object);
            const after = remove ? undefined : object;
            if (before !== undefined || after !== undefined) pending.push({ kind: object.kind ?? '', before, after });
            if (now) flush();
          }
          flush();
        },
      ),
      { numRuns: 1500 },
    );
  });
});

function sorted(items: readonly object[]): string[] {
  return items.map((item) => JSON.stringify(item)).sort();
}

function references({ secrets, services, configMaps }: References): object {
  return { secrets: sorted(secrets), services: sorted(services), configMaps: sorted(configMaps) };
}
