/**
 * Threat: the API server goes away and takes the routes with it, or is away when the controller starts, which then answers 404
 * for everything. Source: A1 and A2; readiness that depends on the API server ends all replicas at once.
 */
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { applyTo, Chain, startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, ingressClass, tlsSecret } from '../../support/manifests.ts';
import { makeCertificate } from '../../support/pki.ts';
import { accepts, freePort } from '../../support/ports.ts';
import { outage } from './outage.ts';
import { CONTROL } from './scene.ts';

it('A1: nobody notices that the API server goes away, and it is followed again when it comes back', async () => {
  await outage([
    { milliseconds: 500, historyLost: false },
    { milliseconds: 1000, historyLost: true },
  ]);
});

/** Puts something out of order; what it answers puts it in order again. */
type Strike = (cluster: EmbeddedCluster) => Heal | Promise<Heal>;
type Heal = (notReady: () => Promise<void>, chain: Chain) => unknown;

/** Starts a controller while the API server is in some way out of order, and closes everything at the end. */
async function whileNotReady(objects: readonly object[], strike: Strike, then: (chain: Chain) => Promise<void>): Promise<void> {
  const cluster = await startCluster();
  applyTo(cluster, ...objects);
  const heal = await strike(cluster);
  const port = await freePort();
  const chain = await Chain.start({ cluster, flags: [`--http-port=${port}`] });
  try {
    await eventually(() => chain.sluice.stderr.includes('list or watch failed'));
    const notReady = async (): Promise<void> => {
      expect(await chain.ready()).toMatchObject({ status: 503, text: expect.stringContaining('[-] table') });
      expect(await accepts(port)).toBe(false);
      expect((await fetch(`${chain.admin}/healthz`)).status).toBe(200);
    };
    await notReady();
    await heal(notReady, chain);
    await then(await chain.listening());
    await eventually(async () => (await chain.ready()).status === 200);
  } finally {
    await chain.close();
    await cluster.close();
  }
}

describe.concurrent('A2: before the first sync', { timeout: 60_000 }, () => {
  it('A2: with a dead API server nothing listens and nothing is ready; when it comes, all is served', async () => {
    const away: Strike = async (cluster) => {
      await cluster.goAway();
      return () => cluster.comeBack();
    };
    await whileNotReady([CONTROL], away, async (chain) => {
      // The first table is the whole one.
      expect((await chain.get('http://control.test/')).echo?.pod).toBe('control');
    });
  });

  it('A2: nothing listens and nothing is ready as long as one kind cannot be listed', async () => {
    const { cert, chain: pem, key } = makeCertificate({ names: ['tls.test'], keyType: 'ec' });
    const tls = [{ hosts: ['tls.test'], secretName: 'tls' }];
    const its = ingress('tls', 'tls.test Prefix / control', { className: 'late', tls });
    const objects = [ingressClass('late'), tlsSecret('tls', { chain: pem, key }), its];
    const kinds = ['ingresses', 'ingressclasses', 'services', 'endpointslices', 'secrets'];
    const fail: Strike = ({ faults }) => {
      const heals = kinds.map((resource) => faults.fail({ status: 503, match: { resource, verb: 'list' } }));
      return async (notReady, chain) => {
        const works = (): number => chain.sluice.log().filter(({ message }) => message === 'list and watch work again').length;
        for (const [index, heal] of heals.entries()) {
          await notReady();
          heal();
          if (index < heals.length - 1) await eventually(() => works() > index);
        }
      };
    };
    await whileNotReady(objects, fail, async (chain) => {
      const answer = await chain.get('https://tls.test/');
      expect(answer.echo?.pod).toBe('control');
      expect(answer.certificate).toEqual(new X509Certificate(cert).raw);
    });
  });
});
