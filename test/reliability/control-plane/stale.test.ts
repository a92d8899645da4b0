/**
 * Threat: after a reconnect an API server's replica that lags behind lists what was long ago, and traffic goes to Pods that are
 * gone. Source: A11; kubernetes/kubernetes#59848 (stale reads by informers after a reconnect).
 */
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { ingress, service } from '../../support/manifests.ts';
import { Scene } from './scene.ts';

function sliceAt(address: string): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'moving', labels: { 'kubernetes.io/service-name': 'moving' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'http', protocol: 'TCP', port: 8080 }],
  };
}

it('A11: lists of a replica that lags move no endpoint back in time', { timeout: 60_000 }, async () => {
  await Scene.with({}, async (scene) => {
    const { chain, cluster } = scene;
    const addressOf = (pod: string): string => cluster.pods.backend('default', pod)?.address ?? '';
    chain.apply(service('moving', {}), ingress('moving', 'moving.test Prefix / moving'), sliceAt(addressOf('old')));
    await scene.serves('http://moving.test/', 'old');
    const past = cluster.storage.revision;
    chain.apply(sliceAt(addressOf('new')));
    await scene.serves('http://moving.test/', 'new');

    const catchUp = cluster.faults.serveStaleLists(past);
    cluster.faults.failWatches(410);
    const stale = 'sluice_watch_errors_total{kind="EndpointSlice",reason="Stale"}';
    await eventually(async () => {
      expect(await scene.who('http://moving.test/')).toBe('new');
      return ((await scene.metric(stale)) ?? 0) >= 2;
    });
    catchUp();
    const arrived = scene.change();
    await arrived();
    await scene.connected(true);
    expect(await scene.who('http://moving.test/')).toBe('new');
    chain.apply(sliceAt(addressOf('old')));
    await scene.serves('http://moving.test/', 'old');
  });
});
