/** Replicas that come and go under load, as Kubernetes replaces them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { applyTo, Chain, startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { Load } from '../../support/load.ts';
import * as objects from '../../support/manifests.ts';

/** Seconds between "not ready" and the end of accepting: what a load balancer is given to notice. */
const GRACE = 2;

const CONFIG = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'sluice', namespace: 'default' },
  data: { 'worker-shutdown-timeout': '1s' },
};

/** A cluster with an Ingress for `app.test`, and the ConfigMap that replicas read. */
export async function startReplicas(): Promise<EmbeddedCluster> {
  const cluster = await startCluster();
  applyTo(cluster, CONFIG, objects.ingress('app', 'app.test Prefix / control'));
  return cluster;
}

/** A replica that serves. */
export async function startReplica(cluster: EmbeddedCluster, pod: string): Promise<Chain> {
  const flags = ['--workers=2', `--shutdown-grace-period=${GRACE}`, '--configmap=default/sluice', '--update-status=false'];
  const chain = await Chain.start({ cluster, pod, flags });
  await chain.listening();
  await eventually(async () => (await chain.ready()).status === 200);
  await eventually(async () => (await chain.get('http://app.test/')).status === 200);
  return chain;
}

/** A WebSocket that was used once; resolves with what becomes of it. */
export async function openWebSocket(port: number): Promise<{ readonly closed: Promise<void> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, { headers: { host: 'app.test' } });
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => socket.send('hello'));
    socket.on('message', () => resolve());
    socket.on('error', reject);
  });
  return { closed };
}

/**
 * A load balancer that asks each replica every now and then whether it is ready, and hands new connections to those that are,
 * in turn; and load through it.
 */
export class Balancer {
  readonly #replicas = new Set<Chain>();
  #ready: Chain[] = [];
  #turn = 0;
  #stopped = false;
  readonly #probing: Promise<void>;
  readonly load: Load;

  private constructor(replicas: readonly Chain[], connections: number) {
    for (const one of replicas) this.#replicas.add(one);
    this.#ready = [...replicas];
    this.#probing = this.#probe();
    this.load = new Load({ port: () => this.#next(), host: 'app.test', connections, interval: 2 });
  }

  /** Resolves when load flows. */
  static async start(replicas: readonly Chain[], connections: number): Promise<Balancer> {
    const made = new Balancer(replicas, connections);
    await eventually(() => made.load.answered > 100);
    return made;
  }

  add(replica: Chain): void {
    this.#replicas.add(replica);
  }

  /** Ends a replica as Kubernetes does. Resolves when it has ended; checks that it did so in good order. */
  async end(replica: Chain): Promise<void> {
    const { closed } = this.load;
    replica.sluice.signal('SIGTERM');
    await eventually(() => !this.#ready.includes(replica));
    expect(await replica.sluice.exited).toBe(0);
    expect(this.load.closed).toBeGreaterThan(closed);
    this.#replicas.delete(replica);
  }

  async stop(): Promise<void> {
    await this.load.stop();
    this.#stopped = true;
    await this.#probing;
  }

  #next(): number {
    this.#turn += 1;
    return this.#ready[this.#turn % this.#ready.length]!.httpPort;
  }

  async #probe(): Promise<void> {
    while (!this.#stopped) {
      const answers = await Promise.all(
        [...this.#replicas].map((one) =>
          one.ready().then(
            ({ status }) => (status === 200 ? [one] : []),
            () => [],
          ),
        ),
      );
      const ready = answers.flat();
      // With none a load balancer would have nowhere to go either; the load then fails and says so.
      if (ready.length > 0) this.#ready = ready;
      await sleep(20);
    }
  }
}

/** Replaces each of two replicas under load, `rounds` times; no request may fail. */
export async function replaceReplicas(rounds: number): Promise<void> {
  const cluster = await startReplicas();
  const running: Chain[] = [];
  try {
    for (const pod of ['first', 'second']) running.push(await startReplica(cluster, pod));
    const balancer = await Balancer.start(running, 8);
    for (let round = 0; round < rounds; round++) {
      for (const which of ['first', 'second']) {
        const fresh = await startReplica(cluster, `${which}-${round}`);
        running.push(fresh);
        balancer.add(fresh);
        const old = running.shift()!;
        await balancer.end(old);
        await old.close();
      }
    }
    const before = balancer.load.answered;
    await eventually(() => balancer.load.answered > before + 100);
    await balancer.stop();
    expect(balancer.load.failures).toEqual([]);
  } finally {
    for (const one of running) await one.close();
    await cluster.close();
  }
}

/** SIGTERM while load and a WebSocket are on: what the clients see. `connections`: of the load. */
export async function terminateUnderLoad(connections: number): Promise<void> {
  const cluster = await startReplicas();
  const [leaving, staying] = [await startReplica(cluster, 'leaving'), await startReplica(cluster, 'staying')];
  try {
    const { closed } = await openWebSocket(leaving.httpPort);
    let cut = false;
    void closed.then(() => (cut = true));
    const balancer = await Balancer.start([leaving, staying], connections);
    const told = balancer.load.closed;
    leaving.sluice.signal('SIGTERM');
    await eventually(async () => (await leaving.ready()).status === 503);
    // Not ready, and still serving those who do not know yet; each response sends its client away.
    const late = await leaving.get('http://app.test/');
    expect([late.status, late.headers.connection]).toEqual([200, 'close']);
    await eventually(() => balancer.load.closed > told);
    expect(cut).toBe(false);
    await closed;
    expect(await leaving.sluice.exited).toBe(0);
    await balancer.stop();
    expect(balancer.load.failures).toEqual([]);
  } finally {
    for (const one of [leaving, staying]) await one.close();
    await cluster.close();
  }
}
