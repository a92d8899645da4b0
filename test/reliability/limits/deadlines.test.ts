/**
 * Threat: a path through the code that clears a deadline without setting the next lets one client, or one backend, hold a
 * connection for ever. Source: R55 (CVE-2026-26999, CVE-2023-47124: a deadline cleared between two phases).
 *
 * Random sequences of everything that can happen to a client, its upstream and its name server, on sockets and a clock of the
 * test's own: after every single event somebody's deadline covers every connection, and once nothing happens any more, time alone
 * ends all of them.
 */
import { countsAlone } from '../../../src/policies/limits/client-counts.ts';
import { TempFiles } from '../../../src/proxy/body/temp-files.ts';
import { TunedSettings } from '../../../src/proxy/routing/tuned-settings.ts';
import type net from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccessLog } from '../../../src/observe/access-log.ts';
import { sharedCounters } from '../../../src/observe/series.ts';
import { Compression } from '../../../src/proxy/compression/compression.ts';
import { compileRoute, type CompiledRoute } from '../../../src/proxy/routing/compiled-route.ts';
import { Deadlines, type Timed } from '../../../src/proxy/deadlines.ts';
import { ClientConnection } from '../../../src/proxy/http1/connection.ts';
import { RequestStates } from '../../../src/proxy/http1/request-state.ts';
import type { ConnectionContext } from '../../../src/proxy/http1/connection-context.ts';
import { clientInfo } from '../../../src/proxy/http1/forward-request.ts';
import { Outbox } from '../../../src/proxy/outbox.ts';
import { Recorder } from '../../../src/proxy/record/recorder.ts';
import { Router } from '../../../src/proxy/routing/router.ts';
import type { UpstreamConnection } from '../../../src/proxy/upstream/connection.ts';
import { Mirrors } from '../../../src/proxy/mirror/mirrors.ts';
import { Groups } from '../../../src/proxy/upstream/group.ts';
import { IdleConnections } from '../../../src/proxy/upstream/idle.ts';
import { UpstreamSocket } from '../../../src/proxy/upstream/socket.ts';
import { Resolver } from '../../../src/proxy/upstream/resolver.ts';
import { Admission } from '../../../src/proxy/workers/overload.ts';
import { NO_SERVICES } from '../../support/auth.ts';
import { FakeSocket } from '../../support/fake-socket.ts';
import { group, host, prefixRoute, proxySettings } from '../../support/proxy.ts';
import { seriesWriter } from '../../support/series.ts';

const SETTINGS = proxySettings({
  clientHeaderTimeout: 10_000,
  clientBodyTimeout: 7_000,
  clientSendTimeout: 6_000,
  keepAliveTimeout: 20_000,
  lingeringTime: 15_000,
  lingeringTimeout: 5_000,
  upstreamConnectTimeout: 3_000,
  upstreamReadTimeout: 9_000,
  upstreamSendTimeout: 8_000,
  upstreamKeepAliveTimeout: 12_000,
  upstreamTries: 2,
  maxRequestBodySize: 100_000,
});
/** Longer than all of them together, a few requests over. */
const LONG_ENOUGH = 600_000;

class WatchedDeadlines extends Deadlines {
  readonly all = new Set<Timed>();

  override add(timed: Timed): void {
    super.add(timed);
    this.all.add(timed);
  }

  override delete(timed: Timed): void {
    super.delete(timed);
    this.all.delete(timed);
  }
}

/** One client and its upstreams, with every event in the test's hand. */
class World {
  now = 0;
  readonly bugs: unknown[] = [];
  readonly deadlines = new WatchedDeadlines(() => this.now);
  readonly client: FakeSocket;
  readonly upstreams: FakeSocket[] = [];
  readonly connection: ClientConnection;
  readonly #connections = new Set<ClientConnection>();
  #lookups: ((error: Error | null, addresses: readonly string[]) => void)[] = [];
  #tasks: (() => void)[] = [];
  readonly #outbox = new Outbox();
  readonly #connecting: { readonly mockRestore: () => void };

  constructor() {
    const later = (task: () => void): void => void this.#tasks.push(task);
    this.#connecting = vi.spyOn(UpstreamSocket.prototype, 'connect').mockImplementation(((options: net.TcpNetConnectOpts) => {
      const socket = new FakeSocket(later, true, options.onread ?? null);
      this.upstreams.push(socket);
      return socket.socket;
    }) as UpstreamSocket['connect']);
    const onBug = (error: unknown): void => void this.bugs.push(error);
    const writer = seriesWriter(sharedCounters(), () => undefined);
    const log = new AccessLog(
      (_, done) => done(null),
      () => undefined,
    );
    const recorder = new Recorder(writer, { get: () => log, keep: () => undefined });
    const pools = {
      onBug,
      deadlines: this.deadlines,
      limits: () => SETTINGS,
      connectTimeout: () => SETTINGS.upstreamConnectTimeout,
      readTimeout: () => SETTINGS.upstreamReadTimeout,
      sendTimeout: () => SETTINGS.upstreamSendTimeout,
      readBuffer: Buffer.alloc(65_536),
      poolLimits: () => SETTINGS,
      idle: new IdleConnections(),
      outbox: this.#outbox,
      healthLimits: () => SETTINGS,
      onEjected: () => undefined,
      retryBudget: () => SETTINGS.upstreamRetryBudget,
      onRetryDenied: () => undefined,
    };
    const groups = new Groups(pools);
    groups.set(group('app', [1, 2]));
    const named = { ...group('ext', []), endpoints: [{ address: 'ext.example', port: 3, dns: true }] };
    groups.set(named);
    const router = new Router<CompiledRoute>();
    for (const name of ['app', 'ext']) {
      const virtual = host(`${name}.example`, [prefixRoute('/', name)]);
      router.set(
        virtual,
        virtual.routes.map((route) => compileRoute(route, virtual, groups, recorder, NO_SERVICES)),
      );
    }
    const clock = (): number => this.now;
    const resolver = new Resolver((_, done) => void this.#lookups.push(done), clock);
    const admission = new Admission(() => undefined);
    const context: ConnectionContext = {
      onBug,
      settings: () => SETTINGS,
      tuned: new TunedSettings(),
      files: new TempFiles({ limits: () => SETTINGS, deadlines: this.deadlines, onFailed: onBug, onBug }),
      counts: countsAlone(SETTINGS.limitMemory),
      router,
      resolver,
      mirrors: new Mirrors({ ...pools, resolver, admission }),
      tracer: () => null,
      keepsResponses: () => false,
      onExchangeDone: (exchange) => recorder.record(exchange),
      deadlines: this.deadlines,
      compression: new Compression(SETTINGS, this.deadlines),
      outbox: this.#outbox,
      states: new RequestStates(),
      requestLimits: () => SETTINGS,
      connections: this.#connections,
      admission,
      onRefused: () => undefined,
    };
    this.client = new FakeSocket(later, false);
    this.connection = new ClientConnection(this.client.socket, clientInfo('', 'http'), context);
    this.#connections.add(this.connection);
  }

  get upstream(): FakeSocket | undefined {
    return this.upstreams.at(-1);
  }

  resolve(addresses: readonly string[]): void {
    for (const done of this.#lookups.splice(0)) done(null, addresses);
  }

  advance(milliseconds: number): void {
    this.now += milliseconds;
    this.deadlines.check();
    vi.advanceTimersByTime(milliseconds);
  }

  /** What is written, and what sockets do, at the end of the event loop's turn. */
  settle(): void {
    do {
      this.#outbox.flush();
      this.#tasks.shift()?.();
    } while (this.#tasks.length > 0);
    this.#outbox.flush();
  }

  /** What nobody's deadline covers. */
  uncovered(): string[] {
    const found: string[] = [];
    const { deadline, request } = this.connection;
    const exchange = request?.exchange;
    if (!this.client.destroyed && deadline === Infinity && (exchange?.upstreamDeadline ?? Infinity) === Infinity)
      found.push('the client');
    // One client only: an upstream without a deadline of its own waits for that one.
    for (const timed of this.deadlines.all) {
      if (timed === this.connection || timed.deadline < Infinity) continue;
      const waits = exchange?.active === true && deadline < Infinity && !(timed as UpstreamConnection).closed;
      if (!waits) found.push('an upstream');
    }
    return found;
  }

  get open(): number {
    return [this.client, ...this.upstreams].filter(({ destroyed }) => !destroyed).length;
  }

  close(): void {
    this.deadlines.close();
    this.#connecting.mockRestore();
  }
}

const CHUNK = `4e20\r\n${'x'.repeat(20_000)}\r\n`;
const to = (name: string, line: string, fields = ''): string => `${line} HTTP/1.1\r\nHost: ${name}.example\r\n${fields}\r\n`;

/** Everything that can happen. */
const EVENTS = {
  'client: GET': (world: World) => world.client.receive(to('app', 'GET /')),
  'client: GET by name': (world: World) => world.client.receive(to('ext', 'GET /')),
  'client: two GETs': (world: World) => world.client.receive(to('app', 'GET /').repeat(2)),
  'client: GET without a route': (world: World) => world.client.receive(to('no', 'GET /')),
  'client: last GET': (world: World) => world.client.receive(to('app', 'GET /', 'Connection: close\r\n')),
  'client: PUT': (world: World) => world.client.receive(to('app', 'PUT /', 'Content-Length: 50000\r\n')),
  'client: small PUT without a route': (world: World) => world.client.receive(to('no', 'PUT /', 'Content-Length: 100\r\n')),
  'client: PUT that waits': (world: World) =>
    world.client.receive(to('app', 'PUT /', 'Content-Length: 100\r\nExpect: 100-continue\r\n')),
  'client: too large': (world: World) => world.client.receive(to('app', 'PUT /', 'Content-Length: 100001\r\n')),
  'client: chunked PUT': (world: World) => world.client.receive(to('app', 'PUT /', 'Transfer-Encoding: chunked\r\n')),
  'client: chunked PUT by name': (world: World) =>
    world.client.receive(`${to('ext', 'PUT /', 'Transfer-Encoding: chunked\r\n')}${CHUNK}`),
  'client: upgrade': (world: World) =>
    world.client.receive(to('app', 'GET /', 'Connection: upgrade\r\nUpgrade: websocket\r\n')),
  'client: half a head': (world: World) => world.client.receive('GET / HTTP/1.1\r\nHo'),
  'client: a little body': (world: World) => world.client.receive('x'.repeat(100)),
  'client: much body': (world: World) => world.client.receive('x'.repeat(49_900)),
  'client: a chunk': (world: World) => world.client.receive(CHUNK),
  'client: last chunk': (world: World) => world.client.receive('0\r\n\r\n'),
  'client: FIN': (world: World) => world.client.receiveEnd(),
  'client: reset': (world: World) => world.client.receiveReset(),
  'client: reads no more': (world: World) => void (world.client.stuck = true),
  'client: reads': (world: World) => world.client.drain(),
  'upstream: connected': (world: World) => world.upstream?.connect(),
  'upstream: whole response': (world: World) => world.upstream?.receive('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  'upstream: head': (world: World) => world.upstream?.receive('HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n'),
  'upstream: chunked head': (world: World) => world.upstream?.receive('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
  'upstream: head without a length': (world: World) => world.upstream?.receive('HTTP/1.1 200 OK\r\n\r\n'),
  'upstream: half a head': (world: World) => world.upstream?.receive('HTTP/1.1 200 O'),
  'upstream: early hints': (world: World) => world.upstream?.receive('HTTP/1.1 103 Early\r\nLink: a\r\n\r\n'),
  'upstream: switches': (world: World) =>
    world.upstream?.receive('HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n'),
  'upstream: data': (world: World) => world.upstream?.receive('x'.repeat(20_000)),
  'upstream: a chunk': (world: World) => world.upstream?.receive(CHUNK),
  'upstream: last chunk': (world: World) => world.upstream?.receive('0\r\n\r\n'),
  'upstream: FIN': (world: World) => world.upstream?.receiveEnd(),
  'upstream: reset': (world: World) => world.upstream?.receiveReset(),
  'upstream: reads no more': (world: World) => world.upstream !== undefined && (world.upstream.stuck = true),
  'upstream: reads': (world: World) => world.upstream?.drain(),
  'name server: an address': (world: World) => world.resolve(['192.0.2.9']),
  'name server: none': (world: World) => world.resolve([]),
  'time: a little': (world: World) => world.advance(500),
  'time: a while': (world: World) => world.advance(5_000),
} satisfies Record<string, (world: World) => unknown>;

type EventName = keyof typeof EVENTS;

/** Plays the events; throws when a connection is not covered, or is not ended by time. */
function play(names: readonly EventName[]): void {
  const world = new World();
  try {
    for (const name of names) {
      EVENTS[name](world);
      world.settle();
      expect(world.uncovered(), `after "${name}"`).toEqual([]);
    }
    for (let waited = 0; world.open > 0 && waited < LONG_ENOUGH; waited += 1_000) {
      world.advance(1_000);
      world.settle();
      expect(world.uncovered(), 'while nothing happens').toEqual([]);
    }
    expect({ open: world.open, deadlines: world.deadlines.size, bugs: world.bugs }).toEqual({
      open: 0,
      deadlines: 0,
      bugs: [],
    });
  } finally {
    world.close();
  }
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('R55: every connection has a deadline, and time alone ends it', () => {
  const anyEvent = fc.constantFrom(...(Object.keys(EVENTS) as EventName[]));

  it('whatever happens in whatever order', () => {
    fc.assert(fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 30 }), play), { numRuns: 1_000, seed: 55 });
  });

  // Random events mostly end an exchange early; these begin where long ones are.
  it.each<readonly [string, readonly EventName[]]>([
    ['an upload', ['client: PUT', 'upstream: connected', 'upstream: reads no more', 'client: much body']],
    ['an upload while a name is looked up', ['client: chunked PUT by name', 'client: a chunk']],
    [
      'a download',
      ['client: GET', 'upstream: connected', 'client: reads no more', 'upstream: chunked head', 'upstream: a chunk'],
    ],
    ['both at once', ['client: chunked PUT', 'upstream: connected', 'client: a chunk', 'upstream: chunked head']],
    ['a tunnel', ['client: upgrade', 'upstream: connected', 'upstream: switches']],
    ['a retry', ['client: chunked PUT', 'client: a chunk', 'upstream: reset']],
    ['an answer that is refused', ['client: reads no more', 'client: too large', 'client: much body']],
  ])('after %s', (_, begin) => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (then) => play([...begin, ...then])),
      { numRuns: 300, seed: 55 },
    );
  });
});
