import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import forge from 'node-forge';
import { ApiError, parseRetryAfter } from '../../../src/cluster/http/api-error.ts';
import { createKubeClient } from '../../../src/cluster/http/kube-client.ts';
import type { KubeClient } from '../../../src/cluster/http/kube-client.ts';
import { loadKubeConfig } from '../../../src/cluster/http/kube-config.ts';
import type { KubeConfigSettings } from '../../../src/cluster/http/kube-config.ts';
import { SYSTEM_TIMING } from '../../../src/cluster/timing.ts';
import type { Timing } from '../../../src/cluster/timing.ts';
import { ManualTiming } from '../../support/manual-timing.ts';
import { ScriptedApi, fail, json, keepingLog, until } from '../../support/scripted-api.ts';

const PATH = '/api/v1/namespaces/default/secrets/a';
let folder: string;
let api: ScriptedApi;
const clients: KubeClient[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-kubeconfig-'));
  api = await ScriptedApi.start();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await api.close();
  await rm(folder, { recursive: true });
});

function client(settings: Partial<KubeConfigSettings>, timing: Timing = SYSTEM_TIMING, maxBody?: number): KubeClient {
  const whole = { kubeconfig: null, apiserverHost: null, certificateAuthority: null, ...settings };
  const made = createKubeClient({ load: () => loadKubeConfig(whole), timing, log: keepingLog(), ...(maxBody && { maxBody }) });
  clients.push(made);
  return made;
}

async function kubeconfig(server: string, user: object | undefined, cluster: object = {}): Promise<string> {
  const file = path.join(folder, 'config');
  const document = {
    clusters: [{ name: 'c', cluster: { server, ...cluster } }],
    users: user ? [{ name: 'u', user }] : [],
    contexts: [{ name: 'x', context: { cluster: 'c', user: user ? 'u' : '' } }],
    'current-context': 'x',
  };
  await writeFile(file, JSON.stringify(document));
  return file;
}

const failureOf = async (promise: Promise<unknown>): Promise<ApiError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
};

describe('logging in', () => {
  it('speaks plain HTTP to an API server given by its address', async () => {
    api.put('/api/v1/namespaces/default/secrets', { metadata: { name: 'a' } });
    expect(await client({ apiserverHost: api.url }).request({ path: PATH })).toMatchObject({ metadata: { name: 'a' } });
    expect(api.requests[0]?.headers['authorization']).toBeUndefined();
  });

  it('keeps the path that the address of the API server has', async () => {
    await failureOf(client({ apiserverHost: `${api.url}/k8s/clusters/c-1/` }).request({ path: PATH }));
    expect(api.requests[0]?.path).toBe(`/k8s/clusters/c-1${PATH}`);
  });

  it.each([
    ['a token', { token: 'secret-token' }, 'Bearer secret-token'],
    ['a user and password', { username: 'me', password: 'pass' }, `Basic ${Buffer.from('me:pass').toString('base64')}`],
  ])('sends %s of the kubeconfig', async (_what, user, expected) => {
    await failureOf(client({ kubeconfig: await kubeconfig(api.url, user) }).request({ path: PATH }));
    expect(api.requests[0]?.headers['authorization']).toBe(expected);
  });

  it('reads a rotated token when the old one is refused, and tries again by itself', async () => {
    const timing = new ManualTiming();
    const token = path.join(folder, 'token');
    let valid = 'Bearer old';
    api.put('/api/v1/namespaces/default/secrets', { metadata: { name: 'a' } });
    api.always(
      () => true,
      (request, response) => (request.headers['authorization'] === valid ? 'default' : fail(response, 401, 'Unauthorized')),
    );
    await writeFile(token, 'old\n');
    const made = client({ kubeconfig: await kubeconfig(api.url, { tokenFile: 'token' }) }, timing);
    await made.request({ path: PATH });
    valid = 'Bearer new';
    await writeFile(token, 'new\n');
    await Promise.all([made.request({ path: PATH }), made.request({ path: PATH }), made.request({ path: PATH })]);
    valid = 'Bearer newer';
    // The file has not been rotated yet: no hammering.
    expect((await failureOf(made.request({ path: PATH }))).status).toBe(401);
    await writeFile(token, 'newer\n');
    timing.advance(3000);
    await made.request({ path: PATH });
    const sent = api.requests.map(({ headers }) => headers['authorization']);
    expect(sent.filter((header) => header === 'Bearer newer')).toHaveLength(1);
    expect(sent).toHaveLength(1 + 6 + 1 + 2);
  });

  it('fails with a reason, not with an exception nobody catches, while the credentials cannot be read', async () => {
    const made = client({ kubeconfig: path.join(folder, 'config') });
    const error = await failureOf(made.request({ path: PATH }));
    expect(error.reason).toBe('Credentials');
    expect(error.message).toContain(path.join(folder, 'config'));
    await kubeconfig(api.url, {});
    expect((await failureOf(made.request({ path: PATH }))).status).toBe(404);
  });

  it('refuses an address that is no URL', async () => {
    const error = await failureOf(client({ apiserverHost: 'ftp:/nowhere' }).request({ path: PATH }));
    expect(error.message).toContain('"ftp:/nowhere" is not an http:// or https:// URL');
  });

  it('verifies the server by the given CA, also without a user, and refuses it without', async () => {
    const { key, certificate } = selfSigned();
    const server = createTlsServer({ key, cert: certificate }, (_request, response) => response.end('{"ok":true}'));
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ca = path.join(folder, 'ca.crt');
    await writeFile(ca, certificate);
    try {
      expect(await client({ apiserverHost: url, certificateAuthority: ca }).request({ path: '/' })).toEqual({ ok: true });
      expect((await failureOf(client({ apiserverHost: url }).request({ path: '/' }))).reason).toBe('Unreachable');
      const caData = Buffer.from(certificate).toString('base64');
      for (const user of [{ token: 't' }, undefined]) {
        const file = await kubeconfig(url, user, { 'certificate-authority-data': caData });
        expect(await client({ kubeconfig: file }).request({ path: '/' })).toEqual({ ok: true });
      }
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe('failures', () => {
  it('tell the status, the reason, the message and Retry-After', async () => {
    api.script(
      () => true,
      (_request, response) => fail(response, 429, 'TooManyRequests', { 'retry-after': '3' }),
    );
    const error = await failureOf(client({ apiserverHost: api.url }).request({ path: PATH }));
    expect(error).toMatchObject({ status: 429, reason: 'TooManyRequests', retryAfter: 3000 });
    expect(error.message).toBe(`GET ${PATH}: 429 TooManyRequests: scripted`);
  });

  it('survive an answer that is no Status object', async () => {
    api.script(
      () => true,
      (_request, response) => {
        response.writeHead(502).end('<html>bad gateway</html>');
      },
    );
    expect(await failureOf(client({ apiserverHost: api.url }).request({ path: PATH }))).toMatchObject({
      status: 502,
      reason: 'HTTP502',
    });
  });

  it('come at the deadline', async () => {
    const timing = new ManualTiming();
    api.script(
      () => true,
      () => {},
    );
    const failure = failureOf(client({ apiserverHost: api.url }, timing).request({ path: PATH, deadline: 5000 }));
    await until(() => api.requests.length === 1);
    timing.advance(5000);
    expect((await failure).reason).toBe('Timeout');
  });

  it('come when the caller gives up', async () => {
    api.script(
      () => true,
      () => {},
    );
    const controller = new AbortController();
    const failure = failureOf(client({ apiserverHost: api.url }).request({ path: PATH, signal: controller.signal }));
    await until(() => api.requests.length === 1);
    controller.abort();
    expect((await failure).reason).toBe('Aborted');
  });

  it('come when an answer is larger than the bound', async () => {
    api.script(
      () => true,
      (_request, response) => json(response, 200, { data: 'x'.repeat(5000) }),
    );
    const error = await failureOf(client({ apiserverHost: api.url }, SYSTEM_TIMING, 1000).request({ path: PATH }));
    expect(error).toMatchObject({ status: 0, reason: 'BadResponse' });
  });
});

describe('parseRetryAfter', () => {
  it('reads seconds and dates, and believes neither nonsense nor more than an hour', () => {
    const now = Date.UTC(2026, 0, 1);
    expect(parseRetryAfter('2', now)).toBe(2000);
    expect(parseRetryAfter(new Date(now + 5000).toUTCString(), now)).toBe(5000);
    expect(parseRetryAfter(new Date(now - 5000).toUTCString(), now)).toBe(0);
    expect(parseRetryAfter('999999999', now)).toBe(3_600_000);
    expect(parseRetryAfter('soon', now)).toBeUndefined();
    expect(parseRetryAfter(undefined, now)).toBeUndefined();
  });
});

function selfSigned(): { key: string; certificate: string } {
  const keys = forge.pki.rsa.generateKeyPair(2048);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = '01';
  certificate.validity.notBefore = new Date(Date.now() - 60_000);
  certificate.validity.notAfter = new Date(Date.now() + 3_600_000);
  const name = [{ name: 'commonName', value: 'api' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true },
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
  ]);
  certificate.sign(keys.privateKey, forge.md.sha256.create());
  return { key: forge.pki.privateKeyToPem(keys.privateKey), certificate: forge.pki.certificateToPem(certificate) };
}
