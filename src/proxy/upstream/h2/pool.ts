/** The HTTP/2 sessions to one endpoint. */
import type { IdleConnections } from '../idle.ts';
import { keepsIdle, labelOf, type Pool, type PoolContext } from '../pool.ts';
import type { SessionSlot, Transport } from '../transport.ts';
import { UpstreamSession } from './session.ts';
import { SessionStream } from './stream.ts';

export class SessionPool implements Pool {
  readonly address: string;
  readonly port: number;
  readonly transport: Transport;
  readonly label: string;
  users = 0;
  readonly alone: readonly Pool[] = [this];
  readonly tlsSession: SessionSlot = { session: null };
  /** Streams that its upstream takes at once on a connection, as it last said. */
  maxStreams = Infinity;
  readonly #context: PoolContext;
  readonly #sessions = new Set<UpstreamSession>();

  constructor(address: string, port: number, transport: Transport, context: PoolContext) {
    this.address = address;
    this.port = port;
    this.transport = transport;
    this.label = labelOf(address, port);
    this.#context = context;
  }

  /** A session that failed takes no more streams, so that none of those left is known to be stale. */
  take(address: string): SessionStream {
    const { poolLimits, deadlines } = this.#context;
    const { upstreamKeepAliveRequests, upstreamKeepAliveTime } = poolLimits();
    for (const session of this.#sessions) {
      if (session.address !== address || !session.takes) continue;
      const worn = session.requests >= upstreamKeepAliveRequests || deadlines.now - session.openedAt >= upstreamKeepAliveTime;
      if (!worn) return new SessionStream(session, this.#context);
      session.retire();
    }
    const session = new UpstreamSession(this, this.#context, address);
    this.#sessions.add(session);
    return new SessionStream(session, this.#context);
  }

  /** The last stream of a session is over: whether it is kept for the next. */
  keeps(session: UpstreamSession): boolean {
    return keepsIdle(session, this, this.#context);
  }

  get idle(): IdleConnections {
    return this.#context.idle;
  }

  /** Called by a session that closed. */
  forget(session: UpstreamSession): void {
    this.#sessions.delete(session);
    this.idle.delete(session);
  }

  retire(): void {
    for (const session of this.#sessions) session.retire();
  }

  get size(): number {
    return this.#sessions.size;
  }
}
