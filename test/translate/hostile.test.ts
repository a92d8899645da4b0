/** Every annotation and field with hostile values: nothing throws, and no other host's routes change. The long version is hostile.soak.ts. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANNOTATIONS } from '../../src/policies/annotations.ts';
import { PREFIX } from '../support/ingress.ts';
import { EVIL, hostileObjects, hostileValue, judgeHostile, type HostileObjects } from '../support/hostile.ts';

function only(name: string, value: unknown): HostileObjects {
  const path = { path: '/', pathType: 'Prefix', backend: { service: { name: 'evil', port: { number: 80 } } } };
  return {
    annotations: { [`${PREFIX}/${name}`]: value },
    spec: { ingressClassName: 'nginx', rules: [{ host: EVIL, http: { paths: [path] } }] },
    data: {},
  };
}

describe('hostile Ingresses', () => {
  it('harm nobody, whatever their annotations, fields and Secrets are', () => {
    fc.assert(
      fc.property(hostileObjects, (hostile) => {
        expect(judgeHostile(hostile)).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  it.each([...ANNOTATIONS.keys()])('harm nobody by %s', (name) => {
    fc.assert(
      fc.property(hostileValue(name), (value) => {
        expect(judgeHostile(only(name, value))).toBeNull();
      }),
      { numRuns: 12 },
    );
  });
});
