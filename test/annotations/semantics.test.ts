/**
 * The rules of reference §4 that belong to no annotation, each by its number: order and conflicts, hosts, TLS, backends, phases. Those
 * of one annotation are beside its tests.
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { EndpointSlice, Ingress, KubeObject, Service } from '../../src/model/objects.ts';
import { configMap, ingress, secret, serve, service, translated } from '../support/ingress.ts';
import { ask, askOne, told, type Asked } from '../support/paths.ts';
import { makeCa, makeCertificate } from '../support/pki.ts';
import { exchange } from '../support/raw-client.ts';
import { response } from '../support/proxy.ts';
import { snippetSite } from '../support/snippets.ts';
import { Stage } from '../support/stage.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { handshake } from '../support/tls-client.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const OLDER = { created: '2024-12-31T00:00:00Z' };
const LATER = { created: '2025-01-02T00:00:00Z' };

describe('order and conflicts', () => {
  it('§4.1: the oldest Ingress comes first; of the same age the one whose namespace and name are greater', async () => {
    const same = await ask(stage, [ingress({}, { name: 'a' }), ingress({}, { name: 'b', service: 'api' })]);
    expect(await same.get('/x')).toBe('200 api /x');
    const older = await ask(stage, [ingress({}, { name: 'a', ...OLDER }), ingress({}, { name: 'b', service: 'api' })]);
    expect(await older.get('/x')).toBe('200 app /x');
    expect(older.diagnostics.map(({ code, object }) => `${code} ${object.name}`)).toEqual(['PathConflict b']);
  });

  it('§4.2: of one path and type the first is served; another type of the same path is another path', async () => {
    const path = (pathType: string) => [{ path: '/p', pathType }];
    const { get, diagnostics } = await ask(stage, [
      ingress({}, { name: 'first', paths: path('Prefix') }),
      ingress({}, { name: 'second', paths: path('ImplementationSpecific'), service: 'other', ...LATER }),
      ingress({}, { name: 'third', paths: path('Exact'), service: 'api', ...LATER }),
    ]);
    expect(await get('/p')).toBe('200 api /p');
    expect(await get('/p/x')).toBe('200 app /p/x');
    expect(diagnostics.map(({ code, object }) => `${code} ${object.name}`)).toEqual(['PathConflict second']);
  });

  it('§4.3: without a webhook that refuses it, the later of two Ingresses is told that its path is taken', () => {
    const later = ingress({}, { name: 'later', service: 'api', ...LATER });
    const { diagnostics } = translated([
      ingress({}),
      { ...later, metadata: { ...later.metadata, namespace: 'other' } },
      ...service('app', [8080]),
    ]);
    expect(diagnostics.filter(({ code }) => code === 'PathConflict')).toMatchObject([
      { object: { namespace: 'other', name: 'later' }, field: 'spec.rules[0].http.paths[0].path' },
    ]);
  });
});

describe('hosts', () => {
  it('§4.6: a host that has no such path gives it to no wildcard and to no rule without a host', async () => {
    const { get } = await ask(stage, [
      ingress({}, { host: 'a.wild.example', paths: ['/a'] }),
      ingress({}, { name: 'wild', host: '*.wild.example', service: 'api' }),
      ingress({}, { name: 'all', host: '', service: 'other' }),
    ]);
    expect(await get('/a', 'A.Wild.Example:8080')).toBe('200 app /a');
    expect(await get('/b', 'a.wild.example')).toBe('404');
    expect(await get('/b', 'b.wild.example')).toBe('200 api /b');
    expect(await get('/b', 'x.b.wild.example')).toBe('200 other /b');
  });

  it('§4.7: a rule without a host gets what no host takes, and nothing else', async () => {
    const { get } = await ask(stage, [
      ingress({}, { paths: ['/only'] }),
      ingress({}, { name: 'all', host: '', service: 'other', paths: ['/'] }),
    ]);
    expect(await get('/x', 'nobody.example')).toBe('200 other /x');
    expect(await get('/x', '192.0.2.1:80')).toBe('200 other /x');
    expect(await get('/x', 'app.example')).toBe('404');
  });

  it('§4.13: a path whose backend is a resource is skipped, and its requests go to what else takes them', async () => {
    const made = ingress({}, { paths: ['/', '/bucket'] });
    const [rule] = made.spec!.rules!;
    const [root, bucket] = rule!.http!.paths!;
    const resource = { ...bucket, backend: { resource: { apiGroup: 'k8s.example', kind: 'Bucket', name: 'b' } } };
    const both = { ...made, spec: { ...made.spec, rules: [{ ...rule, http: { paths: [root, resource] } }] } };
    const { get, diagnostics } = await ask(stage, [both]);
    expect(await get('/bucket/x')).toBe('200 app /bucket/x');
    expect(told(diagnostics)).toEqual(['BackendResourceUnsupported spec.rules[0].http.paths[1].backend.resource']);
    const alone = { ...made, spec: { ...made.spec, rules: [{ ...rule, http: { paths: [resource] } }] } };
    expect(await (await ask(stage, [alone as KubeObject])).get('/bucket')).toBe('404');
  });
});

function tlsSecret(name: string, names: readonly string[]): KubeObject {
  const { chain, key } = makeCertificate({ names });
  return secret(name, { 'tls.crt': chain, 'tls.key': key });
}

interface TlsEntry {
  readonly hosts?: readonly string[];
  readonly secretName?: string;
}

function withTls(made: Ingress, tls: readonly TlsEntry[]): KubeObject {
  return { ...made, spec: { ...made.spec, tls } } as KubeObject;
}

/** The names of the certificate that a client is shown who asks for this name. */
async function shown({ proxy }: Asked, name: string): Promise<string> {
  const { names } = await handshake(proxy.httpsPort, name);
  return names.replaceAll('DNS:', '').replaceAll(' ', '');
}

const DEFAULT = 'ingress.local';

describe('TLS', () => {
  it('§4.14: a host that only a TLS entry names has no certificate, for it is no host', async () => {
    const asked = await ask(stage, [
      withTls(ingress({}), [{ hosts: ['app.example', 'bare.example'], secretName: 'cert' }]),
      tlsSecret('cert', ['app.example', 'bare.example']),
    ]);
    expect(await shown(asked, 'app.example')).toBe('app.example,bare.example');
    expect(await shown(asked, 'bare.example')).toBe(DEFAULT);
    expect(await asked.get('/x', 'bare.example')).toBe('404');
  });

  it('§4.15: the oldest Ingress with TLS decides: the entry of the host, else a certificate that covers it, else the default', async () => {
    const at = (host: string, tls: readonly TlsEntry[]) => withTls(ingress({}, { name: host, host }), tls);
    const asked = await ask(stage, [
      at('listed.example', [{ secretName: 'covers' }, { hosts: ['LISTED.example'], secretName: 'listed' }]),
      at('covered.example', [{ hosts: ['else.example'], secretName: 'listed' }, { secretName: 'covers' }]),
      at('gone.example', [{ hosts: ['gone.example'], secretName: 'gone' }, { secretName: 'covers' }]),
      at('foreign.example', [{ hosts: ['foreign.example'], secretName: 'listed' }]),
      at('two.example', [{ hosts: ['two.example'], secretName: 'gone' }]),
      withTls(ingress({}, { name: 'two-later', host: 'two.example', paths: ['/l'], ...LATER }), [{ secretName: 'covers' }]),
      tlsSecret('listed', ['listed.example']),
      tlsSecret('covers', ['*.example', 'covers.test']),
    ]);
    expect(await shown(asked, 'listed.example')).toBe('listed.example');
    expect(await shown(asked, 'covered.example')).toBe('*.example,covers.test');
    for (const name of ['gone.example', 'foreign.example', 'two.example']) {
      expect([name, await shown(asked, name)]).toEqual([name, DEFAULT]);
      // It still has a certificate, so that plain HTTP is sent to it.
      expect([name, await asked.get('/x', name)]).toEqual([name, `308 https://${name}/x`]);
    }
  });

  it('§4.19: by the name in the handshake in any case, then by the wildcard one level above, else the default; routing is by Host', async () => {
    const asked = await ask(stage, [
      withTls(ingress({}), [{ hosts: ['app.example'], secretName: 'exact' }]),
      withTls(ingress({}, { name: 'wild', host: '*.example', service: 'api' }), [{ hosts: ['*.example'], secretName: 'wild' }]),
      tlsSecret('exact', ['app.example']),
      tlsSecret('wild', ['*.example']),
    ]);
    expect(await shown(asked, 'APP.Example')).toBe('app.example');
    expect(await shown(asked, 'app.example.')).toBe('app.example');
    expect(await shown(asked, 'b.example')).toBe('*.example');
    expect(await shown(asked, 'c.b.example')).toBe(DEFAULT);
    expect(await shown(asked, '')).toBe(DEFAULT);
    expect(await asked.getTls('/x', 'app.example')).toBe('200 app /x');
    const tls = await stage.tlsClient(asked.proxy.httpsPort);
    tls.send('GET /x HTTP/1.1\r\nHost: b.example\r\nConnection: close\r\n\r\n');
    expect((await tls.response()).body).toBe('api /x');
  });

  it('§4.20: a new version of a Secret is shown at once, whatever the order of its chain; one that is about to expire is served', async () => {
    const middle = makeCa({ name: 'Middle', issuer: makeCa({ name: 'Root' }) });
    // The translation's now is the beginning of 2026.
    const soon = { notBefore: new Date('2025-12-01T00:00:00Z'), notAfter: new Date('2026-01-02T00:00:00Z') };
    const leaf = makeCertificate({ names: ['app.example', 'second.example'], issuer: middle, ...soon });
    const objects = (first: KubeObject) => [withTls(ingress({}), [{ secretName: 'cert' }]), first];
    const asked = await ask(stage, objects(tlsSecret('cert', ['app.example', 'first.example'])));
    expect(await shown(asked, 'app.example')).toBe('app.example,first.example');
    const next = secret('cert', { 'tls.crt': middle.cert + leaf.cert, 'tls.key': leaf.key });
    const { patch, diagnostics } = translated([...objects(next), ...service('app', [8080])]);
    asked.proxy.runtime.apply({ ...patch, defaultCertificate: null, reset: false, version: 2 });
    expect(await shown(asked, 'app.example')).toBe('app.example,second.example');
    expect(diagnostics).toEqual([]);
  });
});

/** An Ingress whose backend names this port of the Service `app`. */
function toPort(port: object): KubeObject {
  const made = ingress({});
  const [rule] = made.spec!.rules!;
  const paths = [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'app', port } } }];
  return { ...made, spec: { ...made.spec, rules: [{ ...rule, http: { paths } }] } } as KubeObject;
}

function serviceOf(spec: object): KubeObject {
  return { kind: 'Service', metadata: { namespace: 'default', name: 'app' }, spec } as Service;
}

function slice(ports: readonly object[], endpoints: readonly object[]): KubeObject {
  const metadata = { namespace: 'default', name: 'app-1', labels: { 'kubernetes.io/service-name': 'app' } };
  return { kind: 'EndpointSlice', metadata, ports, endpoints } as EndpointSlice;
}

/** The endpoints of the only group, as `address:port`. */
function endpointsOf(objects: readonly KubeObject[]): readonly string[] {
  return translated(objects).patch.groups.flatMap(({ endpoints }) =>
    endpoints.map(({ address, port }) => `${address}:${port}`),
  );
}

const GET = 'GET / HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n';
const READY = [{ addresses: ['10.0.0.1'] }];

describe('backends', () => {
  it.each([
    ['the number of the Service port', { number: 80 }, ['10.0.0.1:8080']],
    ['the number of the target port', { number: 8080 }, ['10.0.0.1:8080']],
    ['the name', { name: 'http' }, ['10.0.0.1:8080']],
    ['of two that fit, the first', { number: 90 }, ['10.0.0.1:9000']],
    ['a port of UDP is none', { number: 53 }, []],
    ['none', { number: 1 }, []],
  ])('§4.22: a port is named by %s', (_, port, endpoints) => {
    const ports = [
      { name: 'http', port: 80, targetPort: 8080 },
      { name: 'first', port: 91, targetPort: 90 },
      { name: 'second', port: 90, targetPort: 8080 },
      { name: 'dns', port: 53, targetPort: 53, protocol: 'UDP' },
    ];
    const slices = slice(
      [
        { name: 'http', port: 8080 },
        { name: 'first', port: 9000 },
      ],
      READY,
    );
    expect(endpointsOf([toPort(port), serviceOf({ clusterIP: '10.96.0.1', ports }), slices])).toEqual(endpoints);
  });

  it.each([
    [
      'the slice port of the same name',
      'http',
      'named',
      [
        { name: 'http', port: 1 },
        { name: 'x', port: 2 },
      ],
      ['10.0.0.1:1'],
    ],
    [
      'every slice port for a Service port without a name',
      undefined,
      80,
      [{ name: 'a', port: 1 }, { port: 2 }],
      ['10.0.0.1:1', '10.0.0.1:2'],
    ],
    ['a numeric target port where no name fits', 'http', 8080, [{ name: 'x', port: 2 }], ['10.0.0.1:8080']],
    ['a numeric target port of a slice without ports', 'http', 8080, [], ['10.0.0.1:8080']],
    ['nothing where the target port is a name', 'http', 'named', [{ name: 'x', port: 2 }], []],
  ])('§4.22: endpoints have %s', (_, name, targetPort, ports, endpoints) => {
    const port = { ...(name !== undefined && { name }), port: 80, targetPort };
    const objects = [toPort({ number: 80 }), serviceOf({ clusterIP: '10.96.0.1', ports: [port] }), slice(ports, READY)];
    expect(endpointsOf(objects)).toEqual(endpoints);
  });

  it('§4.23: who is ready, or does not say, is asked; of the same address and port once', () => {
    const endpoints = [
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
      { addresses: ['10.0.0.1'] },
      { addresses: ['10.0.0.2'], conditions: {} },
      { addresses: ['10.0.0.3'], conditions: { ready: false } },
      { addresses: ['10.0.0.4'], conditions: { ready: false, serving: true, terminating: true } },
    ];
    const objects = [toPort({ number: 80 }), serviceOf({ clusterIP: 'None', ports: [{ port: 80 }] })];
    expect(endpointsOf([...objects, slice([{ port: 8080 }], endpoints)])).toEqual(['10.0.0.1:8080', '10.0.0.2:8080']);
    // Where ingress-nginx has nobody left, who still serves while it goes is asked.
    expect(endpointsOf([...objects, slice([{ port: 8080 }], endpoints.slice(3))])).toEqual(['10.0.0.4:8080']);
  });

  it('§4.24: an ExternalName is looked up, with the port of the Service or of the Ingress; the loopback is refused', async () => {
    const names: string[] = [];
    const lookup = (name: string, done: (error: Error | null, addresses: readonly string[]) => void): void => {
      names.push(name);
      done(null, ['127.0.0.1']);
    };
    const external = (externalName: string, ports: readonly object[] = []) =>
      serviceOf({ type: 'ExternalName', externalName, ports });
    const objects = [toPort({ number: 8443 }), external('out.example')];
    expect(endpointsOf(objects)).toEqual(['out.example:8443']);
    const named = external('out.example', [{ name: 'web', port: 80, targetPort: 8080 }]);
    expect(endpointsOf([toPort({ name: 'web' }), named])).toEqual(['out.example:8080']);
    const proxy = stage.watched(await serve(objects, { lookup }));
    // A name of the loopback is no better than the loopback.
    expect((await exchange(proxy.port, GET)).status).toBe(502);
    expect(names).toEqual(['out.example']);
    for (const name of ['localhost', '127.0.0.1', 'x.localhost', '::1']) {
      const { patch, diagnostics } = translated([toPort({ number: 80 }), external(name)]);
      expect(patch.groups.flatMap(({ endpoints }) => endpoints)).toEqual([]);
      expect(diagnostics.map(({ code }) => code)).toEqual(['ExternalNameRefused']);
    }
    const disabled = translated([toPort({ number: 80 }), external('out.example')], { disableServiceExternalName: true });
    expect(disabled.diagnostics.map(({ code }) => code)).toEqual(['ExternalNameRefused']);
  });

  it('§4.26: the protocol is that of the annotation, whatever the appProtocol of the Service is', () => {
    const protocols = (annotations: Readonly<Record<string, unknown>>, appProtocol: string) => {
      const port = { port: 80, appProtocol };
      const spec = { clusterIP: 'None', ports: [port] };
      const { patch } = translated([ingress(annotations), serviceOf(spec), slice([{ port: 1 }], READY)]);
      const route = patch.hosts.find(({ host }) => host === 'app.example')?.routes[0];
      return [route?.policies.backendProtocol, patch.groups[0]?.protocol];
    };
    expect(protocols({ 'backend-protocol': 'HTTP' }, 'kubernetes.io/h2c')[0]).toBe('HTTP');
    expect(protocols({ 'backend-protocol': 'HTTPS' }, 'http')[0]).toBe('HTTPS');
    expect(protocols({}, 'http')).toEqual([undefined, 'HTTP']);
    // Otherwise than in ingress-nginx it counts where no annotation says anything, for these few.
    expect(protocols({}, 'kubernetes.io/h2c')).toEqual([undefined, 'GRPC']);
  });

  it('§4.27: a Service that is deleted leaves 503 behind, not 404', async () => {
    const { get, diagnostics } = await askOne(stage, {}, { service: 'gone' });
    expect(await get('/x')).toBe('503');
    expect(told(diagnostics)).toEqual(['ServiceNotFound spec.rules[0].http.paths[0].backend.service.name']);
  });
});

/** What a request comes to: its status, and where it leads. */
async function asked(
  annotations: Readonly<Record<string, unknown>>,
  settings: Parameters<typeof snippetSite>[2] = {},
): Promise<(text: string) => Promise<string>> {
  const { ask: send } = await snippetSite(stage, [[annotations, { tls: true }]], settings);
  return async (text) => {
    const { status, headers } = await send(text);
    return [status, ...(headers.get('location') ?? [])].join(' ');
  };
}

describe('phase order', () => {
  /** From the last to the first: each comes before those above it. */
  const STAGES: readonly Readonly<Record<string, unknown>>[] = [
    { 'denylist-source-range': '0.0.0.0/0' },
    { 'limit-rps': '1', 'limit-burst-multiplier': '1' },
    { 'force-ssl-redirect': 'true' },
    { 'temporal-redirect': 'https://else.example/' },
    { 'configuration-snippet': 'return 418;' },
    { 'enable-cors': 'true' },
    { 'app-root': '/start' },
    { 'server-snippet': 'if ($arg_s) { return 410; }' },
  ];
  const upTo = (count: number) =>
    Object.assign({ 'ssl-redirect': 'false' }, ...STAGES.slice(0, count)) as Record<string, unknown>;

  it('§4 Phase order: limits before addresses and passwords, so that who is refused is counted', async () => {
    const ask = await asked(upTo(2));
    // One a second, and one more at once.
    expect([await ask('/x'), await ask('/x'), await ask('/x')]).toEqual(['403', '403', '503']);
  });

  it('§4 Phase order: https, redirects, snippets, preflight, app-root and the server come before those, each before the last', async () => {
    const request = 'OPTIONS /?s=1';
    const ends: string[] = [];
    for (let count = 3; count <= STAGES.length; count++) ends.push(await (await asked(upTo(count)))(request));
    expect(ends).toEqual([
      '308 https://app.example/?s=1',
      '302 https://else.example/',
      '418',
      '204',
      '302 http://app.example/start',
      '410',
    ]);
    const blocked = await asked(upTo(STAGES.length), { translate: { blockedUserAgents: ['evil'] } });
    expect(await blocked(`${request}\nUser-Agent: evil`)).toBe('403');
  });

  it('§4 Phase order: what is denied is, before anything that its location would do', async () => {
    const ask = await asked({ ...upTo(6), 'auth-type': 'basic', 'auth-secret': 'gone' });
    expect(await ask('OPTIONS /x')).toBe('503');
  });

  it('of header fields that several set: the ConfigMap, then snippets, then custom-headers, then CORS; add_header adds to all', async () => {
    const names = ['X-One', 'X-Two', 'Access-Control-Allow-Origin'];
    const data = (...set: string[]) => Object.fromEntries(set.map((name) => [name, 'custom']));
    const more = names.map((name) => `more_set_headers "${name}: snippet";`).join('');
    const { port } = await headersSite(
      {
        'enable-cors': 'true',
        'custom-headers': 'custom',
        'configuration-snippet': `${more} add_header X-Two added;`,
      },
      [configMap('custom', data('X-Two', 'Access-Control-Allow-Origin')), configMap('common', data(...names))],
    );
    const { headers } = await exchange(port, GET);
    expect(names.map((name) => headers.get(name.toLowerCase()))).toEqual([['snippet'], ['custom', 'added'], ['*']]);
  });
});

async function headersSite(annotations: Readonly<Record<string, unknown>>, objects: readonly KubeObject[]) {
  const backend = await stage.backend(() => response('ok'));
  const translate: Partial<TranslateSettings> = {
    allowSnippetAnnotations: true,
    annotationsRiskLevel: 'Critical',
    globalAllowedResponseHeaders: ['X-Two', 'Access-Control-Allow-Origin'],
    addHeaders: { namespace: 'default', name: 'common' },
  };
  return stage.watched(await serve([ingress(annotations), ...service('app', [backend.port]), ...objects], { translate }));
}
