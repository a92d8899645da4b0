/** The keys of OpenTelemetry. */
import { readLogFormat } from '../values/log-format.ts';
import { BOOLEAN, integer, oneOf, text, type ValueType } from '../values/values.ts';
import { key, type ConfigKey } from './key.ts';

const HOST = text(
  'host',
  'a host name or an IP address, without scheme and port',
  (value) => value === '' || /^(?:[\w.-]{1,253}|\[[\da-f:.]+\]|[\da-f:.]+)$/i.test(value),
);
const NAME = text('name', 'a name of printable characters', (value) => /^[\x21-\x7e][\x20-\x7e]{0,252}$/.test(value));
const SPAN_NAME = text(
  'text',
  'text of at most 1024 printable characters, with variables of nginx',
  (value) => value.length <= 1024 && !/[^\x20-\x7e]/.test(value) && typeof readLogFormat(value, 'http') !== 'string',
);
const RATIO: ValueType<number> = {
  word: 'ratio',
  expected: 'a number from 0 to 1',
  parse: (value) => (/^(?:0|1|[01]?\.\d+)$/.test(value) && Number(value) <= 1 ? Number(value) : undefined),
  format: String,
};

/** In the order of the documentation. */
export const TELEMETRY_KEYS: readonly ConfigKey[] = [
  key(
    'enable-opentelemetry',
    BOOLEAN,
    false,
    'Trace the requests of all Ingresses that do not say otherwise. Without otlp-collector-host nothing is traced.',
    (enableOpentelemetry) => ({ translate: { enableOpentelemetry } }),
  ),
  key(
    'opentelemetry-trust-incoming-span',
    BOOLEAN,
    true,
    "Go on with the client's trace (traceparent, W3C Trace Context) instead of beginning one.",
    (opentelemetryTrustIncomingSpan) => ({ translate: { opentelemetryTrustIncomingSpan } }),
  ),
  key(
    'opentelemetry-operation-name',
    SPAN_NAME,
    '',
    'The name of the spans, such as "HTTP $request_method $service_name $uri". Empty: the path of the Ingress.',
    (opentelemetryOperationName) => ({ translate: { opentelemetryOperationName } }),
  ),
  key('otlp-collector-host', HOST, '', 'Where spans are sent (OTLP over gRPC).', (otlpCollectorHost) => ({
    proxy: { otlpCollectorHost },
  })),
  key('otlp-collector-port', integer(1, 65_535), 4317, 'Its port.', (otlpCollectorPort) => ({ proxy: { otlpCollectorPort } })),
  key('otel-service-name', NAME, 'nginx', 'The attribute service.name of the spans.', (otelServiceName) => ({
    proxy: { otelServiceName },
  })),
  key(
    'otel-sampler',
    oneOf('AlwaysOn', 'AlwaysOff', 'TraceIdRatioBased'),
    'AlwaysOn',
    'Which traces are recorded.',
    (otelSampler) => ({ proxy: { otelSampler } }),
  ),
  key('otel-sampler-ratio', RATIO, 0.01, 'The part of the traces that TraceIdRatioBased records.', (otelSamplerRatio) => ({
    proxy: { otelSamplerRatio },
  })),
  key(
    'otel-sampler-parent-based',
    BOOLEAN,
    true,
    'A trace that a client has begun is recorded if the client records it; otel-sampler decides for the others.',
    (otelSamplerParentBased) => ({ proxy: { otelSamplerParentBased } }),
  ),
  key(
    'otel-max-queuesize',
    integer(1, 65_536),
    2048,
    'Spans of one worker that wait to be sent; further ones are dropped.',
    (otelMaxQueueSize) => ({ proxy: { otelMaxQueueSize } }),
  ),
  key('otel-max-export-batch-size', integer(1, 65_536), 512, 'Spans that are sent at once.', (otelMaxExportBatchSize) => ({
    proxy: { otelMaxExportBatchSize },
  })),
  key(
    'otel-schedule-delay-millis',
    integer(1, 3_600_000),
    5000,
    'How often they are sent, in milliseconds.',
    (otelScheduleDelay) => ({ proxy: { otelScheduleDelay } }),
  ),
];
