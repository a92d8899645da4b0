/** A client that speaks bytes: sends what it is told, and waits for what the test expects. */
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';

/** A response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  readonly head: string;
  /** Lower-case name → values. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** De-chunked. */
  readonly body: string;
  readonly trailers: string;
}

export class RawClient {
  readonly socket: net.Socket;
  /** Everything received and not taken yet. */
  buffer = '';
  /** The server closed its side (or the connection). */
  ended = false;
  /** The connection was reset. */
  reset = false;
  #changed: () => void = () => undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.buffer += chunk.toString('latin1');
      this.#changed();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') this.reset = true;
    });
    socket.on('close', () => {
      this.ended = true;
      this.#changed();
    });
  }

  static async connect(port: number, address = '127.0.0.1'): Promise<RawClient> {
    const socket = net.connect({ port, host: address, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  static async connectTls(
    port: number,
    options: tls.ConnectionOptions & { readonly allowHalfOpen?: boolean } = {},
  ): Promise<RawClient> {
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    await once(socket, 'secureConnect');
    return new RawClient(socket);
  }

  send(text: string | Buffer): void {
    this.socket.write(text, 'latin1');
  }

  /** Waits until `condition` holds; looks again whenever something arrives. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** Waits until the server has closed. */
  closed(): Promise<void> {
    return this.until(() => this.ended);
  }

  /** Takes the next response off the connection. `headRequest`: it has no body. */
  async response(headRequest = false): Promise<RawResponse> {
    await this.until(() => this.buffer.includes('\r\n\r\n') || this.ended);
    const end = this.buffer.indexOf('\r\n\r\n') + 4;
    if (end === 3)
      throw new Error(`the connection closed${this.reset ? ' with a reset' : ''} after ${JSON.stringify(this.buffer)}`);
    const head = this.buffer.slice(0, end);
    this.buffer = this.buffer.slice(end);
    const status = Number(head.slice(9, 12));
    const headers = parseHeaders(head);
    let body = '';
    let trailers = '';
    const length = headers.get('content-length')?.[0];
    if (headRequest || status < 200 || status === 204 || status === 304) body = '';
    else if (headers.has('transfer-encoding')) [body, trailers] = await this.#chunked();
    else if (length !== undefined) {
      await this.until(() => this.buffer.length >= Number(length) || this.ended);
      body = this.buffer.slice(0, Number(length));
      this.buffer = this.buffer.slice(Number(length));
    } else {
      await this.closed();
      body = this.buffer;
      this.buffer = '';
    }
    return { status, head, headers, body, trailers };
  }

  /** Sends a request and takes its response. */
  request(text: string): Promise<RawResponse> {
    this.send(text);
    return this.response(text.startsWith('HEAD '));
  }

  close(): void {
    this.socket.destroy();
  }

  async #chunked(): Promise<[string, string]> {
    let body = '';
    for (;;) {
      await this.until(() => this.buffer.includes('\r\n') || this.ended);
      const line = this.buffer.indexOf('\r\n');
      if (line < 0) throw new Error('the connection closed in a chunked body');
      const size = Number.parseInt(this.buffer.slice(0, line), 16);
      if (size === 0) {
        await this.until(() => this.buffer.includes('\r\n\r\n') || this.ended);
        const end = this.buffer.indexOf('\r\n\r\n');
        const trailers = end === line ? '' : this.buffer.slice(line + 2, end + 2);
        this.buffer = this.buffer.slice(end + 4);
        return [body, trailers];
      }
      await this.until(() => this.buffer.length >= line + 2 + size + 2 || this.ended);
      if (this.buffer.length < line + 2 + size + 2) throw new Error('the connection closed in a chunk');
      body += this.buffer.slice(line + 2, line + 2 + size);
      this.buffer = this.buffer.slice(line + 2 + size + 2);
    }
  }
}

/** One request on a connection of its own. */
export async function exchange(port: number, request: string): Promise<RawResponse> {
  const client = await RawClient.connect(port);
  try {
    return await client.request(request);
  } finally {
    client.close();
  }
}

function parseHeaders(head: string): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  return headers;
}
