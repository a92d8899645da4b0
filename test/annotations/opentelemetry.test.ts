/**
 * `enable-opentelemetry` and its kin: requests through the whole proxy to a backend, and the spans that arrive at a real collector (OTLP
 * over gRPC). Reference: ingress-nginx's template.go (buildOpentelemetryForLocation), and its module's otel_ngx_module.cpp.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectRef } from '../../src/model/diagnostic.ts';
import { applyConfigMap } from '../../src/settings/configmap.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { LogFile } from '../support/access-log.ts';
import { ingress, serve, service } from '../support/ingress.ts';
import { startCollector, type Collector, type ReceivedSpan } from '../support/otlp.ts';
import { response } from '../support/proxy.ts';
import { Stage } from '../support/stage.ts';

const REF: ObjectRef = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ingress', name: 'sluice' };
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const INCOMING = `traceparent: 00-${TRACE}-${PARENT}-01\r\ntracestate: congo=t61rcWkgMzE\r\n`;
const ON = { 'enable-opentelemetry': 'true' };

let collector: Collector;
let stage = new Stage();
beforeAll(async () => {
  collector = await startCollector();
});
afterAll(() => collector.close());
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

interface Traced {
  readonly spans: readonly ReceivedSpan[];
  /** What the backend got. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
  readonly codes: readonly string[];
  readonly answers: readonly number[];
  readonly log: readonly string[];
}

/** Serves `app.example`, sends the requests one after the other, and waits for all spans there are. */
async function trace(
  annotations: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, string>> = {},
  requests: readonly string[] = [get('/a?b=c', INCOMING)],
  answer: (head: string) => string | null = () => response('hello'),
): Promise<Traced> {
  const log = stage.opened(new LogFile());
  const backend = await stage.backend(answer);
  const { settings, diagnostics } = applyConfigMap(
    DEFAULT_SETTINGS,
    {
      'otlp-collector-host': '127.0.0.1',
      'otlp-collector-port': String(collector.port),
      'access-log-path': log.path,
      'log-format-upstream': '$opentelemetry_trace_id $opentelemetry_span_id $opentelemetry_context_traceparent',
      ...config,
    },
    REF,
  );
  const proxy = await serve([ingress(annotations), ...service('app', [backend.port])], {
    translate: settings.translate,
    proxy: { ...settings.proxy, httpPort: 0, httpsPort: 0, bindAddress: '127.0.0.1' },
  });
  await proxy.runtime.tracing.settled();
  const before = collector.spans.length;
  const answers: number[] = [];
  for (const request of requests) {
    const client = await stage.client(proxy.port);
    client.send(request);
    answers.push((await client.response()).status);
    client.close();
  }
  // What is left is sent then.
  await proxy.close();
  const head = backend.received[0] ?? '';
  return {
    spans: collector.spans.slice(before),
    traceparent: /^traceparent: (.*)\r$/im.exec(head)?.[1],
    tracestate: /^tracestate: (.*)\r$/im.exec(head)?.[1],
    codes: [...diagnostics, ...proxy.diagnostics].map(
      ({ code, field }) => `${code} ${field.replace(/.*\//, '').replace(/\]$/, '')}`,
    ),
    answers,
    log: log.lines(),
  };
}

function get(path: string, fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.example\r\n${fields}\r\n`;
}

describe('enable-opentelemetry', () => {
  // annotation, ConfigMap, spans, diagnostics
  it.each([
    [undefined, {}, 0, []],
    ['true', {}, 1, []],
    ['T', {}, 1, []],
    ['false', {}, 0, []],
    [undefined, ON, 1, []],
    ['false', ON, 0, []],
    ['true', ON, 1, []],
    ['yes', {}, 0, ['AnnotationInvalid enable-opentelemetry']],
    ['yes', ON, 1, ['AnnotationInvalid enable-opentelemetry']],
    [true, {}, 0, ['ObjectMalformed enable-opentelemetry']],
    ['x'.repeat(65_536), {}, 0, ['AnnotationInvalid enable-opentelemetry']],
    // Without a collector there is nowhere to send them.
    ['true', { 'otlp-collector-host': '' }, 0, []],
  ])('case %#: %.20s, ConfigMap %j: %i spans', async (value, config, count, codes) => {
    const got = await trace(value === undefined ? {} : { 'enable-opentelemetry': value }, config);
    expect(got.answers).toEqual([200]);
    expect(got.spans).toHaveLength(count);
    expect(got.codes).toEqual(codes);
    // Where nothing is traced, the client's own trace passes.
    if (count === 0) expect(got.traceparent).toBe(`00-${TRACE}-${PARENT}-01`);
  });

  it('the span says what its request was', async () => {
    const { spans } = await trace(ON, { 'otel-service-name': 'edge' }, [get('/a?b=c', 'User-Agent: curl/8\r\n')]);
    expect(spans[0]).toMatchObject({
      name: '/',
      kind: 2,
      scope: 'nginx',
      parentSpanId: '',
      resource: { 'service.name': 'edge' },
      attributes: {
        'http.method': 'GET',
        'http.scheme': 'http',
        'http.host': 'app.example',
        'http.target': '/a?b=c',
        'http.flavor': '1.1',
        'http.server_name': 'app.example',
        'http.user_agent': 'curl/8',
        'http.status_code': 200,
        'net.peer.ip': '127.0.0.1',
      },
    });
    expect(spans[0]!.attributes['net.host.port']).toBeTypeOf('number');
  });

  it('the backend and the access log know the span', async () => {
    const { spans, traceparent, log } = await trace(ON);
    const { traceId, spanId } = spans[0]!;
    expect(traceparent).toBe(`00-${traceId}-${spanId}-01`);
    expect(log).toEqual([`${traceId} ${spanId} 00-${traceId}-${spanId}-01`]);
  });

  it('what is not traced has neither', async () => {
    const { log } = await trace({});
    expect(log).toEqual(['- - -']);
  });

  it('an answer of our own is in the trace as well', async () => {
    const { spans, answers } = await trace({ ...ON, 'force-ssl-redirect': 'true' });
    expect(answers).toEqual([308]);
    expect(spans[0]!.attributes).toMatchObject({ 'http.status_code': 308 });
  });

  it('and so is a backend that fails', async () => {
    const { spans, answers } = await trace(ON, { 'proxy-next-upstream-tries': '1' }, [get('/')], () => 'nonsense\r\n\r\n');
    expect(answers).toEqual([502]);
    expect(spans[0]!.attributes).toMatchObject({ 'http.status_code': 502 });
  });
});

describe('opentelemetry-trust-incoming-span', () => {
  // annotation, ConfigMap, the client's trace is gone on with
  it.each([
    [undefined, {}, true, []],
    ['true', {}, true, []],
    ['false', {}, false, []],
    [undefined, { 'opentelemetry-trust-incoming-span': 'false' }, false, []],
    ['true', { 'opentelemetry-trust-incoming-span': 'false' }, true, []],
    ['false', { 'opentelemetry-trust-incoming-span': 'true' }, false, []],
    ['no', {}, true, ['AnnotationInvalid opentelemetry-trust-incoming-span']],
  ])('%j, ConfigMap %j: %s', async (value, config, trusted, codes) => {
    const annotations = value === undefined ? ON : { ...ON, 'opentelemetry-trust-incoming-span': value };
    const got = await trace(annotations, config);
    expect(got.codes).toEqual(codes);
    const [span] = got.spans;
    expect(span!.traceId === TRACE).toBe(trusted);
    expect(span!.parentSpanId).toBe(trusted ? PARENT : '');
    expect(got.traceparent).toBe(`00-${span!.traceId}-${span!.spanId}-01`);
    // What it says belongs to the trace it came with.
    expect(got.tracestate).toBe(trusted ? 'congo=t61rcWkgMzE' : undefined);
  });

  it.each([['nonsense'], [`00-${'0'.repeat(32)}-${PARENT}-01`], [`00-${TRACE}-${PARENT}-01-x`], ['x'.repeat(4000)]])(
    'a traceparent that is none (%.30s) begins a trace',
    async (value) => {
      const { spans, traceparent, tracestate } = await trace(ON, {}, [
        get('/', `traceparent: ${value}\r\ntracestate: a=b\r\n`),
      ]);
      expect(spans[0]).toMatchObject({ parentSpanId: '' });
      expect(traceparent).toBe(`00-${spans[0]!.traceId}-${spans[0]!.spanId}-01`);
      expect(tracestate).toBeUndefined();
    },
  );

  it("a client's decision not to record is kept (otel-sampler-parent-based)", async () => {
    const { spans, traceparent } = await trace(ON, {}, [get('/', `traceparent: 00-${TRACE}-${PARENT}-00\r\n`)]);
    expect(spans).toEqual([]);
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[\\da-f]{16}-00$`));
  });
});

describe('opentelemetry-operation-name', () => {
  // annotation, ConfigMap, name, diagnostics
  it.each([
    [undefined, {}, '/', []],
    ['checkout', {}, 'checkout', []],
    ['Check_out-2', { 'opentelemetry-operation-name': 'other' }, 'Check_out-2', []],
    [undefined, { 'opentelemetry-operation-name': 'HTTP $request_method $service_name $uri' }, 'HTTP GET app /a', []],
    [undefined, { 'opentelemetry-operation-name': '${host}!' }, 'app.example!', []],
    ['', {}, '/', []],
    // ingress-nginx's validator takes no variables in the annotation.
    ['$uri', {}, '/', ['AnnotationInvalid opentelemetry-operation-name']],
    ['a b"; }', {}, '/', ['AnnotationInvalid opentelemetry-operation-name']],
    [undefined, { 'opentelemetry-operation-name': '$nonsense' }, '/', ['ConfigKeyInvalid data["opentelemetry-operation-name"']],
  ])('case %#: %s, ConfigMap %j: %s', async (value, config, name, codes) => {
    const got = await trace(value === undefined ? ON : { ...ON, 'opentelemetry-operation-name': value }, config);
    expect(got.spans.map((span) => span.name)).toEqual([name]);
    expect(got.codes).toEqual(codes);
  });
});
