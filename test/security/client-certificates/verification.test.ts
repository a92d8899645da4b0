/**
 * R11, R13: who gets in. A certificate that is missing, or does not verify, is answered after the handshake, as nginx answers it;
 * what Node says of it is not what nginx looks at (`authorized` is true for a resumed session without any certificate; the depth of
 * a chain cannot be bounded).
 */
import { X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientAuth } from '../../../src/model/table.ts';
import { makeCa, makeCertificate, type TestCertificate } from '../../support/pki.ts';
import { prefixRoute } from '../../support/proxy.ts';
import { exchange } from '../../support/raw-client.ts';
import { makeCrl } from '../../support/revocation.ts';
import { ALICE, CA, demands, MALLORY, OTHER_CA, Scene } from './scene.ts';

const HOUR = 3_600_000;
const SELF_SIGNED = makeCertificate({ names: ['alice'] });
const EXPIRED = makeCertificate({ names: ['late'], issuer: CA, notAfter: new Date(Date.now() - HOUR) });
const EARLY = makeCertificate({ names: ['early'], issuer: CA, notBefore: new Date(Date.now() + HOUR) });
/** Says it is of the authority, whose name it bears, but another key signed it. */
const FORGED = makeCertificate({ names: ['forged'], issuer: { ...CA, key: OTHER_CA.key } });
const FIRST = makeCa({ name: 'First', issuer: CA });
const SECOND = makeCa({ name: 'Second', issuer: FIRST });
const BELOW_FIRST = makeCertificate({ names: ['one below'], issuer: FIRST });
const BELOW_SECOND = makeCertificate({ names: ['two below'], issuer: SECOND });
/** A certificate of an authority's client is no authority. */
const BY_ALICE = makeCertificate({ names: ['by alice'], issuer: { ...ALICE, name: 'alice', keyType: 'ec', root: false } });

let scene: Scene;
afterEach(() => scene.close());

async function start(changes: Partial<ClientAuth>): Promise<void> {
  scene = await Scene.start({ 'mtls.example': { clientAuth: demands(changes) } });
}

/** The status for each, and in which words it is refused. */
async function outcome(shown: TestCertificate | null): Promise<string> {
  const { status, body, headers } = await scene.get('mtls.example', shown);
  if (status !== 400) return `${status} ${headers.get('location')?.[0] ?? body}`;
  expect(headers.get('connection')).toEqual(['close']);
  return body.includes('<center>No required SSL certificate was sent</center>')
    ? 'missing'
    : body.includes('<center>The SSL certificate error</center>')
      ? 'invalid'
      : body;
}

const BAD = { SELF_SIGNED, MALLORY, EXPIRED, EARLY, FORGED, BY_ALICE, BELOW_SECOND };
const SERVED = '200 served';

describe('auth-tls-verify-client', () => {
  it('on: only who shows a good certificate gets in', async () => {
    await start({});
    expect(await outcome(null)).toBe('missing');
    for (const [name, shown] of Object.entries(BAD)) expect([name, await outcome(shown)]).toEqual([name, 'invalid']);
    expect(scene.forwarded).toEqual([]);
    expect(await outcome(ALICE)).toBe(SERVED);
    expect(await outcome(BELOW_FIRST)).toBe(SERVED);
    // The version of TLS makes no difference: in 1.2 the client shows it in the open.
    const old = await scene.connect('mtls.example', ALICE, { maxVersion: 'TLSv1.2' });
    expect((await old.request('GET / HTTP/1.1\r\nHost: mtls.example\r\n\r\n')).status).toBe(200);
  });

  it('optional: who shows none gets in too, who shows a bad one does not', async () => {
    await start({ verify: 'optional' });
    for (const [name, shown] of Object.entries(BAD)) expect([name, await outcome(shown)]).toEqual([name, 'invalid']);
    expect(scene.forwarded).toEqual([]);
    expect(await outcome(null)).toBe(SERVED);
    expect(await outcome(ALICE)).toBe(SERVED);
  });

  it('optional_no_ca: who issued it does not matter, all else does', async () => {
    await start({ verify: 'optional_no_ca' });
    const good = { none: null, ALICE, SELF_SIGNED, MALLORY };
    for (const [name, shown] of Object.entries(good)) expect([name, await outcome(shown)]).toEqual([name, SERVED]);
    const verdicts = scene.forwarded.map((head) => /ssl-client-verify: (.*)/.exec(head)?.[1]?.trim());
    expect(verdicts).toEqual([
      'NONE',
      'SUCCESS',
      'FAILED:self-signed certificate',
      'FAILED:unable to verify the first certificate',
    ]);
    for (const [name, shown] of Object.entries({ EXPIRED, EARLY, FORGED, BELOW_SECOND }))
      expect([name, await outcome(shown)]).toEqual([name, 'invalid']);
  });

  it('off, with a pattern for the subject: nobody gets in, as in ingress-nginx', async () => {
    await start({ verify: 'off', matchCn: 'CN=alice' });
    expect(await outcome(null)).toBe('403 client certificate unauthorized');
    expect(await outcome(ALICE)).toBe('403 client certificate unauthorized');
  });

  it('asks nobody else: a host without it sends no CertificateRequest', async () => {
    scene = await Scene.start({ 'mtls.example': { clientAuth: demands() }, 'public.example': null });
    expect((await scene.get('public.example', MALLORY)).status).toBe(200);
    expect((await scene.get('', MALLORY, 'public.example')).status).toBe(200);
    expect(scene.forwarded.join()).not.toContain('ssl-client');
  });

  it('of the host for all other names decides on handshakes without a name, or with one that no host has', async () => {
    scene = await Scene.start({ _: { clientAuth: demands() }, 'public.example': null });
    for (const servername of ['', 'unknown.example']) {
      expect((await scene.get(servername, null, 'unknown.example')).status).toBe(400);
      expect((await scene.get(servername, ALICE, 'unknown.example')).status).toBe(200);
      expect((await scene.get(servername, ALICE, 'public.example')).status).toBe(421);
    }
    expect((await scene.get('public.example')).status).toBe(200);
  });
});

describe('auth-tls-verify-depth', () => {
  it.each([
    [1, SERVED, 'invalid'],
    [2, SERVED, SERVED],
  ])('%i: counts what stands between the certificate and the root', async (depth, one, two) => {
    await start({ depth });
    expect([await outcome(ALICE), await outcome(BELOW_FIRST), await outcome(BELOW_SECOND)]).toEqual([SERVED, one, two]);
  });

  it('cannot be got around with further certificates that only look like a shorter chain', async () => {
    await start({ depth: 1 });
    const decoy = makeCa({ name: 'Second' });
    const shown = { ...BELOW_SECOND, chain: `${BELOW_SECOND.cert}${SECOND.cert}${FIRST.cert}${decoy.cert}` };
    expect(await outcome(shown)).toBe('invalid');
    expect(await outcome({ ...shown, chain: `${BELOW_SECOND.cert}${decoy.cert}${SECOND.cert}${FIRST.cert}` })).toBe('invalid');
    // Of the name of what stands between, and in the name of the root, but not signed by it.
    const bridge = makeCa({ name: 'Second', issuer: { ...CA, key: OTHER_CA.key } });
    expect(await outcome({ ...shown, chain: `${BELOW_SECOND.cert}${SECOND.cert}${FIRST.cert}${bridge.cert}` })).toBe('invalid');
    expect(await outcome({ ...shown, chain: `${BELOW_SECOND.cert}${bridge.cert}${SECOND.cert}${FIRST.cert}` })).toBe('invalid');
    await scene.close();
    await start({ depth: 2, ca: CA.cert + FIRST.cert });
    expect(await outcome({ ...BELOW_SECOND, chain: BELOW_SECOND.cert + SECOND.cert })).toBe(SERVED);
  });
});

describe('ca.crl', () => {
  const BOB = makeCertificate({ names: ['bob'], issuer: CA });

  it('keeps those out that it lists, with any mode', async () => {
    for (const verify of ['on', 'optional', 'optional_no_ca'] as const) {
      await start({ verify, crl: makeCrl(CA, [BOB]) });
      expect([await outcome(ALICE), await outcome(BOB)]).toEqual([SERVED, 'invalid']);
      if (verify !== 'optional_no_ca') await scene.close();
    }
  });

  it('keeps everybody out when it is too old, or of another authority: nobody can be known to be good', async () => {
    await start({ crl: makeCrl(CA, [BOB], Date.now() - HOUR) });
    expect(await outcome(ALICE)).toBe('invalid');
    await scene.close();
    await start({ crl: makeCrl(OTHER_CA, [BOB]) });
    expect(await outcome(ALICE)).toBe('invalid');
  });

  it('of several authorities in one bundle are all looked at', async () => {
    const both = { ca: CA.cert + OTHER_CA.cert, crl: makeCrl(CA, [BOB]) + makeCrl(OTHER_CA, [MALLORY]) };
    await start(both);
    const carol = makeCertificate({ names: ['carol'], issuer: OTHER_CA });
    const all = [await outcome(ALICE), await outcome(BOB), await outcome(carol), await outcome(MALLORY)];
    expect(all).toEqual([SERVED, 'invalid', SERVED, 'invalid']);
  });
});

describe('auth-tls-match-cn and auth-tls-error-page', () => {
  it('let in whose subject matches, anywhere, case by case', async () => {
    await start({ matchCn: 'CN=(alice|carol)' });
    expect(await outcome(ALICE)).toBe(SERVED);
    expect(await outcome(makeCertificate({ names: ['Alice'], issuer: CA }))).toBe('403 client certificate unauthorized');
    expect(await outcome(makeCertificate({ names: ['bob'], issuer: CA }))).toBe('403 client certificate unauthorized');
    expect(await outcome(null)).toBe('missing');
    expect(scene.forwarded.length).toBe(1);
  });

  it('sends those elsewhere that would get 400', async () => {
    await start({ errorPage: 'https://help.example/certificates' });
    expect(await outcome(null)).toBe('302 https://help.example/certificates');
    expect(await outcome(MALLORY)).toBe('302 https://help.example/certificates');
    expect(await outcome(ALICE)).toBe(SERVED);
    expect(scene.forwarded.length).toBe(1);
  });
});

describe('plain HTTP', () => {
  const ask = (path = '/', fields = ''): Promise<number> =>
    exchange(scene.proxy.port, `GET ${path} HTTP/1.1\r\nHost: mtls.example\r\n${fields}\r\n`).then(({ status }) => status);

  it('is no way around a certificate, whatever the client says of itself', async () => {
    const routes = [prefixRoute('/', 'app'), prefixRoute('/.well-known/acme-challenge', 'app')];
    const auth = demands({ plainHttpPaths: ['/.well-known/acme-challenge'] });
    scene = await Scene.start({ 'mtls.example': { clientAuth: auth } }, { useForwardedHeaders: true }, routes);
    expect(await ask()).toBe(400);
    expect(await ask('/', 'X-Forwarded-Proto: https\r\nssl-client-verify: SUCCESS\r\n')).toBe(400);
    expect(scene.forwarded).toEqual([]);
    // Let's Encrypt has no certificate of ours, and asks over HTTP.
    expect(await ask('/.well-known/acme-challenge/token')).toBe(200);
    expect(await ask('/.well-known/acme-challenge/../../secret')).toBe(400);
    expect(scene.forwarded.length).toBe(1);
  });

  it('is redirected first, where it is', async () => {
    const policies = { sslRedirect: { code: 308, preserveTrailingSlash: false } };
    scene = await Scene.start({ 'mtls.example': { clientAuth: demands() } }, {}, [prefixRoute('/', 'app', policies)]);
    expect(await ask()).toBe(308);
  });
});

it('the certificate that is shown is the one that is judged', () => {
  expect(new X509Certificate(FORGED.cert).issuer).toBe(new X509Certificate(ALICE.cert).issuer);
});
