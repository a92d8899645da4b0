/** Backends that speak TLS, and routes to them. */
import { createPrivateKey } from 'node:crypto';
import http2 from 'node:http2';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type tls from 'node:tls';
import type { UpstreamTls } from '../../src/model/policies.ts';
import { certificateId, type Route, type UpstreamSecret } from '../../src/model/table.ts';
import { makeCertificate, type TestCa, type TestCertificate } from './pki.ts';
import { prefixRoute } from './proxy.ts';

/** What a connection to a backend was. */
export interface SeenConnection {
  readonly serverName: string | false;
  /** The CN of the certificate that the proxy showed. */
  readonly client: string | undefined;
  readonly resumed: boolean;
  readonly version: string | null;
  readonly cipher: string;
}

export interface TlsBackend {
  readonly port: number;
  readonly seen: SeenConnection[];
  readonly close: () => Promise<void>;
}

/** Answers every request with "secure", over HTTP/1.1 or HTTP/2. It asks for a certificate, and takes any. */
export async function tlsBackend(
  certificate: TestCertificate,
  options: tls.TlsOptions = {},
  protocol: 'http/1.1' | 'h2' = 'http/1.1',
): Promise<TlsBackend> {
  const all = { key: certificate.key, cert: certificate.chain, requestCert: true, rejectUnauthorized: false, ...options };
  const server =
    protocol === 'h2'
      ? http2.createSecureServer(all, (_, response) => void response.end('secure'))
      : https.createServer(all, (_, response) => void response.end('secure'));
  const seen: SeenConnection[] = [];
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket: tls.TLSSocket) => {
    seen.push({
      serverName: (socket as tls.TLSSocket & { servername: string | false }).servername,
      client: socket.getPeerCertificate().subject?.CN as string | undefined,
      resumed: socket.isSessionReused(),
      version: socket.getProtocol(),
      cipher: socket.getCipher().name,
    });
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A Secret for `proxy-ssl-secret`. */
export function upstreamSecret(name: string, ca: TestCa | null, client: string | null = null): UpstreamSecret {
  const pair = client === null ? null : makeCertificate({ names: [client] });
  return {
    id: certificateId('default', name),
    ca: ca === null ? null : ca.cert,
    chain: pair === null ? null : pair.chain,
    key: pair === null ? null : createPrivateKey(pair.key),
    fingerprint: JSON.stringify([name, ca?.cert, pair?.cert]),
  };
}

/** What `proxy-ssl-*` come to, with these differences from the defaults. */
export function upstreamTls(secret: UpstreamSecret, changes: Partial<UpstreamTls> = {}): UpstreamTls {
  return {
    secret: secret.id,
    verify: true,
    verifyDepth: 1,
    name: 'backend.test',
    sendsName: false,
    ciphers: 'DEFAULT',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ...changes,
  };
}

/** A route to the group `app` over TLS. */
export function tlsRoute(path: string, proxySsl: UpstreamTls | null, backendProtocol: 'HTTPS' | 'GRPCS' = 'HTTPS'): Route {
  return prefixRoute(path, 'app', { backendProtocol, ...(proxySsl !== null && { proxySsl }) });
}
