import { describe, expect, it } from 'vitest';

import { orphans } from '../../src/controller/table-facts.ts';
import type { Ingress, KubeObject, Service } from '../../src/model/objects.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';

function denied(name: string, service: string): Ingress {
  const backend = { service: { name: service, port: { number: 80 } } };
  return {
    kind: 'Ingress',
    metadata: { namespace: 'ns', name, annotations: { 'nginx.ingress.kubernetes.io/auth-type': 'basic' } },
    spec: { ingressClassName: 'nginx', rules: [{ host: `${name}.test`, http: { paths: [{ pathType: 'Prefix', backend }] } }] },
  };
}

describe('orphans', () => {
  it('are Ingresses whose backend is missing, not those that are denied', () => {
    const ingressClass: KubeObject & { spec: object } = {
      kind: 'IngressClass',
      metadata: { name: 'nginx' },
      spec: { controller: TRANSLATE_DEFAULTS.controllerClass },
    };
    const web: Service = {
      kind: 'Service',
      metadata: { namespace: 'ns', name: 'web' },
      spec: { type: 'ExternalName', externalName: 'web.example.com', ports: [{ port: 80 }] },
    };
    const store = new ObjectStore([ingressClass, web, denied('one', 'web'), denied('two', 'nowhere')]);
    const { table } = translateTable(store.view(), TRANSLATE_DEFAULTS, FALLBACK_CERTIFICATE, 0);
    expect(table.hosts.get('one.test')?.routes[0]?.target).toEqual({ kind: 'answer', status: 503, denied: true });
    expect(orphans(table)).toEqual([{ namespace: 'ns', ingress: 'two', type: 'no-service' }]);
  });
});
