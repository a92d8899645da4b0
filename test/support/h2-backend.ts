/** A backend that speaks HTTP/2 in clear text, whose streams the test answers frame by frame. */
import http2 from 'node:http2';
import net, { type AddressInfo, type Socket } from 'node:net';

/** One request that came. */
export interface H2Request {
  readonly stream: http2.ServerHttp2Stream;
  readonly headers: http2.IncomingHttpHeaders;
  /** Name, value, name … as they came. */
  readonly raw: readonly string[];
  readonly session: http2.ServerHttp2Session;
}

export interface H2Backend {
  readonly port: number;
  readonly requests: H2Request[];
  readonly sessions: http2.ServerHttp2Session[];
  /** Codes that streams were reset with by the proxy. */
  readonly resets: number[];
  readonly close: () => Promise<void>;
}

/** Calls `answer` for each request. */
export async function h2Backend(
  answer: (request: H2Request, count: number) => void,
  options: http2.ServerOptions = {},
  port = 0,
): Promise<H2Backend> {
  const server = http2.createServer({ strictFieldWhitespaceValidation: false, ...options });
  const requests: H2Request[] = [];
  const sessions: http2.ServerHttp2Session[] = [];
  const resets: number[] = [];
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream: http2.ServerHttp2Stream, headers, _, raw: string[]) => {
    stream.on('error', () => undefined);
    stream.on('aborted', () => resets.push(stream.rstCode));
    const request = { stream, headers, raw, session: stream.session as http2.ServerHttp2Session };
    answer(request, requests.push(request));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    sessions,
    resets,
    close: () => {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A frame of HTTP/2 (RFC 9113 §4.1). */
export function frame(type: number, flags: number, streamId: number, payload: Buffer | string = ''): Buffer {
  const body = Buffer.from(payload as string, 'latin1');
  const head = Buffer.alloc(9);
  head.writeUIntBE(body.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, body]);
}

export const DATA = 0;
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const END_STREAM = 1;
export const END_HEADERS = 4;
/** HPACK's ":status: 200", and a literal field without indexing. */
export const OK_STATUS = '\x88';
export function literal(name: string, value: string): string {
  return `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`;
}

/** A backend that answers each head of a request with frames of the test's own making, right or wrong. */
export async function rawH2Backend(
  answer: (streamId: number, socket: Socket) => Buffer,
): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write(frame(SETTINGS, 0, 0));
    let input: Buffer = Buffer.alloc(0);
    let at = 24; // The preface.
    socket.on('data', (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      while (input.length >= at + 9 && input.length >= at + 9 + input.readUIntBE(at, 3)) {
        const type = input.readUInt8(at + 3);
        const flags = input.readUInt8(at + 4);
        const streamId = input.readUInt32BE(at + 5);
        at += 9 + input.readUIntBE(at, 3);
        if (type === SETTINGS && (flags & 1) === 0) socket.write(frame(SETTINGS, 1, 0));
        if (type === HEADERS) socket.write(answer(streamId, socket));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
