/**
 * The backend of the security tests: it reads requests as RFC 9112 says, notes every byte of every connection, and answers with
 * what it saw, so that each answer can be traced to its request. What it does otherwise is asked for by the path.
 */
import net from 'node:net';

/** A request that arrived whole. */
export interface Seen {
  readonly method: string;
  readonly target: string;
  /** The head with its empty line. */
  readonly head: string;
  /** De-chunked. */
  readonly body: string;
}

/** A connection from the proxy. */
export interface BackendConnection {
  readonly socket: net.Socket;
  received: string;
  closed: boolean;
}

export interface Backend {
  readonly port: number;
  readonly connections: readonly BackendConnection[];
  /** Every complete request, in the order they came. */
  readonly requests: readonly Seen[];
  /** The bytes of all connections that hold `text`. */
  readonly bytesWith: (text: string) => string;
  /** Resolves when the proxy has closed all its connections. */
  readonly abandoned: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const ANSWER = 'HTTP/1.1 200 OK\r\n';

/** What the answer to a request is; null: none. */
function answerTo({ method, target, body }: Seen): string | null {
  if (target.includes('/hold')) return null;
  const text = `${method} ${target} ${body.length}`;
  if (target.includes('/switch'))
    return 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  if (target.includes('/forbid'))
    return `HTTP/1.1 403 Forbidden\r\nContent-Length: ${text.length}\r\n\r\n${method === 'HEAD' ? '' : text}`;
  return `${ANSWER}Content-Length: ${text.length}\r\n\r\n${method === 'HEAD' ? '' : text}`;
}

/** Where a chunked body that starts at `from` ends; -1: not yet, -2: never. */
function chunkedBody(text: string, from: number): { readonly end: number; readonly body: string } {
  let at = from;
  let body = '';
  for (;;) {
    const line = text.indexOf('\r\n', at);
    if (line < 0) return { end: -1, body };
    const size = /^([0-9a-f]{1,8})(?:;.*)?$/i.exec(text.slice(at, line));
    if (size === null) return { end: -2, body };
    const length = Number.parseInt(size[1]!, 16);
    if (length === 0) {
      for (at = line + 2; ;) {
        const next = text.indexOf('\r\n', at);
        if (next < 0) return { end: -1, body };
        if (next === at) return { end: at + 2, body };
        at = next + 2;
      }
    }
    at = line + 2 + length + 2;
    if (text.length < at) return { end: -1, body };
    body += text.slice(line + 2, line + 2 + length);
  }
}

/** Takes complete requests off `connection.received` from `from` on; returns where the next begins, or -1 if it is none. */
function take(connection: BackendConnection, from: number, early: Set<number>, onSeen: (seen: Seen) => void): number {
  const { received: text, socket } = connection;
  let at = from;
  while (at < text.length) {
    const headEnd = text.indexOf('\r\n\r\n', at) + 4;
    if (headEnd === 3) return at;
    const head = text.slice(at, headEnd);
    const line = /^([A-Z_-]+) ([^ \r\n]+) HTTP\/1\.[01]\r\n/.exec(head);
    if (line === null) return -1;
    const [, method = '', target = ''] = line;
    // An answer before the body was read.
    if (target.includes('/early') && !early.has(at)) {
      early.add(at);
      socket.write(`${ANSWER}Content-Length: 5\r\n\r\nearly`);
    }
    let body = '';
    let end = headEnd;
    const length = /\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n/i.exec(head);
    if (/\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n/i.test(head)) ({ end, body } = chunkedBody(text, headEnd));
    else if (length !== null) {
      end = headEnd + Number(length[1]);
      if (text.length < end) return at;
      body = text.slice(headEnd, end);
    }
    if (end === -2) return -1;
    if (end === -1) return at;
    at = end;
    onSeen({ method, target, head, body });
  }
  return at;
}

export async function securityBackend(): Promise<Backend> {
  const connections: BackendConnection[] = [];
  const requests: Seen[] = [];
  let onClosed: () => void = () => undefined;
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    const connection: BackendConnection = { socket, received: '', closed: false };
    connections.push(connection);
    const early = new Set<number>();
    let at = 0;
    let tunnel = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      connection.received += chunk.toString('latin1');
      if (tunnel || at < 0) return;
      at = take(connection, at, early, (seen) => {
        requests.push(seen);
        tunnel ||= seen.target.includes('/switch');
        const answer = seen.target.includes('/early') ? null : answerTo(seen);
        if (answer !== null && !socket.destroyed) socket.write(answer, 'latin1');
      });
      if (at < 0) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      connection.closed = true;
      onClosed();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    connections,
    requests,
    bytesWith: (text) =>
      connections
        .map(({ received }) => received)
        .filter((received) => received.includes(text))
        .join('\n'),
    abandoned: async () => {
      while (!connections.every(({ closed }) => closed)) await new Promise<void>((resolve) => (onClosed = resolve));
    },
    close: () => {
      for (const { socket } of connections) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
