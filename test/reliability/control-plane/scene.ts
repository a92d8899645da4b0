/** A controller with a route under load while something happens to the control plane, and the proof that nobody noticed. */
import { expect } from 'vitest';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { applyTo, Chain, startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { Load } from '../../support/load.ts';
import { backend, ingress } from '../../support/manifests.ts';

export const CONTROL = ingress('control', 'control.test Prefix / control');
/** Its reads are what faults of the API server are about; the writes of leases and Events are not. */
export const READS = { verb: ['list', 'watch', 'get'] } as const;

interface SceneOptions {
  /** A new one with the defaults when it is left out; closed with the scene in any case. */
  readonly cluster?: EmbeddedCluster;
  /** There before the controller starts. */
  readonly objects?: readonly object[];
  /** Further flags of `sluice controller`. */
  readonly flags?: readonly string[];
}

export class Scene {
  readonly chain: Chain;
  readonly cluster: EmbeddedCluster;
  readonly load: Load;
  /** Requests of the controller since the last `forget`, by `VERB PLURAL`. */
  readonly asked = new Map<string, number>();
  #changes = 0;

  private constructor(chain: Chain, load: Load) {
    this.chain = chain;
    this.cluster = chain.cluster;
    this.load = load;
    this.cluster.faults.observe(({ verb, plural }) => {
      const key = `${verb} ${plural}`;
      this.asked.set(key, (this.asked.get(key) ?? 0) + 1);
    });
  }

  /** Resolves when everything is served and the load runs. */
  static async open({ cluster: given, objects = [], flags = [] }: SceneOptions = {}): Promise<Scene> {
    const cluster = given ?? (await startCluster());
    applyTo(cluster, CONTROL, ...backend('old'), ...backend('new'), ...objects);
    const chain = await (await Chain.start({ cluster, flags })).listening();
    try {
      await chain.settled();
      return new Scene(chain, new Load({ port: chain.httpPort, host: 'control.test', connections: 2, interval: 1 }));
    } catch (error) {
      await chain.close();
      await cluster.close();
      throw error;
    }
  }

  /** Runs `act` with a scene, and closes it whatever happens. No request of the load may have failed. */
  static async with(options: SceneOptions, act: (scene: Scene) => Promise<void>): Promise<void> {
    const scene = await Scene.open(options);
    try {
      await act(scene);
      expect((await scene.chain.ready()).status).toBe(200);
      await scene.load.stop();
      expect(scene.load.failures).toEqual([]);
      expect(scene.chain.alive).toBe(true);
      expect(scene.chain.sluice.log().filter(({ message }) => /bug|worker|pass of/u.test(String(message)))).toEqual([]);
    } finally {
      await scene.close();
    }
  }

  async close(): Promise<void> {
    await this.load.stop();
    await this.chain.close();
    await this.cluster.close();
  }

  /** Resolves when the load was answered that many times more. */
  async answered(more = 20): Promise<void> {
    const { answered } = this.load;
    await eventually(() => this.load.answered > answered + more);
  }

  /** The value of a metric without labels, or with exactly these. */
  async metric(name: string): Promise<number | undefined> {
    const text = await (await fetch(`${this.chain.admin}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? undefined : Number(line.slice(name.length + 1));
  }

  /** Resolves when the API server is, or is not, connected as far as the controller knows. */
  async connected(whether: boolean): Promise<void> {
    await eventually(async () => (await this.metric('sluice_apiserver_connected')) === Number(whether));
  }

  /** The Pod that answers, or the status. */
  async who(url: string): Promise<string> {
    const { status, echo } = await this.chain.get(url);
    return echo?.pod ?? String(status);
  }

  async serves(url: string, who: string): Promise<void> {
    // Ten thousand objects take a busy machine a while.
    await eventually(async () => (await this.who(url)) === who, 120_000);
  }

  /** One Ingress comes and another goes; answers the function that waits until both are so for requests. */
  change(): () => Promise<void> {
    const number = this.#changes++;
    const old = ingress(`change-${number - 1}`);
    this.chain.apply(ingress(`change-${number}`, `change-${number}.test Prefix / new`));
    if (number > 0) this.cluster.delete([old]);
    return async () => {
      await this.serves(`http://change-${number}.test/`, 'new');
      if (number > 0) await this.serves(`http://change-${number - 1}.test/`, '404');
    };
  }
}
