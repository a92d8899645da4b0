import {
  AppsV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  makeInformer,
  NetworkingV1Api,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApiServer } from '../../../src/cluster/embedded/api/server.ts';
import type { ApiServer } from '../../../src/cluster/embedded/api/server.ts';

let server: ApiServer;
let config: KubeConfig;
beforeAll(async () => {
  server = await startApiServer({ port: 0 });
  config = new KubeConfig();
  config.loadFromString(server.kubeconfig());
});
afterAll(() => server.close());

describe('the generated client', () => {
  it('creates, reads, lists, replaces and deletes', async () => {
    const api = config.makeApiClient(NetworkingV1Api);
    const namespace = 'default';
    const defaultBackend = { service: { name: 'web', port: { number: 80 } } };
    const created = await api.createNamespacedIngress({
      namespace,
      body: { metadata: { name: 'one' }, spec: { defaultBackend } },
    });
    expect(created.metadata?.creationTimestamp).toBeInstanceOf(Date);
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    const replaced = await api.replaceNamespacedIngressStatus({
      namespace,
      name: 'one',
      body: Object.assign(created, { status }),
    });
    expect(replaced.status?.loadBalancer?.ingress?.[0]?.ip).toBe('192.0.2.1');
    expect((await api.listIngressForAllNamespaces()).items).toHaveLength(1);
    await expect(api.replaceNamespacedIngress({ namespace, name: 'one', body: created })).rejects.toMatchObject({ code: 409 });
    await api.deleteNamespacedIngress({ namespace, name: 'one' });
    await expect(api.readNamespacedIngress({ namespace, name: 'one' })).rejects.toMatchObject({ code: 404 });
  });

  it('scales, and reads custom objects', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'web' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a:1' }] } };
    const body = { metadata: { name: 'web' }, spec: { selector: { matchLabels: labels }, template } };
    await apps.createNamespacedDeployment({ namespace: 'default', body });
    const scale = await apps.readNamespacedDeploymentScale({ namespace: 'default', name: 'web' });
    await apps.replaceNamespacedDeploymentScale({
      namespace: 'default',
      name: 'web',
      body: Object.assign(scale, { spec: { replicas: 3 } }),
    });
    expect((await apps.readNamespacedDeployment({ namespace: 'default', name: 'web' })).spec?.replicas).toBe(3);
    const custom = config.makeApiClient(CustomObjectsApi);
    const pools = { group: 'metallb.io', version: 'v1beta1', namespace: 'default', plural: 'ipaddresspools' };
    const pool = {
      apiVersion: 'metallb.io/v1beta1',
      kind: 'IPAddressPool',
      metadata: { name: 'p' },
      spec: { addresses: ['127.1.0.0/24'] },
    };
    await custom.createNamespacedCustomObject({ ...pools, body: pool });
    expect(await custom.listNamespacedCustomObject(pools)).toMatchObject({ items: [pool] });
  });

  it('watches, and keeps an informer', async () => {
    const core = config.makeApiClient(CoreV1Api);
    const body = { metadata: { name: 'watched' }, data: { a: '1' } };
    const { promise, resolve } = Promise.withResolvers<string>();
    const controller = await new Watch(config).watch(
      '/api/v1/namespaces/default/configmaps',
      { resourceVersion: String(server.storage.revision) },
      (phase: string, object: { metadata: { name: string } }) => {
        resolve(`${phase} ${object.metadata.name}`);
      },
      () => undefined,
    );
    await core.createNamespacedConfigMap({ namespace: 'default', body });
    expect(await promise).toBe('ADDED watched');
    controller.abort();
    const informer = makeInformer(config, '/api/v1/namespaces/default/configmaps', () =>
      core.listNamespacedConfigMap({ namespace: 'default' }),
    );
    await informer.start();
    await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'later' } } });
    await expect.poll(() => informer.list().map((object) => object.metadata?.name)).toEqual(['watched', 'later']);
    await informer.stop();
  });
});
