/** A backend that reads every request to its end before it answers, and remembers what it got. */
import http from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came. */
export interface WholeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface WholeBackend {
  readonly port: number;
  readonly requests: readonly WholeRequest[];
  readonly close: () => Promise<void>;
}

/** `answer`: the status, 200 unless it says otherwise; null: the connection is reset. */
export async function wholeBackend(answer: (request: WholeRequest) => number | null = () => 200): Promise<WholeBackend> {
  const requests: WholeRequest[] = [];
  const server = http.createServer((incoming, outgoing) => {
    const pieces: Buffer[] = [];
    incoming.on('error', () => undefined);
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      const request = { method: incoming.method!, url: incoming.url!, headers: incoming.headers, body: Buffer.concat(pieces) };
      requests.push(request);
      const status = answer(request);
      if (status === null) incoming.socket.resetAndDestroy();
      else outgoing.writeHead(status, { 'Content-Length': 2 }).end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
