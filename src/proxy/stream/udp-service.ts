/**
 * A UDP port of ours whose datagrams go to a Service. The datagrams of one client address and port are a session: they go to one
 * endpoint, from a socket of their own, and what comes back to that socket goes to the client from our port. SO_REUSEPORT gives
 * all datagrams of a client to the same worker, as long as the number of workers does not change.
 */
import dgram from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Stream } from '../../model/table.ts';
import { plainAddress } from '../listener/proxy-protocol.ts';
import type { StreamContext } from './context.ts';
import { UdpSession } from './udp-session.ts';

/** Addresses are never names here: nothing to ask for, and no turn of the event loop to wait. */
export function noLookup(
  address: string,
  _options: unknown,
  done: (error: null, address: string, family: number) => void,
): void {
  done(null, address, isIPv6(address) ? 6 : 4);
}

/** The UDP sessions of a worker, over all its services. */
export interface Sessions {
  open: number;
  /** Those that were never answered, oldest first: packets with made-up senders open no others, and must not keep clients out. */
  readonly unanswered: Set<UdpSession>;
}

export class UdpService {
  readonly #context: StreamContext;
  readonly #all: Sessions;
  readonly #sessions = new Map<string, UdpSession>();
  #stream: Stream;
  #socket: dgram.Socket | null = null;

  constructor(stream: Stream, context: StreamContext, all: Sessions) {
    this.#stream = stream;
    this.#context = context;
    this.#all = all;
  }

  /** From the next session on. */
  change(stream: Stream): void {
    if (stream.group !== this.#stream.group) for (const session of this.#sessions.values()) session.retire();
    this.#stream = stream;
  }

  /** Does nothing when it listens already. Rejects with the system's error. */
  async listen(address: string): Promise<void> {
    if (this.#socket !== null) return;
    try {
      await this.#bind(address);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (address !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      await this.#bind('0.0.0.0');
    }
  }

  /** Ends every session: without the port there is nowhere for answers to come from. */
  close(): void {
    const socket = this.#socket;
    this.#socket = null;
    for (const session of this.#sessions.values()) session.close();
    socket?.close();
  }

  #bind(address: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = dgram.createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', reusePort: true, lookup: noLookup });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ port: this.#stream.port, address, exclusive: true }, () => {
      socket.removeAllListeners('error');
      // An error of one datagram (the kernel's buffers are full) is the loss of that datagram.
      socket.on('error', () => undefined);
      socket.on('message', (bytes, from) => {
        try {
          this.#onDatagram(bytes, from);
        } catch (error) {
          this.#context.onBug(error);
        }
      });
      this.#socket = socket;
      resolve();
    });
    return promise;
  }

  #onDatagram(bytes: Buffer, { address, port }: dgram.RemoteInfo): void {
    this.#context.deadlines.tick();
    const key = `${address} ${port}`;
    let session = this.#sessions.get(key);
    if (session?.stale === true) {
      session.close();
      session = undefined;
    }
    session ??= this.#open(key, address, port);
    if (session === undefined) this.#context.onDropped();
    else session.fromClient(bytes);
  }

  #open(key: string, address: string, port: number): UdpSession | undefined {
    const target = this.#context.group(this.#stream.group).pick([]);
    if (target === null || !this.#makeRoom()) return undefined;
    const session: UdpSession = new UdpSession(plainAddress(address), target, this.#context, {
      answer: (bytes) => {
        this.#all.unanswered.delete(session);
        return this.#answer(bytes, address, port);
      },
      onClosed: () => {
        this.#all.open--;
        this.#all.unanswered.delete(session);
        if (this.#sessions.get(key) === session) this.#sessions.delete(key);
      },
    });
    this.#all.open++;
    this.#all.unanswered.add(session);
    this.#sessions.set(key, session);
    session.start();
    return session;
  }

  /** False: there is none. */
  #makeRoom(): boolean {
    if (this.#all.open < this.#context.settings().streamUdpSessions) return true;
    const [oldest] = this.#all.unanswered;
    if (oldest === undefined) return false;
    this.#context.onDropped();
    oldest.close();
    return this.#all.open < this.#context.settings().streamUdpSessions;
  }

  #answer(bytes: Buffer, address: string, port: number): boolean {
    const socket = this.#socket;
    if (socket === null || socket.getSendQueueSize() > this.#context.settings().maxUdpQueue) {
      this.#context.onDropped();
      return false;
    }
    socket.send(bytes, port, address, () => undefined);
    return true;
  }
}
