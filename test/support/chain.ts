/** The whole chain: an embedded cluster in this process, `sluice controller` as a process of its own, and real requests. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { StoredObject } from '../../src/cluster/embedded/api/storage.ts';
import {
  type EmbeddedCluster,
  type EmbeddedClusterOptions,
  startEmbeddedCluster,
} from '../../src/cluster/embedded/embedded.ts';
import { apiVersionOf } from '../../src/cluster/embedded/resources/resources.ts';
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { Sluice, type SluiceOutput } from './child.ts';
import { eventually } from './eventually.ts';
import * as objects from './manifests.ts';
import { freePort } from './ports.ts';

/** A response. `echo` is what the backend of a Pod says of itself and the request; null when no backend answered. */
export interface ChainAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly echo: Echo | null;
  /** Of the server, DER; null over plain HTTP. */
  readonly certificate: Buffer | null;
}

/** What a backend answers: see src/cluster/embedded/backends/answer.ts. */
export interface Echo {
  readonly pod: string;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ChainOptions {
  /** Further flags of `sluice controller`. */
  readonly flags?: readonly string[];
  /** Over `POD_NAME` and `POD_NAMESPACE`. */
  readonly env?: Readonly<Record<string, string>>;
  /** A cluster that others use too; it is not closed with the chain. */
  readonly cluster?: EmbeddedCluster;
  readonly output?: SluiceOutput;
  /** The name of the Pod; replicas of one cluster have different ones. */
  readonly pod?: string;
}

/** What is not there yet when objects were applied together: their watches are not in step. */
const UNSETTLED: ReadonlySet<string> = new Set(['ServiceNotFound', 'ServiceNoEndpoints', 'SecretNotFound']);

/** So many reach every worker, but once in a million. */
const CONNECTIONS = 20;

/** A cluster for one or more chains, with the Service `control` and the class `nginx`. */
export async function startCluster(options: Partial<EmbeddedClusterOptions> = {}): Promise<EmbeddedCluster> {
  const cluster = await startEmbeddedCluster({ apiPort: await freePort(), drainDelayMs: 0, ...options });
  applyTo(cluster, objects.ingressClass('nginx'), ...objects.backend('control'));
  return cluster;
}

/** Applies objects, none of which may be refused. */
export function applyTo(cluster: EmbeddedCluster, ...given: readonly object[]): void {
  const { errors } = cluster.apply(given);
  if (errors.length > 0) throw new Error(errors.map(({ kind, name, message }) => `${kind} ${name}: ${message}`).join('\n'));
}

/** Puts an object into the namespace `default` past every check, as an API server with other rules may have stored it. */
export function storeUnchecked({ storage }: EmbeddedCluster, object: object): void {
  const { kind, apiVersion, metadata } = object as { kind: string; apiVersion: string; metadata: { name: string } };
  const type = storage.registry.all().find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
  if (type === undefined) throw new Error(`no kind ${kind} in ${apiVersion}`);
  const made = { namespace: 'default', uid: randomUUID(), creationTimestamp: '2025-01-01T00:00:00Z', resourceVersion: '' };
  storage.commit(type, 'ADDED', { ...object, kind, apiVersion, metadata: { ...made, ...metadata } }, undefined);
}

/** One cluster and one controller. */
export class Chain {
  readonly cluster: EmbeddedCluster;
  readonly sluice: Sluice;
  /** `http://127.0.0.1:PORT` */
  readonly admin: string;
  #ports: { readonly http: number; readonly https: number } = { http: 0, https: 0 };
  #marks = 0;
  readonly #release: () => Promise<void>;

  private constructor(cluster: EmbeddedCluster, sluice: Sluice, adminPort: number, release: () => Promise<void>) {
    this.cluster = cluster;
    this.sluice = sluice;
    this.admin = `http://127.0.0.1:${adminPort}`;
    this.#release = release;
  }

  /** Resolves when the admin port answers; `listening` says when there is more. */
  static async start({ flags = [], env = {}, cluster: shared, output, pod = 'sluice-0' }: ChainOptions = {}): Promise<Chain> {
    const cluster = shared ?? (await startCluster());
    const folder = mkdtempSync(join(tmpdir(), 'sluice-chain-'));
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, cluster.kubeconfig());
    const common = ['--bind-address=127.0.0.1', '--workers=1', '--access-log=false', '--http-port=0', '--https-port=0'];
    // How busy the machine is must not decide what a test sees.
    const args = [`--kubeconfig=${kubeconfig}`, '--healthz-port=0', '--overload-delay=off', ...common, ...flags];
    const sluice = new Sluice(['controller', ...args], { POD_NAME: pod, POD_NAMESPACE: 'default', ...env }, output);
    const release = async (): Promise<void> => {
      await sluice.kill();
      if (shared === undefined) await cluster.close();
      rmSync(folder, { recursive: true });
    };
    try {
      const { adminPort } = await sluice.logged('started');
      return new Chain(cluster, sluice, Number(adminPort), release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Resolves when the workers serve the first table. */
  async listening(): Promise<this> {
    const { http, https } = await this.sluice.logged('listening');
    this.#ports = { http: Number(http), https: Number(https) };
    return this;
  }

  /** The port that requests go to. */
  get httpPort(): number {
    return this.#ports.http;
  }

  /** The port that requests over TLS go to. */
  get httpsPort(): number {
    return this.#ports.https;
  }

  /** Applies objects, none of which may be refused. */
  apply(...given: readonly object[]): void {
    applyTo(this.cluster, ...given);
  }

  /**
   * Resolves when everything that was applied is served: a marker, written last, of a class that was written last, is. An
   * object that lacks others would wait for ever; those are not for this.
   */
  async settled(): Promise<void> {
    this.#marks += 1;
    const name = `marker-${this.#marks}`;
    const marks = [objects.ingressClass(name), objects.ingress(name, `${name}.test Prefix / control`, { className: name })];
    this.apply(...marks);
    // By every worker: they are not in step, and the kernel spreads connections over them.
    await eventually(async () => {
      for (let i = 0; i < CONNECTIONS; i++) if ((await this.get(`http://${name}.test/`)).status !== 200) return false;
      return true;
    });
    await eventually(async () => (await this.diagnostics()).every(({ code }) => !UNSETTLED.has(code)));
    await eventually(async () => (await this.ready()).status === 200);
    this.cluster.delete(marks);
  }

  /** One request on a connection of its own; nothing of the URL is normalised. TLS is asked for with the URL's host as SNI. */
  get(url: string, method = 'GET'): Promise<ChainAnswer> {
    const [, scheme = '', host = '', path = '/'] = /^(https?):\/\/([^/?]*)(.*)$/u.exec(url) ?? [];
    const secure = scheme === 'https';
    const port = secure ? this.#ports.https : this.#ports.http;
    const headers = { host, 'user-agent': 'chain/1' };
    const options = { host: '127.0.0.1', port, path: path || '/', method, headers, agent: false };
    const servername = host.replace(/:\d+$/u, '');
    return new Promise((resolve, reject) => {
      const sent = secure ? httpsRequest({ ...options, servername, rejectUnauthorized: false }) : httpRequest(options);
      sent.on('response', (response) => {
        const certificate = secure ? (response.socket as TLSSocket).getPeerCertificate().raw : null;
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
        response.on('error', reject);
        response.on('end', () => {
          const { statusCode = 0, headers: got } = response;
          const echo = got['content-type'] === 'application/json' ? (JSON.parse(body) as Echo) : null;
          resolve({ status: statusCode, headers: got, echo, certificate });
        });
      });
      sent.on('error', reject).end();
    });
  }

  async configuration(): Promise<{ readonly diagnostics: readonly Diagnostic[] } & Readonly<Record<string, unknown>>> {
    return (await (await fetch(`${this.admin}/configuration`)).json()) as { diagnostics: Diagnostic[] };
  }

  async diagnostics(): Promise<readonly Diagnostic[]> {
    return (await this.configuration()).diagnostics;
  }

  async ready(): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.admin}/readyz`);
    return { status: response.status, text: await response.text() };
  }

  /** The Events on one object of the namespace `default`. */
  events(kind: string, name: string): readonly StoredObject[] {
    return this.cluster.storage
      .resource('v1', 'events')
      .list()
      .filter(({ involvedObject: about }) => {
        const { kind: ofKind, name: named } = about as { kind: string; name: string };
        return ofKind === kind && named === name;
      });
  }

  /** Whether `sluice` still runs. */
  get alive(): boolean {
    return this.sluice.process.exitCode === null && this.sluice.process.signalCode === null;
  }

  async close(): Promise<void> {
    await this.#release();
  }
}
