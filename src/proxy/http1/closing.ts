/** How connections of clients end. */
import type { Socket } from 'node:net';
import type { RequestHead } from './head/request-head.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { OPEN } from '../workers/overload.ts';
import type { ConnectionContext } from './connection-context.ts';

/** How long an idle connection is kept on shutdown, in milliseconds. */
export const DRAIN_IDLE = 500;

/** A request head of more bytes than this is not kept while its connection is idle: there may be thousands. */
const LARGE_HEAD = 4_096;

/** Lets go of a large request that is over. What was cut out of its head would keep all of it too. */
export function forgetIfLarge(exchange: Exchange): void {
  const { head } = exchange.downstream;
  if (head.text.length <= LARGE_HEAD) return;
  head.forget();
  exchange.requestId = '';
}

/**
 * Closes a socket by a reset, so that its peer does not take what it has for all there was. One that has nothing more to send and is
 * shutting down is just closed: libuv refuses to reset it (uv_tcp_close_reset), and Node would then never close it.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished && socket.writableLength === 0) socket.destroy();
  else socket.resetAndDestroy();
}

/**
 * An answer of ours with this status is the last of its connection, as in nginx: the client was too slow, or wants to send more
 * than we take (RFC 9110 §15.5.9, §15.5.14), or this connection is not the right one, or showed no good certificate. So is any answer
 * to a request for an upgrade or a tunnel: what follows may not be meant as a request (CVE-2026-2833).
 */
export function closesConnection(status: number, { method, upgrade }: RequestHead): boolean {
  return status === 400 || status === 408 || status === 413 || status === 421 || upgrade !== '' || method === 'CONNECT';
}

/** How long one connection of a client may go on. */
export class Lifetime {
  readonly #context: ConnectionContext;
  readonly #openedAt: number;
  #lingersUntil = Infinity;

  constructor(context: ConnectionContext) {
    this.#context = context;
    this.#openedAt = context.deadlines.now;
  }

  /** Whether another request may follow the one that is the `requests`th. */
  allows(requests: number): boolean {
    const { keepAliveTimeout, keepAliveRequests, keepAliveTime } = this.#context.settings();
    return keepAliveTimeout > 0 && requests < keepAliveRequests && this.#context.deadlines.now - this.#openedAt < keepAliveTime;
  }

  /** The deadline of a connection that waits for its next request. */
  idles(): number {
    const { admission, deadlines, settings } = this.#context;
    return deadlines.after(admission.level === OPEN ? settings().keepAliveTimeout : DRAIN_IDLE);
  }

  /** The deadline after the last answer; `sending`: not all of it has left yet. */
  ends(sending: boolean): number {
    const { clientSendTimeout, lingeringTimeout } = this.#context.settings();
    return this.#context.deadlines.after(sending ? clientSendTimeout : lingeringTimeout);
  }

  /**
   * A client that goes on sending after its last answer is read off, or a reset would overtake the answer (RFC 9112 §9.6).
   * Bounded as in nginx: by time, not by bytes, for an upload may be as fast as it likes, and nothing of it is kept. Returns the
   * deadline after a read.
   */
  lingers(): number {
    const { deadlines, settings } = this.#context;
    const { lingeringTime, lingeringTimeout } = settings();
    if (this.#lingersUntil === Infinity) this.#lingersUntil = deadlines.after(lingeringTime);
    return Math.min(this.#lingersUntil, deadlines.after(lingeringTimeout));
  }
}
