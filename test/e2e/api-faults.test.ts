/** An API server that fails in every way, through the whole chain: routes answer on, readiness stays, changes arrive afterwards. */
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { EmbeddedCluster } from '../../src/cluster/embedded/embedded.ts';
import { applyTo, Chain, startCluster } from '../support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { Load } from '../support/load.ts';
import { backend, ingress, ingressClass, tlsSecret } from '../support/manifests.ts';
import { makeCertificate } from '../support/pki.ts';
import { accepts, freePort } from '../support/ports.ts';

const CONTROL = ingress('control', 'control.test Prefix / control');
/** Its reads are what the faults are about; the writes of leases and Events are not. */
const READS = { verb: ['list', 'watch', 'get'] } as const;

interface Fault {
  readonly name: string;
  /** Makes it happen; what it answers takes it away again. */
  readonly strike: (cluster: EmbeddedCluster) => (() => unknown) | Promise<() => unknown>;
  /** Nothing can arrive before it is taken away, which is noticed. */
  readonly cutsOff?: true;
}

/** Breaks what is open and does something to what is asked for next. */
function afterDrop(next: (cluster: EmbeddedCluster) => () => unknown): Fault['strike'] {
  return (cluster) => {
    const remove = next(cluster);
    expect(cluster.faults.dropWatches('reset')).toBeGreaterThan(0);
    return remove;
  };
}

const nothing = (): void => {};

const outage: Fault['strike'] = async (cluster) => {
  await cluster.goAway();
  return () => cluster.comeBack();
};

const FAULTS: readonly Fault[] = [
  {
    name: 'all watches end',
    strike: ({ faults }) => {
      expect(faults.dropWatches('end')).toBeGreaterThan(0);
      return nothing;
    },
  },
  { name: 'all watches are reset', strike: afterDrop(() => nothing) },
  {
    name: 'all watches get 410 Gone',
    strike: ({ faults }) => {
      expect(faults.failWatches(410)).toBeGreaterThan(0);
      return nothing;
    },
  },
  {
    name: 'all watches get 500',
    strike: ({ faults }) => {
      expect(faults.failWatches(500)).toBeGreaterThan(0);
      return nothing;
    },
  },
  {
    name: 'an event is cut in half',
    strike: ({ faults }) => {
      faults.garbleNextEvent('half-line', { resource: 'ingresses' });
      return nothing;
    },
  },
  {
    name: 'an event is no JSON',
    strike: ({ faults }) => {
      faults.garbleNextEvent('garbage', { resource: 'ingresses' });
      return nothing;
    },
  },
  {
    name: 'new watches get 410 Gone as the history was compacted',
    strike: afterDrop(({ storage }) => {
      storage.compact();
      return nothing;
    }),
  },
  {
    name: 'every other read gets 503',
    strike: afterDrop(({ faults }) => faults.fail({ status: 503, probability: 0.5, match: READS })),
  },
  {
    name: 'reads get 429 with Retry-After',
    strike: afterDrop(({ faults }) => faults.fail({ status: 429, retryAfterSeconds: 1, match: READS })),
    cutsOff: true,
  },
  { name: 'reads get 500', strike: afterDrop(({ faults }) => faults.fail({ status: 500, match: READS })), cutsOff: true },
  { name: 'reads get 403', strike: afterDrop(({ faults }) => faults.fail({ status: 403, match: READS })), cutsOff: true },
  { name: 'reads get no answer', strike: afterDrop(({ faults }) => faults.stall(READS)) },
  {
    name: 'it goes away and comes back',
    strike: outage,
    cutsOff: true,
  },
  {
    name: 'it goes away and comes back with its history lost',
    strike: async (cluster) => {
      await cluster.goAway();
      return () => cluster.comeBack({ historyLost: true });
    },
    cutsOff: true,
  },
];

/** Each with a cluster and a controller of its own: what went before would make the controller wait longer and longer. */
describe.concurrent('while the API server fails', () => {
  it.each(FAULTS)('$name: routes answer on, and changes arrive afterwards', async ({ strike, cutsOff }) => {
    const chain = await (await Chain.start()).listening();
    const { cluster } = chain;
    let control: Load | undefined;
    try {
      chain.apply(CONTROL, ingress('old', 'old.test Prefix / old'), ...backend('old'), ...backend('new'));
      await chain.settled();
      const load = new Load({ port: chain.httpPort, host: 'control.test', connections: 1, interval: 1 });
      control = load;

      const heal = await strike(cluster);
      chain.apply(ingress('new', 'new.test Prefix / new'));
      cluster.delete([ingress('old'), ...backend('old')]);
      if (cutsOff === true) {
        await eventually(async () => (await metric(chain, 'sluice_apiserver_connected')) === '0');
        expect((await chain.get('http://new.test/')).status).toBe(404);
      }
      const { answered } = load;
      await eventually(() => load.answered > answered + 20);
      expect((await chain.ready()).status).toBe(200);

      await heal();
      await eventually(async () => (await chain.get('http://new.test/')).echo?.pod === 'new');
      await eventually(async () => (await chain.get('http://old.test/')).status === 404);
      await eventually(async () => (await metric(chain, 'sluice_apiserver_connected')) === '1');
      expect((await chain.ready()).status).toBe(200);
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(chain.alive).toBe(true);
    } finally {
      await control?.stop();
      await chain.close();
    }
  });
});

/** Starts a controller while the API server is in some way out of order, and closes everything at the end. */
async function whileNotReady(objects: readonly object[], strike: Fault['strike'], then: (chain: Chain) => Promise<void>) {
  const cluster = await startCluster();
  applyTo(cluster, ...objects);
  const heal = await strike(cluster);
  const port = await freePort();
  const chain = await Chain.start({ cluster, flags: [`--http-port=${port}`] });
  try {
    await eventually(() => chain.sluice.stderr.includes('list or watch failed'));
    expect(await chain.ready()).toMatchObject({ status: 503, text: expect.stringContaining('[-] table') });
    expect(await accepts(port)).toBe(false);
    expect((await fetch(`${chain.admin}/healthz`)).status).toBe(200);
    await heal();
    await then(await chain.listening());
    await eventually(async () => (await chain.ready()).status === 200);
  } finally {
    await chain.close();
    await cluster.close();
  }
}

describe.concurrent('before the first sync', () => {
  it('with a dead API server nothing listens and nothing is ready; when it comes, all is served', async () => {
    await whileNotReady([CONTROL], outage, async (chain) => {
      // The first table is the whole one.
      expect((await chain.get('http://control.test/')).echo?.pod).toBe('control');
    });
  });

  it.each(['ingresses', 'ingressclasses', 'services', 'endpointslices', 'secrets'])(
    'without %s nothing listens and nothing is ready',
    async (resource) => {
      const { cert, chain: pem, key } = makeCertificate({ names: ['tls.test'], keyType: 'ec' });
      const tls = [{ hosts: ['tls.test'], secretName: 'tls' }];
      const its = ingress('tls', 'tls.test Prefix / control', { className: 'late', tls });
      const objects = [ingressClass('late'), tlsSecret('tls', { chain: pem, key }), its];
      const strike: Fault['strike'] = ({ faults }) => faults.fail({ status: 503, match: { resource, verb: 'list' } });
      await whileNotReady(objects, strike, async (chain) => {
        const answer = await chain.get('https://tls.test/');
        expect(answer.echo?.pod).toBe('control');
        expect(answer.certificate).toEqual(new X509Certificate(cert).raw);
      });
    },
  );
});

async function metric({ admin }: Chain, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line?.slice(name.length + 1);
}
