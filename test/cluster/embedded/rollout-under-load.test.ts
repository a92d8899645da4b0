import { Agent, get } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { objectAt } from '../../../src/cluster/embedded/api/json.ts';
import { startEmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { deploymentObject, serviceObject } from '../../support/embedded-objects.ts';
import { eventually } from '../../support/eventually.ts';

const clusters: EmbeddedCluster[] = [];

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.close()));
});

interface Slice {
  readonly endpoints: readonly { readonly addresses: readonly string[]; readonly conditions: { readonly ready: boolean } }[];
  readonly ports: readonly { readonly port: number }[];
}

/** A client that knows the ready endpoints, as a proxy does, and keeps its connections. */
function startClient(cluster: EmbeddedCluster, parallel: number) {
  const agent = new Agent({ keepAlive: true });
  const pods = new Set<string>();
  const failures: string[] = [];
  let turn = 0;
  let answered = 0;
  let stopped = false;
  const pick = () => {
    const slices = cluster.storage.resource('discovery.k8s.io/v1', 'endpointslices').list('default') as unknown as Slice[];
    const ready = slices.flatMap(({ endpoints, ports }) =>
      endpoints.flatMap((endpoint) =>
        endpoint.conditions.ready ? [{ host: endpoint.addresses[0], port: ports[0]?.port }] : [],
      ),
    );
    turn += 1;
    return ready[turn % ready.length];
  };
  const once = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const failed = (error: Error): void => {
      failures.push(error.message);
      resolve(undefined);
    };
    const request = get({ ...pick(), agent, path: '/?size=3000' }, (response) => {
      response.on('error', failed);
      response.on('end', () => {
        if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
        pods.add(request.host);
        answered += 1;
        resolve(undefined);
      });
      response.resume();
    });
    request.on('error', failed);
    await promise;
  };
  const loop = async (): Promise<void> => {
    for (;;) {
      if (stopped) return;
      await once();
    }
  };
  const loops = Array.from({ length: parallel }, loop);
  return {
    pods,
    failures,
    answered: () => answered,
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      agent.destroy();
    },
  };
}

describe('a rollout and a scale-down under load', () => {
  it('lose no request of a client that follows the EndpointSlices', async () => {
    const cluster = await startEmbeddedCluster({ apiPort: 0, drainDelayMs: 100 });
    clusters.push(cluster);
    const port = 28_181;
    const web = deploymentObject('web', 3);
    const template = objectAt(web, 'spec', 'template', 'spec') ?? {};
    template['containers'] = [{ name: 'web', image: 'backend:1', ports: [{ containerPort: port }] }];
    cluster.apply([serviceObject('web', { ports: [{ port: 80, targetPort: port }] }), web]);
    const deployments = cluster.storage.resource('apps/v1', 'deployments');
    const settled = (replicas: number): Promise<boolean> =>
      eventually(() => {
        const pods = cluster.storage.resource('v1', 'pods').list('default');
        const status = objectAt(deployments.get('default', 'web'), 'status');
        return pods.length === replicas && status?.['updatedReplicas'] === replicas && status['availableReplicas'] === replicas;
      });
    await settled(3);
    const client = startClient(cluster, 8);
    await eventually(() => client.pods.size === 3);
    deployments.update('default', 'web', (object) => {
      const metadata = objectAt(object, 'spec', 'template', 'metadata');
      if (metadata) metadata['annotations'] = { 'kubectl.kubernetes.io/restartedAt': 'now' };
    });
    await eventually(() => client.pods.size === 6);
    await settled(3);
    deployments.update('default', 'web', (object) => {
      object['spec'] = { ...objectAt(object, 'spec'), replicas: 1 };
    });
    await settled(1);
    const before = client.answered();
    await eventually(() => client.answered() > before + 100);
    await client.stop();
    expect(client.failures).toEqual([]);
  });
});
