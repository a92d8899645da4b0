/**
 * Threat: a Secret of `proxy-ssl-secret` that is missing, broken or replaced leaves backends unverified, or in use with a certificate that was
 * withdrawn; or its key is shown to somebody. R11 (routes served without the check that was asked for); ingress-nginx: location denied.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, secret, service } from '../../support/manifests.ts';
import { makeCa, makeCertificate } from '../../support/pki.ts';
import { tlsBackend, type TlsBackend } from '../../support/upstream-tls.ts';

const PREFIX = 'nginx.ingress.kubernetes.io';
const CA = makeCa({ name: 'Backend CA' });
let backend: TlsBackend;
let chain: Chain;

const annotations = {
  [`${PREFIX}/backend-protocol`]: 'HTTPS',
  [`${PREFIX}/proxy-ssl-secret`]: 'default/backend-tls',
  [`${PREFIX}/proxy-ssl-verify`]: 'on',
  [`${PREFIX}/proxy-ssl-name`]: 'backend.test',
};

beforeAll(async () => {
  backend = await tlsBackend(makeCertificate({ names: ['backend.test'], issuer: CA }));
  chain = await Chain.start();
  chain.apply(
    service('tls', {}),
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'tls-1', labels: { 'kubernetes.io/service-name': 'tls' } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: backend.port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    },
    ingress('tls', 'tls.test Prefix / tls', { annotations }),
  );
  await chain.listening();
});

afterAll(async () => {
  await chain.close();
  await backend.close();
});

function backendSecret(client: string, ca = CA): object {
  const { chain: cert, key } = makeCertificate({ names: [client] });
  return secret('backend-tls', { 'ca.crt': ca.cert, 'tls.crt': cert, 'tls.key': key });
}

const becomes = (status: number): Promise<boolean> =>
  eventually(async () => (await chain.get('http://tls.test/')).status === status);

async function problems(): Promise<string[]> {
  return (await chain.diagnostics()).map(({ code, field }) => `${code} ${field}`);
}

it('a Secret for backends that is missing denies, one that comes is used, a new one replaces it, and one that breaks denies', async () => {
  await becomes(503);
  expect(await problems()).toContain(`SecretNotFound metadata.annotations[${PREFIX}/proxy-ssl-secret]`);

  chain.apply(backendSecret('one.test'));
  await becomes(200);
  expect(backend.seen.at(-1)?.client).toBe('one.test');
  expect(await problems()).toEqual([]);

  chain.apply(backendSecret('two.test'));
  await eventually(async () => {
    await chain.get('http://tls.test/');
    return backend.seen.at(-1)?.client === 'two.test';
  });
  const dump = JSON.stringify(await chain.configuration());
  expect(dump).toContain('CN=two.test');
  expect(dump).not.toMatch(/PRIVATE KEY|BEGIN|fingerprint"/);

  // Whom to trust has changed: a certificate that was good is none any more.
  chain.apply(backendSecret('two.test', makeCa({ name: 'Other CA' })));
  await becomes(502);

  chain.apply(secret('backend-tls', { 'ca.crt': 'nonsense' }));
  await becomes(503);
  expect(await problems()).toContain('SecretInvalid data[ca.crt]');

  chain.apply(backendSecret('three.test'));
  await becomes(200);
  chain.cluster.delete([backendSecret('three.test')]);
  await becomes(503);
});
