/**
 * Threat: a controller that crashes takes the data plane with it. Source: A15, which supposes workers in processes of their own.
 *
 * Here the workers are threads of the controller's process, so a SIGKILL ends both: what it costs is what any Pod costs that is
 * killed, the requests in flight on it. What is promised instead is shown here: a bug in the controller's own work never
 * reaches the workers, other replicas notice nothing, one of them takes over what only a leader does, and a replica that starts
 * again serves the same table.
 */
import { describe, expect, it } from 'vitest';
import { Backend } from '../../../src/cluster/embedded/backends/backend.ts';
import { Controller } from '../../../src/controller/controller.ts';
import { makeFakeCertificate } from '../../../src/controller/fake-certificate.ts';
import { SYSTEM_CLOCK } from '../../../src/controller/loop.ts';
import { createLogger } from '../../../src/observe/log.ts';
import { startDataPlane } from '../../../src/proxy/supervisor.ts';
import { parseFlags } from '../../../src/settings/parse.ts';
import { Chain, startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeCluster } from '../../support/fake-cluster.ts';
import { Load } from '../../support/load.ts';
import { exchange } from '../../support/raw-client.ts';
import { Scene } from './scene.ts';
import { seriesReader } from '../../support/series.ts';

const NAMESPACE = 'default';

describe.concurrent('A15: the control plane crashes', { timeout: 60_000 }, () => {
  it('A15: a leader that is killed costs the others nothing, and comes back with the same table', async () => {
    const cluster = await startCluster();
    const options = { cluster, flags: ['--election-ttl=2s'], env: { POD_NAME: 'sluice-1' } };
    const leads = async ({ admin }: Chain): Promise<boolean> =>
      /leader_election_status\{.*\} 1$/mu.test(await (await fetch(`${admin}/metrics`)).text());
    const leader = await Chain.start(options);
    try {
      await eventually(() => leads(leader));
      await Scene.with({ cluster, flags: options.flags }, async (scene) => {
        expect(await leads(scene.chain)).toBe(false);
        await leader.sluice.kill();
        await scene.answered();
        await eventually(() => leads(scene.chain));
        await scene.change()();

        const back = await (await Chain.start(options)).listening();
        try {
          const ours = await scene.chain.configuration();
          const its = await back.configuration();
          for (const part of ['hosts', 'groups', 'certificates', 'diagnostics'])
            expect([part, its[part]]).toEqual([part, ours[part]]);
          expect((await back.get('http://control.test/')).echo?.pod).toBe('control');
          expect(await leads(back)).toBe(false);
        } finally {
          await back.close();
        }
      });
    } finally {
      await leader.close();
      await cluster.close();
    }
  });

  it('A15: a pass of the controller that throws reaches no worker', async () => {
    const backend = await Backend.start({ pod: 'web', namespace: NAMESPACE, address: '127.0.0.1', ports: [0] });
    const settings = parseFlags(['--bind-address=127.0.0.1', '--http-port=0', '--https-port=0', '--access-log=false'], {});
    const log = createLogger('error', { write: () => undefined });
    const dataPlane = startDataPlane(settings.proxy, {
      workers: 2,
      log,
      series: seriesReader({ controller_class: '', controller_namespace: '', controller_pod: '' }, false),
    });
    const cluster = new FakeCluster();
    const passes = { succeeded: 0, failed: 0 };
    let broken = false;
    const controller = new Controller({
      cluster,
      dataPlane: {
        streamPorts: dataPlane.streamPorts,
        publish: (table, patch) => {
          if (broken) throw new Error('a bug');
          dataPlane.publish(table, patch);
        },
        configure: (proxy) => dataPlane.configure(proxy),
      },
      settings,
      defaultCertificate: makeFakeCertificate(Date.now()),
      emit: () => undefined,
      metrics: { passSucceeded: () => passes.succeeded++, passFailed: () => passes.failed++ },
      log,
      clock: SYSTEM_CLOCK,
      wallClock: () => Date.now(),
    });
    const put = (name: string): void => {
      const service = { name: 'web', port: { number: 80 } };
      const paths = [{ path: '/', pathType: 'Prefix', backend: { service } }];
      cluster.put('Ingress', {
        metadata: { namespace: NAMESPACE, name },
        spec: { ingressClassName: 'nginx', rules: [{ host: `${name}.test`, http: { paths } }] },
      });
    };
    cluster.put('IngressClass', { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } });
    cluster.put('Service', { metadata: { namespace: NAMESPACE, name: 'web' }, spec: { ports: [{ port: 80 }] } });
    cluster.put('EndpointSlice', {
      metadata: { namespace: NAMESPACE, name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
      ports: [{ port: backend.ports[0] ?? 0, protocol: 'TCP' }],
    });
    put('control');
    controller.start();
    await cluster.sync();
    const { http } = await dataPlane.listening;
    const status = async (host: string): Promise<number> =>
      (await exchange(http, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status;
    const load = new Load({ port: http, host: 'control.test', connections: 4 });
    try {
      await eventually(() => load.answered > 50);
      broken = true;
      put('late');
      await eventually(() => passes.failed >= 3);
      const { answered } = load;
      await eventually(() => load.answered > answered + 50);
      expect(await status('late.test')).toBe(404);
      broken = false;
      await eventually(async () => (await status('late.test')) === 200);
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(dataPlane.workers().map(({ state, restarts }) => [state, restarts])).toEqual([
        ['ready', 0],
        ['ready', 0],
      ]);
    } finally {
      await load.stop();
      controller.stop();
      await dataPlane.shutdown(0);
      await backend.kill();
    }
  });
});
