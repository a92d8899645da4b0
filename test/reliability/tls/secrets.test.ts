/**
 * B1, B2, B3: what becomes of TLS when a Secret goes, breaks or expires. Broken key material that is only noticed in the handshake
 * fails for every client of the host: Node takes an empty key, or an RSA key for an EC certificate, without a word
 * (nodejs/node `createSecureContext`).
 */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { backend, ingress, secret, tlsSecret } from '../../support/manifests.ts';
import { makeCa, makeCertificate, type TestCertificate } from '../../support/pki.ts';

const HOST = 'app.test';
const GOOD = makeCertificate({ names: [HOST] });
const FAKE = 'CN=Kubernetes Ingress Controller Fake Certificate';
let chain: Chain;

beforeAll(async () => {
  chain = await Chain.start();
  chain.apply(
    ...backend('app'),
    tlsSecret('app-tls', GOOD),
    ingress('app', `${HOST} Prefix / app`, { tls: [{ hosts: [HOST], secretName: 'app-tls' }] }),
  );
  await chain.listening();
  await chain.settled();
});

afterAll(() => chain.close());

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;

/** The certificate a new connection is served with; the request on it must succeed. */
async function served(): Promise<X509Certificate> {
  const { status, certificate } = await chain.get(`https://${HOST}/`);
  expect(status).toBe(200);
  return new X509Certificate(certificate!);
}

async function isServed({ cert }: Pick<TestCertificate, 'cert'>): Promise<boolean> {
  return (await served()).serialNumber === serialOf(cert);
}

/** The codes of what is wrong with the Secret or what names it, with what is served instead. */
async function problems(): Promise<readonly string[]> {
  return (await chain.diagnostics()).map(({ code, served: instead }) => `${code}: ${instead}`);
}

describe('B1: a Secret that is deleted', () => {
  it('leaves its host with the default certificate, as in ingress-nginx, and no handshake fails; it comes back with the Secret', async () => {
    const failures: string[] = [];
    let answers = 0;
    let stopping = false;
    const load = Array.from({ length: 4 }, async () => {
      while (!stopping) {
        try {
          const { status } = await chain.get(`https://${HOST}/`);
          answers++;
          if (status !== 200) failures.push(`status ${status}`);
        } catch (error) {
          failures.push(String(error));
        }
      }
    });
    for (let turn = 0; turn < 3; turn++) {
      chain.cluster.delete([tlsSecret('app-tls', GOOD)]);
      await eventually(async () => (await served()).subject.includes(FAKE.slice(3)));
      expect(await problems()).toEqual(['SecretNotFound: The default certificate is served instead.']);
      chain.apply(tlsSecret('app-tls', GOOD));
      await eventually(() => isServed(GOOD));
      await eventually(async () => (await problems()).length === 0);
    }
    await eventually(() => answers > 20);
    stopping = true;
    await Promise.all(load);
    expect(failures).toEqual([]);
    expect(chain.alive).toBe(true);
  });
});

const rsa = makeCertificate({ names: [HOST], keyType: 'rsa' });
const other = makeCertificate({ names: [HOST], key: makeCa({ name: 'another key' }).key });
const root = makeCa({ name: 'Root' });
const inner = makeCa({ name: 'Inner', issuer: root });
const outer = makeCa({ name: 'Outer', issuer: inner });
const chained = makeCertificate({ names: [HOST], issuer: outer });

describe('B2: a Secret that is broken by an edit', () => {
  const LAST_GOOD = 'The certificate that the Secret held before is served on.';

  it.each<readonly [string, string, string, string]>([
    ['malformed PEM', GOOD.chain.replace(/\n(.)/u, '\n!$1'), GOOD.key, 'SecretInvalid'],
    ['PEM that ends early', GOOD.chain.slice(0, 300), GOOD.key, 'SecretInvalid'],
    ['an empty certificate', '', GOOD.key, 'SecretInvalid'],
    ['an empty key', GOOD.chain, '', 'SecretInvalid'],
    ['a malformed key', GOOD.chain, GOOD.key.slice(0, 80), 'SecretInvalid'],
    ['a key of another type', GOOD.chain, rsa.key, 'CertificateKeyMismatch'],
    ['another key of the same type', GOOD.chain, other.key, 'CertificateKeyMismatch'],
    ['a chain of 1500 certificates', GOOD.chain.repeat(1500), GOOD.key, 'SecretInvalid'],
  ])('by %s, is served as it was; an Event says so', async (_, crt, key, code) => {
    chain.apply(tlsSecret('app-tls', GOOD));
    await eventually(async () => (await problems()).length === 0 && (await isServed(GOOD)));
    chain.apply(secret('app-tls', { 'tls.crt': crt, 'tls.key': key }, 'kubernetes.io/tls'));
    await eventually(async () => (await problems()).join() === `${code}: ${LAST_GOOD}`);
    expect(await isServed(GOOD)).toBe(true);
    await eventually(() => chain.events('Secret', 'app-tls').some(({ reason }) => reason === code));
    chain.apply(tlsSecret('app-tls', chained));
    await eventually(() => isServed(chained));
    expect(await problems()).toEqual([]);
  });

  it('is the default certificate when nothing good was there before, or it is another Secret of that name', async () => {
    chain.apply(tlsSecret('app-tls', GOOD));
    await eventually(() => isServed(GOOD));
    chain.cluster.delete([tlsSecret('app-tls', GOOD)]);
    chain.apply(secret('app-tls', { 'tls.crt': GOOD.chain, 'tls.key': '' }, 'kubernetes.io/tls'));
    await eventually(async () => (await problems()).join() === 'SecretInvalid: The default certificate is served instead.');
    expect((await served()).subject).toContain(FAKE);
  });

  it('only by a chain in the wrong order, is put in order: leaf first', async () => {
    const blocks = chained.chain.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/gu) ?? [];
    expect(blocks).toHaveLength(3);
    for (const order of [blocks.toReversed(), [blocks[1], blocks[0], blocks[2]]]) {
      chain.apply(tlsSecret('app-tls', GOOD));
      await eventually(() => isServed(GOOD));
      chain.apply(tlsSecret('app-tls', { chain: order.join(''), key: chained.key }));
      await eventually(() => isServed(chained));
      expect(await problems()).toEqual([]);
    }
  });
});

describe('B3: a certificate outside its validity', () => {
  const DAY = 86_400_000;

  it.each([
    ['CertificateExpired', -9, -1],
    ['CertificateNotYetValid', 1, 9],
  ])('is served all the same: %s', async (code, from, to) => {
    const [notBefore, notAfter] = [new Date(Date.now() + from * DAY), new Date(Date.now() + to * DAY)];
    const late = makeCertificate({ names: [HOST], notBefore, notAfter });
    chain.apply(tlsSecret('app-tls', late));
    await eventually(() => isServed(late));
    await eventually(async () => (await problems()).join() === `${code}: It is served all the same.`);
    const metrics = await (await fetch(`${chain.admin}/metrics`)).text();
    const expiry = Math.floor(notAfter.getTime() / 1000);
    expect(metrics).toMatch(new RegExp(`ssl_expire_time_seconds\\{[^}]*host="${HOST}"[^}]*\\} ${expiry}\\n`, 'u'));
    expect(chain.alive).toBe(true);
  });
});
