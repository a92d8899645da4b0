/** An API server that fails in every way, through the whole chain: routes answer on, readiness stays, changes arrive afterwards. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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
    strike: async (cluster) => {
      await cluster.goAway();
      return () => cluster.comeBack();
    },
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

describe('while the API server fails', () => {
  let chain: Chain;
  let control: Load;
  /** The host that is served at the moment; each fault replaces it by another. */
  let current = 'none';

  beforeAll(async () => {
    chain = await (await Chain.start()).listening();
    chain.apply(CONTROL);
    await chain.settled();
    control = new Load({ port: chain.httpPort, host: 'control.test', connections: 1 });
  });
  afterAll(async () => {
    await control.stop();
    await chain.close();
  });
  beforeEach(async () => {
    await eventually(async () => (await metric(chain, 'sluice_apiserver_connected')) === '1');
  });

  it.each(FAULTS)('$name: routes answer on, and changes arrive afterwards', async ({ name, strike, cutsOff }) => {
    const { cluster } = chain;
    const before = current;
    current = `fault-${FAULTS.findIndex((fault) => fault.name === name)}`;
    const heal = await strike(cluster);
    chain.apply(ingress(current, `${current}.test Prefix / ${current}`), ...backend(current));
    cluster.delete([ingress(before, `${before}.test Prefix / ${before}`), ...backend(before)]);
    if (cutsOff === true) {
      await eventually(async () => (await metric(chain, 'sluice_apiserver_connected')) === '0');
      expect((await chain.get(`http://${current}.test/`)).status).toBe(404);
    }
    const answered = control.answered;
    await eventually(() => control.answered > answered + 20);
    expect((await chain.ready()).status).toBe(200);
    await heal();
    await eventually(async () => (await chain.get(`http://${current}.test/`)).echo?.pod === current);
    await eventually(async () => (await chain.get(`http://${before}.test/`)).status === 404);
    expect((await chain.ready()).status).toBe(200);
  });

  it('no request was lost, and the process lives', async () => {
    await control.stop();
    expect(control.failures).toEqual([]);
    expect(chain.alive).toBe(true);
  });
});

describe('before the first sync', () => {
  let cluster: EmbeddedCluster;
  let chain: Chain | undefined;
  let port: number;

  beforeEach(async () => {
    cluster = await startCluster();
    port = await freePort();
    return async () => {
      await chain?.close();
      chain = undefined;
      await cluster.close();
    };
  });

  async function start(): Promise<Chain> {
    chain = await Chain.start({ cluster, flags: [`--http-port=${port}`] });
    return chain;
  }

  async function expectClosed(started: Chain): Promise<void> {
    expect(await started.ready()).toMatchObject({ status: 503, text: expect.stringContaining('[-] table') });
    expect(await accepts(port)).toBe(false);
    expect((await fetch(`${started.admin}/healthz`)).status).toBe(200);
  }

  it('with a dead API server nothing listens and nothing is ready; when it comes, all is served', async () => {
    applyTo(cluster, CONTROL);
    await cluster.goAway();
    const started = await start();
    await eventually(() => started.sluice.stderr.includes('list or watch failed'));
    await expectClosed(started);
    await cluster.comeBack();
    await started.listening();
    // The first table is the whole one.
    expect((await started.get('http://control.test/')).echo?.pod).toBe('control');
    await eventually(async () => (await started.ready()).status === 200);
  });

  it.each(['ingresses', 'ingressclasses', 'services', 'endpointslices', 'secrets'])(
    'without %s nothing listens and nothing is ready',
    async (resource) => {
      const { cert, chain: pem, key } = makeCertificate({ names: ['tls.test'], keyType: 'ec' });
      const tls = [{ hosts: ['tls.test'], secretName: 'tls' }];
      const its = ingress('tls', 'tls.test Prefix / control', { className: 'late', tls });
      applyTo(cluster, ingressClass('late'), tlsSecret('tls', { chain: pem, key }), its);
      const release = cluster.faults.fail({ status: 503, match: { resource, verb: 'list' } });
      const started = await start();
      await eventually(() => started.sluice.stderr.includes('list or watch failed'));
      await expectClosed(started);
      release();
      await started.listening();
      const answer = await started.get('https://tls.test/');
      expect(answer.echo?.pod).toBe('control');
      expect(answer.certificate?.toString('base64')).toBe(cert.replaceAll(/-----[A-Z ]+-----|\n/gu, ''));
    },
  );
});

async function metric({ admin }: Chain, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line?.slice(name.length + 1);
}
