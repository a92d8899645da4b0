/** The listening sockets of a worker: plain HTTP and TLS, shared with the other workers by SO_REUSEPORT. */
import type { KeyObject } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import type { ProxySettings } from '../../settings/settings.ts';
import type { BoundPorts } from '../data-plane.ts';
import type { ClientCertificate } from '../client-auth/certificate.ts';
import { ClientConnection } from '../http1/connection.ts';
import { clientInfo } from '../http1/forward-request.ts';
import type { ConnectionContext } from '../http1/connection-context.ts';
import { ClientSession } from '../http2/session.ts';
import type { AcceptPath } from './accept.ts';
import { listen } from './bind.ts';
import type { ProxyHeader } from './proxy-protocol.ts';
import type { TlsContexts } from './tls-contexts.ts';
import { HANDSHAKE, TlsServers } from './tls-servers.ts';

/** What the listeners tell their worker. */
export interface ListenerEvents {
  /** A connection was accepted (true) or refused for the limit of connections (false). */
  readonly onAccept: (served: boolean) => void;
  /** What a client is stapled that asks for it; null: nothing. */
  readonly staple: (certificate: Buffer) => Buffer | null;
}

export class Listeners {
  readonly #http: net.Server;
  /** Accepts for `#tls`, of which none listens itself: a connection beyond the limit must not cost a TLS socket. */
  readonly #https: net.Server;
  readonly #tls: TlsServers;
  /** Every socket that is open, from accept on: one in its handshake is not a connection of the worker yet. */
  readonly #open = new Set<net.Socket>();
  /** Whether there is room for one more connection. One that is refused is closed, and both are counted. */
  readonly admits: (socket: net.Socket) => boolean;

  /** `ticketKeys`: as `makeTicketKeys` gives them. */
  constructor(
    context: ConnectionContext,
    contexts: TlsContexts,
    ticketKeys: KeyObject,
    accept: AcceptPath,
    events: ListenerEvents,
  ) {
    const open = this.#open;
    function onClose(this: net.Socket): void {
      open.delete(this);
    }
    this.admits = (socket: net.Socket): boolean => {
      const served = open.size < context.settings().maxConnections;
      events.onAccept(served);
      if (!served) {
        socket.destroy();
        return false;
      }
      open.add(socket);
      socket.on('close', onClose);
      return true;
    };
    const serve = (
      socket: net.Socket,
      scheme: 'http' | 'https',
      proxied: ProxyHeader | null,
      certificate: ClientCertificate | null,
    ): void => {
      const secure = socket instanceof tls.TLSSocket ? socket : null;
      const client = clientInfo(socket.remoteAddress ?? '', scheme, proxied, certificate, secure);
      context.connections.add(new ClientConnection(socket, client, context));
      // What was read before the protocol began has left it paused.
      socket.resume();
    };
    const serveHttp2 = (socket: tls.TLSSocket, proxied: ProxyHeader | null, certificate: ClientCertificate | null): void => {
      const client = clientInfo(socket.remoteAddress ?? '', 'https', proxied, certificate, socket);
      context.connections.add(new ClientSession(socket, client, context));
    };
    this.#http = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (this.admits(socket)) accept.plain(socket, (proxied) => serve(socket, 'http', proxied, null));
    });
    /** The PROXY headers of connections in their handshake. */
    const headers = new WeakMap<net.Socket, ProxyHeader>();
    this.#tls = new TlsServers({
      settings: () => context.settings(),
      contexts,
      ticketKeys,
      onSecure: (socket, certificate) => {
        const proxied = headers.get(wrapped(socket)) ?? null;
        if (socket.alpnProtocol === 'h2') return serveHttp2(socket, proxied, certificate);
        socket.allowHalfOpen = true;
        serve(socket, 'https', proxied, certificate);
      },
      staple: (certificate) => events.staple(certificate),
      onBug: (error) => context.onBug(error),
    });
    this.#https = net.createServer(HANDSHAKE, (socket) => {
      if (!this.admits(socket)) return;
      accept.tls(socket, (proxied, serverName) => {
        if (proxied !== null) headers.set(socket, proxied);
        this.#tls.handshake(socket, serverName);
      });
    });
    // An accept that fails (EMFILE) must not end the worker.
    for (const server of [this.#http, this.#https]) server.on('error', () => undefined);
  }

  /** Sockets that clients hold open, those in their TLS handshake included. */
  get open(): number {
    return this.#open.size;
  }

  /** Listens on both ports; 0 for any free one. Rejects with the system's error. */
  async listen(settings: ProxySettings): Promise<BoundPorts> {
    const { bindAddress, httpPort, httpsPort } = settings;
    return { http: await listen(this.#http, bindAddress, httpPort), https: await listen(this.#https, bindAddress, httpsPort) };
  }

  /** As `TlsServers.refresh`. */
  refreshContext(): void {
    this.#tls.refresh();
  }

  /** As `TlsServers.sweep`. */
  sweep(): void {
    this.#tls.sweep();
  }

  /** Replaces the keys of session tickets: those that were given out are worth nothing any more. */
  setTicketKeys(keys: KeyObject): void {
    this.#tls.setTicketKeys(keys);
  }

  /** Stops accepting. Connections stay. */
  close(): void {
    this.#http.close();
    this.#https.close();
  }

  /** Closes every socket at once, those in their handshake too. */
  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}

/** The connection below TLS. Node has no name for it but this, which it has had since version 0.12. */
function wrapped(socket: tls.TLSSocket): net.Socket {
  // oxlint-disable-next-line eslint/no-underscore-dangle
  return (socket as unknown as { readonly _parent: net.Socket })._parent;
}
