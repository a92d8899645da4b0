/** A collector of traces: a real gRPC server for OTLP (opentelemetry/proto/collector/trace/v1/trace_service.proto). */
import * as grpc from '@grpc/grpc-js';
import { Reader, type Field } from '../../src/cluster/embedded/protobuf/reader.ts';

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: the first of its trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 2: server. */
  readonly kind: number;
  readonly scope: string;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Of the resource. */
  readonly resource: Readonly<Record<string, string | number>>;
  /** Nanoseconds. */
  readonly duration: bigint;
}

export interface Collector {
  readonly port: number;
  /** In the order of their arrival. */
  readonly spans: readonly ReceivedSpan[];
  /** How many each request brought. */
  readonly batches: readonly number[];
  /** From now on requests are refused with this status; null: they are taken. */
  readonly refuse: (code: grpc.status | null) => void;
  readonly close: () => void;
}

const bytes = (message: Buffer): Buffer => message;
const SERVICE: grpc.ServiceDefinition = {
  export: {
    path: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  },
};

/** Starts one on a free port of the loopback. */
export async function startCollector(): Promise<Collector> {
  const spans: ReceivedSpan[] = [];
  const batches: number[] = [];
  let refusal: grpc.status | null = null;
  const server = new grpc.Server();
  server.addService(SERVICE, {
    export: (call: grpc.ServerUnaryCall<Buffer, Buffer>, done: grpc.sendUnaryData<Buffer>) => {
      if (refusal !== null) return done({ code: refusal, details: 'not now' });
      const received = read(call.request);
      spans.push(...received);
      batches.push(received.length);
      done(null, Buffer.alloc(0));
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, spans, batches, refuse: (code) => (refusal = code), close: () => server.forceShutdown() };
}

function fieldsOf(message: Buffer, number: number): Field[] {
  return [...new Reader(message).fields()].filter((field) => field.number === number);
}

function bytesOf(message: Buffer, number: number): Buffer {
  return fieldsOf(message, number)[0]?.bytes ?? Buffer.alloc(0);
}

function read(request: Buffer): ReceivedSpan[] {
  return fieldsOf(request, 1).flatMap(({ bytes: resourceSpans }) => {
    const resource = attributesOf(bytesOf(resourceSpans, 1), 1);
    return fieldsOf(resourceSpans, 2).flatMap(({ bytes: scopeSpans }) => {
      const scope = bytesOf(bytesOf(scopeSpans, 1), 1).toString();
      return fieldsOf(scopeSpans, 2).map(({ bytes: span }) => ({
        traceId: bytesOf(span, 1).toString('hex'),
        spanId: bytesOf(span, 2).toString('hex'),
        parentSpanId: bytesOf(span, 4).toString('hex'),
        name: bytesOf(span, 5).toString(),
        kind: Number(fieldsOf(span, 6)[0]?.varint ?? 0n),
        scope,
        attributes: attributesOf(span, 9),
        resource,
        duration: bytesOf(span, 8).readBigUInt64LE() - bytesOf(span, 7).readBigUInt64LE(),
      }));
    });
  });
}

function attributesOf(message: Buffer, number: number): Record<string, string | number> {
  const pairs = fieldsOf(message, number).map(({ bytes: pair }): [string, string | number] => {
    const value = bytesOf(pair, 2);
    const text = fieldsOf(value, 1)[0];
    return [bytesOf(pair, 1).toString(), text === undefined ? Number(fieldsOf(value, 3)[0]?.varint) : text.bytes.toString()];
  });
  return Object.fromEntries(pairs);
}
