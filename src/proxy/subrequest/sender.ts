/** Sends the requests that policies make to services of their own: bounded in number and time, over connections that are kept. */
import { isIP } from 'node:net';
import type { Subrequest, SubrequestResponse, SubrequestSender } from '../../policies/subrequest.ts';
import type { Deadlines } from '../deadlines.ts';
import { IdleConnections } from '../upstream/idle.ts';
import { EndpointPool, type PoolContext } from '../upstream/pool.ts';
import type { Resolver } from '../upstream/resolver.ts';
import { PLAIN, transportOf } from '../upstream/transport.ts';
import { Call } from './call.ts';

/** At once to one service, and waiting for their turn; more get no response. */
const MAX_ACTIVE = 256;
const MAX_WAITING = 1024;
/** Services that are remembered with their connections. */
const MAX_SERVICES = 256;

/** What it needs of its worker. */
export interface SubrequestContext {
  readonly pools: PoolContext;
  readonly resolver: Resolver;
  readonly deadlines: Deadlines;
  /** A service may have this address. */
  readonly reachable: (address: string) => boolean;
  readonly connectTimeout: () => number;
  readonly readTimeout: () => number;
  readonly onBug: (error: unknown) => void;
}

interface Service {
  readonly key: string;
  readonly pool: EndpointPool;
  active: number;
  /** What to do when their turn has come. */
  readonly waiting: Map<Call, () => void>;
}

export class Subrequests implements SubrequestSender {
  readonly #context: SubrequestContext;
  /** The least recently used first. */
  readonly #services = new Map<string, Service>();
  readonly #retired = new Set<Service>();

  constructor(context: SubrequestContext) {
    this.#context = context;
  }

  send(request: Subrequest, done: (response: SubrequestResponse | null) => void): () => void {
    const { deadlines, connectTimeout, readTimeout, onBug } = this.#context;
    const service = this.#service(request);
    let started = false;
    const call = new Call(request, deadlines.after(connectTimeout() + readTimeout()), {
      onResponse: (response) => {
        deadlines.tick();
        done(response);
      },
      onDone: () => {
        deadlines.delete(call);
        service.waiting.delete(call);
        if (started) service.active--;
        this.#next(service);
      },
      onBug,
    });
    deadlines.add(call);
    const start = (): void => {
      started = true;
      service.active++;
      this.#start(service, call);
    };
    // Those that wait for this turn to end have a place that is free.
    if (service.waiting.size + service.active >= MAX_WAITING + MAX_ACTIVE) queueMicrotask(() => call.fail());
    else {
      service.waiting.set(call, start);
      // Never before this returns.
      queueMicrotask(() => this.#next(service));
    }
    return () => call.cancel();
  }

  /** Open connections. */
  get connections(): number {
    let open = 0;
    for (const { pool } of [...this.#services.values(), ...this.#retired]) open += pool.size;
    return open;
  }

  /** Closes what nobody uses. */
  close(): void {
    for (const { pool } of this.#services.values()) {
      pool.users = 0;
      pool.retire();
    }
  }

  #next(service: Service): void {
    for (const [call, start] of service.waiting) {
      if (service.active >= MAX_ACTIVE) return;
      service.waiting.delete(call);
      start();
    }
    if (service.active === 0 && service.pool.users === 0 && service.pool.size === 0) this.#retired.delete(service);
  }

  #start({ pool }: Service, call: Call): void {
    const { resolver, connectTimeout, reachable, onBug } = this.#context;
    const go = (address: string | null): void => {
      if (call.over) return;
      try {
        if (address === null || !reachable(address)) call.fail();
        else call.start(pool, address);
      } catch (error) {
        onBug(error);
        call.fail();
      }
    };
    const { host } = call.request;
    if (isIP(host) !== 0) go(host);
    else resolver.resolve(host, connectTimeout(), go);
  }

  #service({ tls, host, port, keepAlive }: Subrequest): Service {
    const key = JSON.stringify([tls, host, port, keepAlive]);
    let service = this.#services.get(key);
    if (service === undefined) {
      if (this.#services.size >= MAX_SERVICES) this.#forgetOldest();
      service = { key, pool: this.#pool({ tls, host, port, keepAlive }), active: 0, waiting: new Map() };
      service.pool.users = 1;
    } else this.#services.delete(key);
    this.#services.set(key, service);
    return service;
  }

  /** What is in flight goes on. */
  #forgetOldest(): void {
    for (const [key, service] of this.#services) {
      this.#services.delete(key);
      service.pool.users = 0;
      service.pool.retire();
      if (service.pool.size > 0 || service.waiting.size > 0) this.#retired.add(service);
      return;
    }
  }

  #pool({ tls, host, port, keepAlive }: Pick<Subrequest, 'tls' | 'host' | 'port' | 'keepAlive'>): EndpointPool {
    const { pools } = this.#context;
    const context: PoolContext =
      keepAlive === null
        ? pools
        : {
            ...pools,
            idle: new IdleConnections(),
            poolLimits: () => ({
              ...pools.poolLimits(),
              upstreamKeepAliveConnections: keepAlive.connections,
              upstreamKeepAliveRequests: keepAlive.requests,
              upstreamKeepAliveTimeout: keepAlive.timeout,
            }),
          };
    return new EndpointPool(host, port, tls ? unverified(host) : PLAIN, context);
  }
}

/** As nginx without `proxy_ssl_verify`, with `proxy_ssl_server_name on`: the name is sent, the certificate is not looked at. */
function unverified(host: string): ReturnType<typeof transportOf> {
  const wanted = {
    secret: null,
    verify: false,
    verifyDepth: 1,
    name: host,
    sendsName: isIP(host) === 0,
    ciphers: 'DEFAULT',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
  } as const;
  return transportOf({ protocol: 'HTTPS', tls: wanted }, null, () => undefined);
}
