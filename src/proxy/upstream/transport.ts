/**
 * How endpoints are spoken to: protocol and TLS. What differs in any of it never shares a connection: one that was made without looking at
 * the certificate, or with another's certificate, must not serve who asks for more.
 */
import type { KeyObject } from 'node:crypto';
import type net from 'node:net';
import tls from 'node:tls';
import type { BackendProtocol, UpstreamTls } from '../../model/policies.ts';
import type { CertificateId, UpstreamGroup, UpstreamSecret } from '../../model/table.ts';
import { UpstreamSocket } from './socket.ts';

/** What a route asks for. */
export interface TransportWish {
  /** Null: what the group says, or plain HTTP. */
  readonly protocol: Exclude<BackendProtocol, 'AUTO_HTTP'> | null;
  readonly tls: UpstreamTls | null;
}

/** Plain HTTP/1.1, unless the group says otherwise. */
export const ANY: TransportWish = { protocol: null, tls: null };

/** A text that differs when wishes do. */
export function wishKey({ protocol, tls: wanted }: TransportWish): string {
  return protocol === null && wanted === null ? '' : JSON.stringify([protocol, wanted]);
}

/** Protocol and TLS of a pool. */
export interface Transport {
  /** Differs when anything of it does. */
  readonly key: string;
  readonly http2: boolean;
  readonly tls: TransportTls | null;
}

interface TransportTls {
  /** Made on first use: it costs a millisecond, and some tens of kilobytes. Throws what OpenSSL does not take. */
  readonly context: () => tls.SecureContext;
  readonly verify: boolean;
  readonly verifyDepth: number;
  readonly name: string;
  readonly sendsName: boolean;
}

/** HTTP/1.1 without TLS. */
export const PLAIN: Transport = { key: 'HTTP', http2: false, tls: null };
const H2C: Transport = { key: 'GRPC', http2: true, tls: null };

/** nginx without `proxy_ssl_*`: any version, no name sent, certificates not looked at. */
export const UNVERIFIED: Omit<UpstreamTls, 'secret'> = {
  verify: false,
  verifyDepth: 1,
  name: '',
  sendsName: false,
  ciphers: 'DEFAULT',
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
};

/** What a wish comes to for a group that says `ofGroup` of itself. A Secret that is not there gives nothing to trust, and no certificate. */
export function transportOf(
  wish: TransportWish,
  ofGroup: UpstreamGroup['protocol'],
  secretOf: (id: CertificateId) => UpstreamSecret | undefined,
): Transport {
  const protocol = wish.protocol ?? ofGroup ?? 'HTTP';
  if (protocol === 'HTTP') return PLAIN;
  if (protocol === 'GRPC') return H2C;
  const { secret: id, ...wanted } = wish.tls ?? { ...UNVERIFIED, secret: null };
  const secret = id === null ? undefined : secretOf(id);
  let context: tls.SecureContext | null = null;
  return {
    key: JSON.stringify([protocol, wanted, id, secret?.fingerprint]),
    http2: protocol === 'GRPCS',
    tls: { ...wanted, context: () => (context ??= tls.createSecureContext(contextOptions(wanted, secret))) },
  };
}

function contextOptions(wanted: Omit<UpstreamTls, 'secret'>, secret: UpstreamSecret | undefined): tls.SecureContextOptions {
  const { ciphers, minVersion, maxVersion, verify } = wanted;
  const { chain = null, key = null, ca = null } = secret ?? {};
  return {
    ciphers,
    minVersion,
    maxVersion,
    // Never the roots of the system: who is to be trusted is in the Secret.
    ca: verify && ca !== null ? [ca] : [],
    ...(chain !== null && key !== null && { cert: chain, key: pemOf(key) }),
  };
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Connects to an address without TLS. */
export function connectPlain(options: net.SocketConstructorOpts & net.TcpSocketConnectOpts): net.Socket {
  return new UpstreamSocket(options).connect(options);
}

/** A session that can be resumed, kept for the next connection of a pool. */
export interface SessionSlot {
  session: Buffer | null;
}

/**
 * Begins a TLS connection to an address; 'secureConnect' follows, or 'error' when the handshake fails or the certificate is not what was
 * asked for.
 */
export function connectTls(
  options: net.TcpSocketConnectOpts & { readonly allowHalfOpen: boolean },
  wanted: TransportTls,
  http2: boolean,
  slot: SessionSlot,
): tls.TLSSocket {
  const { session } = slot;
  const socket = tls.connect({
    ...options,
    secureContext: wanted.context(),
    rejectUnauthorized: wanted.verify,
    // nginx sends none for HTTP/1.1 either.
    ...(http2 && { ALPNProtocols: ['h2'] }),
    ...(wanted.sendsName && { servername: wanted.name }),
    ...(session !== null && { session }),
    checkServerIdentity: (_, certificate) =>
      wanted.verify ? (tls.checkServerIdentity(wanted.name, certificate) ?? tooDeep(certificate, wanted)) : undefined,
  });
  // A session counts only once its connection was found good: whoever resumes it is not looked at again.
  let fresh: Buffer | null = null;
  let good = false;
  socket.on('session', (ticket) => {
    fresh = ticket;
    if (good) slot.session = ticket;
  });
  socket.on('secureConnect', () => {
    good = true;
    if (fresh !== null) slot.session = fresh;
  });
  // What may have been wrong with it, the next connection does without.
  socket.on('error', () => (slot.session = null));
  return socket;
}

/** nginx's `proxy_ssl_verify_depth`: Node has no such limit. Undefined: all is well. */
function tooDeep(leaf: tls.PeerCertificate, { verifyDepth }: TransportTls): Error | undefined {
  let between = 0;
  let issuer = (leaf as tls.DetailedPeerCertificate).issuerCertificate as tls.DetailedPeerCertificate | undefined;
  const seen = new Set<unknown>([leaf]);
  while (issuer !== undefined && !seen.has(issuer) && issuer.issuerCertificate !== issuer) {
    seen.add(issuer);
    between++;
    issuer = issuer.issuerCertificate as tls.DetailedPeerCertificate | undefined;
  }
  return between > verifyDepth
    ? new Error(`${between} certificates stand between the backend's and the trusted one`)
    : undefined;
}
