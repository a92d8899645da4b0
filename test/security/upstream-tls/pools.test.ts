/**
 * Threat: a connection that one route made without looking at the certificate, or with its own, carries the requests of a route that asks for
 * more; or goes on being used after the Secret was replaced. Envoy CVE-2020-25018's kin; docs/decisions/upstream-tls.md.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { makeCa, makeCertificate } from '../../support/pki.ts';
import { group, host, prefixRoute, startProxy, table } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { tlsBackend, tlsRoute, upstreamSecret, upstreamTls } from '../../support/upstream-tls.ts';

const CA = makeCa({ name: 'Backend CA' });
const OTHER = makeCa({ name: 'Other CA' });
const LEAF = makeCertificate({ names: ['backend.test'], issuer: CA });
const stage = new Stage();

afterEach(() => stage.close());

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`;

describe('connections to a backend', () => {
  it.each(['http/1.1', 'h2'] as const)('are never shared between routes whose TLS differs: over %s', async (protocol) => {
    const backend = stage.opened(await tlsBackend(LEAF, {}, protocol));
    const good = upstreamSecret('good', CA, 'one.test');
    const bad = upstreamSecret('bad', OTHER, 'two.test');
    const way = protocol === 'h2' ? 'GRPCS' : 'HTTPS';
    const routes = [
      tlsRoute('/unverified', null, way),
      tlsRoute('/good', upstreamTls(good), way),
      tlsRoute('/name', upstreamTls(good, { name: 'other.test' }), way),
      tlsRoute('/bad', upstreamTls(bad), way),
      tlsRoute('/two', upstreamTls(bad, { verify: false }), way),
    ];
    const proxy = stage.watched(
      await startProxy(table([host('app.example', routes)], [group('app', [backend.port])], { upstreamSecrets: [good, bad] })),
    );
    const client = await stage.client(proxy.port);
    const seen: [string, number][] = [];
    for (const path of ['/unverified', '/good', '/name', '/bad', '/two', '/good', '/unverified', '/bad', '/name']) {
      seen.push([path, (await client.request(get(path))).status]);
    }
    expect(seen).toEqual([
      ['/unverified', 200],
      ['/good', 200],
      ['/name', 502],
      ['/bad', 502],
      ['/two', 200],
      ['/good', 200],
      ['/unverified', 200],
      ['/bad', 502],
      ['/name', 502],
    ]);
    // Those that were refused were made, and never used.
    expect(backend.seen.map(({ client: name }) => name).filter((name) => name === 'two.test').length).toBeGreaterThan(0);
    expect(proxy.runtime.census().idleUpstreams).toBe(3);
  });

  it('to a plain port are not shared with those that speak TLS', async () => {
    const backend = stage.opened(await tlsBackend(LEAF));
    const routes = [prefixRoute('/plain', 'app'), tlsRoute('/tls', null)];
    const proxy = stage.watched(await startProxy(table([host('app.example', routes)], [group('app', [backend.port])])));
    const client = await stage.client(proxy.port);
    expect((await client.request(get('/tls'))).status).toBe(200);
    expect((await client.request(get('/plain'))).status).not.toBe(200);
    expect((await client.request(get('/tls'))).status).toBe(200);
    expect(backend.seen).toHaveLength(1);
  });

  it('resume their session when they are made anew, and only under the same TLS', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const backend = stage.opened(await tlsBackend(LEAF));
      const secret = upstreamSecret('good', CA, 'one.test');
      const versions = { minVersion: version, maxVersion: version };
      const routes = [
        tlsRoute('/', upstreamTls(secret, versions)),
        tlsRoute('/loose', upstreamTls(secret, { ...versions, verify: false })),
      ];
      const proxy = stage.watched(
        await startProxy(table([host('app.example', routes)], [group('app', [backend.port])], { upstreamSecrets: [secret] }), {
          upstreamKeepAliveRequests: 1,
        }),
      );
      const client = await stage.client(proxy.port);
      for (const path of ['/loose', '/loose', '/', '/']) await client.request(get(path));
      expect([version, ...backend.seen.map(({ resumed }) => resumed)]).toEqual([version, false, true, false, true]);
    }
  });

  it('are new when the Secret changes; what is on its way finishes', async () => {
    const backend = stage.opened(await tlsBackend(LEAF));
    const route = tlsRoute('/', upstreamTls(upstreamSecret('ca', CA)));
    const patch = table([host('app.example', [route])], [group('app', [backend.port])], {
      upstreamSecrets: [upstreamSecret('ca', CA, 'one.test')],
    });
    const proxy = stage.watched(await startProxy(patch));
    const client = await stage.client(proxy.port);
    expect((await client.request(get('/'))).status).toBe(200);
    const change = { ...patch, reset: false, hosts: [], groups: [], defaultCertificate: null };
    proxy.runtime.apply({ ...change, upstreamSecrets: [upstreamSecret('ca', CA, 'two.test')] });
    expect((await client.request(get('/'))).status).toBe(200);
    expect(backend.seen.map(({ client: name }) => name)).toEqual(['one.test', 'two.test']);
    await eventually(() => proxy.runtime.census().upstreams === 1);
    // Whom to trust has changed.
    proxy.runtime.apply({ ...change, upstreamSecrets: [upstreamSecret('ca', OTHER)] });
    expect((await client.request(get('/'))).status).toBe(502);
    // Nothing is trusted without it.
    proxy.runtime.apply({ ...change, upstreamSecrets: [], removedUpstreamSecrets: [route.policies.proxySsl!.secret!] });
    expect((await client.request(get('/'))).status).toBe(502);
  });

  it('follow the scheme of the client with AUTO_HTTP', async () => {
    const secure = stage.opened(await tlsBackend(LEAF));
    const plain = await stage.backend(() => 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain');
    const route = prefixRoute('/', 'app', { backendProtocol: 'AUTO_HTTP' });
    for (const [port, viaTls, expected] of [
      [plain.port, false, 'plain'],
      [secure.port, true, 'secure'],
    ] as const) {
      const proxy = stage.watched(await startProxy(table([host('app.example', [route])], [group('app', [port])])));
      const client = viaTls ? await stage.tlsClient(proxy.httpsPort) : await stage.client(proxy.port);
      expect((await client.request(get('/'))).body).toBe(expected);
    }
  });
});
