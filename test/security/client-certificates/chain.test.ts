/**
 * R11, B1: from the annotation to the handshake. A Secret that is not there, is broken, or goes away must close the host, never open
 * it (Traefik #13323 served such routes without authentication); one that changes holds from the next request on.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, secret } from '../../support/manifests.ts';
import type { TestCertificate } from '../../support/pki.ts';
import { RawClient } from '../../support/raw-client.ts';
import { makeCrl } from '../../support/revocation.ts';
import { ALICE, CA, MALLORY, OTHER_CA } from './scene.ts';

let chain: Chain;
beforeAll(async () => {
  chain = await (await Chain.start()).listening();
});
afterAll(() => chain.close());

const PREFIX = 'nginx.ingress.kubernetes.io';

const connect = (shown: TestCertificate | null): Promise<RawClient> =>
  RawClient.connectTls(chain.httpsPort, {
    servername: 'mtls.example',
    ...(shown === null ? {} : { cert: shown.chain, key: shown.key }),
  });

/** In place of the one before: an update would keep what it does not name. */
function replace(data: Readonly<Record<string, string>>): void {
  chain.cluster.delete([secret('ca', {})]);
  chain.apply(secret('ca', data));
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: mtls.example\r\n\r\n';

async function ask(shown: TestCertificate | null): Promise<number> {
  const client = await connect(shown);
  const { status } = await client.request(REQUEST);
  client.close();
  return status;
}

it('holds through everything that can happen to its Secret', async () => {
  const annotations = { [`${PREFIX}/auth-tls-secret`]: 'default/ca', [`${PREFIX}/ssl-redirect`]: 'false' };
  chain.apply(
    ingress('mtls', 'mtls.example Prefix / control', { annotations }),
    ingress('open', 'open.example Prefix / control'),
  );
  // Both hosts are there as soon as the second is: they were written in this order.
  await eventually(async () => (await chain.get('http://open.example/')).status === 200);
  expect([await ask(null), await ask(ALICE), (await chain.get('http://mtls.example/')).status]).toEqual([503, 503, 503]);
  const problems = (await chain.diagnostics()).map(({ code, object }) => `${code} ${object.name}`);
  expect(problems).toContain('ClientCaInvalid mtls');

  chain.apply(secret('ca', { 'ca.crt': CA.cert }));
  await eventually(async () => (await ask(ALICE)) === 200);
  expect([await ask(null), await ask(MALLORY), (await chain.get('http://mtls.example/')).status]).toEqual([400, 400, 400]);
  expect(await chain.diagnostics()).toEqual([]);

  const open = await connect(ALICE);
  const told = JSON.parse((await open.request(REQUEST)).body) as { readonly headers: Readonly<Record<string, string>> };
  expect(told.headers).toMatchObject({ 'ssl-client-verify': 'SUCCESS', 'ssl-client-subject-dn': 'CN=alice' });

  chain.apply(secret('ca', { 'ca.crt': CA.cert, 'ca.crl': makeCrl(CA, [ALICE]) }));
  await eventually(async () => (await ask(ALICE)) === 400);
  // The connection was there before the list; it does not outlive it.
  expect((await open.request(REQUEST)).status).toBe(421);

  replace({ 'ca.crt': OTHER_CA.cert });
  await eventually(async () => (await ask(MALLORY)) === 200);
  expect(await ask(ALICE)).toBe(400);

  for (const broken of [{ 'ca.crt': 'garbage' }, { 'other.crt': CA.cert }, { 'ca.crt': CA.cert, 'ca.crl': 'garbage' }]) {
    replace(broken);
    await eventually(async () => (await ask(MALLORY)) === 503);
    expect(await ask(null)).toBe(503);
    replace({ 'ca.crt': OTHER_CA.cert });
    await eventually(async () => (await ask(MALLORY)) === 200);
  }

  chain.cluster.delete([secret('ca', {})]);
  await eventually(async () => (await ask(MALLORY)) === 503);
  expect([await ask(null), (await chain.get('http://mtls.example/')).status]).toEqual([503, 503]);
  expect((await chain.get('https://open.example/')).status).toBe(200);
});
