/** Spans to a real collector, and the life of the tracer of a worker. */
import * as grpc from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Tracing, type Tracer, type TracingSettings } from '../../../src/observe/tracing/tracer.ts';
import { DEFAULT_SETTINGS } from '../../../src/settings/defaults.ts';
import { eventually } from '../../support/eventually.ts';
import { startCollector, type Collector } from '../../support/otlp.ts';

const CLIENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true };

let collector: Collector;
let lost: [number, string][];
let tracing: Tracing;

beforeEach(async () => {
  collector = await startCollector();
  lost = [];
  tracing = new Tracing((spans, why) => lost.push([spans, why]));
});

afterEach(async () => {
  await tracing.close();
  collector.close();
});

function settings(changes: Partial<TracingSettings> = {}): TracingSettings {
  return {
    ...DEFAULT_SETTINGS.proxy,
    otlpCollectorHost: '127.0.0.1',
    otlpCollectorPort: collector.port,
    otelScheduleDelay: 5,
    ...changes,
  };
}

async function tracer(changes: Partial<TracingSettings> = {}): Promise<Tracer> {
  tracing.configure(settings(changes));
  await tracing.settled();
  return tracing.current!;
}

describe('a span', () => {
  it('arrives at the collector, under the name of the service', async () => {
    const { begin } = await tracer({ otelServiceName: 'edge' });
    const span = begin('/', null, { 'http.method': 'GET' });
    span.end('GET /a', { 'http.status_code': 200 });
    const [received] = await eventually(() => collector.spans.length === 1 && collector.spans);
    expect(received).toMatchObject({
      traceId: span.context.traceId,
      spanId: span.context.spanId,
      parentSpanId: '',
      name: 'GET /a',
      kind: 2,
      scope: 'nginx',
      attributes: { 'http.method': 'GET', 'http.status_code': 200 },
      resource: { 'service.name': 'edge' },
    });
    expect(received!.duration).toBeGreaterThanOrEqual(0n);
    expect(lost).toEqual([]);
  });

  it("goes on with the client's trace", async () => {
    const { begin } = await tracer();
    const span = begin('/', CLIENT, {});
    expect(span.context).toMatchObject({ traceId: CLIENT.traceId, sampled: true });
    expect(span.context.spanId).not.toBe(CLIENT.spanId);
    span.end('/', {});
    const [received] = await eventually(() => collector.spans.length === 1 && collector.spans);
    expect(received).toMatchObject({ traceId: CLIENT.traceId, parentSpanId: CLIENT.spanId });
  });

  it('is cut where an attribute is too long', async () => {
    const { begin } = await tracer();
    begin('/', null, { 'http.target': `/${'x'.repeat(100_000)}` }).end('/', {});
    const [received] = await eventually(() => collector.spans.length === 1 && collector.spans);
    expect(String(received!.attributes['http.target'])).toHaveLength(4096);
  });
});

describe('otel-sampler', () => {
  it.each([
    ['AlwaysOn', true, null, true],
    ['AlwaysOff', true, null, false],
    // otel-sampler-parent-based: the client's decision counts, if it has made one.
    ['AlwaysOn', true, false, false],
    ['AlwaysOn', false, false, true],
    ['AlwaysOff', true, true, true],
    ['AlwaysOff', false, true, false],
    ['TraceIdRatioBased', true, null, false],
  ] as const)('%s, parent-based %s, client %s: sampled %s', async (otelSampler, otelSamplerParentBased, client, sampled) => {
    const { begin } = await tracer({ otelSampler, otelSamplerParentBased, otelSamplerRatio: 0 });
    const { context } = begin('/', client === null ? null : { ...CLIENT, sampled: client }, {});
    expect(context.sampled).toBe(sampled);
    // What the upstream is told has a trace in either case.
    expect(context.traceId).toMatch(/^[\da-f]{32}$/);
    expect(context.spanId).toMatch(/^[\da-f]{16}$/);
  });

  it('otel-sampler-ratio 1 takes all', async () => {
    const { begin } = await tracer({ otelSampler: 'TraceIdRatioBased', otelSamplerRatio: 1 });
    expect(begin('/', null, {}).context.sampled).toBe(true);
  });
});

describe('the queue', () => {
  it('otel-max-export-batch-size: no request brings more', async () => {
    const { begin } = await tracer({ otelMaxExportBatchSize: 2 });
    for (let i = 0; i < 5; i++) begin('/', null, {}).end('/', {});
    await eventually(() => collector.spans.length === 5);
    expect(Math.max(...collector.batches)).toBe(2);
  });

  it('otel-max-queuesize: what does not fit is dropped, also where a batch would be larger', async () => {
    const { begin } = await tracer({ otelMaxQueueSize: 3, otelScheduleDelay: 3_600_000 });
    for (let i = 0; i < 50; i++) begin('/', null, {}).end('/', {});
    await tracing.close();
    expect(collector.spans.length).toBeGreaterThan(0);
    expect(collector.spans.length).toBeLessThan(50);
    expect(Math.max(...collector.batches)).toBeLessThanOrEqual(3);
  });

  it('tells what the collector did not take, and goes on', async () => {
    const { begin } = await tracer();
    collector.refuse(grpc.status.PERMISSION_DENIED);
    begin('/', null, {}).end('/', {});
    await eventually(() => lost.length > 0);
    expect(lost[0]![0]).toBe(1);
    expect(lost[0]![1]).toContain('not now');
    collector.refuse(null);
    begin('/', null, {}).end('/', {});
    await eventually(() => collector.spans.length === 1);
  });
});

describe('the tracer of a worker', () => {
  it('is not there, and nothing of it is loaded, without a collector', async () => {
    const loads: number[] = [];
    const idle = new Tracing(
      () => undefined,
      () => {
        loads.push(1);
        return import('../../../src/observe/tracing/otlp.ts');
      },
    );
    idle.configure(DEFAULT_SETTINGS.proxy);
    await idle.settled();
    expect(idle.current).toBeNull();
    expect(loads).toEqual([]);
    await idle.close();
  });

  it('stays when the settings change in something else', async () => {
    const first = await tracer();
    tracing.configure({ ...DEFAULT_SETTINGS.proxy, ...settings(), keepAliveTimeout: 1 } as TracingSettings);
    await tracing.settled();
    expect(tracing.current).toBe(first);
  });

  it('is replaced when they change, and sends what it still had', async () => {
    const first = await tracer({ otelScheduleDelay: 3_600_000 });
    first.begin('/', null, {}).end('old', {});
    const second = await tracer({ otelServiceName: 'new' });
    expect(second).not.toBe(first);
    await eventually(() => collector.spans.some(({ name }) => name === 'old'));
  });

  it('goes when the collector goes, and a load that took long changes nothing then', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = new Tracing(
      () => undefined,
      async () => {
        await promise;
        return import('../../../src/observe/tracing/otlp.ts');
      },
    );
    slow.configure(settings());
    slow.configure(settings({ otlpCollectorHost: '' }));
    resolve();
    await slow.settled();
    expect(slow.current).toBeNull();
    await slow.close();
  });

  it('tells when its packages cannot be loaded', async () => {
    const told: string[] = [];
    const broken = new Tracing(
      (_, why) => told.push(why),
      () => Promise.reject(new Error('no such package')),
    );
    broken.configure(settings());
    await broken.settled();
    expect(told).toEqual(['no such package']);
    expect(broken.current).toBeNull();
    await broken.close();
  });

  it('closes within a bound while the collector is silent', async () => {
    const { begin } = await tracer({ otlpCollectorHost: '::1', otlpCollectorPort: 1 });
    begin('/', null, {}).end('/', {});
    await tracing.close();
    expect(tracing.current).toBeNull();
  });
});
