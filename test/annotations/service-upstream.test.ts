/** `service-upstream`: the cluster IP is the one endpoint. */
import { afterEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { asking } from '../support/balance.ts';
import { ingress, service, translated } from '../support/ingress.ts';
import { freePort } from '../support/ports.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

let stage = new Stage();

afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

type Annotations = Readonly<Record<string, string>>;

/** The Service `app` with this cluster IP, its port 80 being `port`, and an endpoint elsewhere. */
function objects(annotations: Annotations, clusterIP: string, port = 80, endpoint = 1): KubeObject[] {
  const [, slice] = service('app', [endpoint]);
  const named: KubeObject = {
    kind: 'Service',
    metadata: { namespace: 'default', name: 'app' },
    spec: { clusterIP, ports: [{ port, targetPort: 80 }] },
  } as KubeObject;
  return [named, slice!, ingress(annotations)];
}

function endpoints(annotations: Annotations, clusterIP = '10.96.0.7', serviceUpstream = false): [string[], string[]] {
  const { patch, diagnostics } = translated(objects(annotations, clusterIP), { serviceUpstream });
  return [patch.groups[0]!.endpoints.map(({ address, port }) => `${address}:${port}`), diagnostics.map(({ code }) => code)];
}

describe('service-upstream', () => {
  it.each<[string, Annotations, string[], string[]]>([
    ['absent: the endpoints', {}, ['127.0.0.1:1'], []],
    ['true: the cluster IP and the port of the Service', { 'service-upstream': 'true' }, ['10.96.0.7:80'], []],
    ['false', { 'service-upstream': 'false' }, ['127.0.0.1:1'], []],
    ['no boolean: the default', { 'service-upstream': 'ja' }, ['127.0.0.1:1'], ['AnnotationInvalid']],
  ])('%s', (_, annotations, addresses, codes) => {
    expect(endpoints(annotations)).toEqual([addresses, codes]);
  });

  it('absent, the ConfigMap decides', () => {
    expect(endpoints({}, '10.96.0.7', true)).toEqual([['10.96.0.7:80'], []]);
    expect(endpoints({ 'service-upstream': 'false' }, '10.96.0.7', true)).toEqual([['127.0.0.1:1'], []]);
  });

  it('§4.25: of a Service without a cluster IP the endpoints are used', () => {
    expect(endpoints({ 'service-upstream': 'true' }, 'None')).toEqual([['127.0.0.1:1'], ['ServiceUpstreamHeadless']]);
  });

  it('§4.25: sends requests to the cluster IP, and nowhere else when that fails', async () => {
    const backend = await stage.backend(() => response('cluster'));
    const annotations = { 'service-upstream': 'true' };
    const there = await asking(stage, objects(annotations, '127.0.0.1', backend.port).map(withPort(backend.port)));
    expect((await there.ask()).body).toBe('cluster');
    const pod = await stage.backend(() => response('pod'));
    const dead = await freePort();
    const gone = await asking(stage, objects(annotations, '127.0.0.1', dead, pod.port).map(withPort(dead)));
    expect((await gone.ask()).status).toBe(502);
    expect(pod.received).toEqual([]);
  });

  it('§4.25: a cookie of affinity names the Service, behind which who answers is not ours to say', async () => {
    const backend = await stage.backend(() => response('cluster'));
    const list = objects({ 'service-upstream': 'true', affinity: 'cookie' }, '127.0.0.1', backend.port).map(
      withPort(backend.port),
    );
    const { ask } = await asking(stage, list);
    const first = await ask();
    const cookie = first.headers.get('set-cookie')?.[0]?.split(';')[0];
    expect(cookie).toMatch(/^INGRESSCOOKIE=/);
    expect((await ask({ fields: [`Cookie: ${cookie}`] })).body).toBe('cluster');
  });

  it('§4.4: the first Ingress that names the Service port decides, be it a canary', () => {
    const canary = ingress({ canary: 'true', 'service-upstream': 'true' }, { name: 'old', created: '2024-01-01T00:00:00Z' });
    const { patch } = translated([...objects({}, '10.96.0.7'), canary]);
    expect(patch.groups[0]!.endpoints.map(({ address }) => address)).toEqual(['10.96.0.7']);
  });
});

/** The Ingress names the port by its number. */
function withPort(port: number): (object: KubeObject) => KubeObject {
  return (object) => {
    if (object.kind !== 'Ingress') return object;
    return JSON.parse(JSON.stringify(object).replace('"number":80', `"number":${port}`)) as KubeObject;
  };
}
