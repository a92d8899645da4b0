/** One side of the data plane alone, for tests: pools and connections to upstreams, with a clock that the test moves. */
import { Deadlines } from '../../src/proxy/deadlines.ts';
import { Outbox } from '../../src/proxy/outbox.ts';
import type { ProxyError } from '../../src/proxy/errors.ts';
import { RequestHead } from '../../src/proxy/http1/head/request-head.ts';
import type { GroupContext } from '../../src/proxy/upstream/group.ts';
import { IdleConnections } from '../../src/proxy/upstream/idle.ts';
import type { PoolLimits } from '../../src/proxy/upstream/pool.ts';
import type { ResponseHandler, UpstreamStream } from '../../src/proxy/upstream/stream.ts';
import { proxySettings } from './proxy.ts';

/** What pools need of their worker, in the test's hands. */
export interface TestUpstreams {
  readonly context: GroupContext;
  /** May be changed at any time. */
  limits: PoolLimits;
  /** Moves the clock on by so many milliseconds, and looks at the deadlines. */
  readonly advance: (milliseconds: number) => void;
  readonly bugs: unknown[];
  readonly close: () => void;
}

/** Timeouts are 1000 ms each. */
export function testUpstreams(limits: Partial<PoolLimits> = {}): TestUpstreams {
  let now = 0;
  const settings = proxySettings();
  const deadlines = new Deadlines(() => now);
  const bugs: unknown[] = [];
  const upstreams: TestUpstreams = {
    limits: {
      upstreamKeepAliveConnections: 100,
      upstreamKeepAliveTimeout: 60_000,
      upstreamKeepAliveRequests: 1000,
      upstreamKeepAliveTime: 3_600_000,
      ...limits,
    },
    context: {
      onBug: (error) => bugs.push(error),
      deadlines,
      outbox: new Outbox(),
      limits: () => settings,
      connectTimeout: () => 1000,
      readTimeout: () => 1000,
      sendTimeout: () => 1000,
      readBuffer: Buffer.allocUnsafeSlow(65_536),
      poolLimits: () => upstreams.limits,
      idle: new IdleConnections(),
      healthLimits: () => settings,
      onEjected: () => undefined,
      retryBudget: () => settings.upstreamRetryBudget,
      onRetryDenied: () => undefined,
    },
    advance: (milliseconds) => {
      now += milliseconds;
      deadlines.check();
    },
    bugs,
    close: () => deadlines.close(),
  };
  return upstreams;
}

/** One request in flight. */
export interface Asked {
  /** Settles with the response's body, or rejects with the `ProxyError`'s code. */
  readonly body: Promise<string>;
  /** The bytes of the body so far. */
  readonly received: () => number;
  readonly error: () => ProxyError | null;
}

/** Sends a GET over `connection`. */
export function ask(connection: UpstreamStream, path = '/'): Asked {
  let text = '';
  let failed: ProxyError | null = null;
  const body = new Promise<string>((resolve, reject) => {
    const nothing = (): void => undefined;
    const handler: ResponseHandler = {
      onConnected: nothing,
      onInterim: nothing,
      onResponseHead: nothing,
      onResponseData: (bytes, start, end) => void (text += bytes.toString('latin1', start, end)),
      onResponseEnd: () => resolve(text),
      onUpstreamFailed: (error) => {
        failed = error;
        reject(new Error(error.code));
      },
      onUpstreamBlocked: nothing,
      onUpstreamDrain: nothing,
      onTunnelData: nothing,
      onTunnelEnd: nothing,
      onBug: () => reject(new Error('bug')),
    };
    const head = connection.begin(new RequestHead());
    head.text(`GET ${path} HTTP/1.1\r\nHost: app.example\r\n\r\n`);
    connection.sendEnd('');
    connection.attach(handler);
  });
  body.catch(() => undefined);
  return { body, received: () => text.length, error: () => failed };
}
