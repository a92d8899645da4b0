/** A proxy with hosts that ask for client certificates and one that does not, and clients for it. */
import { createHash } from 'node:crypto';
import type tls from 'node:tls';
import type { ClientAuth, HostTls, TablePatch, VirtualHost } from '../../../src/model/table.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { makeCa, makeCertificate, type TestCertificate } from '../../support/pki.ts';
import {
  certificate,
  group,
  host,
  prefixRoute,
  rawBackend,
  response,
  startProxy,
  table,
  type RawBackend,
  type TestProxy,
} from '../../support/proxy.ts';
import { RawClient, type RawResponse } from '../../support/raw-client.ts';

export const CA = makeCa({ name: 'Client CA' });
export const OTHER_CA = makeCa({ name: 'Other CA' });
export const ALICE = makeCertificate({ names: ['alice'], issuer: CA });
/** A client of the other authority. */
export const MALLORY = makeCertificate({ names: ['mallory'], issuer: OTHER_CA });

/** What a host demands; certificates of `CA`, unless said otherwise. */
export function demands(changes: Partial<ClientAuth> = {}): ClientAuth {
  const auth = {
    verify: 'on' as const,
    depth: 1,
    ca: CA.cert,
    crl: null,
    passCertificate: false,
    matchCn: null,
    errorPage: null,
    plainHttpPaths: [],
    ...changes,
  };
  const { ca, crl, verify, depth } = auth;
  return {
    id: createHash('sha256')
      .update(JSON.stringify([ca, crl, verify, depth]))
      .digest('hex'),
    ...auth,
  };
}

const PLAIN: HostTls = { alternative: null, ciphers: null, preferServerCiphers: null, versions: null, clientAuth: null };

/** A table with these hosts, all in front of one backend. Null: the host asks for no certificate. */
export function tableOf(
  hosts: Readonly<Record<string, Partial<HostTls> | null>>,
  port: number,
  routes = [prefixRoute('/', 'app')],
): TablePatch {
  const certificates = Object.keys(hosts).map((name) => certificate(name, [name]));
  const virtual = Object.entries(hosts).map(([name, own], index) => ({
    ...host(name, routes, certificates[index]!.id),
    tls: own === null ? null : { ...PLAIN, ...own },
  }));
  const patch = table(virtual, [group('app', [port])], { certificates });
  // The catch-all host may be one of them.
  return { ...patch, hosts: patch.hosts.filter(({ host: name }, index) => index < virtual.length || !(name in hosts)) };
}

export class Scene {
  readonly backend: RawBackend;
  readonly proxy: TestProxy;
  readonly #clients: RawClient[] = [];

  readonly #table: TablePatch;

  private constructor(backend: RawBackend, proxy: TestProxy, patch: TablePatch) {
    this.#table = patch;
    this.backend = backend;
    this.proxy = proxy;
  }

  static async start(
    hosts: Readonly<Record<string, Partial<HostTls> | null>>,
    settings: Partial<ProxySettings> = {},
    routes = [prefixRoute('/', 'app')],
  ): Promise<Scene> {
    const backend = await rawBackend(() => response('served'));
    const patch = tableOf(hosts, backend.port, routes);
    return new Scene(backend, await startProxy(patch, settings), patch);
  }

  /** A host of the table it began with. */
  hostOf(name: string): VirtualHost {
    return this.#table.hosts.find(({ host: each }) => each === name)!;
  }

  /** A connection whose handshake is for `servername` (none: ''). */
  async connect(
    servername: string,
    shown: TestCertificate | null = null,
    options: tls.ConnectionOptions & { readonly allowHalfOpen?: boolean } = {},
  ): Promise<RawClient> {
    const credentials = shown === null ? {} : { cert: shown.chain, key: shown.key };
    const client = await RawClient.connectTls(this.proxy.httpsPort, { servername, ...credentials, ...options });
    this.#clients.push(client);
    return client;
  }

  /** One request on a connection of its own; `name` is its Host, too. */
  async get(servername: string, shown: TestCertificate | null = null, name = servername, fields = ''): Promise<RawResponse> {
    const client = await this.connect(servername, shown);
    const answer = await client.request(`GET / HTTP/1.1\r\nHost: ${name}\r\n${fields}\r\n`);
    client.close();
    return answer;
  }

  /** The heads that reached the backend. */
  get forwarded(): string[] {
    return this.backend.received
      .join('')
      .split('\r\n\r\n')
      .filter((head) => head !== '');
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.backend.close();
    await this.proxy.close();
    if (this.proxy.bugs.length > 0) throw new AggregateError(this.proxy.bugs, 'the proxy met a bug');
  }
}
