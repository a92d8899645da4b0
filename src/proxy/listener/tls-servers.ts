/**
 * The TLS servers of a worker. None of them listens: each takes the connections whose handshake its profile is for. One serves all
 * hosts that have no profile of their own; it needs not know the name beforehand. For the others the ClientHello is read first.
 * Sessions never cross from one profile to another.
 */
import type { KeyObject } from 'node:crypto';
import type net from 'node:net';
import tls from 'node:tls';
import type { ProxySettings } from '../../settings/settings.ts';
import { clientCertificate, type ClientCertificate } from '../client-auth/certificate.ts';
import type { TlsContexts } from './tls-contexts.ts';
import { tlsOptions } from './tls-contexts.ts';
import { ALL_HOSTS, type TlsProfile } from './tls-profile.ts';

/** A client that ends its side in the handshake is gone: nothing else would close its socket before the deadline. */
export const HANDSHAKE = { allowHalfOpen: false, noDelay: true };

/** RFC 7301 §3.2: the server's choice; undefined refuses a client that speaks nothing we do. */
function chooseProtocol(offered: readonly string[], http2: boolean): string | undefined {
  return (http2 ? ['h2', 'http/1.1'] : ['http/1.1']).find((protocol) => offered.includes(protocol));
}

/** Servers for profiles of their own, kept at once. */
const MAX_SERVERS = 1000;

interface Options {
  readonly settings: () => ProxySettings;
  readonly contexts: TlsContexts;
  /** As `makeTicketKeys` gives them. */
  readonly ticketKeys: KeyObject;
  /** A handshake is done. `certificate`: what the client showed, where it was asked; else null. */
  readonly onSecure: (socket: tls.TLSSocket, certificate: ClientCertificate | null) => void;
  /** What the client is stapled for the certificate with these bytes (DER), when it asks for it; null: nothing. */
  readonly staple: (certificate: Buffer) => Buffer | null;
  /** An exception nobody expected: it costs one connection. */
  readonly onBug: (error: unknown) => void;
}

export class TlsServers {
  readonly #options: Options;
  readonly #common: tls.Server;
  /** By the key of the profile, the longest unused first. */
  readonly #special = new Map<string, { readonly server: tls.Server; readonly profile: TlsProfile }>();
  #ticketKeys: KeyObject;
  /** What the common server's own context was made of. */
  #contextKey = '';

  /** At once, from memory: a handshake never waits for it. `certificate`: null where the handshake is to be refused. */
  readonly #staple = (
    certificate: Buffer | null,
    _issuer: Buffer | null,
    done: (error: Error | null, response: Buffer | null) => void,
  ): void => {
    let staple: Buffer | null = null;
    try {
      if (certificate !== null) staple = this.#options.staple(certificate);
    } catch (error) {
      this.#options.onBug(error);
    }
    done(null, staple);
  };

  constructor(options: Options) {
    this.#options = options;
    this.#ticketKeys = options.ticketKeys;
    this.#common = this.#create(ALL_HOSTS, {});
  }

  /** Does the handshake of a connection. `serverName`: what it asks for, if that was read before; else null. */
  handshake(socket: net.Socket, serverName: string | null): void {
    const { contexts, onBug } = this.#options;
    try {
      const profile = contexts.hasProfiles ? contexts.profileFor(serverName) : ALL_HOSTS;
      const server = profile.key === '' ? this.#common : this.#serverOf(profile);
      server.emit('connection', socket);
    } catch (error) {
      onBug(error);
      socket.destroy();
    }
  }

  /**
   * Gives the servers their own contexts anew, if they would differ: clients without SNI get its certificate, and every client
   * its protocol versions and sessions, whatever context SNI chooses. Before the first table there is nothing to do. Throws for
   * a certificate that OpenSSL does not take, which should never have come so far; the one before it serves on.
   */
  refresh(): void {
    const { contexts, settings } = this.#options;
    if (settings().ocspStapling !== this.#common.listenerCount('OCSPRequest') > 0) {
      this.#special.clear();
      if (settings().ocspStapling) this.#common.on('OCSPRequest', this.#staple);
      else this.#common.off('OCSPRequest', this.#staple);
    }
    const context = contexts.defaultOptions();
    if (context === null || context.key === this.#contextKey) return;
    this.#contextKey = context.key;
    this.#special.clear();
    // Without keys of ours the new context would make some up, and no other worker could open its tickets.
    this.#common.setSecureContext({ ...context.options, ticketKeys: this.#ticketKeys.export() });
  }

  /** Replaces the keys of session tickets: those that were given out are worth nothing any more. */
  setTicketKeys(keys: KeyObject): void {
    this.#ticketKeys = keys;
    this.#special.clear();
    this.#common.setTicketKeys(keys.export());
  }

  /** Forgets what no host of the table needs any more; to be called after a change of it. Handshakes in progress go on. */
  sweep(): void {
    const { contexts } = this.#options;
    contexts.sweep();
    for (const [key, { profile }] of this.#special) if (!contexts.isCurrent(profile)) this.#special.delete(key);
  }

  /** Servers for profiles of their own, at present. */
  get size(): number {
    return this.#special.size;
  }

  #serverOf(profile: TlsProfile): tls.Server {
    let special = this.#special.get(profile.key);
    if (special === undefined) {
      const context = this.#options.contexts.defaultOptions(profile)?.options ?? {};
      special = { server: this.#create(profile, { ...context, ticketKeys: this.#ticketKeys.export() }), profile };
      if (this.#special.size >= MAX_SERVERS) for (const oldest of this.#special.keys()) if (this.#special.delete(oldest)) break;
    } else this.#special.delete(profile.key);
    this.#special.set(profile.key, special);
    return special.server;
  }

  #create(profile: TlsProfile, context: tls.SecureContextOptions): tls.Server {
    const { contexts, settings, onSecure, onBug } = this.#options;
    const { clientAuth } = profile;
    const server = tls.createServer(
      {
        ...tlsOptions(settings(), profile),
        ...HANDSHAKE,
        ...context,
        // Whether it verifies is for the request to learn, with an answer (nginx); a handshake that fails says nothing.
        requestCert: clientAuth !== null,
        rejectUnauthorized: false,
        // Of one connection, from its accept; bytes that come do not put it off.
        handshakeTimeout: settings().tlsHandshakeTimeout,
        ALPNCallback: ({ protocols }) => chooseProtocol(protocols, settings().useHttp2),
        SNICallback: (name, done) => {
          // An exception here would end the process (CVE-2026-21637).
          try {
            done(null, contexts.contextFor(name, profile) ?? undefined);
          } catch (error) {
            done(error as Error);
          }
        },
      },
      (socket) => {
        try {
          onSecure(socket, clientAuth === null ? null : clientCertificate(socket, clientAuth));
        } catch (error) {
          onBug(error);
          socket.destroy();
        }
      },
    );
    server.on('error', () => undefined);
    // A handshake that timed out leaves its socket open, unlike one that failed.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    // Node gathers what it tells the listener in every handshake that asks for it, so there is none while nothing is stapled; and of
    // two certificates it tells the last, whichever the client will get.
    if (settings().ocspStapling && profile.pair === null) server.on('OCSPRequest', this.#staple);
    return server;
  }
}
