/** TLS to backends: proxy-ssl-*. What becomes of certificates is in test/security/upstream-tls. */
import { afterEach, describe, expect, it } from 'vitest';
import { ingress, secret, serve, service, translated } from '../support/ingress.ts';
import { makeCa, makeCertificate, type TestCertificate } from '../support/pki.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';
import { tlsBackend, type SeenConnection } from '../support/upstream-tls.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const CA = makeCa({ name: 'Backends' });
const TRUSTED = makeCertificate({ names: ['backend.test'], issuer: CA });
const UNKNOWN = makeCertificate({ names: ['backend.test'] });
const DEEP = makeCertificate({
  names: ['backend.test'],
  issuer: makeCa({ name: 'Second', issuer: makeCa({ name: 'First', issuer: CA }) }),
});
const CLIENT = makeCertificate({ names: ['client.test'] });
const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n';
const SECRET = { 'proxy-ssl-secret': 'default/up' };
const VERIFY = { ...SECRET, 'proxy-ssl-verify': 'on', 'proxy-ssl-name': 'backend.test' };

interface Outcome {
  readonly status: number;
  readonly seen: SeenConnection | undefined;
  readonly codes: readonly string[];
}

async function ask(annotations: Readonly<Record<string, unknown>>, certificate: TestCertificate = TRUSTED): Promise<Outcome> {
  const backend = stage.opened(await tlsBackend(certificate));
  const proxy = await serve([
    ingress({ 'backend-protocol': 'HTTPS', ...annotations }),
    secret('up', { 'ca.crt': CA.cert, 'tls.crt': CLIENT.chain, 'tls.key': CLIENT.key }),
    ...service('app', [backend.port]),
  ]);
  stage.watched(proxy);
  const { status } = await exchange(proxy.port, GET);
  return { status, seen: backend.seen[0], codes: proxy.diagnostics.map(({ code }) => code) };
}

const INVALID = ['AnnotationInvalid'];

function withValue(base: Readonly<Record<string, unknown>>, name: string, value: unknown): Record<string, unknown> {
  return value === undefined ? { ...base } : { ...base, [name]: value };
}

describe('proxy-ssl-secret', () => {
  it('names a Secret of another namespace where the ConfigMap allows it, and never one of the same name in its own', () => {
    const own = secret('up', { 'tls.crt': CLIENT.chain, 'tls.key': CLIENT.key });
    const theirs = secret('up', { 'ca.crt': CA.cert });
    const other = { ...theirs, metadata: { ...theirs.metadata, namespace: 'other' } };
    const first = ingress({ ...VERIFY, 'proxy-ssl-secret': 'other/up' }, { name: 'first' });
    const second = ingress({ 'proxy-ssl-secret': 'default/up' }, { name: 'second', host: 'b.example' });
    const objects = [first, second, own, other, ...service('app', [8080])];
    const { patch, diagnostics } = translated(objects, { allowCrossNamespaceResources: true });
    expect(diagnostics).toEqual([]);
    const secretOf = (name: string) => patch.hosts.find(({ host }) => host === name)?.routes[0]?.policies.proxySsl?.secret;
    expect([secretOf('app.example'), secretOf('b.example')]).toEqual(['["other","up"]', '["default","up"]']);
    const trusted = new Map(patch.upstreamSecrets.map(({ id, ca }) => [id, ca !== null]));
    expect([trusted.get(secretOf('app.example')!), trusted.get(secretOf('b.example')!)]).toEqual([true, false]);
  });

  it.each([
    ['default: we show no certificate', undefined, 200, undefined, []],
    ['typical', 'default/up', 200, 'client.test', []],
    ['edge: a Secret that does not exist denies', 'default/gone', 503, undefined, ['SecretNotFound']],
    ["edge: another tenant's denies", 'other/up', 503, undefined, INVALID],
    ['invalid: denies', 'up', 503, undefined, INVALID],
  ])('%s: %j', async (_, value, status, client, codes) => {
    const outcome = await ask(withValue({}, 'proxy-ssl-secret', value));
    expect(outcome).toMatchObject({ status, codes });
    expect(outcome.seen?.client).toBe(client);
  });
});

describe('proxy-ssl-verify', () => {
  it.each([
    ['default: off', undefined, UNKNOWN, 200, []],
    ['typical', 'on', TRUSTED, 200, []],
    ['typical: of an unknown authority', 'on', UNKNOWN, 502, []],
    ['off', 'off', UNKNOWN, 200, []],
    ['invalid: denies', 'true', TRUSTED, 503, INVALID],
  ])('%s: %j', async (_, value, certificate, status, codes) => {
    const base = { ...SECRET, 'proxy-ssl-name': 'backend.test' };
    expect(await ask(withValue(base, 'proxy-ssl-verify', value), certificate)).toMatchObject({ status, codes });
  });

  it('edge: without proxy-ssl-secret there is nothing to check by, and no backend is good enough', async () => {
    expect(await ask({ 'proxy-ssl-verify': 'on' })).toMatchObject({ status: 502, codes: INVALID });
  });
});

describe('proxy-ssl-verify-depth', () => {
  it.each([
    ['default: 1', undefined, 502, []],
    ['typical', '2', 200, []],
    ['edge: 0 counts as absent', '0', 502, []],
    ['invalid: denies', 'two', 503, INVALID],
    ['invalid: denies', '-1', 503, INVALID],
  ])('%s: %j', async (_, value, status, codes) => {
    expect(await ask(withValue(VERIFY, 'proxy-ssl-verify-depth', value), DEEP)).toMatchObject({ status, codes });
  });
});

describe('proxy-ssl-name', () => {
  it.each([
    ["default: ingress-nginx's upstream_balancer, which no certificate is for", undefined, 502, INVALID],
    ['typical', 'backend.test', 200, []],
    ['typical: another', 'other.test', 502, []],
    ['edge: in any case', 'BACKEND.test', 200, []],
    ['invalid: denies', 'backend test', 503, INVALID],
    ['invalid: denies', '*.test', 503, INVALID],
  ])('%s: %j', async (_, value, status, codes) => {
    const base = { ...SECRET, 'proxy-ssl-verify': 'on' };
    expect(await ask(withValue(base, 'proxy-ssl-name', value))).toMatchObject({ status, codes });
  });
});

describe('proxy-ssl-server-name', () => {
  it.each([
    ['default: off', undefined, false, []],
    ['typical', 'on', 'backend.test', []],
    ['off', 'off', false, []],
    ['invalid: the default', 'true', false, INVALID],
  ])('%s: %j', async (_, value, serverName, codes) => {
    expect(await ask(withValue(VERIFY, 'proxy-ssl-server-name', value))).toMatchObject({
      status: 200,
      seen: { serverName },
      codes,
    });
  });

  it('edge: without a name there is none to send', async () => {
    expect(await ask({ ...SECRET, 'proxy-ssl-server-name': 'on' })).toMatchObject({ seen: { serverName: false }, codes: [] });
  });
});

describe('proxy-ssl-ciphers', () => {
  const AES256 = 'ECDHE-ECDSA-AES256-GCM-SHA384';
  it.each([
    ['default', undefined, /GCM|CHACHA20/u, 200, []],
    ['typical', AES256, new RegExp(AES256, 'u'), 200, []],
    ['edge: in words of OpenSSL', 'HIGH:!AESGCM:!aNULL', /^(?!.*GCM)/u, 200, []],
    ['invalid: denies', 'NO SUCH', null, 503, INVALID],
    ['invalid: denies', '"; }', null, 503, INVALID],
  ])('%s: %j', async (_, value, cipher, status, codes) => {
    const outcome = await ask(withValue(SECRET, 'proxy-ssl-ciphers', value));
    expect(outcome).toMatchObject({ status, codes });
    if (cipher !== null) expect(outcome.seen?.cipher).toMatch(cipher);
  });
});

describe('proxy-ssl-protocols', () => {
  it.each([
    ['default: 1.2', undefined, 'TLSv1.2', 200, []],
    ['typical', 'TLSv1.2 TLSv1.3', 'TLSv1.3', 200, []],
    ['typical', 'TLSv1.3', 'TLSv1.3', 200, []],
    ['edge: more blanks', ' TLSv1.2  ', 'TLSv1.2', 200, []],
    ['invalid: denies, as RFC 8996 has it', 'TLSv1.1 TLSv1.2', undefined, 503, INVALID],
    ['invalid: denies', 'SSLv3', undefined, 503, INVALID],
  ])('%s: %j', async (_, value, version, status, codes) => {
    const outcome = await ask(withValue(SECRET, 'proxy-ssl-protocols', value));
    expect(outcome).toMatchObject({ status, codes });
    expect(outcome.seen?.version).toBe(version);
  });
});
