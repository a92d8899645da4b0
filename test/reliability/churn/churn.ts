/** A cluster whose endpoints, routes and certificates change all the time, under load: what the short test and the soak share. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { startEmbeddedCluster, type EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { applyTo, Chain } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { ingress, ingressClass, service, tlsSecret } from '../../support/manifests.ts';
import { makeCa, makeCertificate, makeKey, type TestCertificate } from '../../support/pki.ts';
import { freePort } from '../../support/ports.ts';
import { DEFAULT_NAME, PASSING_PATHS, type FromLoad, type LoadReport, type ToLoad } from './load-messages.ts';

/** How often endpoints, routes and a certificate change, each of them, in a second. */
const PER_SECOND = 50;
/** Hosts that come and go. */
const PASSING_HOSTS = 10;
/** How long a Pod goes on serving after it was told to end: a `preStop` hook. Milliseconds. */
const DRAIN_MS = 500;

const CA = makeCa({ name: 'churn CA' });
/** Each with a key of its own. All of one type: what a handshake costs must not depend on when it is made. */
const CERTIFICATES = versionsOf('tls.test');
const DEFAULTS = versionsOf(DEFAULT_NAME);

function versionsOf(name: string): readonly TestCertificate[] {
  return [1, 2, 3, 4, 5, 6].map((version) =>
    makeCertificate({ names: [name], issuer: CA, key: makeKey('ec', `${name} ${version}`) }),
  );
}

/** Where the changes are: in the namespace that is served, or in one that Sluice does not watch, where they cost the cluster the same. */
export type Where = 'default' | 'elsewhere';

function inNamespace(namespace: Where, ...objects: readonly object[]): object[] {
  return objects.map((object) => ({ ...object, metadata: { ...(object as { metadata: object }).metadata, namespace } }));
}

function slice(name: string, endpoints: readonly number[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': 'steady' } },
    addressType: 'IPv4',
    endpoints: endpoints.length === 0 ? [] : [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    ports: [{ name: 'http', protocol: 'TCP', port: endpoints[0] ?? 1 }],
  };
}

function rollingDeployment(restart: number): object {
  const labels = { app: 'rolling' };
  const containers = [{ name: 'backend', image: 'backend', ports: [{ containerPort: 8080 }] }];
  const metadata = { labels, annotations: { 'kubectl.kubernetes.io/restartedAt': String(restart) } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'rolling' },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata, spec: { containers, terminationGracePeriodSeconds: 10 } },
    },
  };
}

/** The Ingress of `steady.test`, with one path more in every other version. */
function steadyIngress(version: number): object {
  const more = version % 2 === 0 ? '' : `\nsteady.test Prefix /passing-${version % PASSING_PATHS} rolling`;
  return ingress('steady', `steady.test Prefix / steady${more}`);
}

/** All that is served. `ports`: of the two steady backends. */
function everything([first = 0, second = 0]: readonly number[]): readonly object[] {
  const tls = [{ hosts: ['tls.test'], secretName: 'tls' }];
  return [
    service('steady', {}),
    service('rolling'),
    slice('steady-0', [first]),
    slice('steady-1', [second]),
    rollingDeployment(0),
    tlsSecret('tls', CERTIFICATES[0]!),
    tlsSecret('fallback', DEFAULTS[0]!),
    steadyIngress(0),
    ingress('rolling', 'rolling.test Prefix / rolling'),
    ingress('tls', 'tls.test Prefix / steady', { tls }),
  ];
}

export class Churn {
  readonly chain: Chain;
  readonly #cluster: EmbeddedCluster;
  readonly #thread: Worker;
  readonly #ports: readonly number[];
  readonly #done = { default: { changes: 0, restarts: 0 }, elsewhere: { changes: 0, restarts: 0 } };
  #where: Where = 'default';
  #churning: Promise<unknown> | null = null;
  readonly #stop = new AbortController();

  private constructor(chain: Chain, cluster: EmbeddedCluster, thread: Worker, ports: readonly number[]) {
    this.chain = chain;
    this.#cluster = cluster;
    this.#thread = thread;
    this.#ports = ports;
  }

  /** Everything is there, and the load runs. Nothing changes yet. */
  static async start(): Promise<Churn> {
    const thread = new Worker(new URL('./load-thread.ts', import.meta.url), { workerData: { ca: CA.cert } });
    const [{ ports }] = (await once(thread, 'message')) as [FromLoad & { type: 'backends' }];
    const cluster = await startEmbeddedCluster({ apiPort: await freePort(), drainDelayMs: DRAIN_MS });
    const elsewhere = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } };
    applyTo(cluster, ingressClass('nginx'), elsewhere);
    applyTo(cluster, ...inNamespace('default', ...everything(ports)), ...inNamespace('elsewhere', ...everything(ports)));
    const flags = ['--workers=2', '--watch-namespace=default', '--default-ssl-certificate=default/fallback'];
    const chain = await (await Chain.start({ cluster, flags })).listening();
    const churn = new Churn(chain, cluster, thread, ports);
    try {
      for (const url of ['http://rolling.test/', 'http://steady.test/', 'https://tls.test/'])
        await eventually(async () => (await chain.get(url)).status === 200);
    } catch (error) {
      await churn.close();
      throw error;
    }
    churn.#tell({ type: 'start', http: chain.httpPort, https: chain.httpsPort });
    return churn;
  }

  /** Changes things from now on, there and nowhere else. */
  change(where: Where): void {
    this.#where = where;
    this.#churning ??= Promise.all([this.#change(), this.#restart()]);
  }

  /** Rounds of changes so far of what is served, each of them of endpoints, routes and a certificate; and rolling restarts. */
  get done(): { readonly changes: number; readonly restarts: number } {
    return this.#done.default;
  }

  /** What happened since the last report. */
  async report(): Promise<LoadReport> {
    return this.#ask('report');
  }

  /** Ends the load after what is in flight; answers what happened since the last report. */
  async close(): Promise<LoadReport> {
    this.#stop.abort();
    await this.#churning;
    const exited = once(this.#thread, 'exit');
    const last = await this.#ask('stop');
    await exited;
    await this.chain.close();
    await this.#cluster.close();
    return last;
  }

  async #ask(type: 'report' | 'stop'): Promise<LoadReport> {
    const answered = once(this.#thread, 'message') as Promise<[FromLoad & { type: 'report' }]>;
    this.#tell({ type });
    return (await answered)[0].report;
  }

  #tell(message: ToLoad): void {
    this.#thread.postMessage(message);
  }

  async #change(): Promise<void> {
    const began = performance.now();
    for (let round = 1; !this.#stop.signal.aborted; round++) {
      this.#changeOnce(this.#where, this.#done[this.#where].changes++);
      await sleep(Math.max(0, began + (round * 1000) / PER_SECOND - performance.now()));
    }
  }

  /** One of the two endpoints goes or comes back, a host comes or goes, the loaded host has other paths, a certificate is replaced. */
  #changeOnce(where: Where, number: number): void {
    const [, second = 0] = this.#ports;
    const passing = ingress(`passing-${number % PASSING_HOSTS}`, `passing-${number % PASSING_HOSTS}.test Prefix / steady`);
    const comes = Math.floor(number / PASSING_HOSTS) % 2 === 0;
    const objects = [
      slice('steady-1', number % 2 === 0 ? [] : [second]),
      steadyIngress(number),
      tlsSecret('tls', CERTIFICATES[number % CERTIFICATES.length]!),
      ...(number % 5 === 0 ? [tlsSecret('fallback', DEFAULTS[(number / 5) % DEFAULTS.length]!)] : []),
    ];
    applyTo(this.#cluster, ...inNamespace(where, ...objects, ...(comes ? [passing] : [])));
    if (!comes) this.#cluster.delete(inNamespace(where, passing));
  }

  /** One rolling restart after the other. */
  async #restart(): Promise<void> {
    const pods = this.#cluster.storage.resource('v1', 'pods');
    while (!this.#stop.signal.aborted) {
      const where = this.#where;
      const before = pods.list(where);
      applyTo(this.#cluster, ...inNamespace(where, rollingDeployment(this.#done[where].restarts + 1)));
      await eventually(() => {
        const uids = new Set(pods.list(where).map(({ metadata }) => metadata.uid));
        return uids.size === before.length && before.every(({ metadata }) => !uids.has(metadata.uid));
      }, 60_000);
      this.#done[where].restarts++;
    }
  }
}
