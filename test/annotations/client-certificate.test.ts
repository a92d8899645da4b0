/** Certificates of clients: auth-tls-*. What happens in handshakes is in test/security/client-certificates. */
import { once } from 'node:events';
import tls from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { ingress, secret, serve, service } from '../support/ingress.ts';
import { makeCa, makeCertificate, type TestCertificate } from '../support/pki.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const CA = makeCa({ name: 'Clients' });
const ALICE = makeCertificate({ names: ['alice'], issuer: CA });
const MALLORY = makeCertificate({ names: ['mallory'], issuer: makeCa({ name: 'Other' }) });
const FIRST = makeCa({ name: 'First', issuer: CA });
const DEEP = makeCertificate({ names: ['deep'], issuer: makeCa({ name: 'Second', issuer: FIRST }) });
const REQUEST = 'GET /x HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n';
const SECRET = { 'auth-tls-secret': 'default/ca' };

interface Outcome {
  readonly status: number;
  readonly location: string;
  /** What the backend got. */
  readonly head: string;
  readonly codes: readonly string[];
}

async function ask(annotations: Readonly<Record<string, unknown>>, shown: TestCertificate | null): Promise<Outcome> {
  const backend = await stage.backend(() => response('served'));
  const proxy = await serve([
    ingress(annotations, { tls: true }),
    secret('ca', { 'ca.crt': CA.cert }),
    ...service('app', [backend.port]),
  ]);
  stage.watched(proxy);
  const pair = shown === null ? {} : { cert: shown.chain, key: shown.key };
  const socket = tls.connect({
    port: proxy.httpsPort,
    host: '127.0.0.1',
    servername: 'app.example',
    rejectUnauthorized: false,
    ...pair,
  });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  await once(socket, 'secureConnect');
  socket.write(REQUEST);
  await once(socket, 'end');
  socket.destroy();
  return {
    status: Number(text.slice(9, 12)),
    location: /^location: (.*)\r$/im.exec(text)?.[1] ?? '',
    head: backend.received.join(''),
    codes: proxy.diagnostics.map(({ code }) => code),
  };
}

describe('auth-tls-secret', () => {
  it.each([
    // value, who asks, status, diagnostics
    ['default: nobody is asked for one', undefined, null, 200, []],
    ['typical', 'default/ca', ALICE, 200, []],
    ['typical: none', 'default/ca', null, 400, []],
    ['typical: of another authority', 'default/ca', MALLORY, 400, []],
    ['edge: a Secret that does not exist denies', 'default/gone', ALICE, 503, ['ClientCaInvalid']],
    ["edge: another tenant's denies", 'other/ca', ALICE, 503, ['SecretForbidden']],
    ['invalid: denies', 'ca', ALICE, 503, ['AnnotationInvalid']],
    ['invalid: denies', 'default/ca/x', ALICE, 503, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, shown, status, codes) => {
    const outcome = await ask(value === undefined ? {} : { 'auth-tls-secret': value }, shown);
    expect(outcome).toMatchObject({ status, codes });
    expect(outcome.head === '').toBe(status !== 200);
    if (shown === ALICE && status === 200) expect(outcome.head).toMatch(/^ssl-client-verify: SUCCESS\r$/im);
  });
});

describe('auth-tls-verify-client', () => {
  it.each([
    ['default: on', undefined, null, 400, []],
    ['typical', 'on', MALLORY, 400, []],
    ['typical', 'optional', null, 200, []],
    ['typical', 'optional', MALLORY, 400, []],
    ['typical', 'optional_no_ca', MALLORY, 200, []],
    ['edge', 'off', null, 200, []],
    ['invalid: on', 'true', null, 400, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, shown, status, codes) => {
    const annotations = value === undefined ? SECRET : { ...SECRET, 'auth-tls-verify-client': value };
    expect(await ask(annotations, shown)).toMatchObject({ status, codes });
  });
});

describe('auth-tls-verify-depth', () => {
  it.each([
    ['default: 1', undefined, 400, []],
    ['typical', '2', 200, []],
    ['edge: 0 counts as absent', '0', 400, []],
    ['edge: too much', '101', 400, ['AnnotationInvalid']],
    ['invalid: the default', 'two', 400, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, status, codes) => {
    const annotations = value === undefined ? SECRET : { ...SECRET, 'auth-tls-verify-depth': value };
    expect(await ask(annotations, DEEP)).toMatchObject({ status, codes });
  });
});

describe('auth-tls-error-page', () => {
  it.each([
    ['default: 400', undefined, 400, '', []],
    ['typical', 'https://errors.example/cert', 302, 'https://errors.example/cert', []],
    ['edge: with a query', 'http://errors.example:8080/?a=b&c=%20', 302, 'http://errors.example:8080/?a=b&c=%20', []],
    ['invalid: 400', '@named', 400, '', ['AnnotationInvalid']],
    ['invalid: nothing is injected', 'https://errors.example/\r\nSet-Cookie: a=b', 400, '', ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, status, location, codes) => {
    const annotations = value === undefined ? SECRET : { ...SECRET, 'auth-tls-error-page': value };
    expect(await ask(annotations, null)).toMatchObject({ status, location, codes });
  });
});

describe('auth-tls-pass-certificate-to-upstream', () => {
  it.each([
    ['default', undefined, false, []],
    ['typical', 'true', true, []],
    ['off', 'false', false, []],
    ["edge: Go's other booleans", '1', true, []],
    ['invalid: the default', 'on', false, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, passed, codes) => {
    const annotations = value === undefined ? SECRET : { ...SECRET, 'auth-tls-pass-certificate-to-upstream': value };
    const outcome = await ask(annotations, ALICE);
    expect(outcome).toMatchObject({ status: 200, codes });
    expect(/^ssl-client-cert: -----BEGIN%20CERTIFICATE-----%0A/im.test(outcome.head)).toBe(passed);
    expect(outcome.head).toMatch(/^ssl-client-subject-dn: .*CN=alice/im);
  });
});

describe('auth-tls-match-cn', () => {
  it.each([
    ['default: any', undefined, 200, []],
    ['typical', 'CN=alice', 200, []],
    ['typical: another', 'CN=bob', 403, []],
    ['edge: it need not be all of it', 'CN=al', 200, []],
    ['edge: alternatives', 'CN=(bob|alice)', 200, []],
    ['invalid: denies', 'alice', 503, ['AnnotationInvalid']],
    ['invalid: denies', 'CN=(alice', 503, ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, status, codes) => {
    const annotations = value === undefined ? SECRET : { ...SECRET, 'auth-tls-match-cn': value };
    expect(await ask(annotations, ALICE)).toMatchObject({ status, codes });
  });
});
