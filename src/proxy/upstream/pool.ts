/** The connections to one endpoint: idle ones are kept for the next request, within limits. */
import type { Idle, IdleConnections } from './idle.ts';
import { UpstreamConnection, type UpstreamContext } from './connection.ts';
import type { UpstreamStream } from './stream.ts';
import type { SessionSlot, Transport } from './transport.ts';

/** Limits that all pools of a worker share. */
export interface PoolLimits {
  /** Idle connections of the worker, over all endpoints. */
  readonly upstreamKeepAliveConnections: number;
  /** Milliseconds an idle connection is kept. */
  readonly upstreamKeepAliveTimeout: number;
  /** Requests after which a connection is closed. */
  readonly upstreamKeepAliveRequests: number;
  /** Milliseconds after which a connection is not used again. */
  readonly upstreamKeepAliveTime: number;
}

/** What the pools of a worker share. */
export interface PoolContext extends UpstreamContext {
  readonly poolLimits: () => PoolLimits;
  readonly idle: IdleConnections;
}

/** Where requests to one endpoint go out, whatever it speaks. */
export interface Pool {
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  /** `address:port`, as logs and variables show it. */
  readonly label: string;
  /** Groups that use this endpoint; at 0 the pool closes what it has and keeps nothing. */
  users: number;
  /** Just this pool. */
  readonly alone: readonly Pool[];
  /** A way for one request to `address` (differs from the pool's for DNS names). `fresh`: not one that may be stale. */
  readonly take: (address: string, fresh: boolean) => UpstreamStream;
  /** The endpoint is gone: idle connections close, busy ones finish their exchange. */
  readonly retire: () => void;
  /** Open connections. */
  readonly size: number;
}

/** `address:port`. */
export function labelOf(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/**
 * Puts a connection that has nothing to do among the idle ones of the worker, in the place of the oldest if there is one too many, and
 * sets its deadline. False: it is not to be kept.
 */
export function keepsIdle(
  connection: Idle & { readonly requests: number; deadline: number },
  { users }: Pool,
  { poolLimits, deadlines, idle }: PoolContext,
): boolean {
  const { upstreamKeepAliveConnections, upstreamKeepAliveRequests, upstreamKeepAliveTimeout } = poolLimits();
  const keeps = upstreamKeepAliveConnections > 0 && upstreamKeepAliveTimeout > 0;
  if (users === 0 || !keeps || connection.requests >= upstreamKeepAliveRequests) return false;
  connection.deadline = deadlines.after(upstreamKeepAliveTimeout);
  idle.add(connection);
  if (idle.size > upstreamKeepAliveConnections) idle.oldest?.destroy();
  return true;
}

/** Of an endpoint that speaks HTTP/1.1. */
export class EndpointPool implements Pool {
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  readonly label: string;
  users = 0;
  readonly alone: readonly Pool[] = [this];
  readonly tlsSession: SessionSlot = { session: null };
  readonly #context: PoolContext;
  readonly #idle: UpstreamConnection[] = [];
  readonly #open = new Set<UpstreamConnection>();

  constructor(address: string, port: number, transport: Transport, context: PoolContext) {
    this.address = address;
    this.port = port;
    this.transport = transport;
    this.label = labelOf(address, port);
    this.#context = context;
  }

  /** An idle connection, the most recently used first, or a new one. */
  take(address: string, fresh: boolean): UpstreamConnection {
    if (!fresh) {
      const { upstreamKeepAliveTime: maxAge } = this.#context.poolLimits();
      let connection = this.#idle.pop();
      while (connection !== undefined) {
        this.#context.idle.delete(connection);
        if (!connection.closed && this.#context.deadlines.now - connection.openedAt < maxAge) return connection;
        connection.destroy();
        connection = this.#idle.pop();
      }
    }
    const connection = new UpstreamConnection(this, this.#context, address);
    this.#open.add(connection);
    return connection;
  }

  /** Takes back a connection whose response is complete. */
  release(connection: UpstreamConnection): void {
    if (!keepsIdle(connection, this, this.#context)) return connection.destroy();
    this.#idle.push(connection);
  }

  /** Called by a connection that closed. */
  forget(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    if (!this.#context.idle.delete(connection)) return;
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  retire(): void {
    for (const connection of this.#idle.slice()) connection.destroy();
  }

  get size(): number {
    return this.#open.size;
  }

  get idleSize(): number {
    return this.#idle.length;
  }
}
