/**
 * Threat: who sits between the proxy and its backends is taken for the backend, because a certificate is not looked at that should be, or the
 * check is turned round (CVE-2025-66491, R12: a boolean of proxy-ssl-verify in the wrong sense). ingress-nginx, proxy-ssl-*.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { makeCa, makeCertificate, type TestCa, type TestCertificate } from '../../support/pki.ts';
import { group, host, startProxy, table, type TestProxy } from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';
import { Stage } from '../../support/stage.ts';
import { tlsBackend, tlsRoute, upstreamSecret, upstreamTls, type TlsBackend } from '../../support/upstream-tls.ts';
import type { UpstreamTls } from '../../../src/model/policies.ts';
import type { UpstreamSecret } from '../../../src/model/table.ts';

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n';
const CA = makeCa({ name: 'Backend CA' });
const OTHER = makeCa({ name: 'Other CA' });
const stage = new Stage();

afterEach(() => stage.close());

function leaf(issuer: TestCa | null = CA, changes: Partial<Parameters<typeof makeCertificate>[0]> = {}): TestCertificate {
  return makeCertificate({ names: ['backend.test'], ...(issuer !== null && { issuer }), ...changes });
}

interface Scene {
  readonly backend: TlsBackend;
  readonly proxy: TestProxy;
  readonly status: (request?: string) => Promise<number>;
}

async function scene(
  certificate: TestCertificate,
  secret: UpstreamSecret,
  changes: Partial<UpstreamTls> = {},
  protocol: 'http/1.1' | 'h2' = 'http/1.1',
): Promise<Scene> {
  const backend = stage.opened(await tlsBackend(certificate, {}, protocol));
  const route = tlsRoute('/', upstreamTls(secret, changes), protocol === 'h2' ? 'GRPCS' : 'HTTPS');
  const proxy = stage.watched(
    await startProxy(table([host('app.example', [route])], [group('app', [backend.port])], { upstreamSecrets: [secret] })),
  );
  return { backend, proxy, status: async (request = GET) => (await exchange(proxy.port, request)).status };
}

const TRUSTING = upstreamSecret('ca', CA);
const LONG_AGO = new Date(Date.now() - 1_000_000_000);

describe.each(['http/1.1', 'h2'] as const)('a backend over %s', (protocol) => {
  const statusOf = async (...scenery: [TestCertificate, UpstreamSecret, Partial<UpstreamTls>?]): Promise<number> =>
    (await scene(scenery[0], scenery[1], scenery[2] ?? {}, protocol)).status();

  it('is used when its certificate is good, again and again', async () => {
    const { status } = await scene(leaf(), TRUSTING, {}, protocol);
    expect([await status(), await status(), await status()]).toEqual([200, 200, 200]);
  });

  it.each<[string, TestCertificate, UpstreamSecret]>([
    ['of another CA', leaf(OTHER), TRUSTING],
    ['signed by itself', leaf(null), TRUSTING],
    ['for another name', leaf(CA, { names: ['other.test'] }), TRUSTING],
    ['out of date', leaf(CA, { notBefore: new Date(0), notAfter: LONG_AGO }), TRUSTING],
    ['when nothing is trusted', leaf(), upstreamSecret('pair', null, 'client.test')],
  ])(
    'is not used when its certificate is %s: 502, each time; and used when nobody asks for a check',
    async (_, certificate, secret) => {
      const { status, backend } = await scene(certificate, secret, {}, protocol);
      expect([await status(), await status()]).toEqual([502, 502]);
      expect(backend.seen.every(({ resumed }) => !resumed)).toBe(true);
      expect(await statusOf(certificate, secret, { verify: false })).toBe(200);
    },
  );

  it('is not used when more certificates stand between its own and the trusted one than allowed', async () => {
    const first = makeCa({ name: 'First', issuer: CA });
    const second = makeCa({ name: 'Second', issuer: first });
    expect(await statusOf(leaf(first), TRUSTING)).toBe(200);
    expect(await statusOf(leaf(second), TRUSTING)).toBe(502);
    expect(await statusOf(leaf(second), TRUSTING, { verifyDepth: 2 })).toBe(200);
  });
});

describe('a backend', () => {
  it('gets the certificate of the Secret, and the name, where that is asked for', async () => {
    const pair = upstreamSecret('pair', CA, 'client.test');
    const named = await scene(leaf(), pair, { sendsName: true });
    await named.status();
    expect(named.backend.seen[0]).toMatchObject({ client: 'client.test', serverName: 'backend.test' });
    const plain = await scene(leaf(), TRUSTING);
    await plain.status();
    expect(plain.backend.seen[0]).toMatchObject({ client: undefined, serverName: false });
  });

  it('is spoken to in the versions and ciphers asked for', async () => {
    const old = await scene(leaf(), TRUSTING, { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' });
    await old.status();
    expect(old.backend.seen[0]).toMatchObject({ version: 'TLSv1.2', cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' });
    const fresh = await scene(leaf(), TRUSTING, { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' });
    await fresh.status();
    expect(fresh.backend.seen[0]).toMatchObject({ version: 'TLSv1.3' });
  });
});
