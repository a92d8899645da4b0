/** The listening sockets of a worker: plain HTTP and TLS, shared with the other workers by SO_REUSEPORT. */
import net from 'node:net';
import tls from 'node:tls';
import type { ProxySettings } from '../../settings/settings.ts';
import type { BoundPorts } from '../data-plane.ts';
import { ClientConnection } from '../http1/connection.ts';
import type { ConnectionContext } from '../http1/connection-context.ts';
import { listen } from './bind.ts';
import { tlsOptions, type TlsContexts } from './tls-contexts.ts';

/** What the listeners tell their worker. */
export interface ListenerEvents {
  /** A connection was accepted (true) or refused for the limit of connections (false). */
  readonly onAccept: (served: boolean) => void;
}

export class Listeners {
  readonly #contexts: TlsContexts;
  readonly #http: net.Server;
  readonly #https: tls.Server;
  /** What the TLS server's own context was made of. */
  #contextKey = '';

  constructor(context: ConnectionContext, contexts: TlsContexts, events: ListenerEvents) {
    this.#contexts = contexts;
    const accept = (socket: net.Socket, scheme: 'http' | 'https'): void => {
      const served = context.connections.size < context.settings().maxConnections;
      events.onAccept(served);
      if (served) context.connections.add(new ClientConnection(socket, scheme, context));
      else socket.destroy();
    };
    this.#http = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => accept(socket, 'http'));
    this.#https = tls.createServer(
      {
        ...tlsOptions(context.settings()),
        allowHalfOpen: true,
        noDelay: true,
        handshakeTimeout: context.settings().tlsHandshakeTimeout,
        ALPNProtocols: ['http/1.1'],
        SNICallback: (name, done) => {
          // An exception here would end the process (CVE-2026-21637).
          try {
            done(null, contexts.contextFor(name));
          } catch (error) {
            done(error as Error);
          }
        },
      },
      (socket) => accept(socket, 'https'),
    );
    // An accept that fails (EMFILE) must not end the worker, nor an error of a handshake, whose socket is already destroyed.
    this.#http.on('error', () => undefined);
    this.#https.on('error', () => undefined);
    // A handshake that timed out leaves its socket open, unlike one that failed.
    this.#https.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Listens on both ports; 0 for any free one. Rejects with the system's error. */
  async listen(settings: ProxySettings): Promise<BoundPorts> {
    const { bindAddress, httpPort, httpsPort } = settings;
    return { http: await listen(this.#http, bindAddress, httpPort), https: await listen(this.#https, bindAddress, httpsPort) };
  }

  /**
   * Gives the TLS server its own context anew, if it would differ: clients without SNI get its certificate, and every client
   * its protocol versions, whatever context SNI chooses. Before the first table there is nothing to do.
   */
  refreshContext(): void {
    const context = this.#contexts.defaultOptions();
    if (context === null || context.key === this.#contextKey) return;
    this.#contextKey = context.key;
    this.#https.setSecureContext(context.options);
  }

  /** Stops accepting. Connections stay. */
  close(): void {
    this.#http.close();
    this.#https.close();
  }
}
