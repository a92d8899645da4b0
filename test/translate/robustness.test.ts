import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { KubeObject } from '../../src/model/objects.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';

const anything = fc.oneof(
  { weight: 4, arbitrary: fc.constant(undefined) },
  fc.anything({ maxDepth: 2, withNullPrototype: true }),
  fc.constantFrom(null, '', 'text', -1, 80, Number.NaN, [], {}, [null], 'a.test', '/'),
);

/** An object of this shape, any part of which may be anything. */
function broken(shape: unknown): fc.Arbitrary<unknown> {
  const whole = Array.isArray(shape)
    ? fc.tuple(...shape.map(broken))
    : typeof shape === 'object' && shape !== null
      ? fc.record(Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, broken(value)])))
      : fc.constant(shape);
  return fc.oneof({ weight: 12, arbitrary: whole }, { weight: 1, arbitrary: anything });
}

const service = { name: 'web', port: { number: 80, name: 'http' } };
const parts = fc.record({
  ingress: broken({
    ingressClassName: 'nginx',
    defaultBackend: { service },
    rules: [{ host: 'a.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service, resource: {} } }] } }],
    tls: [{ hosts: ['a.test'], secretName: 'tls' }],
  }),
  annotations: broken({
    'nginx.ingress.kubernetes.io/ssl-redirect': 'true',
    'nginx.ingress.kubernetes.io/default-backend': 'web',
  }),
  created: broken('2025-01-01T00:00:00Z'),
  service: broken({
    type: 'ExternalName',
    externalName: 'x.test',
    clusterIP: 'None',
    ports: [{ name: 'http', port: 80, targetPort: 1 }],
  }),
  slice: broken({
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
  }),
  data: broken({ 'tls.crt': 'AAAA', 'tls.key': 'AAAA' }),
  ingressClass: broken({ controller: TRANSLATE_DEFAULTS.controllerClass }),
});

describe('translation of objects with anything in any field', () => {
  it('never throws, and always serves the rest', () => {
    fc.assert(
      fc.property(parts, (made) => {
        const metadata = { namespace: 'ns', name: 'web' };
        const objects = [
          {
            kind: 'Ingress',
            metadata: { ...metadata, annotations: made.annotations, creationTimestamp: made.created },
            spec: made.ingress,
          },
          { kind: 'Service', metadata, spec: made.service },
          {
            kind: 'EndpointSlice',
            metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'web' } },
            ...(typeof made.slice === 'object' ? made.slice : {}),
          },
          { kind: 'Secret', metadata: { namespace: 'ns', name: 'tls' }, data: made.data },
          { kind: 'IngressClass', metadata: { name: 'nginx' }, spec: made.ingressClass },
          { kind: 'IngressClass', metadata: { name: 'good' }, spec: { controller: TRANSLATE_DEFAULTS.controllerClass } },
          {
            kind: 'Ingress',
            metadata: { namespace: 'ns', name: 'good' },
            spec: {
              ingressClassName: 'good',
              rules: [
                {
                  host: 'good.test',
                  http: {
                    paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'good', port: { number: 80 } } } }],
                  },
                },
              ],
            },
          },
          { kind: 'Service', metadata: { namespace: 'ns', name: 'good' }, spec: { ports: [{ port: 80 }] } },
        ] as unknown as KubeObject[];
        const view = new ObjectStore(objects).view();
        for (const conformance of ['nginx', 'kubernetes'] as const) {
          const { table } = translateTable(view, { ...TRANSLATE_DEFAULTS, conformance }, FALLBACK_CERTIFICATE, 0);
          expect(table.hosts.get('good.test')?.routes[0]?.target).toMatchObject({ kind: 'group', group: '["ns","good","80"]' });
          // Structured-cloneable, and of the declared types where the data plane relies on them.
          for (const { endpoints } of structuredClone(table.groups).values()) {
            for (const endpoint of endpoints) {
              expect(endpoint).toEqual({ address: expect.any(String), port: expect.any(Number), dns: expect.any(Boolean) });
            }
          }
          structuredClone(table.hosts);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
