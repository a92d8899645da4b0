/** The tracer: OpenTelemetry's SDK with its exporter for OTLP over gRPC. Only `tracer.ts` loads it. */
import { ROOT_CONTEXT, SpanKind, TraceFlags, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { OnSpansLost, SpanAttributes, Tracer, TracingSettings } from './tracer.ts';

/** How long one batch may take, and the last of all. Milliseconds. */
const EXPORT_TIMEOUT = 10_000;
const CLOSE_WITHIN = 2000;
/** Characters of one attribute; a client chooses many of them. */
const MAX_VALUE = 4096;

/** The instrumentation's name, as ingress-nginx's module has it. */
const SCOPE = 'nginx';

/** As `otel-sampler` and its kin want it. */
function samplerOf({ otelSampler, otelSamplerRatio, otelSamplerParentBased }: TracingSettings): Sampler {
  const root =
    otelSampler === 'AlwaysOn'
      ? new AlwaysOnSampler()
      : otelSampler === 'AlwaysOff'
        ? new AlwaysOffSampler()
        : new TraceIdRatioBasedSampler(otelSamplerRatio);
  return otelSamplerParentBased ? new ParentBasedSampler({ root }) : root;
}

/** Tells what the collector did not take; the SDK would keep it to itself. */
class ToldExporter implements SpanExporter {
  readonly #exporter: OTLPTraceExporter;
  readonly #onLost: OnSpansLost;

  constructor(url: string, onLost: OnSpansLost) {
    this.#exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_TIMEOUT });
    this.#onLost = onLost;
  }

  export(spans: ReadableSpan[], done: Parameters<SpanExporter['export']>[1]): void {
    this.#exporter.export(spans, (result) => {
      if (result.error !== undefined) this.#onLost(spans.length, result.error.message);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}

/** An address of IPv6 stands in brackets in a URL. */
function urlOf({ otlpCollectorHost: host, otlpCollectorPort: port }: TracingSettings): string {
  return `http://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

/** Makes a tracer. `onLost`: spans that the collector did not take. */
export function createTracer(settings: TracingSettings, onLost: OnSpansLost): Tracer {
  const { otelMaxQueueSize, otelMaxExportBatchSize } = settings;
  const provider = new TracerProvider({
    sampler: samplerOf(settings),
    resource: resourceFromAttributes({ 'service.name': settings.otelServiceName }),
    spanLimits: { attributeValueLengthLimit: MAX_VALUE },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new ToldExporter(urlOf(settings), onLost),
        maxQueueSize: otelMaxQueueSize,
        maxExportBatchSize: Math.min(otelMaxExportBatchSize, otelMaxQueueSize),
        scheduledDelayMillis: settings.otelScheduleDelay,
        exportTimeoutMillis: EXPORT_TIMEOUT,
      }),
    ],
  });
  const tracer = provider.getTracer(SCOPE);
  return {
    begin: (name, parent, attributes) => {
      const context =
        parent === null
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, {
              traceId: parent.traceId,
              spanId: parent.spanId,
              traceFlags: parent.sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
              isRemote: true,
            });
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, context);
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        context: { traceId, spanId, sampled: (traceFlags & TraceFlags.SAMPLED) !== 0 },
        end: (finalName: string, more: SpanAttributes) => {
          span.updateName(finalName);
          span.setAttributes(more);
          span.end();
        },
      };
    },
    close: async () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, CLOSE_WITHIN);
      await Promise.race([provider.shutdown().catch(() => undefined), promise]);
      clearTimeout(timer);
    },
  };
}
