/** Where requests go and what is spoken there: backend-protocol, service-upstream, default-backend. */
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { eventually } from '../support/eventually.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { response } from '../support/proxy.ts';
import { exchange } from '../support/raw-client.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

const GET = 'GET /x HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n\r\n';

describe('backend-protocol', () => {
  it.each([
    // value, what the backend gets first, or the status
    ['default', undefined, 'GET /x HTTP/1.1'],
    ['typical', 'HTTPS', '\u0016\u0003'],
    ['typical', 'GRPC', 'PRI * HTTP/2.0'],
    ['typical', 'GRPCS', '\u0016\u0003'],
    ['edge: in any case', 'https', '\u0016\u0003'],
    ['edge: as the client, who speaks plain HTTP', 'AUTO_HTTP', 'GET /x HTTP/1.1'],
    ['edge: empty counts as absent', '', 'GET /x HTTP/1.1'],
  ])('%s: %j', async (_, value, first) => {
    const backend = await stage.backend(() => response('served'));
    const annotations = value === undefined ? {} : { 'backend-protocol': value };
    const proxy = await serve([ingress(annotations), ...service('app', [backend.port])]);
    stage.watched(proxy);
    const client = await stage.client(proxy.port);
    client.send(GET);
    await eventually(() => backend.received[0]?.startsWith(first));
    client.close();
  });

  it.each([
    ['FCGI', 'AnnotationUnsupported'],
    ['HTTP2', 'AnnotationInvalid'],
    ['h2c; proxy_pass http://x', 'AnnotationInvalid'],
  ])('invalid: %j denies', async (value, code) => {
    const backend = await stage.backend(() => response('served'));
    const proxy = await serve([ingress({ 'backend-protocol': value }), ...service('app', [backend.port])]);
    stage.watched(proxy);
    expect((await exchange(proxy.port, GET)).status).toBe(503);
    expect(backend.received).toEqual([]);
    expect(proxy.diagnostics).toMatchObject([{ code, severity: 'error' }]);
  });
});

describe('service-upstream', () => {
  /** Which backend answers: that of the cluster IP, or that of the endpoint. */
  async function answers(value: string | undefined, clusterIP: string): Promise<{ body: string; codes: readonly string[] }> {
    const pod = await stage.backend(() => response('pod'));
    const cluster = await stage.backend(() => response('cluster IP'));
    const [, slice] = service('app', [pod.port]);
    const object = {
      kind: 'Service',
      metadata: { namespace: 'default', name: 'app' },
      spec: { clusterIP, ports: [{ port: cluster.port, targetPort: 80 }] },
    } as KubeObject;
    const annotations = value === undefined ? {} : { 'service-upstream': value };
    const proxy = await serve([ingress(annotations), object, slice!]);
    stage.watched(proxy);
    const { body } = await exchange(proxy.port, GET);
    return { body, codes: proxy.diagnostics.map(({ code }) => code) };
  }

  it.each([
    ['default', undefined, '127.0.0.1', 'pod', []],
    ['typical', 'true', '127.0.0.1', 'cluster IP', []],
    ['off', 'false', '127.0.0.1', 'pod', []],
    ['edge, §4.25: a headless Service has none', 'true', 'None', 'pod', ['ServiceUpstreamHeadless']],
    ['invalid: the default', 'please', '127.0.0.1', 'pod', ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, clusterIP, body, codes) => {
    expect(await answers(value, clusterIP)).toEqual({ body, codes });
  });
});

describe('default-backend', () => {
  async function answers(
    value: string | undefined,
    ports: readonly number[],
  ): Promise<{ answer: string; codes: readonly string[]; head: string }> {
    const errors = await stage.backend(() => response('errors'));
    const annotations = value === undefined ? {} : { 'default-backend': value };
    const proxy = await serve([ingress(annotations), ...service('app', ports), ...service('errors', [errors.port])]);
    stage.watched(proxy);
    const { status, body } = await exchange(proxy.port, GET);
    const codes = proxy.diagnostics.map(({ code }) => code).filter((code) => code !== 'ServiceNoEndpoints');
    return { answer: `${status} ${status === 200 ? body : ''}`.trim(), codes, head: errors.received[0] ?? '' };
  }

  it.each([
    ['default: 503 without endpoints', undefined, '503', []],
    ['typical', 'errors', '200 errors', []],
    ['edge: a Service that does not exist', 'gone', '503', ['ServiceNotFound']],
    ['invalid: no name', 'other/errors', '503', ['AnnotationInvalid']],
    ['invalid: no name', 'errors:80', '503', ['AnnotationInvalid']],
  ])('%s: %j', async (_, value, answer, codes) => {
    expect(await answers(value, [])).toMatchObject({ answer, codes });
  });

  it('§4.23: is told what happened', async () => {
    const { head } = await answers('errors', []);
    expect(head).toMatch(/^X-Code: 503\r$/im);
    expect(head).toMatch(/^X-Ingress-Name: web\r$/im);
    expect(head).toMatch(/^X-Service-Name: app\r$/im);
  });

  it('is not asked while the Service has endpoints', async () => {
    const app = await stage.backend(() => response('app'));
    expect(await answers('errors', [app.port])).toMatchObject({ answer: '200 app', head: '' });
  });
});
