/**
 * Ingresses of an enemy: every annotation and every field with what breaks text formats, parsers and terminals, beside an innocent
 * Ingress whose routes must not change.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { Diagnostic, ObjectRef } from '../../src/model/diagnostic.ts';
import type { KubeObject } from '../../src/model/objects.ts';
import type { RoutingTable } from '../../src/model/table.ts';
import { ANNOTATIONS } from '../../src/policies/annotations.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from './cluster-view.ts';
import { corpusIngresses } from './corpus.ts';
import { PREFIX } from './ingress.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
/** The host of the innocent. */
export const GOOD = 'good.example';
/** The host that the enemy writes rules for, unless that is what is damaged. */
export const EVIL = 'evil.example';

/** What an annotation is given by people: of every annotation the values in the corpus. */
const TYPICAL = new Map<string, string[]>();
/** Annotations as they occur together. */
const SETS: Readonly<Record<string, string>>[] = [];
for (const { metadata } of corpusIngresses()) {
  const set: Record<string, string> = {};
  for (const [full, value] of Object.entries(metadata.annotations ?? {})) {
    const name = full.slice(PREFIX.length + 1);
    if (!full.startsWith(`${PREFIX}/`) || !ANNOTATIONS.has(name)) continue;
    set[name] = value;
    TYPICAL.set(name, [...(TYPICAL.get(name) ?? []), value]);
  }
  if (Object.keys(set).length > 0) SETS.push(set);
}

const PIECES = [
  '\u0000',
  '\r\nX-Injected: 1\r\n',
  '\n',
  '\u0007',
  '\u001b[31m',
  '\u0085',
  '\u2028',
  '\u202e',
  '\ud800',
  '\ufeff',
  '"',
  "'",
  '`',
  '{',
  '}',
  '};',
  ';',
  '\\',
  '$',
  '${',
  '$(id)',
  '$request_uri',
  '$http_x',
  '$no_such',
  '#',
  '%0d%0a',
  '%',
  '%zz',
  '(',
  ')',
  '[',
  '*',
  '?',
  '+',
  '|',
  '(?=a)',
  '(?<a>',
  '(a+)+$',
  '\\1',
  '\\p{L}',
  '~',
  '~*',
  '//',
  '../..',
  '/etc/passwd',
  '; } } server { listen 81; } location / { #',
  'include /etc/passwd;',
  'content_by_lua_block { }',
  '<script>',
  '{{ .Values }}',
  '__proto__',
  'constructor',
  ',',
  ',,',
  ' ',
  '\t',
  '0',
  '-1',
  '1e9',
  '9007199254740993',
  '99999999999999999999999',
  '0x10',
  'NaN',
  'true',
  'always',
  GOOD,
  `http://${GOOD}`,
  '::',
  '0.0.0.0/0',
  '256.1.1.1/33',
  'good/secret',
  'İ',
  'ſ',
  '😀',
];
const KIB_64 = 65_536;
const LONG = ['a', '1', '(', '{', '"', '$a', ',', ' ', '\n', '/a', '1.1.1.1,', 'a=b;', '(a|', '%41', '\\', '😀'];
const WRONG: readonly unknown[] = [null, 0, 1, -1, true, false, [], {}, [null], ['true'], { toString: 'x' }, Number.NaN, 1e300];

const piece = fc.constantFrom(...PIECES);
const long = fc.constantFrom(...LONG).map((unit) => unit.repeat(Math.ceil(KIB_64 / unit.length)).slice(0, KIB_64));

/** A text with pieces put into it. */
function damaged(text: string): fc.Arbitrary<string> {
  return fc
    .array(fc.tuple(piece, fc.nat(text.length)), { minLength: 1, maxLength: 3 })
    .map((cuts) => cuts.reduce((whole, [what, at]) => whole.slice(0, at) + what + whole.slice(at), text));
}

const anyText = fc.oneof(
  fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 20 }),
  long,
);

/** A value of one annotation. */
export function hostileValue(name: string): fc.Arbitrary<unknown> {
  const typical = TYPICAL.get(name) ?? ['true'];
  const others = [...TYPICAL.values()].flat();
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...typical).chain(damaged) },
    { weight: 2, arbitrary: anyText },
    { weight: 1, arbitrary: fc.constantFrom(...others) },
    { weight: 1, arbitrary: fc.constantFrom(...WRONG) },
  );
}

const annotationName = fc.constantFrom(...ANNOTATIONS.keys());
const hostileAnnotations = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...SETS) }, { weight: 1, arbitrary: fc.constant({}) }),
    fc.array(
      annotationName.chain((name) => fc.tuple(fc.constant(name), hostileValue(name))),
      { minLength: 1, maxLength: 3 },
    ),
    fc.array(fc.tuple(anyText, anyText), { maxLength: 1 }),
    fc.nat(),
  )
  .chain(([set, further, unknown, at]) => {
    // One of those that belong together is damaged, too: alone it would not be looked at.
    const names = Object.keys(set);
    const chosen = names[at % Math.max(1, names.length)];
    const own = chosen === undefined ? fc.constant({}) : hostileValue(chosen).map((value) => ({ [chosen]: value }));
    return own.map((damage): Record<string, unknown> => {
      const all = { ...set, ...damage, ...Object.fromEntries(further), ...Object.fromEntries(unknown) };
      return Object.fromEntries(Object.entries(all).map(([name, value]) => [`${PREFIX}/${name}`, value]));
    });
  });

/** A part of the spec: mostly as it should be. */
function part(usual: unknown): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 10, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: typeof usual === 'string' ? damaged(usual) : anyText },
    { weight: 1, arbitrary: fc.oneof(anyText, fc.constantFrom(...WRONG)) },
  );
}

/** Whoever names the host of another has a part in it, by the rules of Ingress. */
function notGood(host: unknown): unknown {
  return typeof host === 'string' && host.toLowerCase() === GOOD ? EVIL : host;
}

const hostilePath = fc.record(
  {
    path: fc.oneof(part('/'), part('/a'), part('/b(/|$)(.*)')),
    pathType: fc.oneof(part('Prefix'), part('Exact'), part('ImplementationSpecific')),
    backend: part({ service: { name: 'evil', port: { number: 80 } } }),
  },
  { requiredKeys: ['backend'] },
);
const hostileSpec = fc.record(
  {
    ingressClassName: fc.oneof({ weight: 20, arbitrary: fc.constant('nginx') }, { weight: 1, arbitrary: part('nginx') }),
    rules: fc.oneof(
      {
        weight: 12,
        arbitrary: fc.array(
          fc.record({
            host: part(EVIL).map(notGood),
            http: part(undefined).chain(() => fc.record({ paths: fc.array(hostilePath, { minLength: 1, maxLength: 2 }) })),
          }),
          { minLength: 1, maxLength: 2 },
        ),
      },
      { weight: 1, arbitrary: part([]) },
    ),
    tls: fc.oneof(
      part(undefined),
      fc.array(fc.record({ hosts: part([EVIL]), secretName: part('secret') }, { requiredKeys: [] }), { maxLength: 2 }),
    ),
    defaultBackend: part(undefined),
  },
  { requiredKeys: ['ingressClassName', 'rules'] },
);
const hostileData = fc.dictionary(
  fc.oneof(
    fc.constantFrom('auth', 'ca.crt', 'tls.crt', 'tls.key', 'X-Header', 'user'),
    anyText.filter((text) => text.length < 100),
  ),
  fc.oneof(anyText, fc.constantFrom('dXNlcjp7U0hBfXh4eA==', ...WRONG)),
  { maxKeys: 3 },
);

/** The objects of the enemy, in namespace `evil`. */
export interface HostileObjects {
  readonly annotations: Record<string, unknown>;
  readonly spec: object;
  /** Of a Secret and a ConfigMap of these names. */
  readonly data: Record<string, unknown>;
}

/** One Ingress, and what it may name. */
export const hostileObjects: fc.Arbitrary<HostileObjects> = fc.record({
  annotations: hostileAnnotations,
  spec: hostileSpec,
  data: hostileData,
});

function backendOf(namespace: string, port: number): KubeObject[] {
  return [
    { kind: 'Service', metadata: { namespace, name: namespace }, spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] } },
    {
      kind: 'EndpointSlice',
      metadata: { namespace, name: `${namespace}-1`, labels: { 'kubernetes.io/service-name': namespace } },
      ports: [{ port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    },
  ] as unknown as KubeObject[];
}

/** The innocent: its Ingress, with TLS, and its Service on this port of loopback. */
export function goodObjects(port: number): readonly KubeObject[] {
  const path = { path: '/', pathType: 'Prefix', backend: { service: { name: 'good', port: { number: 80 } } } };
  return [
    { kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } } as KubeObject,
    {
      kind: 'Ingress',
      metadata: { namespace: 'good', name: 'good', creationTimestamp: '2025-06-01T00:00:00Z' },
      spec: { ingressClassName: 'nginx', rules: [{ host: GOOD, http: { paths: [path] } }] },
    } as KubeObject,
    ...backendOf('good', port),
  ];
}

/** The enemy's, as an API server without any validation would have stored them: older than the innocent's, too. */
export function evilObjects({ annotations, spec, data }: HostileObjects, port: number): readonly KubeObject[] {
  return [
    {
      kind: 'Ingress',
      metadata: { namespace: 'evil', name: 'evil', creationTimestamp: '2025-01-01T00:00:00Z', annotations },
      spec,
    },
    { kind: 'Secret', metadata: { namespace: 'evil', name: 'secret' }, data },
    { kind: 'ConfigMap', metadata: { namespace: 'evil', name: 'config' }, data },
    ...backendOf('evil', port),
  ] as unknown as KubeObject[];
}

/** Everything allowed that can be: what is switched off cannot be attacked. */
const EVERYTHING: TranslateSettings = {
  ...applyConfigMap(
    DEFAULT_SETTINGS,
    {
      'allow-snippet-annotations': 'true',
      'annotations-risk-level': 'Critical',
      'allow-cross-namespace-resources': 'true',
      'strict-validate-path-type': 'false',
    },
    { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'good', name: 'config' } satisfies ObjectRef,
  ).settings.translate,
  sslPassthrough: true,
};
/** The settings that hostile objects are tried with. */
export const HOSTILE_SETTINGS: readonly TranslateSettings[] = [TRANSLATE_DEFAULTS, EVERYTHING];

/** Translates the innocent alone, or with the enemy. */
export function translateHostile(
  objects: readonly KubeObject[],
  settings: TranslateSettings,
): { readonly table: RoutingTable; readonly diagnostics: readonly Diagnostic[] } {
  return translateTable(new ObjectStore(objects).view(), settings, FALLBACK_CERTIFICATE, NOW);
}

const PORT = 8080;
const baselines = HOSTILE_SETTINGS.map((settings) => innocent(translateHostile(goodObjects(PORT), settings)));

/** All of a translation that is the innocent's. */
function innocent({ table, diagnostics }: ReturnType<typeof translateHostile>): object {
  return {
    host: table.hosts.get(GOOD),
    groups: [...table.groups.values()].filter(({ namespace }) => namespace === 'good'),
    certificate: table.defaultCertificate.id,
    streams: [...table.streams.keys()],
    diagnostics: diagnostics.filter(({ object }) => object.namespace === 'good'),
  };
}

// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\ufeff]/u;

/** What is wrong with how hostile objects are translated; null: nothing. */
export function judgeHostile(hostile: HostileObjects): string | null {
  for (const [index, settings] of HOSTILE_SETTINGS.entries()) {
    let result: ReturnType<typeof translateHostile>;
    try {
      result = translateHostile([...evilObjects(hostile, PORT), ...goodObjects(PORT)], settings);
      // What the workers get.
      structuredClone(result.table.hosts);
    } catch (error) {
      return `settings ${index}: exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    }
    if (!isDeepStrictEqual(innocent(result), baselines[index])) return `settings ${index}: the routes of another host changed`;
    for (const { message, served, field } of result.diagnostics) {
      if (UNPRINTABLE.test(message + served + field))
        return `settings ${index}: a diagnostic with control characters: ${JSON.stringify(message + field)}`;
      if (message.length > 1100 || served.length > 1100 || field.length > 1100)
        return `settings ${index}: a long diagnostic: ${message.slice(0, 80)}`;
    }
    for (const host of result.table.hosts.keys()) {
      if (UNPRINTABLE.test(host)) return `settings ${index}: a host with control characters: ${JSON.stringify(host)}`;
    }
  }
  return null;
}
