/**
 * Which ports of TCP and UDP services the workers may listen on: the main thread tries each first without SO_REUSEPORT, which
 * would silently share it with another process. A port that cannot be had is tried again and again; nothing else waits for it.
 */
import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Stream, StreamId, StreamProtocol } from '../../model/table.ts';
import { assertFree } from '../listener/bind.ts';

/** A port that cannot be listened on at present. */
export interface StreamProblem {
  readonly protocol: StreamProtocol;
  readonly port: number;
  /** The system's code and message, for example EADDRINUSE. */
  readonly reason: string;
}

/** A port is tried again after so many milliseconds, doubled each time. */
const RETRY_MIN = 100;
const RETRY_MAX = 5_000;

interface Port {
  readonly stream: Stream;
  state: 'trying' | 'free' | 'taken';
  failures: number;
  /** Other workers listen on it: without SO_REUSEPORT it cannot be free. */
  shared: boolean;
  reason: string;
  timer: NodeJS.Timeout | null;
}

export class StreamPorts {
  readonly #onFree: (id: StreamId) => void;
  #onProblems: () => void = () => undefined;
  readonly #ports = new Map<StreamId, Port>();

  /** `onFree`: the workers may listen; those that do already ignore it. */
  constructor(onFree: (id: StreamId) => void) {
    this.#onFree = onFree;
  }

  /** `onChange` is called when `problems()` has changed. */
  watch(onChange: () => void): void {
    this.#onProblems = onChange;
  }

  /** The streams whose ports are free. */
  free(): StreamId[] {
    return [...this.#ports].filter(([, { state }]) => state === 'free').map(([id]) => id);
  }

  problems(): StreamProblem[] {
    return [...this.#ports.values()]
      .filter(({ state }) => state === 'taken')
      .map(({ stream: { protocol, port }, reason }) => ({ protocol, port, reason }));
  }

  /** The streams have changed. */
  update(streams: ReadonlyMap<StreamId, Stream>, address: string): void {
    for (const id of this.#ports.keys()) if (!streams.has(id)) this.#forget(id);
    for (const [id, stream] of streams) {
      if (this.#ports.has(id)) continue;
      const port: Port = { stream, state: 'trying', failures: 0, shared: false, reason: '', timer: null };
      this.#ports.set(id, port);
      void this.#try(id, port, address);
    }
  }

  /** A worker could not listen although the port was free. */
  failed(id: StreamId, reason: string, address: string): void {
    const port = this.#ports.get(id);
    if (port === undefined || port.timer !== null) return;
    port.shared = true;
    this.#again(id, port, reason, address);
  }

  stop(): void {
    for (const id of this.#ports.keys()) this.#forget(id);
  }

  #forget(id: StreamId): void {
    const timer = this.#ports.get(id)?.timer ?? null;
    if (timer !== null) clearTimeout(timer);
    this.#ports.delete(id);
  }

  /** Never rejects. */
  async #try(id: StreamId, port: Port, address: string): Promise<void> {
    const { protocol, port: number } = port.stream;
    try {
      if (!port.shared) await (protocol === 'TCP' ? assertFree(address, number) : assertFreeUdp(address, number));
    } catch (error) {
      if (this.#ports.get(id) === port) this.#again(id, port, (error as Error).message, address);
      return;
    }
    if (this.#ports.get(id) !== port) return;
    const wasTaken = port.state === 'taken';
    port.state = 'free';
    this.#onFree(id);
    if (wasTaken) this.#onProblems();
  }

  #again(id: StreamId, port: Port, reason: string, address: string): void {
    const changed = port.state !== 'taken' || port.reason !== reason;
    port.state = 'taken';
    port.reason = reason;
    const delay = Math.min(RETRY_MIN * 2 ** port.failures++, RETRY_MAX);
    port.timer = setTimeout(() => {
      port.timer = null;
      void this.#try(id, port, address);
    }, delay).unref();
    if (changed) this.#onProblems();
  }
}

/** Rejects when somebody has the port already. */
async function assertFreeUdp(address: string, port: number): Promise<void> {
  try {
    await bindOnce(address, port);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (address !== '::' || code !== 'EAFNOSUPPORT') throw error;
    await bindOnce('0.0.0.0', port);
  }
}

function bindOnce(address: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = dgram.createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4' });
  socket.once('error', (error) => {
    socket.close();
    reject(error);
  });
  socket.bind({ address, port, exclusive: true }, () => socket.close(resolve));
  return promise;
}
