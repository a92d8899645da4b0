/** Replicas that come and go under load, as Kubernetes replaces them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { WebSocket } from 'ws';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { applyTo, Chain, startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { Load } from '../../support/load.ts';
import * as objects from '../../support/manifests.ts';
import { exchange } from '../../support/raw-client.ts';

/** Seconds between "not ready" and the end of accepting: what a load balancer is given to notice. */
const GRACE = 2;

const CONFIG = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'sluice', namespace: 'default' },
  data: { 'worker-shutdown-timeout': '1s' },
};

/** A cluster with an Ingress for `app.test`, and the ConfigMap that replicas read. */
async function startReplicas(): Promise<EmbeddedCluster> {
  const cluster = await startCluster();
  applyTo(cluster, CONFIG, objects.ingress('app', 'app.test Prefix / control'));
  return cluster;
}

/** A replica that serves. */
async function startReplica(cluster: EmbeddedCluster, pod: string): Promise<Chain> {
  const flags = [`--shutdown-grace-period=${GRACE}`, '--configmap=default/sluice', '--update-status=false'];
  const chain = await Chain.start({ cluster, pod, flags });
  await chain.listening();
  await eventually(async () => (await chain.ready()).status === 200);
  await eventually(async () => (await chain.get('http://app.test/')).status === 200);
  return chain;
}

/** A WebSocket that was used once; resolves with what becomes of it. */
async function openWebSocket(port: number): Promise<{ readonly closed: Promise<void> }> {
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
class Balancer {
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

/** Two replicas, and load through a balancer before them. */
export class Replicas {
  readonly #cluster: EmbeddedCluster;
  /** The oldest first. */
  readonly #running: Chain[] = [];
  readonly #balancer: Balancer;
  #started = 0;

  private constructor(cluster: EmbeddedCluster, running: readonly Chain[], balancer: Balancer) {
    this.#cluster = cluster;
    this.#running.push(...running);
    this.#balancer = balancer;
  }

  /** `connections`: of the load. */
  static async start(connections: number): Promise<Replicas> {
    const cluster = await startReplicas();
    const running = [await startReplica(cluster, 'first'), await startReplica(cluster, 'second')];
    return new Replicas(cluster, running, await Balancer.start(running, connections));
  }

  /** Puts a new replica in the place of the oldest. */
  async replace(): Promise<void> {
    const fresh = await startReplica(this.#cluster, `fresh-${++this.#started}`);
    this.#running.push(fresh);
    this.#balancer.add(fresh);
    const old = this.#running.shift()!;
    await this.#balancer.end(old);
    await old.close();
    await this.#unharmed();
  }

  /** SIGTERM to the oldest while load and a WebSocket are on: what the clients see. */
  async terminate(): Promise<void> {
    const leaving = this.#running[0]!;
    const { closed } = await openWebSocket(leaving.httpPort);
    let cut = false;
    void closed.then(() => (cut = true));
    const ended = this.#balancer.end(leaving);
    await eventually(async () => (await leaving.ready()).status === 503);
    // Not ready, and still serving those who do not know yet; each response sends its client away.
    const late = await exchange(leaving.httpPort, 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n');
    expect([late.status, late.headers.get('connection')]).toEqual([200, ['close']]);
    expect(cut).toBe(false);
    await closed;
    await ended;
    this.#running.shift();
    await leaving.close();
    await this.#unharmed();
  }

  async close(): Promise<void> {
    await this.#balancer.stop();
    for (const one of this.#running) await one.close();
    await this.#cluster.close();
  }

  /** Load flows, and none of it failed. */
  async #unharmed(): Promise<void> {
    const { load } = this.#balancer;
    const before = load.answered;
    await eventually(() => load.answered > before + 100);
    expect(load.failures).toEqual([]);
  }
}
