/** The listening sockets of a worker: plain HTTP and TLS, shared with the other workers by SO_REUSEPORT. */
import type { KeyObject } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import type { ProxySettings } from '../../settings/settings.ts';
import type { BoundPorts } from '../data-plane.ts';
import { ClientConnection } from '../http1/connection.ts';
import { clientInfo } from '../http1/forward-request.ts';
import type { ConnectionContext } from '../http1/connection-context.ts';
import { ClientSession } from '../http2/session.ts';
import type { AcceptPath } from './accept.ts';
import { listen } from './bind.ts';
import type { ProxyHeader } from './proxy-protocol.ts';
import { tlsOptions, type TlsContexts } from './tls-contexts.ts';

/** What the listeners tell their worker. */
export interface ListenerEvents {
  /** A connection was accepted (true) or refused for the limit of connections (false). */
  readonly onAccept: (served: boolean) => void;
}

/** A client that ends its side in the handshake is gone: nothing else would close its socket before the deadline. */
const HANDSHAKE = { allowHalfOpen: false, noDelay: true };

/** RFC 7301 §3.2: the server's choice; undefined refuses a client that speaks nothing we do. */
function chooseProtocol(offered: readonly string[], http2: boolean): string | undefined {
  return (http2 ? ['h2', 'http/1.1'] : ['http/1.1']).find((protocol) => offered.includes(protocol));
}

export class Listeners {
  readonly #contexts: TlsContexts;
  readonly #http: net.Server;
  /** Accepts for `#tls`, which never listens itself: a connection beyond the limit must not cost a TLS socket. */
  readonly #https: net.Server;
  readonly #tls: tls.Server;
  /** Every socket that is open, from accept on: one in its handshake is not a connection of the worker yet. */
  readonly #open = new Set<net.Socket>();
  /** Whether there is room for one more connection. One that is refused is closed, and both are counted. */
  readonly admits: (socket: net.Socket) => boolean;
  #ticketKeys: KeyObject;
  /** What the TLS server's own context was made of. */
  #contextKey = '';

  /** `ticketKeys`: as `makeTicketKeys` gives them. */
  constructor(
    context: ConnectionContext,
    contexts: TlsContexts,
    ticketKeys: KeyObject,
    accept: AcceptPath,
    events: ListenerEvents,
  ) {
    this.#contexts = contexts;
    this.#ticketKeys = ticketKeys;
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
    const serve = (socket: net.Socket, scheme: 'http' | 'https', proxied: ProxyHeader | null): void => {
      const client = clientInfo(socket.remoteAddress ?? '', scheme, proxied);
      context.connections.add(new ClientConnection(socket, client, context));
      // What was read before the protocol began has left it paused.
      socket.resume();
    };
    const serveHttp2 = (socket: tls.TLSSocket, proxied: ProxyHeader | null): void => {
      try {
        const client = clientInfo(socket.remoteAddress ?? '', 'https', proxied);
        context.connections.add(new ClientSession(socket, client, context));
      } catch (error) {
        context.onBug(error);
        socket.destroy();
      }
    };
    this.#http = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (this.admits(socket)) accept.plain(socket, (proxied) => serve(socket, 'http', proxied));
    });
    /** The PROXY headers of connections in their handshake. */
    const headers = new WeakMap<net.Socket, ProxyHeader>();
    this.#tls = tls.createServer(
      {
        ...tlsOptions(context.settings()),
        ...HANDSHAKE,
        // Of one connection, from its accept; bytes that come do not put it off.
        handshakeTimeout: context.settings().tlsHandshakeTimeout,
        ALPNCallback: ({ protocols }) => chooseProtocol(protocols, context.settings().useHttp2),
        SNICallback: (name, done) => {
          // An exception here would end the process (CVE-2026-21637).
          try {
            done(null, contexts.contextFor(name));
          } catch (error) {
            done(error as Error);
          }
        },
      },
      (socket) => {
        const proxied = headers.get(wrapped(socket)) ?? null;
        if (socket.alpnProtocol === 'h2') return serveHttp2(socket, proxied);
        socket.allowHalfOpen = true;
        serve(socket, 'https', proxied);
      },
    );
    this.#https = net.createServer(HANDSHAKE, (socket) => {
      if (!this.admits(socket)) return;
      accept.tls(socket, (proxied) => {
        if (proxied !== null) headers.set(socket, proxied);
        this.#tls.emit('connection', socket);
      });
    });
    // An accept that fails (EMFILE) must not end the worker, nor an error of a handshake, whose socket is already destroyed.
    for (const server of [this.#http, this.#https, this.#tls]) server.on('error', () => undefined);
    // A handshake that timed out leaves its socket open, unlike one that failed.
    this.#tls.on('tlsClientError', (_error, socket) => socket.destroy());
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

  /**
   * Gives the TLS server its own context anew, if it would differ: clients without SNI get its certificate, and every client
   * its protocol versions and sessions, whatever context SNI chooses. Before the first table there is nothing to do. Throws for
   * a certificate that OpenSSL does not take, which should never have come so far; the one before it serves on.
   */
  refreshContext(): void {
    const context = this.#contexts.defaultOptions();
    if (context === null || context.key === this.#contextKey) return;
    this.#contextKey = context.key;
    // Without keys of ours the new context would make some up, and no other worker could open its tickets.
    this.#tls.setSecureContext({ ...context.options, ticketKeys: this.#ticketKeys.export() });
  }

  /** Replaces the keys of session tickets: those that were given out are worth nothing any more. */
  setTicketKeys(keys: KeyObject): void {
    this.#ticketKeys = keys;
    this.#tls.setTicketKeys(keys.export());
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
