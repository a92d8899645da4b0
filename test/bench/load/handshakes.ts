/** TLS handshakes, each with one small request; the server closes. */
import tls from 'node:tls';
import { clientOptions } from './clients.ts';
import { responseLength } from './response.ts';
import { type LoadResult, percentiles, printResult } from './result.ts';

/** What to do. */
export interface HandshakeOptions {
  readonly port: number;
  readonly host: string;
  /** The type that the server's key must have. */
  readonly keyType: 'rsa' | 'ec';
  readonly request: string;
  readonly resumed: boolean;
  /** At the same time. */
  readonly connections: number;
  readonly seconds: number;
}

const PATIENCE = 10_000;

const options = clientOptions() as HandshakeOptions;
/**
 * One key exchange for all: OpenSSL 3.5 would agree on X25519MLKEM768 with whoever has it, which costs 155 µs more, and Debian's
 * nginx is built with an older one.
 */
const secureContext = tls.createSecureContext({ ecdhCurve: 'X25519' });
const durations: number[] = [];
let resumed = 0;
let errors = 0;

/** One connection from its first packet until the answer is whole and the server has closed. Gives the newest session. */
function handshake(session: Buffer | undefined): Promise<Buffer | undefined> {
  const from = performance.now();
  const { port, host, request } = options;
  return new Promise((resolve) => {
    let newest = session;
    let received: Buffer = Buffer.alloc(0);
    let failure: unknown = null;
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: host,
      secureContext,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    });
    socket.setNoDelay(true);
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer')));
    socket.write(request, 'latin1');
    if (options.resumed) socket.on('session', (fresh) => (newest = fresh));
    socket.on('secureConnect', () => {
      if (socket.isSessionReused()) resumed++;
      else if (socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType !== options.keyType)
        socket.destroy(new Error('another certificate'));
    });
    socket.on('data', (chunk: Buffer) => (received = received.length === 0 ? chunk : Buffer.concat([received, chunk])));
    socket.on('error', (error) => (failure = error));
    socket.on('close', () => {
      if (failure === null && responseLength(received) > 0) durations.push(performance.now() - from);
      else errors++;
      resolve(newest);
    });
  });
}

const start = performance.now();
const until = start + options.seconds * 1000;
await Promise.all(
  Array.from({ length: options.connections }, async () => {
    let session: Buffer | undefined;
    // A server that refuses everybody is not asked for ever.
    while (performance.now() < until && errors < 100) session = await handshake(session);
  }),
);
printResult({
  requests: durations.length,
  seconds: (performance.now() - start) / 1000,
  ...percentiles(Float64Array.from(durations)),
  errors,
  resumed,
} satisfies LoadResult);
