/** What tests of HTTP/2 have in common: a backend that reads whole requests, and clients of both kinds. */
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';

/** A request as the backend read it. */
export interface BackendRequest {
  readonly method: string;
  readonly target: string;
  /** Lower-case name, value, name … in order. */
  readonly fields: readonly string[];
  readonly body: string;
  /** It ended as its framing said. */
  readonly complete: boolean;
}

export interface ReadingBackend {
  readonly port: number;
  /** All requests whose head came, in order. */
  readonly requests: readonly BackendRequest[];
  readonly close: () => Promise<void>;
}

/** Answers a request when all of it was read. */
export type Answering = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void;

const OK: Answering = (_, response) => response.end('ok');

/** A backend that answers with what `answer` does, "ok" unless given, once it has read the request. */
export async function readingBackend(answer: Answering = OK): Promise<ReadingBackend> {
  const requests: BackendRequest[] = [];
  const server = http.createServer({ maxHeaderSize: 65_536 }, (request, response) => {
    const fields = request.rawHeaders.map((part, index) => (index % 2 === 0 ? part.toLowerCase() : part));
    const seen = { method: request.method!, target: request.url!, fields, body: '', complete: false };
    requests.push(seen);
    request.setEncoding('latin1');
    request.on('data', (text: string) => (seen.body += text));
    request.on('error', () => undefined);
    request.on('end', () => {
      seen.complete = request.complete;
      answer(request, response, seen.body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A response as Node's client got it. */
export interface Http2Response {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly interim: readonly http2.IncomingHttpHeaders[];
  readonly body: Buffer;
  readonly trailers: http2.IncomingHttpHeaders;
  /** 0 unless the stream was reset. */
  readonly code: number;
}

/** Node's own client, for requests that are well-formed. */
export class Http2Client {
  readonly session: http2.ClientHttp2Session;
  /** GOAWAY frames that came. */
  goaways = 0;

  constructor(port: number) {
    this.session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    this.session.on('error', () => undefined);
    this.session.on('goaway', () => this.goaways++);
  }

  /** Opens a stream to `app.example`. */
  open(headers: http2.OutgoingHttpHeaders = {}, options: http2.ClientSessionRequestOptions = {}): http2.ClientHttp2Stream {
    return this.session.request({ ':path': '/', ':authority': 'app.example', ...headers }, options);
  }

  /** A whole exchange. Rejects only when the session cannot take it. */
  async request(headers: http2.OutgoingHttpHeaders = {}, body?: string | Buffer): Promise<Http2Response> {
    const stream = this.open(headers, { endStream: body === undefined });
    if (body !== undefined) stream.end(body);
    return responseOf(stream);
  }

  async close(): Promise<void> {
    if (this.session.destroyed) return;
    this.session.destroy();
    if (!this.session.closed) await once(this.session, 'close');
  }
}

/** Reads all of a response. */
export async function responseOf(stream: http2.ClientHttp2Stream): Promise<Http2Response> {
  let headers: Http2Response['headers'] = {};
  let trailers: http2.IncomingHttpHeaders = {};
  const interim: http2.IncomingHttpHeaders[] = [];
  const parts: Buffer[] = [];
  stream.on('response', (given) => (headers = given));
  stream.on('headers', (given: http2.IncomingHttpHeaders) => interim.push(given));
  stream.on('trailers', (given: http2.IncomingHttpHeaders) => (trailers = given));
  stream.on('data', (part: Buffer) => parts.push(part));
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.once('close', resolve));
  return { headers, interim, body: Buffer.concat(parts), trailers, code: stream.rstCode ?? 0 };
}
