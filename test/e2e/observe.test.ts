/** The access log and traces through the whole chain: switched on, changed and switched off by the ConfigMap, while running. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Chain } from '../support/chain.ts';
import { eventually } from '../support/eventually.ts';
import { ingress } from '../support/manifests.ts';
import { startCollector, type Collector } from '../support/otlp.ts';

let chain: Chain;
let collector: Collector;

const configMap = (data: Readonly<Record<string, string>>): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'sluice', namespace: 'default' },
  data,
});

beforeAll(async () => {
  collector = await startCollector();
  chain = await (
    await Chain.start({ flags: ['--access-log=true', '--configmap=default/sluice', '--report-status-classes'] })
  ).listening();
  chain.apply(ingress('web', 'web.test Prefix / control'));
  await chain.settled();
});

afterAll(async () => {
  await chain.close();
  collector.close();
});

/** Requests this path until the log has a line that matches. */
async function logged(path: string, line: RegExp): Promise<void> {
  await eventually(async () => {
    await chain.get(`http://web.test${path}`);
    return line.test(chain.sluice.stdout);
  });
}

describe('log-format-upstream', () => {
  it('is changed while running, and what is wrong with it is told', async () => {
    await logged('/default', /"GET \/default HTTP\/1\.1" 200 .* \[default-control-8080\] \[\] /);
    chain.apply(configMap({ 'log-format-upstream': '{"path":"$uri","status":$status}', 'log-format-escape-json': 'true' }));
    await logged('/json', /^\{"path":"\/json","status":200\}$/m);
    chain.apply(configMap({ 'log-format-upstream': '$statsu' }));
    await logged('/wrong', /"GET \/wrong HTTP\/1\.1" 200 .* \[default-control-8080\] \[\] /);
    const diagnostics = await chain.diagnostics();
    expect(diagnostics).toMatchObject([{ code: 'ConfigKeyInvalid', field: 'data["log-format-upstream"]' }]);
    expect(diagnostics[0]!.message).toContain('$statsu is not a variable');
  });
});

describe('OpenTelemetry', () => {
  it('is switched on and off while running, and the backend knows the span', async () => {
    const on = {
      'enable-opentelemetry': 'true',
      'otlp-collector-host': '127.0.0.1',
      'otlp-collector-port': String(collector.port),
      'otel-schedule-delay-millis': '10',
    };
    expect((await chain.get('http://web.test/')).echo?.headers['traceparent']).toBeUndefined();
    chain.apply(configMap(on));
    const traced = await eventually(async () => {
      const { echo } = await chain.get('http://web.test/traced');
      return echo?.headers['traceparent'];
    });
    const [, traceId, spanId] = traced.split('-');
    const span = await eventually(() => collector.spans.find((one) => one.spanId === spanId));
    expect(span).toMatchObject({ traceId, attributes: { 'http.target': '/traced', 'http.status_code': 200 } });
    chain.apply(configMap({}));
    await eventually(async () => (await chain.get('http://web.test/')).echo?.headers['traceparent'] === undefined);
  });

  it('a collector that is not there costs spans, and nothing else', async () => {
    chain.apply(
      configMap({
        'enable-opentelemetry': 'true',
        'otlp-collector-host': '127.0.0.1',
        'otlp-collector-port': '1',
        'otel-schedule-delay-millis': '10',
      }),
    );
    await eventually(async () => {
      const { status, echo } = await chain.get('http://web.test/');
      expect(status).toBe(200);
      return echo?.headers['traceparent'];
    });
    chain.apply(configMap({}));
    await eventually(async () => (await chain.get('http://web.test/')).echo?.headers['traceparent'] === undefined);
  });
});

describe('flags of metrics', () => {
  it('reach the workers', async () => {
    const metrics = await (await fetch(`${chain.admin}/metrics`)).text();
    expect(metrics).toMatch(/^nginx_ingress_controller_requests\{.*status="2xx".*\} \d+$/m);
    expect(metrics).toContain('nginx_ingress_controller_nginx_process_num_procs');
  });
});
