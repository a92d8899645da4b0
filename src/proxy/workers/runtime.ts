/** What a worker holds: the table ready for use, the pools, the connections, and how a patch changes them. */
import type { KeyObject } from 'node:crypto';
import type { StreamId, TablePatch, VirtualHost } from '../../model/table.ts';
import { LogFiles } from '../../observe/log-files.ts';
import {
  ACCEPTED,
  ACTIVE,
  ADMISSION,
  LOG_DROPPED,
  PROXY_HEADERS_REFUSED,
  READING,
  REFUSED,
  REJECTED,
  SPANS_LOST,
  UDP_DROPPED,
  WAITING,
  WRITING,
} from '../../observe/series.ts';
import { countsAlone, type ClientCounts } from '../../policies/limits/client-counts.ts';
import type { SeriesWriter } from '../../observe/series-writer.ts';
import { Tracing } from '../../observe/tracing/tracer.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { collectGarbage } from './collect-garbage.ts';
import { connectionStates } from './connection-states.ts';
import { compileRoute, groupsOf, treatedAlike, unavailableHost, type CompiledRoute } from '../routing/compiled-route.ts';
import { Compression } from '../compression/compression.ts';
import type { BoundPorts } from '../data-plane.ts';
import { Deadlines } from '../deadlines.ts';
import type { ConnectionContext, OpenConnection } from '../http1/connection-context.ts';
import { RequestStates } from '../http1/request-state.ts';
import { ClientSession } from '../http2/session.ts';
import { AcceptPath } from '../listener/accept.ts';
import { Listeners } from '../listener/listeners.ts';
import { makeTicketKeys } from '../listener/ticket-keys.ts';
import { TlsContexts } from '../listener/tls-contexts.ts';
import { Staples } from '../ocsp/stapler.ts';
import { Mirrors } from '../mirror/mirrors.ts';
import { Outbox } from '../outbox.ts';
import type { StreamContext } from '../stream/context.ts';
import { StreamServices } from '../stream/services.ts';
import { splice, type SpliceContext } from '../stream/splice.ts';
import { Notices } from './notices.ts';
import type { Census, RuntimeOptions } from './runtime-options.ts';
import { WorkerServices } from '../subrequest/step-services.ts';
import { Admission, IDLE_SPREAD, OPEN, type AdmissionLevel } from './overload.ts';
import { Recorder } from '../record/recorder.ts';
import { Router } from '../routing/router.ts';
import { TunedSettings } from '../routing/tuned-settings.ts';
import { TempFiles } from '../body/temp-files.ts';
import { Groups, type GroupContext } from '../upstream/group.ts';
import { groupContext } from './group-context.ts';
import { IdleConnections } from '../upstream/idle.ts';
import { Resolver, systemLookup } from '../upstream/resolver.ts';

/** Refused PROXY headers are told at most once in so many milliseconds. */
const NOTICE_INTERVAL = 60_000;
/** Connections are counted by their state this often, in milliseconds. */
const COUNT_INTERVAL = 1000;
/** While memory is short, garbage is collected this often, in milliseconds. */
const COLLECT_INTERVAL = 10_000;

const clock = (): number => performance.now();

export class Runtime {
  readonly connections = new Set<OpenConnection>();
  /** What clients are stapled that ask for it. */
  readonly staples = new Staples();
  readonly tracing: Tracing;
  #settings: ProxySettings;
  readonly #admission: Admission;
  readonly #options: RuntimeOptions;
  /** What the memory and the delays asked for last. */
  #memory: AdmissionLevel = OPEN;
  #delayed: AdmissionLevel = OPEN;
  #garbageCollectedAt = -Infinity;
  #countedAt = -Infinity;
  readonly #deadlines = new Deadlines();
  readonly #outbox = new Outbox();
  readonly #states = new RequestStates();
  readonly #compression: Compression;
  readonly #counts: ClientCounts;
  readonly #tempFiles: TempFiles;
  readonly #router = new Router<CompiledRoute>(treatedAlike);
  /** The compiled routes of each host, to end their series when the host changes. */
  readonly #routes = new Map<string, readonly CompiledRoute[]>();
  readonly #groups: Groups;
  readonly #services: WorkerServices;
  readonly #tls: TlsContexts;
  readonly #files: LogFiles;
  readonly #recorder: Recorder;
  readonly #writer: SeriesWriter;
  readonly #listeners: Listeners;
  readonly #idleUpstreams = new IdleConnections();
  readonly #accept: AcceptPath;
  readonly #streams: StreamServices;
  #noticedAt = -Infinity;

  constructor(settings: ProxySettings, writer: SeriesWriter, options: RuntimeOptions) {
    const { onBug, lookup: resolveName = systemLookup, ticketKeys = makeTicketKeys() } = options;
    this.#settings = settings;
    this.#writer = writer;
    this.#options = options;
    this.#admission = new Admission(() => writer.add(REFUSED, 1));
    const notices = new Notices((what, why) => options.onTrouble?.(what, why));
    this.#files = new LogFiles(
      (lines) => writer.add(LOG_DROPPED, lines),
      (path, message) => notices.tell(`the access log ${path} cannot be written`, message),
    );
    this.#recorder = new Recorder(writer, this.#files);
    this.#recorder.configure(settings);
    this.tracing = new Tracing((spans, why) => {
      writer.add(SPANS_LOST, spans);
      notices.tell('spans were not taken by the collector', why);
    });
    this.tracing.configure(settings);
    this.#compression = new Compression(settings, this.#deadlines);
    this.#counts = options.counts ?? countsAlone(settings.limitMemory);
    this.#tempFiles = new TempFiles(
      {
        limits: () => this.#settings,
        deadlines: this.#deadlines,
        onBug,
        onFailed: ({ message }) => notices.tell('temporary files cannot be used: large bodies are refused', message),
      },
      options.fileSystem,
    );
    this.#tls = new TlsContexts(settings);
    const shared = { deadlines: this.#deadlines, outbox: this.#outbox, idle: this.#idleUpstreams };
    const groups = groupContext(onBug, () => this.#settings, shared, writer);
    this.#groups = new Groups(groups);
    this.#services = new WorkerServices(groups, { deadlines: this.#deadlines, settings: () => this.#settings, clock, options });
    const connections = this.#connectionContext(new Resolver(resolveName, clock), groups);
    const streams = this.#streamContext(connections);
    this.#accept = new AcceptPath({
      ...streams,
      needsServerName: () => this.#tls.hasProfiles,
      onPassthrough: (socket, address, group, header) => splice(socket, address, group, header, streams),
    });
    this.#streams = new StreamServices(streams);
    this.#listeners = new Listeners(connections, this.#tls, ticketKeys, this.#accept, {
      onAccept: (served) => {
        writer.add(ACCEPTED, 1);
        if (!served) writer.add(REJECTED, 1);
      },
      staple: (certificate) => this.staples.find(certificate),
    });
  }

  /**
   * Changes the table. Connections stay as they are; exchanges in flight finish on the routes they began with. What cannot be
   * applied is a bug, and costs no more than itself: the worker that replaced this one would be given the same table.
   */
  apply(patch: TablePatch): void {
    // Groups first: routes refer to them. Hosts before the groups that go.
    const hosts = new Set(patch.hosts.map(({ host }) => host));
    const groups = new Set(patch.groups.map(({ id }) => id));
    const removedHosts = patch.reset ? [...this.#router.hosts()].filter((host) => !hosts.has(host)) : patch.removedHosts;
    const removedGroups = patch.reset ? [...this.#groups.ids()].filter((id) => !groups.has(id)) : patch.removedGroups;
    const secrets = new Set(patch.upstreamSecrets.map(({ id }) => id));
    const removedSecrets = patch.reset
      ? [...this.#groups.secretIds()].filter((id) => !secrets.has(id))
      : patch.removedUpstreamSecrets;
    if (patch.reset) this.#tls.clear();
    if (patch.defaultCertificate !== null) this.#tls.setDefault(patch.defaultCertificate);
    for (const certificate of patch.certificates) this.#tls.setCertificate(certificate);
    for (const secret of patch.upstreamSecrets)
      this.#try(`TLS to backends stays as it was for ${secret.id}`, () => this.#groups.setSecret(secret));
    for (const group of patch.groups)
      this.#try(`the endpoints of ${group.id} stay as they were`, () => this.#groups.set(group));
    for (const host of patch.hosts) {
      // Not as it was: what could not be applied may be what keeps strangers out.
      if (!this.#try(`${host.host} answers 503`, () => this.#setHost(host))) this.#setHost(unavailableHost(host));
    }
    for (const host of removedHosts) {
      this.#letGo(host);
      this.#routes.delete(host);
      this.#router.delete(host);
      this.#tls.deleteHost(host);
      this.#accept.deleteHost(host);
    }
    const streams = new Set(patch.streams.map(({ id }) => id));
    const removedStreams = patch.reset ? [...this.#streams.ids()].filter((id) => !streams.has(id)) : patch.removedStreams;
    for (const id of removedStreams) this.#streams.delete(id);
    for (const stream of patch.streams)
      this.#try(`the service of ${stream.id} stays as it was`, () => this.#streams.set(stream));
    this.#groups.sweep();
    for (const id of removedGroups) this.#groups.delete(id);
    for (const id of removedSecrets) this.#groups.deleteSecret(id);
    for (const id of patch.removedCertificates) this.#tls.deleteCertificate(id);
    this.#recorder.sweep();
    this.#listeners.sweep();
    if (patch.defaultCertificate !== null) this.#refreshContext();
  }

  configure(settings: ProxySettings): void {
    // What is bound stays bound.
    const { httpPort, httpsPort } = this.#settings;
    this.#settings = { ...settings, httpPort, httpsPort };
    this.#recorder.configure(settings);
    this.tracing.configure(settings);
    this.#compression.configure(settings);
    this.#tls.configure(settings);
    this.#refreshContext();
  }

  /** Replaces the keys of TLS session tickets. */
  setTicketKeys(keys: KeyObject): void {
    this.#listeners.setTicketKeys(keys);
  }

  async listen(ports: BoundPorts): Promise<BoundPorts> {
    this.#refreshContext();
    const bound = await this.#listeners.listen({ ...this.#settings, httpPort: ports.http, httpsPort: ports.https });
    this.#settings = { ...this.#settings, httpPort: bound.http, httpsPort: bound.https };
    return bound;
  }

  /** Listens for a TCP or UDP service, whose port is free. Rejects with the system's error. */
  listenStream(id: StreamId): Promise<void> {
    return this.#streams.listen(id);
  }

  /** From now on every response closes its connection; accepting goes on. */
  drain(): void {
    this.#admission.drain();
  }

  /** Stops accepting; resolves when every connection is closed, by force after `deadline` milliseconds. */
  async stop(deadline: number): Promise<void> {
    this.drain();
    this.#listeners.close();
    this.#streams.close();
    for (const connection of this.connections) connection.drain();
    const until = performance.now() + deadline;
    while (this.#listeners.open > 0 && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const connection of this.connections) connection.destroy();
    this.#listeners.destroy();
    this.#deadlines.close();
    this.#services.close();
    await Promise.all([this.#files.close(), this.tracing.close()]);
  }

  /** Counts what is open now. */
  census(): Census {
    return {
      connections: this.#listeners.open,
      streams: this.#openStreams(),
      deadlines: this.#deadlines.size,
      upstreams: this.#groups.openConnections() + this.#services.subrequests.connections,
      idleUpstreams: this.#idleUpstreams.size,
      udpSessions: this.#streams.sessions,
      compressions: this.#compression.atWork,
      tempFiles: this.#tempFiles.files,
      tempBytes: this.#tempFiles.bytes,
    };
  }

  /** Publishes what is open, and looks for an overload. `delay`: how late the event loop is, in milliseconds. */
  tick(delay: number): void {
    this.#writer.set(ACTIVE, this.#listeners.open);
    if (performance.now() - this.#countedAt > COUNT_INTERVAL) this.#countStates();
    this.#admit(() => {
      const level = this.#admission.delay(delay, this.#settings.overloadDelay);
      if (level !== this.#delayed) this.#options.onDelayed?.(level, delay);
      this.#delayed = level;
    });
    if (this.#memory !== OPEN && performance.now() - this.#garbageCollectedAt > COLLECT_INTERVAL) {
      this.#garbageCollectedAt = performance.now();
      collectGarbage();
    }
  }

  /** What the memory of the process asks for. */
  memory(level: AdmissionLevel): void {
    this.#memory = level;
    this.#admit(() => this.#admission.memory(level));
  }

  #countStates(): void {
    this.#countedAt = performance.now();
    const { reading, writing, waiting } = connectionStates(this.connections);
    this.#writer.set(READING, reading);
    this.#writer.set(WRITING, writing);
    this.#writer.set(WAITING, waiting);
  }

  #openStreams(): number {
    let streams = 0;
    for (const connection of this.connections) if (connection instanceof ClientSession) streams += connection.streams;
    return streams;
  }

  /** Idle connections go as soon as no connection is kept alive any more. */
  #admit(change: () => void): void {
    const before = this.#admission.level;
    change();
    const { level } = this.#admission;
    this.#writer.set(ADMISSION, level);
    if (before === OPEN && level !== OPEN)
      for (const connection of this.connections) connection.drain(Math.random() * IDLE_SPREAD);
  }

  /** False when it threw, which is told. */
  #try(lost: string, change: () => void): boolean {
    try {
      change();
      return true;
    } catch (error) {
      this.#options.onBug(error, lost);
      return false;
    } finally {
      this.#options.onProgress?.();
    }
  }

  #setHost(host: VirtualHost): void {
    const routes = host.routes.map((route) => compileRoute(route, host, this.#groups, this.#recorder, this.#services));
    for (const route of routes) for (const group of groupsOf(route)) group.users++;
    this.#letGo(host.host);
    this.#routes.set(host.host, routes);
    this.#router.set(host, routes);
    this.#tls.setHost(host);
    this.#accept.setHost(host);
  }

  #refreshContext(): void {
    this.#try('the certificate for clients without SNI stays as it was', () => this.#listeners.refreshContext());
  }

  /** The routes of a host are used no longer. */
  #letGo(host: string): void {
    for (const route of this.#routes.get(host) ?? []) {
      this.#recorder.close(route.series);
      for (const group of groupsOf(route)) group.users--;
    }
  }

  #streamContext({ admission, resolver, deadlines, onBug, settings }: ConnectionContext): StreamContext {
    const splices: SpliceContext = {
      admission,
      deadlines,
      resolver,
      onBug,
      limits: settings,
      onSpliced: ({ address, status, sent, received, startedAt }) =>
        this.#recorder.recordStream(
          { remoteAddress: address, protocol: 'TCP', status, bytesSent: sent, bytesReceived: received },
          deadlines.now - startedAt,
        ),
    };
    return {
      ...splices,
      settings,
      group: (id) => this.#groups.get(id),
      admits: (socket) => this.#listeners.admits(socket),
      onUdpSession: ({ address, status, sent, received, startedAt }) =>
        this.#recorder.recordStream(
          { remoteAddress: address, protocol: 'UDP', status, bytesSent: sent, bytesReceived: received },
          deadlines.now - startedAt,
        ),
      onDropped: () => this.#writer.add(UDP_DROPPED, 1),
      onProxyHeaderRefused: (socket, why) => {
        // Whoever came and went without a word is a health check of a load balancer.
        if (why === 'gone') return;
        this.#writer.add(PROXY_HEADERS_REFUSED, 1);
        if (deadlines.now - this.#noticedAt < NOTICE_INTERVAL) return;
        this.#noticedAt = deadlines.now;
        this.#options.onProxyHeaderRefused?.(socket.remoteAddress ?? 'a client', why);
      },
    };
  }

  #connectionContext(resolver: Resolver, groups: GroupContext): ConnectionContext {
    return {
      onBug: groups.onBug,
      settings: () => this.#settings,
      tuned: new TunedSettings(),
      files: this.#tempFiles,
      admission: this.#admission,
      router: this.#router,
      resolver,
      mirrors: new Mirrors({ ...groups, admission: this.#admission, resolver }),
      keepsResponses: () => this.#recorder.keepsResponses,
      tracer: () => this.tracing.current,
      onExchangeDone: (exchange) => this.#recorder.record(exchange),
      deadlines: this.#deadlines,
      compression: this.#compression,
      counts: this.#counts,
      outbox: this.#outbox,
      states: this.#states,
      requestLimits: () => this.#settings,
      connections: this.connections,
      onRefused: (connection, error) => this.#recorder.recordRefused(connection.client.address, error),
    };
  }
}
