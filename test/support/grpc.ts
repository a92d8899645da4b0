/** gRPC through the proxy with the real client and server: calls of every kind, with bytes for messages. */
import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { group, host, prefixRoute, startProxy, table, type TestProxy } from './proxy.ts';
import type { Stage } from './stage.ts';
import type { TablePatch } from '../../src/model/table.ts';
import type { ProxySettings } from '../../src/settings/settings.ts';

const bytes = (message: Buffer): Buffer => message;

function method(name: string, requestStream: boolean, responseStream: boolean): grpc.MethodDefinition<Buffer, Buffer> {
  return {
    path: `/test.Test/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
}

const SERVICE = {
  unary: method('unary', false, false),
  gather: method('gather', true, false),
  spread: method('spread', false, true),
  echo: method('echo', true, true),
};

/** What a test lets the server do instead of the usual. */
export type Handlers = Partial<{
  readonly unary: grpc.handleUnaryCall<Buffer, Buffer>;
  readonly gather: grpc.handleClientStreamingCall<Buffer, Buffer>;
  readonly spread: grpc.handleServerStreamingCall<Buffer, Buffer>;
  readonly echo: grpc.handleBidiStreamingCall<Buffer, Buffer>;
}>;

const USUAL: Required<Handlers> = {
  unary: (call, done) => done(null, Buffer.from(`re: ${call.request.toString()}`)),
  gather: (call, done) => {
    let length = 0;
    call.on('data', (message: Buffer) => (length += message.length));
    call.on('end', () => done(null, Buffer.from(String(length))));
  },
  spread: (call) => {
    for (let i = 0; i < Number(call.request.toString()); i++) call.write(Buffer.from(`message ${i}`));
    call.end();
  },
  echo: (call) => {
    call.on('data', (message: Buffer) => {
      if (!call.write(message)) {
        call.pause();
        call.once('drain', () => call.resume());
      }
    });
    call.on('end', () => call.end());
  },
};

/** A server of the four methods. `unary` and its like answer as usual unless replaced. */
export async function grpcServer(handlers: Handlers = {}, port = 0): Promise<{ port: number; close: () => void }> {
  const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(SERVICE, { ...USUAL, ...handlers });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, actual) =>
      error === null ? resolve(actual) : reject(error),
    );
  });
  return { port: bound, close: () => server.forceShutdown() };
}

/** A proxy whose host `app.example` has backends that speak gRPC on these ports. */
export async function grpcProxy(
  stage: Stage,
  ports: readonly number[],
  settings: Partial<ProxySettings> = {},
): Promise<TestProxy> {
  return stage.watched(await startProxy(grpcTable(ports), settings));
}

/** The table of such a proxy. */
export function grpcTable(ports: readonly number[]): TablePatch {
  return table([host('app.example', [prefixRoute('/', 'app', { backendProtocol: 'GRPC' })])], [group('app', ports)]);
}

/** A client of the proxy, over TLS. */
export function grpcClient(stage: Stage, proxy: TestProxy, authority = 'app.example'): GrpcClient {
  return stage.opened(new GrpcClient(proxy.httpsPort, authority));
}

/** How a call ended. */
export interface Ended {
  readonly code: grpc.status;
  readonly details: string;
  readonly message: string;
  readonly trailers: grpc.Metadata;
}

export class GrpcClient {
  readonly #client: grpc.Client;

  constructor(port: number, authority: string) {
    const anybody = { rejectUnauthorized: false, checkServerIdentity: () => undefined };
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.ChannelCredentials.createSsl(null, null, null, anybody), {
      'grpc.default_authority': authority,
      'grpc.ssl_target_name_override': authority,
      'grpc.enable_retries': 0,
      'grpc.max_receive_message_length': -1,
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  unary(message: string | Buffer, options: grpc.CallOptions = {}): Promise<Ended> {
    return new Promise((resolve) => {
      let text = '';
      const call = this.#client.makeUnaryRequest(
        SERVICE.unary.path,
        bytes,
        bytes,
        Buffer.from(message),
        new grpc.Metadata(),
        options,
        (_, value) => (text = value?.toString() ?? ''),
      );
      call.on('status', ({ code, details, metadata }) => resolve({ code, details, message: text, trailers: metadata }));
    });
  }

  gather(): { call: grpc.ClientWritableStream<Buffer>; ended: Promise<Ended> } {
    let text = '';
    const call = this.#client.makeClientStreamRequest(
      SERVICE.gather.path,
      bytes,
      bytes,
      (_, value?: Buffer) => (text = value?.toString() ?? ''),
    );
    return { call, ended: endOf(call, () => text) };
  }

  spread(count: number): { call: grpc.ClientReadableStream<Buffer>; messages: string[]; ended: Promise<Ended> } {
    const messages: string[] = [];
    const call = this.#client.makeServerStreamRequest(SERVICE.spread.path, bytes, bytes, Buffer.from(String(count)));
    call.on('data', (message: Buffer) => messages.push(message.toString()));
    call.on('error', () => undefined);
    return { call, messages, ended: endOf(call, () => '') };
  }

  echo(options: grpc.CallOptions = {}): { call: grpc.ClientDuplexStream<Buffer, Buffer>; ended: Promise<Ended> } {
    const call = this.#client.makeBidiStreamRequest(SERVICE.echo.path, bytes, bytes, new grpc.Metadata(), options);
    call.on('error', () => undefined);
    return { call, ended: endOf(call, () => '') };
  }

  close(): void {
    this.#client.close();
  }
}

/** Not `once`, which an 'error' before it would end. */
function endOf(call: NodeJS.EventEmitter, text: () => string): Promise<Ended> {
  return new Promise((resolve) => {
    call.on('status', ({ code, details, metadata }: grpc.StatusObject) =>
      resolve({ code, details, message: text(), trailers: metadata }),
    );
  });
}

/** Sends so many bytes both ways in one call, in messages of 64 KiB; returns the bytes that came back. */
export async function pump(client: GrpcClient, total: number): Promise<number> {
  const { call, ended } = client.echo();
  const message = Buffer.alloc(65_536, 0x61);
  let back = 0;
  call.on('data', (echoed: Buffer) => (back += echoed.length));
  for (let sent = 0; sent < total; sent += message.length) if (!call.write(message)) await once(call, 'drain');
  call.end();
  const { code } = await ended;
  if (code !== grpc.status.OK) throw new Error(`the call ended with ${code}`);
  return back;
}
