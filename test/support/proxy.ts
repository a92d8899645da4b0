/** The data plane in this process, for tests: a table made by hand, raw sockets in front, raw sockets behind. */
import { createPrivateKey } from 'node:crypto';
import net from 'node:net';
import {
  CATCH_ALL_HOST,
  certificateId,
  groupId,
  type Certificate,
  type Endpoint,
  type Route,
  type RouteTarget,
  type RoutingTable,
  type TablePatch,
  type UpstreamGroup,
  type VirtualHost,
} from '../../src/model/table.ts';
import type { RoutePolicies } from '../../src/model/policies.ts';
import { sharedCounters, type SeriesLabels } from '../../src/observe/series.ts';
import type { TempFileSystem } from '../../src/proxy/body/temp-files.ts';
import { Runtime } from '../../src/proxy/workers/runtime.ts';
import type { Lookup } from '../../src/proxy/upstream/resolver.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';
import { makeCertificate } from './pki.ts';
import { LAYOUT, seriesWriter } from './series.ts';

/** An upstream group of the Service `name` in the namespace `default`. */
export function group(name: string, ports: readonly number[], address = '127.0.0.1'): UpstreamGroup {
  const endpoints: Endpoint[] = ports.map((port) => ({ address, port, dns: false }));
  return { id: groupId('default', name, '80'), namespace: 'default', service: name, port: '80', protocol: null, endpoints };
}

/** A route for every path below `path` ("/" or without a final slash). */
export function prefixRoute(path: string, target: RouteTarget | string, policies: RoutePolicies = {}): Route {
  return {
    match:
      path === '/'
        ? { exact: null, prefix: '/', slashRedirect: null }
        : { exact: path, prefix: `${path}/`, slashRedirect: null },
    path,
    pathType: 'Prefix',
    target: typeof target === 'string' ? { kind: 'group', group: groupId('default', target, '80'), fallback: null } : target,
    policies,
    ingress: { namespace: 'default', name: 'web' },
    service: typeof target === 'string' ? { name: target, port: '80' } : null,
  };
}

export function host(name: string, routes: readonly Route[], certificate: VirtualHost['certificate'] = null): VirtualHost {
  return { host: name, certificate, tls: null, routes, passthrough: null };
}

/** The catch-all host, answering 404. */
export const NOT_FOUND_HOST: VirtualHost = host(CATCH_ALL_HOST, [prefixRoute('/', { kind: 'answer', status: 404 })]);

/** A certificate of the model for these names. */
export function certificate(name: string, names: readonly string[]): Certificate {
  const { cert, key } = makeCertificate({ names });
  return {
    id: certificateId('default', name),
    chain: cert,
    key: createPrivateKey(key),
    fingerprint: `${name}-${cert.length}-${cert.slice(60, 120)}`,
    names,
    notBefore: 0,
    notAfter: 0,
  };
}

let version = 0;

/** A patch that replaces the whole table. */
export function table(
  hosts: readonly VirtualHost[],
  groups: readonly UpstreamGroup[],
  extra: Partial<TablePatch> = {},
): TablePatch {
  return {
    version: ++version,
    reset: true,
    hosts: [...hosts, NOT_FOUND_HOST],
    removedHosts: [],
    groups,
    removedGroups: [],
    certificates: [],
    removedCertificates: [],
    streams: [],
    removedStreams: [],
    upstreamSecrets: [],
    removedUpstreamSecrets: [],
    defaultCertificate: null,
    ...extra,
  };
}

/** The table that a patch of everything makes. */
export function wholeTable({
  hosts,
  groups,
  certificates,
  streams,
  upstreamSecrets,
  defaultCertificate,
}: TablePatch): RoutingTable {
  return {
    hosts: new Map(hosts.map((one) => [one.host, one])),
    groups: new Map(groups.map((one) => [one.id, one])),
    certificates: new Map(certificates.map((one) => [one.id, one])),
    streams: new Map(streams.map((one) => [one.id, one])),
    upstreamSecrets: new Map(upstreamSecrets.map((one) => [one.id, one])),
    defaultCertificate: defaultCertificate!,
  };
}

/**
 * Settings for tests: the defaults, on loopback and free ports, without access log, and without the watch of delays: how busy the
 * machine is must not decide what a test sees. Request bodies are streamed: a test that has them read whole says so.
 */
export function proxySettings(changes: Partial<ProxySettings> = {}): ProxySettings {
  const ours = {
    bindAddress: '127.0.0.1',
    httpPort: 0,
    httpsPort: 0,
    accessLog: false,
    streamAccessLog: false,
    overloadDelay: null,
    requestBuffering: false,
  };
  return { ...DEFAULT_SETTINGS.proxy, ...ours, ...changes };
}

/** A running data plane. */
export interface TestProxy {
  readonly runtime: Runtime;
  readonly port: number;
  readonly httpsPort: number;
  /** The series that were announced: slot → labels. */
  readonly series: Map<number, SeriesLabels>;
  readonly counters: Float64Array;
  /** The requests counted in a slot of the first segment. */
  readonly requestsOf: (slot: number) => number;
  /** Exceptions that a connection did not expect. */
  readonly bugs: readonly unknown[];
  readonly close: () => Promise<void>;
}

/** Starts a data plane in this process. `patch` needs no default certificate. */
export async function startProxy(
  patch: TablePatch,
  changes: Partial<ProxySettings> = {},
  lookup?: Lookup,
  fileSystem?: TempFileSystem,
): Promise<TestProxy> {
  const series = new Map<number, SeriesLabels>();
  const bugs: unknown[] = [];
  const counters = sharedCounters();
  let firstSegment: Float64Array = new Float64Array();
  const writer = seriesWriter(counters, ({ slot, labels, segment }) => {
    if (slot === 0 && segment !== null) firstSegment = segment;
    if (labels === null) series.delete(slot);
    else series.set(slot, labels);
  });
  const runtime = new Runtime(proxySettings(changes), writer, {
    lookup,
    fileSystem,
    // Services of policies are on the loopback, as all that tests speak to.
    reachable: () => true,
    onBug: (error) => bugs.push(error),
  });
  runtime.apply({
    ...patch,
    defaultCertificate: patch.defaultCertificate ?? certificate('default', ['ingress.local']),
  });
  const ports = await runtime.listen({ http: 0, https: 0 });
  return {
    runtime,
    port: ports.http,
    httpsPort: ports.https,
    series,
    counters,
    requestsOf: (slot) => firstSegment[slot * LAYOUT.size] ?? 0,
    bugs,
    close: () => runtime.stop(0),
  };
}

/** A backend that speaks bytes: `onData` gets each connection's bytes so far. */
export interface RawBackend {
  readonly port: number;
  /** What each connection sent, in the order they were opened. */
  readonly received: string[];
  readonly sockets: net.Socket[];
  readonly close: () => Promise<void>;
}

/** Answers every complete request head with what `answer` says; null: nothing. `port`: any free one unless given. */
export async function rawBackend(
  answer: (head: string, socket: net.Socket, connection: number) => string | Buffer | null,
  port = 0,
): Promise<RawBackend> {
  const received: string[] = [];
  const sockets: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const index = sockets.push(socket) - 1;
    received.push('');
    let seen = 0;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received[index] += chunk.toString('latin1');
      for (;;) {
        const end = received[index]!.indexOf('\r\n\r\n', seen);
        if (end < 0) return;
        const head = received[index]!.slice(seen, end + 4);
        seen = end + 4;
        const reply = answer(head, socket, index);
        if (reply !== null && !socket.destroyed) socket.write(reply, 'latin1');
      }
    });
    socket.on('end', () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    received,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A response with a body. */
export function response(body: string, fields = ''): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}
