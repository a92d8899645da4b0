/**
 * Bytes passed between a client and an endpoint, unread: TCP services and TLS passthrough. With back-pressure and half-close in
 * both directions, the next endpoint when one cannot be reached, and a deadline for each wait.
 */
import net from 'node:net';
import type { Deadlines, Timed } from '../deadlines.ts';
import { listenGuarded } from '../guarded.ts';
import { reset } from '../http1/closing.ts';
import type { LiveGroup, Target } from '../upstream/group.ts';
import type { Pool } from '../upstream/pool.ts';
import type { Resolver } from '../upstream/resolver.ts';
import { REFUSING, type Admission } from '../workers/overload.ts';

/** The settings of it; times in milliseconds. */
export interface SpliceLimits {
  readonly upstreamConnectTimeout: number;
  readonly streamTimeout: number;
  readonly streamNextUpstream: boolean;
  readonly streamTries: number;
  readonly streamTriesTimeout: number;
}

/** What a splice needs of its worker. */
export interface SpliceContext {
  /** What the worker grants now. */
  readonly admission: Pick<Admission, 'level' | 'refused'>;
  readonly deadlines: Deadlines;
  readonly resolver: Resolver;
  readonly onBug: (error: unknown) => void;
  readonly limits: () => SpliceLimits;
  /** It is over. */
  readonly onSpliced: (splice: Splice) => void;
}

/** What the access log says of it, as nginx's `$status` of a stream: 502 when no endpoint could be reached. */
export type SpliceStatus = 200 | 500 | 502;

/** Begins to pass bytes; the sockets and deadlines do the rest. `client`: paused. A worker that refuses requests closes it. */
export function splice(...how: ConstructorParameters<typeof Splice>): void {
  const [client, , , , { admission }] = how;
  if (admission.level === REFUSING) {
    admission.refused();
    client.resetAndDestroy();
  } else void new Splice(...how);
}

export class Splice implements Timed {
  deadline = Infinity;
  status: SpliceStatus = 200;
  /** Milliseconds of the worker's deadlines. */
  readonly startedAt: number;
  /** The client's address, for the log. */
  readonly address: string;
  /** Bytes to the client, and from it. */
  sent = 0;
  received = 0;
  readonly #client: net.Socket;
  readonly #group: LiveGroup;
  readonly #context: SpliceContext;
  /** Sent to the endpoint before what the client sends. */
  readonly #header: string;
  #target: Target | null = null;
  #upstream: net.Socket | null = null;
  #tried: readonly Pool[] = [];
  #connected = false;
  #clientEnded = false;
  #upstreamEnded = false;
  #closed = false;

  /** `client`: paused. */
  constructor(client: net.Socket, address: string, group: LiveGroup, header: string, context: SpliceContext) {
    this.#client = client;
    this.address = address;
    this.#group = group;
    this.#header = header;
    this.#context = context;
    client.allowHalfOpen = true;
    const { deadlines } = context;
    deadlines.tick();
    this.startedAt = deadlines.now;
    deadlines.add(this);
    listenGuarded(
      client,
      {
        data: (chunk: Buffer) => this.#onClientData(chunk),
        drain: () => this.#upstream?.resume(),
        end: () => this.#onClientEnd(),
        error: () => this.#abort(),
        close: () => this.#onClientClose(),
      },
      (error) => this.onBug(error),
    );
    try {
      this.#try();
    } catch (error) {
      this.onBug(error);
    }
  }

  /** An endpoint did not answer in time, or nothing passed for too long. */
  expire(): void {
    if (this.#connected) this.#abort();
    else this.#fail();
  }

  /** An exception nobody expected: this connection ends, the others go on. */
  onBug(error: unknown): void {
    this.#context.onBug(error);
    this.status = 500;
    this.#abort();
  }

  #try(): void {
    const target = this.#group.pick(this.#tried);
    if (target === null) {
      this.status = 502;
      return this.#abort();
    }
    this.#target = target;
    this.#tried = [...this.#tried, target.pool];
    const { upstreamConnectTimeout } = this.#context.limits();
    this.deadline = this.#context.deadlines.after(upstreamConnectTimeout);
    const { address, dns } = target.endpoint;
    if (!dns) return this.#connect(target, address);
    this.#context.resolver.resolve(address, upstreamConnectTimeout, (found) => {
      if (this.#closed || this.#target !== target) return;
      // What calls back, nothing else guards.
      try {
        if (found === null) this.#fail();
        else this.#connect(target, found);
      } catch (error) {
        this.onBug(error);
      }
    });
  }

  #connect(target: Target, address: string): void {
    const upstream = net.connect({
      host: address,
      port: target.endpoint.port,
      noDelay: true,
      allowHalfOpen: true,
      autoSelectFamily: false,
    });
    this.#upstream = upstream;
    /** One that was given up has no say any more. */
    const current = (act: () => void) => (): void => {
      if (this.#upstream === upstream && !this.#closed) act();
    };
    const onLost = current(() => {
      if (this.#connected) this.#abort();
      else this.#fail();
    });
    listenGuarded(
      upstream,
      {
        connect: current(() => this.#onConnect(target)),
        data: (chunk: Buffer) => this.#onUpstreamData(chunk),
        drain: current(() => this.#client.resume()),
        end: current(() => this.#onUpstreamEnd()),
        error: onLost,
        // It closes once both halves have ended, while the client may still have to take the last of it.
        close: () => {
          if (!this.#upstreamEnded || !upstream.writableFinished) onLost();
        },
      },
      (error) => this.onBug(error),
    );
  }

  /** The endpoint was not reached: the next one, if the settings allow. */
  #fail(): void {
    const { deadlines, limits } = this.#context;
    deadlines.tick();
    this.#target?.health.failed();
    this.#target = null;
    this.#upstream?.destroy();
    this.#upstream = null;
    this.status = 502;
    const { streamNextUpstream, streamTries, streamTriesTimeout } = limits();
    const late = streamTriesTimeout > 0 && deadlines.now - this.startedAt >= streamTriesTimeout;
    if (!streamNextUpstream || late || (streamTries > 0 && this.#tried.length >= streamTries)) this.#abort();
    else this.#try();
  }

  #onConnect(target: Target): void {
    this.#connected = true;
    this.status = 200;
    target.health.answering();
    target.health.succeeded();
    this.#touch();
    if (this.#header !== '') this.#upstream!.write(this.#header, 'latin1');
    if (this.#clientEnded) this.#upstream!.end();
    this.#client.resume();
  }

  /** The client is paused until there is an endpoint. */
  #onClientData(chunk: Buffer): void {
    if (this.#closed) return;
    this.#touch();
    this.received += chunk.length;
    if (!this.#upstream!.write(chunk)) this.#client.pause();
  }

  #onUpstreamData(chunk: Buffer): void {
    if (this.#closed) return;
    this.#touch();
    this.sent += chunk.length;
    if (!this.#client.write(chunk)) this.#upstream!.pause();
  }

  #onClientEnd(): void {
    if (this.#closed) return;
    this.#touch();
    this.#clientEnded = true;
    // Else once there is an endpoint: a client that is paused can still end.
    if (this.#connected) this.#upstream!.end();
    this.#finishIfBothEnded();
  }

  /** As for the endpoint: not before the endpoint has taken the last of what the client said. */
  #onClientClose(): void {
    if (!this.#clientEnded || !this.#client.writableFinished) this.#abort();
  }

  #onUpstreamEnd(): void {
    this.#touch();
    this.#upstreamEnded = true;
    this.#client.end();
    this.#finishIfBothEnded();
  }

  /** What was written still goes out; the deadline covers a side that does not take it. */
  #finishIfBothEnded(): void {
    if (!this.#clientEnded || !this.#upstreamEnded) return;
    const upstream = this.#upstream!;
    const done = (): void => {
      if (this.#client.writableFinished && upstream.writableFinished) this.#close();
    };
    this.#client.once('finish', done);
    upstream.once('finish', done);
    done();
  }

  #touch(): void {
    this.#context.deadlines.tick();
    this.deadline = this.#context.deadlines.after(this.#context.limits().streamTimeout);
  }

  /** A reset to both, not a FIN: neither must take what it has for all there was. */
  #abort(): void {
    if (this.#closed) return;
    reset(this.#client);
    if (this.#connected && this.#upstream !== null) reset(this.#upstream);
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#context.deadlines.delete(this);
    this.#client.destroy();
    this.#upstream?.destroy();
    this.#context.onSpliced(this);
  }
}
