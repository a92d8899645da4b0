/**
 * What happens between the accept of a connection and its protocol: the PROXY header, where one is asked for; and of TLS the
 * ClientHello, where a host passes through. Where neither is, nothing is read and nothing costs.
 */
import type { Socket } from 'node:net';
import type { GroupId, VirtualHost } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { LiveGroup } from '../upstream/group.ts';
import { readClientHello } from './client-hello.ts';
import { readOpening, type OpeningContext, type Refusal, type Verdict } from './opening.ts';
import { plainAddress, proxyHeaderText, readProxyHeader, type Address, type ProxyHeader } from './proxy-protocol.ts';
import { addressSet } from '../../policies/address-set.ts';

/** What the accept path needs of its worker. */
export interface AcceptContext extends OpeningContext {
  readonly settings: () => Pick<
    ProxySettings,
    'useProxyProtocol' | 'proxyProtocolHeaderTimeout' | 'trustedProxies' | 'tlsHandshakeTimeout' | 'passthroughProxyProtocol'
  >;
  readonly group: (id: GroupId) => LiveGroup;
  /** Whether the name in a ClientHello decides on the handshake. */
  readonly needsServerName: () => boolean;
  /** A connection that passes through, paused. `header`: what the endpoint gets first. */
  readonly onPassthrough: (socket: Socket, address: string, group: LiveGroup, header: string) => void;
  /** A connection was closed for its PROXY header. */
  readonly onProxyHeaderRefused: (socket: Socket, why: Refusal) => void;
}

/** Goes on with a connection whose TLS is terminated here. */
type AcceptedTls = (proxied: ProxyHeader | null, serverName: string | null) => void;

/** A fatal alert, decode_error (RFC 8446 §6.2), in clear text as it is before a handshake. */
const DECODE_ERROR = Buffer.from([21, 3, 1, 0, 2, 2, 50]);

/** Reads what comes before the protocol. */
export class AcceptPath {
  readonly #context: AcceptContext;
  /** Host → where its TLS passes through to. */
  readonly #passthrough = new Map<string, LiveGroup>();
  /** The other hosts: a wildcard has no say about them. */
  readonly #terminated = new Set<string>();

  constructor(context: AcceptContext) {
    this.#context = context;
  }

  setHost({ host, passthrough }: VirtualHost): void {
    this.deleteHost(host);
    if (passthrough === null) this.#terminated.add(host);
    else this.#passthrough.set(host, this.#context.group(passthrough));
  }

  deleteHost(host: string): void {
    this.#passthrough.delete(host);
    this.#terminated.delete(host);
  }

  /** Reads the PROXY header if the settings ask for one, and goes on with what it says, if its sender is trusted. */
  plain(socket: Socket, then: (proxied: ProxyHeader | null) => void): void {
    if (this.#context.settings().useProxyProtocol) readProxied(socket, this.#context, then);
    else then(null);
  }

  /**
   * As `plain`, and reads the ClientHello if any host passes through, or has handshakes of its own; `then` gets what is to be
   * terminated here, with the name the client asks for: null when it names none, or nobody had to know.
   */
  tls(socket: Socket, then: AcceptedTls): void {
    this.plain(socket, (proxied) => {
      if (this.#passthrough.size === 0 && !this.#context.needsServerName()) then(proxied, null);
      else this.#readHello(socket, proxied, then);
    });
  }

  #readHello(socket: Socket, proxied: ProxyHeader | null, then: AcceptedTls): void {
    const judge = (bytes: Buffer): Verdict => {
      const hello = readClientHello(bytes);
      if (hello === 'more') return 'more';
      if (hello === 'invalid') {
        socket.write(DECODE_ERROR);
        return 'refused';
      }
      const group = hello.serverName === null ? undefined : this.#groupOf(hello.serverName);
      if (group === undefined) return { used: 0, goOn: () => then(proxied, hello.serverName) };
      return { used: 0, goOn: () => this.#pass(socket, proxied, group) };
    };
    readOpening(socket, this.#context, this.#context.settings().tlsHandshakeTimeout, judge, () => undefined);
  }

  /** An exact name before a wildcard, as for certificates. */
  #groupOf(name: string): LiveGroup | undefined {
    const exact = this.#passthrough.get(name);
    if (exact !== undefined || this.#terminated.has(name)) return exact;
    const dot = name.indexOf('.');
    return dot > 0 ? this.#passthrough.get(`*${name.slice(dot)}`) : undefined;
  }

  #pass(socket: Socket, proxied: ProxyHeader | null, group: LiveGroup): void {
    const { source, destination } = addresses(socket, proxied);
    const header = this.#context.settings().passthroughProxyProtocol ? proxyHeaderText(source, destination) : '';
    this.#context.onPassthrough(socket, source.address, group, header);
  }
}

/** Reads a PROXY header off a connection; `then` gets it if its sender is trusted. */
export function readProxied(
  socket: Socket,
  context: Pick<AcceptContext, 'deadlines' | 'onBug' | 'settings' | 'onProxyHeaderRefused'>,
  then: (proxied: ProxyHeader | null) => void,
): void {
  const judge = (bytes: Buffer): Verdict => {
    const header = readProxyHeader(bytes);
    if (header === 'more') return 'more';
    if (header === 'invalid') return 'refused';
    const trusted = addressSet(context.settings().trustedProxies).has(plainAddress(socket.remoteAddress ?? ''));
    return { used: header.length, goOn: () => then(trusted ? header : null) };
  };
  const { proxyProtocolHeaderTimeout } = context.settings();
  readOpening(socket, context, proxyProtocolHeaderTimeout, judge, (why) => context.onProxyHeaderRefused(socket, why));
}

/** Who the client is and where it connected to: as a PROXY header says it, or as the socket does. */
export function addresses(socket: Socket, proxied: ProxyHeader | null): { source: Address; destination: Address } {
  return {
    source: proxied?.source ?? { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 },
    destination: proxied?.destination ?? { address: plainAddress(socket.localAddress ?? ''), port: socket.localPort ?? 0 },
  };
}
