/**
 * Threat: names of two objects, joined to one text, are the same text, and one tenant gets what is another's.
 * Source: R7, CVE-2020-8553 (`a/b-c` and `a-b/c` had the same password file in ingress-nginx).
 */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain, storeUnchecked } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, pod, service, tlsSecret } from '../../support/manifests.ts';
import { makeCertificate } from '../../support/pki.ts';

let chain: Chain;
beforeAll(async () => {
  chain = await (await Chain.start()).listening();
});
afterAll(() => chain.close());

function inNamespace(namespace: string, ...objects: readonly object[]): object[] {
  return objects.map((object) => ({ ...object, metadata: { ...(object as { metadata: object }).metadata, namespace } }));
}

describe('R7: names that look alike when they are joined', () => {
  it('R7: the same in two namespaces, and the hyphen elsewhere: each host has its own backend and certificate', async () => {
    const owners = [
      { namespace: 'a', name: 'b-c' },
      { namespace: 'a-b', name: 'c' },
      { namespace: 'a-b', name: 'b-c' },
      { namespace: 'b-c', name: 'a' },
    ].map((owner, index) => ({ ...owner, host: `owner-${index}.test` }));
    const certificates = owners.map(({ host }) => makeCertificate({ names: [host, 'shared.test'] }));
    for (const namespace of new Set(owners.map((owner) => owner.namespace)))
      chain.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    for (const [index, { namespace, name, host }] of owners.entries()) {
      const tls = [{ hosts: [host], secretName: name }];
      const selector = { app: `pod-${index}` };
      const objects = [
        pod(`pod-${index}`),
        service(name, { selector }),
        tlsSecret(name, certificates[index]!),
        ingress(name, `${host} Prefix / ${name}`, { tls }),
      ];
      chain.apply(...inNamespace(namespace, ...objects));
    }
    for (const [index, { host }] of owners.entries()) {
      await eventually(async () => (await chain.get(`https://${host}/`)).echo?.pod === `pod-${index}`);
      await eventually(async () => {
        const { certificate } = await chain.get(`https://${host}/`);
        expect(certificate).toEqual(new X509Certificate(certificates[index]!.cert).raw);
        return true;
      });
    }
  });

  it('R7: separators of any kind inside a name lead to nobody', async () => {
    const own = ['a/b-c:8080', 'b-c","8080', '../a/b-c', 'b-c:8080', 'a","b-c', 'a%2Fb-c', 'a b-c'];
    for (const [index, name] of own.entries()) {
      const its = ingress(`odd-${index}`, `odd-${index}.test Prefix / web`) as {
        spec: { rules: { http: { paths: { backend: object }[] } }[] };
      };
      for (const path of its.spec.rules[0]?.http.paths ?? []) path.backend = { service: { name, port: { number: 8080 } } };
      storeUnchecked(chain.cluster, its);
    }
    for (const index of own.keys()) await eventually(async () => (await chain.get(`http://odd-${index}.test/`)).status === 503);
  });
});
