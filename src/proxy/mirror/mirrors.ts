/**
 * Copies of requests for other servers (`mirror-target`). A copy never holds the request it was made of: it is sent once the request's
 * body is complete, by itself, and what it takes is bounded. In nginx a slow mirror keeps the client's connection busy.
 */
import { isIP } from 'node:net';
import type { Mirror } from '../../model/policies.ts';
import type { Deadlines } from '../deadlines.ts';
import { EndpointPool, labelOf, type Pool, type PoolContext } from '../upstream/pool.ts';
import type { Resolver } from '../upstream/resolver.ts';
import { OPEN, type Admission } from '../workers/overload.ts';
import { transportOf, UNVERIFIED, type Transport } from '../upstream/transport.ts';
import { Copy } from './copy.ts';

/** Copies of one worker that are on their way at once, and the bytes of all their bodies. What would be more is not copied. */
export const MAX_COPIES = 128;
export const MAX_COPIED_BYTES = 16 * 1024 ** 2;
/** A request with a longer body is not copied. */
export const MAX_COPIED_BODY = 1024 ** 2;
/** Servers that connections are kept to. */
const MAX_POOLS = 256;

/** What they need of their worker. */
export interface MirrorContext extends PoolContext {
  readonly admission: Admission;
  readonly resolver: Resolver;
  readonly deadlines: Deadlines;
}

/** The copies of one worker. */
export class Mirrors {
  readonly context: MirrorContext;
  /** On their way. */
  copies = 0;
  bytes = 0;
  readonly #pools = new Map<string, Pool>();

  constructor(context: MirrorContext) {
    this.context = context;
  }

  /** Begins a copy; null: there are too many, or the worker has enough to do. `head`: to its empty line, without the length of the body. */
  begin(mirror: Mirror, method: string, head: string): Copy | null {
    if (this.copies >= MAX_COPIES || this.context.admission.level !== OPEN) return null;
    return new Copy(this, this.#pool(mirror), method, head);
  }

  #pool({ scheme, host, port }: Mirror): Pool {
    const key = `${scheme}://${labelOf(host, port)}`;
    let pool = this.#pools.get(key);
    if (pool !== undefined) return pool;
    for (const [oldest, { retire }] of this.#pools) {
      if (this.#pools.size < MAX_POOLS) break;
      this.#pools.delete(oldest);
      retire();
    }
    pool = new EndpointPool(host, port, transport(scheme, host), this.context);
    // Of us: it keeps connections.
    pool.users = 1;
    this.#pools.set(key, pool);
    return pool;
  }
}

/** As nginx without `proxy_ssl_verify`; but the server is told whom it is asked for. */
function transport(scheme: 'http' | 'https', host: string): Transport {
  if (scheme === 'http') return transportOf({ protocol: 'HTTP', tls: null }, null, () => undefined);
  const named = isIP(host) === 0;
  const tls = { ...UNVERIFIED, secret: null, name: named ? host : '', sendsName: named };
  return transportOf({ protocol: 'HTTPS', tls }, null, () => undefined);
}
