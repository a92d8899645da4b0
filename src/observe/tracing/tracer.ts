/**
 * Spans of requests, sent by OTLP over gRPC. The OpenTelemetry packages are loaded when tracing is first switched on: a worker without it
 * must not grow.
 */
import { isDeepStrictEqual } from 'node:util';
import type { TraceContext } from './trace-context.ts';

/** What is needed of the settings. */
export interface TracingSettings {
  /** Empty: nothing is traced. */
  readonly otlpCollectorHost: string;
  readonly otlpCollectorPort: number;
  readonly otelServiceName: string;
  readonly otelSampler: 'AlwaysOn' | 'AlwaysOff' | 'TraceIdRatioBased';
  /** 0 to 1. */
  readonly otelSamplerRatio: number;
  readonly otelSamplerParentBased: boolean;
  /** Spans. */
  readonly otelMaxQueueSize: number;
  readonly otelMaxExportBatchSize: number;
  /** Milliseconds. */
  readonly otelScheduleDelay: number;
}

/** What a span says of its request. */
export type SpanAttributes = Readonly<Record<string, string | number>>;

/** The span of one request. */
export interface RequestSpan {
  /** What the upstream is told. */
  readonly context: TraceContext;
  /** Ends it under this name. To be called once. */
  readonly end: (name: string, attributes: SpanAttributes) => void;
}

/** Makes spans. */
export interface Tracer {
  /** Begins a span; `name` counts for the sampler only. `parent`: of the client; null: the span begins a trace. */
  readonly begin: (name: string, parent: TraceContext | null, attributes: SpanAttributes) => RequestSpan;
  /** Sends what is left, within a bound. Never rejects. */
  readonly close: () => Promise<void>;
}

/** Spans were not taken: how many, and why. */
export type OnSpansLost = (spans: number, why: string) => void;

const FIELDS = [
  'otlpCollectorHost',
  'otlpCollectorPort',
  'otelServiceName',
  'otelSampler',
  'otelSamplerRatio',
  'otelSamplerParentBased',
  'otelMaxQueueSize',
  'otelMaxExportBatchSize',
  'otelScheduleDelay',
] as const satisfies readonly (keyof TracingSettings)[];

/** Loads what a tracer is made of. */
type Load = () => Promise<{ readonly createTracer: (settings: TracingSettings, onLost: OnSpansLost) => Tracer }>;

/** The tracer of a worker, as its settings want it at the moment. */
export class Tracing {
  /** Null: nothing is traced, or not yet. */
  current: Tracer | null = null;
  readonly #onLost: OnSpansLost;
  readonly #load: Load;
  #wanted: Partial<TracingSettings> = {};
  /** Counts changes, so that a load that took long cannot undo a later one. */
  #generation = 0;
  /** What is on its way. */
  #pending: Promise<unknown> = Promise.resolve();

  /** `onLost`: also told when the packages cannot be loaded. */
  constructor(onLost: OnSpansLost, load: Load = () => import('./otlp.ts')) {
    this.#onLost = onLost;
    this.#load = load;
  }

  /** The settings changed, perhaps not in what matters here. Until the packages are loaded, requests are served and not traced. */
  configure(settings: TracingSettings): void {
    const wanted = Object.fromEntries(FIELDS.map((field) => [field, settings[field]]));
    if (isDeepStrictEqual(wanted, this.#wanted)) return;
    this.#wanted = wanted;
    this.#generation++;
    const before = this.current;
    this.current = null;
    if (before !== null) this.#pending = Promise.all([this.#pending, before.close()]);
    if (settings.otlpCollectorHost === '') return;
    this.#pending = Promise.all([this.#pending, this.#start(settings)]);
  }

  async #start(settings: TracingSettings): Promise<void> {
    const generation = this.#generation;
    try {
      const { createTracer } = await this.#load();
      if (generation === this.#generation) this.current = createTracer(settings, this.#onLost);
    } catch (error) {
      this.#onLost(0, error instanceof Error ? error.message : String(error));
    }
  }

  /** Resolves when what was configured is in force. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  /** Sends what is left, within a bound. */
  async close(): Promise<void> {
    this.#generation++;
    const { current } = this;
    this.current = null;
    await current?.close();
    await this.#pending;
  }
}
