/** A client that does TLS handshakes, one connection each, and says what came of them. */
import tls from 'node:tls';

/** What a handshake came to. */
export interface Handshake {
  readonly resumed: boolean;
  readonly protocol: string;
  /** The alternative names of the server's certificate: `DNS:a.example, DNS:b.example`. */
  readonly names: string;
  readonly fingerprint: string;
  /** To resume with. */
  readonly session: Buffer;
}

/** One handshake on a connection of its own, for the SNI `servername` (none: ''). Rejects with the client's error. */
export function handshake(port: number, servername: string, options: tls.ConnectionOptions = {}): Promise<Handshake> {
  const socket = tls.connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false, ...options });
  return new Promise<Handshake>((resolve, reject) => {
    const done = (session: Buffer | undefined): void => {
      if (session === undefined || socket.destroyed) return;
      const { subjectaltname = '', fingerprint256 } = socket.getPeerCertificate();
      const protocol = socket.getProtocol() ?? '';
      resolve({ resumed: socket.isSessionReused(), protocol, names: subjectaltname, fingerprint: fingerprint256, session });
    };
    socket.on('secureConnect', () => {
      if (socket.getProtocol() === 'TLSv1.2' || socket.isSessionReused()) done(socket.getSession());
    });
    // A new session of TLS 1.3 comes after the handshake, to who reads.
    socket.once('session', done).resume();
    socket.on('error', reject).on('close', () => reject(new Error('the server closed the connection')));
  }).finally(() => socket.destroy());
}
