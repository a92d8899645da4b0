/** Two tenants of one cluster, `victim` and `tenant`: what the second one writes must not reach the first. */
import { ANNOTATIONS } from '../../../src/policies/annotations.ts';
import type { WatchedKind } from '../../../src/cluster/cluster.ts';
import { trim } from '../../../src/cluster/trim.ts';
import type { KubeObject } from '../../../src/model/objects.ts';
import { CertificateMemo } from '../../../src/translate/certificate.ts';
import { translateTable, type Translation } from '../../../src/translate/translate.ts';
import { makeCertificate } from '../../support/pki.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../../support/cluster-view.ts';

/** JSON of one object, every field of which is there. */
export type Json = Record<string, unknown>;

export const PREFIX = 'nginx.ingress.kubernetes.io/';
const PAIR = makeCertificate({ names: ['victim.test', 'tenant.test'] });

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** An Ingress, a Service, an EndpointSlice and a Secret in a namespace, with a host of its name. */
export function objectsOf(namespace: string): readonly Json[] {
  const host = `${namespace}.test`;
  const metadata = { namespace, uid: `uid-${namespace}`, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const service = { name: 'web', port: { number: 80 } };
  const named = { name: 'web', port: { name: 'http' } };
  return [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { ...metadata, name: 'web', annotations: {} },
      spec: {
        ingressClassName: 'nginx',
        defaultBackend: { service: named },
        rules: [
          {
            host,
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service } },
                { path: '/exact', pathType: 'Exact', backend: { service: named } },
                { path: '/any', pathType: 'ImplementationSpecific', backend: { service } },
              ],
            },
          },
        ],
        tls: [{ hosts: [host], secretName: 'tls' }],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...metadata, name: 'web' },
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.0.0.1',
        clusterIPs: ['10.0.0.1'],
        externalName: 'elsewhere.test',
        ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP', appProtocol: 'http' }],
      },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [
        {
          addresses: ['10.1.0.1'],
          conditions: { ready: true, serving: true, terminating: false },
          targetRef: { kind: 'Pod', namespace, name: 'web-0' },
        },
      ],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP', appProtocol: 'http' }],
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { ...metadata, name: 'tls' },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': base64(PAIR.chain), 'tls.key': base64(PAIR.key) },
    },
  ];
}

const CLASS = { kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: TRANSLATE_DEFAULTS.controllerClass } };
const VICTIM = [CLASS, ...objectsOf('victim')];

/** Translates the victim's objects and these, through the same reading of untrusted JSON as what comes from the API server. */
export function translateBeside(objects: readonly Json[]): Translation {
  const kept = [...VICTIM, ...objects].flatMap((object) => read(object) ?? []);
  return translateTable(new ObjectStore(kept).view(), TRANSLATE_DEFAULTS, FALLBACK_CERTIFICATE, NOW, memo);
}

const NOW = Date.parse('2026-06-01');
const memo = new CertificateMemo();
/** What did not change is read once. */
const seen = new WeakMap<Json, KubeObject | undefined>();

function read(object: Json): KubeObject | undefined {
  if (!seen.has(object)) seen.set(object, trim(object['kind'] as WatchedKind, object).object);
  return seen.get(object);
}

/** What of a table is the victim's. */
export function victimsPart({ table }: Translation): unknown {
  const mine = (id: string): boolean => (JSON.parse(id) as string[])[0] === 'victim';
  return {
    host: table.hosts.get('victim.test'),
    groups: [...table.groups].filter(([id]) => mine(id)),
    certificates: [...table.certificates].filter(([id]) => mine(id)).map(([, { fingerprint }]) => fingerprint),
    defaultCertificate: table.defaultCertificate.fingerprint,
  };
}

/** Every place in a JSON value: the path to it, and the value. */
export function placesIn(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, item]) => placesIn(item, [...path, key]));
  return path.length === 0 ? below : [path, ...below];
}

/** What is at a place. */
export function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], root);
}

/** A copy with something else at a place; without it when `value` is undefined. */
export function withValue(root: Json, path: readonly (string | number)[], value: unknown): Json {
  const copy = structuredClone(root);
  const parent = valueAt(copy, path.slice(0, -1)) as Record<string | number, unknown>;
  const key = path.at(-1) ?? '';
  if (value === undefined) delete parent[key];
  else parent[key] = value;
  return copy;
}

/** A copy of an Ingress with these annotations. */
export function annotated(ingress: Json, annotations: Readonly<Record<string, string>>): Json {
  return withValue(ingress, ['metadata', 'annotations'], annotations);
}

export const ANNOTATION_NAMES: readonly string[] = [...ANNOTATIONS.keys()];
