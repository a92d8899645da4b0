/** The admin port: health, metrics and the configuration dump. It reads; nothing can be changed through it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../observe/log.ts';
import { isReady, readinessText, type ReadinessPart } from './health.ts';

/** Something that prints its metrics; prom-client's Registry is one. */
interface MetricsSource {
  readonly contentType: string;
  readonly metrics: () => Promise<string>;
}

export interface AdminSources {
  readonly readiness: () => Promise<readonly ReadinessPart[]>;
  /** Null with `--enable-metrics=false`. */
  readonly metrics: MetricsSource | null;
  /** The dump for `/configuration`, free of private keys. */
  readonly configuration: () => object;
}

interface AdminOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** `--health-check-path`: answers as `/healthz` does. */
  readonly healthCheckPath: string;
  readonly log: Logger;
}

export interface AdminServer {
  readonly address: string;
  readonly port: number;
  /** Stops listening and ends the connections. */
  readonly close: () => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

type Handler = () => Answer | Promise<Answer>;

const TEXT = 'text/plain; charset=utf-8';
/** Probes, a Prometheus or two and people: more at a time is a mistake or worse. */
const MAX_CONNECTIONS = 256;

/** Listens. Rejects with the system's error (`EADDRINUSE`, `EACCES`) when the port cannot be had. */
export async function startAdmin(sources: AdminSources, options: AdminOptions): Promise<AdminServer> {
  const handlers = routes(sources, options.healthCheckPath);
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      keepAliveTimeout: 15_000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void respond(handlers, options.log, request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.on('dropRequest', (_request, socket) => socket.destroy());
  // A slow reader of a large dump: the socket's own idle time ends it.
  server.setTimeout(30_000);
  await listen(server, options);
  server.on('error', (error) => options.log.error({ error }, 'admin port'));
  const bound = server.address() as AddressInfo;
  return {
    address: bound.address,
    port: bound.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

// That this thread answers at all is what liveness asks: its event loop turns. Readiness is another question.
const health: Handler = () => text(200, 'ok\n');

function routes(sources: AdminSources, healthCheckPath: string): ReadonlyMap<string, Handler> {
  const handlers = new Map<string, Handler>([
    ['/healthz', health],
    [
      '/readyz',
      async () => {
        const parts = await sources.readiness();
        return text(isReady(parts) ? 200 : 503, readinessText(parts));
      },
    ],
    [
      '/configuration',
      () => ({ status: 200, type: 'application/json', body: `${JSON.stringify(sources.configuration(), null, 2)}\n` }),
    ],
  ]);
  const { metrics } = sources;
  if (metrics !== null) {
    handlers.set('/metrics', async () => ({ status: 200, type: metrics.contentType, body: await metrics.metrics() }));
  }
  if (!handlers.has(healthCheckPath)) handlers.set(healthCheckPath, health);
  return handlers;
}

async function respond(
  handlers: ReadonlyMap<string, Handler>,
  log: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = await answerTo(handlers, log, request);
  const headers: Record<string, string | number> = {
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  };
  if (answer.status === 405) headers['allow'] = 'GET, HEAD';
  // No request has a body here; what comes with one is not read, so the connection cannot be used again.
  if (hasBody(request) || answer.status === 405) headers['connection'] = 'close';
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function answerTo(handlers: ReadonlyMap<string, Handler>, log: Logger, request: IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD\n');
  const path = request.url?.split('?', 1)[0] ?? '';
  const handler = handlers.get(path);
  if (handler === undefined) return text(404, `not found; there are ${[...handlers.keys()].join(', ')}\n`);
  try {
    return await handler();
  } catch (error) {
    log.error({ error, path }, 'admin request failed');
    return text(500, 'internal error\n');
  }
}

function text(status: number, body: string): Answer {
  return { status, type: TEXT, body };
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0';
}

function listen(server: Server, { port, address }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
