import { describe, expect, it } from 'vitest';

import type { EndpointSlice, Ingress, KubeObject, Secret, Service } from '../../src/model/objects.ts';
import type { ClientAuth } from '../../src/model/table.ts';
import { Translator } from '../../src/translate/incremental.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';
import { makeCa, makeCertificate } from '../support/pki.ts';

const DAY = 86_400_000;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

function slice(...addresses: string[]): EndpointSlice {
  const labels = { 'kubernetes.io/service-name': 'web' };
  return {
    kind: 'EndpointSlice',
    metadata: { namespace: 'ns', name: 'web-1', labels },
    ports: [{ port: 80 }],
    endpoints: [{ addresses }],
  };
}

function cluster(): ObjectStore {
  const ingressClass: KubeObject & { spec: object } = {
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: TRANSLATE_DEFAULTS.controllerClass },
  };
  const service: Service = { kind: 'Service', metadata: { namespace: 'ns', name: 'web' }, spec: { ports: [{ port: 80 }] } };
  const ingress: Ingress = {
    kind: 'Ingress',
    metadata: { namespace: 'ns', name: 'one' },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        {
          host: 'a.test',
          http: { paths: [{ pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } }] },
        },
      ],
      tls: [{ hosts: ['a.test'], secretName: 'tls' }],
    },
  };
  return new ObjectStore([ingressClass, service, ingress, slice('10.0.0.1')]);
}

function started(store: ObjectStore, now = 0): Translator {
  const translator = new Translator(TRANSLATE_DEFAULTS, FALLBACK_CERTIFICATE);
  translator.load(store.view(), now);
  return translator;
}

describe('Translator', () => {
  it('answers an endpoint change with that group, and leaves hosts and certificates the same Maps', () => {
    const store = cluster();
    const translator = started(store);
    const table = translator.table;
    const after = slice('10.0.0.2');
    const before = store.put(after);
    const { delta } = translator.apply([{ kind: 'EndpointSlice', before, after }], store.view(), 0);
    expect(delta.groups.map(({ endpoints }) => endpoints)).toEqual([[{ address: '10.0.0.2', port: 80, dns: false }]]);
    expect([...delta.hosts, ...delta.certificates, ...delta.removedGroups]).toEqual([]);
    expect(translator.table.hosts).toBe(table.hosts);
    expect(translator.table.certificates).toBe(table.certificates);
    expect([...table.groups.values()][0]?.endpoints[0]?.address).toBe('10.0.0.1');
  });

  it('looks only at the group of a changed slice', () => {
    const store = cluster();
    const translator = started(store);
    const after = slice('10.0.0.2');
    const before = store.put(after);
    const asked: string[] = [];
    const view = store.view();
    translator.apply(
      [{ kind: 'EndpointSlice', before, after }],
      {
        ...view,
        ingresses: () => {
          asked.push('ingresses');
          return view.ingresses();
        },
        service: (namespace, name) => {
          asked.push(`${namespace}/${name}`);
          return view.service(namespace, name);
        },
      },
      0,
    );
    expect(asked).toEqual(['ns/web']);
  });

  it('gives nothing for an Ingress that changed in nothing that matters', () => {
    const store = cluster();
    const translator = started(store);
    const [ingress] = [...store.view().ingresses()];
    if (ingress === undefined) throw new Error('no Ingress');
    const after: Ingress = { ...ingress, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } };
    const before = store.put(after);
    const table = translator.table;
    const { delta, diagnostics } = translator.apply([{ kind: 'Ingress', before, after }], store.view(), 0);
    expect(delta).toMatchObject({ hosts: [], removedHosts: [], groups: [], certificates: [], defaultCertificate: null });
    expect(diagnostics).toEqual({ added: [], removed: [] });
    expect(translator.table.hosts).toBe(table.hosts);
  });

  it('serves on what a Secret held before it was broken, until it is gone, nobody names it, or it is another of that name', () => {
    const { chain, key } = makeCertificate({ names: ['a.test'] });
    const data = { 'tls.crt': base64(chain), 'tls.key': base64(key) };
    const version = (uid: string, broken: boolean): Secret => {
      const metadata = { namespace: 'ns', name: 'tls', uid };
      return { kind: 'Secret', metadata, data: broken ? { ...data, 'tls.key': '' } : data };
    };
    const store = cluster();
    const now = Date.now();
    const translator = started(store, now);
    const put = (after: Secret): readonly string[] => {
      const before = store.put(after);
      translator.apply([{ kind: 'Secret', before, after }], store.view(), now);
      return [...translator.table.certificates.keys(), ...translator.diagnostics().map(({ served }) => served)];
    };
    const LAST_GOOD = ['["ns","tls"]', 'The certificate that the Secret held before is served on.'];
    const DEFAULT = ['The default certificate is served instead.'];
    expect(put(version('1', true))).toEqual(DEFAULT);
    expect(put(version('1', false))).toEqual(['["ns","tls"]']);
    expect(put(version('1', true))).toEqual(LAST_GOOD);
    expect(put(version('1', true))).toEqual(LAST_GOOD);
    expect(put(version('2', true))).toEqual(DEFAULT);
    expect(put(version('2', false))).toEqual(['["ns","tls"]']);
    const before = store.remove(version('2', false));
    translator.apply([{ kind: 'Secret', before, after: undefined }], store.view(), now);
    expect(put(version('2', true))).toEqual(DEFAULT);
    expect(put(version('2', false))).toEqual(['["ns","tls"]']);
    const [ingress] = store.view().ingresses();
    store.remove(ingress!);
    translator.apply([{ kind: 'Ingress', before: ingress, after: undefined }], store.view(), now);
    put(version('2', true));
    store.put(ingress!);
    translator.apply([{ kind: 'Ingress', before: undefined, after: ingress }], store.view(), now);
    expect(translator.table.certificates.size).toBe(0);
  });

  it('reports a Secret that is missing until it comes, and its expiry when the time has come', () => {
    const store = cluster();
    const translator = started(store, DAY);
    expect(translator.diagnostics().map(({ code }) => code)).toEqual(['SecretNotFound']);
    expect(translator.references().secrets).toEqual([{ namespace: 'ns', name: 'tls' }]);

    const { chain, key } = makeCertificate({ names: ['a.test'], notBefore: new Date(0), notAfter: new Date(10 * DAY) });
    const data = { 'tls.crt': base64(chain), 'tls.key': base64(key) };
    const secret: Secret = { kind: 'Secret', metadata: { namespace: 'ns', name: 'tls' }, data };
    store.put(secret);
    const came = translator.apply([{ kind: 'Secret', before: undefined, after: secret }], store.view(), DAY);
    expect(came.diagnostics.removed.map(({ code }) => code)).toEqual(['SecretNotFound']);
    expect(came.delta.certificates.map(({ names }) => names)).toEqual([['a.test']]);
    expect(came.delta.hosts.map(({ certificate }) => certificate)).toEqual(['["ns","tls"]']);

    expect(translator.judgeValidity(store.view(), 9 * DAY).diagnostics.added).toEqual([]);
    const expired = translator.judgeValidity(store.view(), 11 * DAY);
    expect(expired.diagnostics.added.map(({ code }) => code)).toEqual(['CertificateExpired']);
    expect([...expired.delta.hosts, ...expired.delta.certificates]).toEqual([]);
  });

  it('has what many hosts demand of clients once: a worker is sent, and keeps, one copy of a large bundle', () => {
    const store = cluster();
    const [ingress] = store.view().ingresses();
    const annotations = { [`${TRANSLATE_DEFAULTS.annotationsPrefix}/auth-tls-secret`]: 'ns/ca' };
    const rules = ['a.test', 'b.test'].map((host) => ({ ...ingress!.spec!.rules![0]!, host }));
    store.put({ ...ingress!, metadata: { ...ingress!.metadata, annotations }, spec: { ...ingress!.spec, rules } } as Ingress);
    const put = (ca: string): Secret => {
      const secret = { kind: 'Secret', metadata: { namespace: 'ns', name: 'ca' }, data: { 'ca.crt': base64(ca) } };
      store.put(secret);
      return secret;
    };
    const before = put(makeCa({ name: 'One' }).cert);
    const translator = started(store);
    const demands = (): (ClientAuth | null | undefined)[] =>
      structuredClone(translator.table.hosts)
        .values()
        .map(({ tls }) => tls?.clientAuth)
        .filter((auth) => auth !== undefined)
        .toArray();
    const [first, second, ...more] = demands();
    expect(first?.ca).toContain('CERTIFICATE');
    expect([second === first, more]).toEqual([true, []]);
    const after = put(makeCa({ name: 'Two' }).cert);
    const { delta } = translator.apply([{ kind: 'Secret', before, after }], store.view(), 0);
    expect(delta.hosts).toHaveLength(2);
    const [third, fourth] = demands();
    expect([third === fourth, third?.id === first?.id]).toEqual([true, false]);
  });
});
