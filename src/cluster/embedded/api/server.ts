/** The embedded cluster's API server: plain HTTP on a loopback address. */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { stringify } from 'yaml';
import type { Context } from '../http/context.ts';
import { Faults } from './faults.ts';
import { addFirstObjects } from './first-objects.ts';
import { MemoryStorage } from './memory-storage.ts';
import type { AdmissionHook } from './memory-storage.ts';
import { route } from '../http/routes.ts';

export interface ApiServerOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** 127.0.0.1 when it is left out. */
  readonly address?: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** From 0 to 1; for faults with a probability and for the length of watches. */
  readonly random?: () => number;
  /** How many changes of each resource are remembered for watches. */
  readonly historyLimit?: number;
  /** Milliseconds; a minute when it is left out, as on a real server. */
  readonly bookmarkInterval?: number;
  /** Called for every creation and update after defaulting and before validation. */
  readonly admission?: readonly AdmissionHook[];
  /** Told of what goes wrong inside. Printed to standard error when it is left out. */
  readonly onBug?: (error: unknown) => void;
}

export interface ApiServer {
  readonly storage: MemoryStorage;
  readonly faults: Faults;
  /** `http://127.0.0.1:8001`, without a slash at the end. */
  readonly url: string;
  /** A kubeconfig for this server as YAML. */
  readonly kubeconfig: () => string;
  /** Closes the listener and every connection; the objects stay. */
  readonly goAway: () => Promise<void>;
  /** Listens again on the same port. With `historyLost`, every resourceVersion from before is too old. */
  readonly comeBack: (options?: { readonly historyLost?: boolean }) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function listen(context: Context, port: number, address: string): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 90_000 }, (message, response) => {
    void route(context, message, response);
  });
  // Watches last longer than any request should.
  server.requestTimeout = 0;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, address, resolve);
  await promise;
  server.off('error', reject);
  return server;
}

async function stop(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => {
    resolve();
  });
  server.closeAllConnections();
  await promise;
}

/** Starts a server with the objects every cluster has. Rejects when the port is taken. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const storage = new MemoryStorage({
    now,
    ...(options.historyLimit === undefined ? {} : { historyLimit: options.historyLimit }),
    ...(options.admission === undefined ? {} : { admission: options.admission }),
  });
  addFirstObjects(storage, now);
  const context: Context = {
    storage,
    faults: new Faults(random),
    now,
    bookmarkInterval: options.bookmarkInterval ?? 60_000,
    // Between half an hour and an hour, so that the watches of a client do not all end at once.
    watchTimeout: () => 1_800_000 * (1 + random()),
    onBug:
      options.onBug ??
      ((error) => process.stderr.write(`embedded API server: ${error instanceof Error ? error.stack : String(error)}\n`)),
  };
  const address = options.address ?? '127.0.0.1';
  let server: Server | undefined = await listen(context, options.port, address);
  const { port } = server.address() as AddressInfo;
  const url = `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
  const goAway = async (): Promise<void> => {
    const current = server;
    server = undefined;
    if (current !== undefined) await stop(current);
  };
  return {
    storage,
    faults: context.faults,
    url,
    kubeconfig: () => kubeconfig(url),
    goAway,
    comeBack: async ({ historyLost = false } = {}) => {
      if (historyLost) storage.loseHistory();
      server ??= await listen(context, port, address);
    },
    close: async () => {
      context.faults.clear();
      await goAway();
    },
  };
}

function kubeconfig(url: string): string {
  const name = 'embedded';
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // The generated client refuses plain HTTP without it, on loopback too.
    clusters: [{ name, cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name, user: {} }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  });
}
