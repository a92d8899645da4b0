/** `sluice check` of a live cluster: what it asks for, and what it says when something is refused. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { check, type JsonReport } from '../../support/check.ts';
import * as objects from '../../support/manifests.ts';
import { failing, listOf, ScriptedApi } from '../../support/scripted-api.ts';

const P = 'nginx.ingress.kubernetes.io';
const INGRESSES = '/apis/networking.k8s.io/v1/namespaces/default/ingresses';
const CLASSES = '/apis/networking.k8s.io/v1/ingressclasses';
const core = (plural: string, namespace = 'default'): string => `/api/v1/namespaces/${namespace}/${plural}`;

type Stored = Parameters<ScriptedApi['put']>[1];

let api: ScriptedApi;
beforeEach(async () => {
  api = await ScriptedApi.start();
  api.put(CLASSES, objects.ingressClass('nginx') as Stored);
  api.put(core('services'), objects.service('app') as Stored);
});
afterEach(() => api.close());

function put(
  name: string,
  annotations: Record<string, string> = {},
  lines = `${name}.example Prefix / app`,
  tls?: object[],
): void {
  const full = Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`${P}/${key}`, value]));
  // Items of a list come without their kind.
  const {
    apiVersion: _a,
    kind: _k,
    ...rest
  } = objects.ingress(name, lines, { annotations: full, ...(tls && { tls }) }) as Stored & {
    apiVersion: string;
    kind: string;
  };
  api.put(INGRESSES, rest);
}

async function run(...argv: string[]): Promise<JsonReport> {
  const { out, error } = await check([`--apiserver-host=${api.url}`, '--output=json', ...argv]);
  expect(error).toBe('');
  return JSON.parse(out) as JsonReport;
}

const requests = (): readonly string[] => [...new Set(api.requests.map(({ method, path }) => `${method} ${path}`))].sort();

describe('a cluster', () => {
  it('is only listed, and no Secret is read', async () => {
    put('web', { 'auth-tls-secret': 'default/ca', 'backend-protocol': 'GRPC' }, undefined, [
      { hosts: ['web.example'], secretName: 'tls' },
    ]);
    const report = await run();
    expect(report).toMatchObject({ exitCode: 0, summary: { ingresses: 1, identical: 1 } });
    expect(report.remarks).toEqual([
      expect.stringMatching(/^EndpointSlices were not looked at/u),
      expect.stringMatching(/^Secrets were not looked at/u),
    ]);
    expect(requests()).toEqual([
      'GET /api/v1/services',
      'GET /apis/apps/v1/daemonsets',
      'GET /apis/apps/v1/deployments',
      'GET /apis/networking.k8s.io/v1/ingressclasses',
      'GET /apis/networking.k8s.io/v1/ingresses',
    ]);
  });

  it('gives its Secrets, one by one, when asked', async () => {
    put('web', { 'auth-tls-secret': 'default/ca' }, undefined, [{ hosts: ['web.example'], secretName: 'tls' }]);
    const report = await run('--secrets');
    expect(requests().filter((text) => text.includes('secrets'))).toEqual([
      `GET ${core('secrets')}/ca`,
      `GET ${core('secrets')}/tls`,
    ]);
    expect(report.ingresses[0]).toMatchObject({
      verdict: 'denied',
      findings: [{ code: 'ClientCaInvalid', alike: true }, { code: 'SecretNotFound' }],
    });
    expect(report.exitCode).toBe(2);
  });

  it('is read in pages, anew when its list was forgotten', async () => {
    for (let i = 0; i < 1100; i++) put(`web-${i}`, { 'force-ssl-redirect': 'true' });
    api.script(({ query }) => query.has('continue'), failing(410, 'Expired'));
    const report = await run();
    expect(report).toMatchObject({ exitCode: 0, summary: { ingresses: 1100, identical: 1100 } });
    expect(api.count(listOf('ingresses'))).toBe(2 + 3);
  });

  it('of one namespace is not read beyond it', async () => {
    put('web');
    api.put(
      '/apis/networking.k8s.io/v1/namespaces/other/ingresses',
      objects.ingress('elsewhere', 'e.example Prefix / app') as Stored,
    );
    expect((await run('--watch-namespace=default')).summary.ingresses).toBe(1);
    expect(requests()).toContain(`GET ${INGRESSES}`);
    expect(requests()).not.toContain('GET /apis/networking.k8s.io/v1/ingresses');
  });

  it('whose Services are missing says so', async () => {
    put('web', {}, 'web.example Prefix / gone');
    expect(await run()).toMatchObject({
      exitCode: 1,
      ingresses: [{ verdict: 'notes', findings: [{ code: 'ServiceNotFound' }] }],
    });
  });

  it('does not serve Ingresses without a class, unless the flags say so', async () => {
    const { metadata, spec } = objects.ingress('none', 'none.example Prefix / app', { className: null }) as {
      metadata: object;
      spec: object;
    };
    api.put(INGRESSES, { metadata, spec } as Stored);
    expect((await run()).summary.ingresses).toBe(0);
    expect((await run('--watch-ingress-without-class')).summary.ingresses).toBe(1);
  });
});

describe('the arguments of ingress-nginx', () => {
  const workload = (args: readonly string[], name = 'ingress-nginx-controller', extra: object = {}): Stored => ({
    metadata: { name },
    spec: {
      template: {
        spec: {
          containers: [
            { name: 'log', image: 'busybox' },
            { image: 'registry.k8s.io/ingress-nginx/controller:v1.15.1', args, ...extra },
          ],
        },
      },
    },
  });
  const deployments = '/apis/apps/v1/namespaces/ingress-nginx/deployments';

  it('count, with the ConfigMap they name', async () => {
    put('web');
    api.put(core('configmaps', 'ingress-nginx'), {
      metadata: { name: 'settings' },
      data: { 'proxy-body-size': '8m', nonsense: '1', 'http-redirect-code': '300' },
    });
    api.put(
      deployments,
      workload([
        '/nginx-ingress-controller',
        '--configmap=$(POD_NAMESPACE)/settings',
        '--controller-class=k8s.io/ingress-nginx',
        '--nonsense',
        'x',
        '--http-port=eighty',
      ]),
    );
    const report = await run();
    expect(
      report.others.map(({ code, object, field }) => `${code} ${object.kind} ${object.namespace}/${object.name} ${field}`),
    ).toEqual([
      'ConfigKeyInvalid ConfigMap ingress-nginx/settings data["http-redirect-code"]',
      'ConfigKeyUnknown ConfigMap ingress-nginx/settings data["nonsense"]',
      'FlagInvalid Deployment ingress-nginx/ingress-nginx-controller spec.template.spec.containers[1].args',
      'FlagUnknown Deployment ingress-nginx/ingress-nginx-controller spec.template.spec.containers[1].args',
    ]);
    expect(report.others[2]?.message).toBe(
      '--http-port: "eighty" is not valid; expected a port from 0 (any free one) to 65535',
    );
    expect(report.exitCode).toBe(1);
  });

  it('make Ingresses ours, and lose against flags', async () => {
    api.put(CLASSES, objects.ingressClass('edge', 'example.com/edge') as Stored);
    put('web');
    const { metadata, spec } = objects.ingress('edge', 'edge.example Prefix / app', { className: 'edge' }) as {
      metadata: object;
      spec: object;
    };
    api.put(INGRESSES, { metadata, spec } as Stored);
    expect((await run()).summary.ingresses).toBe(1);
    api.put('/apis/apps/v1/namespaces/edge/daemonsets', workload(['--controller-class', 'example.com/edge'], 'edge'));
    expect((await run()).summary.ingresses).toBe(2);
    expect((await run('--controller-class=example.com/other')).summary.ingresses).toBe(1);
    expect((await run('--', '--controller-class=example.com/other')).summary.ingresses).toBe(1);
  });

  it('of several controllers: the first, and this is said', async () => {
    put('web');
    api.put(deployments, workload(['--ingress-class=a'], 'a'));
    api.put(deployments, workload(['--ingress-class=b'], 'b'));
    const { remarks } = await run();
    expect(remarks.join()).toContain('Several controllers were found (Deployment ingress-nginx/a, Deployment ingress-nginx/b)');
  });

  it('that exclude each other are a finding', async () => {
    put('web');
    const { others } = await run('--', '--publish-service=a/b', '--publish-status-address=10.0.0.1');
    expect(others).toMatchObject([
      { code: 'FlagInvalid', object: { kind: 'CommandLine' }, message: expect.stringContaining('exclude each other') },
    ]);
  });

  it('are asked for only if they may be seen', async () => {
    put('web');
    api.always(({ path }) => path.startsWith('/apis/apps/'), failing(403, 'Forbidden'));
    const report = await run();
    expect(report).toMatchObject({ exitCode: 0, unreadable: [] });
    expect(report.remarks.filter((text) => text.includes('cannot be listed'))).toHaveLength(2);
  });
});

describe('what cannot be read', () => {
  it.each(['ingresses', 'ingressclasses', 'services'])('%s: exit code 3', async (plural) => {
    put('web');
    api.always(listOf(plural), failing(403, 'Forbidden'));
    const report = await run();
    expect(report.exitCode).toBe(3);
    expect(report.unreadable).toEqual([expect.stringContaining(`${plural}: GET `)]);
  });

  it('a ConfigMap: exit code 3; one that is not there is none', async () => {
    put('web');
    expect((await run('--configmap=a/b')).remarks.join()).toContain('The ConfigMap a/b does not exist: the defaults count.');
    api.always(({ path }) => path.endsWith('/configmaps/b'), failing(500, 'InternalError'));
    expect(await run('--configmap=a/b')).toMatchObject({
      exitCode: 3,
      unreadable: [expect.stringContaining('ConfigMap a/b: ')],
    });
  });

  it('an answer that is no list', async () => {
    api.always(listOf('ingresses'), (_request, response) => void response.end('{"items": 7}'));
    expect(await run()).toMatchObject({ exitCode: 3, unreadable: ['ingresses: the answer is no list'] });
  });
});
