/** How requests are counted: by host, canary, class of status, and with buckets of the user's. */
import { afterEach, describe, expect, it } from 'vitest';
import { READING, sharedCounters, seriesLayout, WAITING, WRITING, type SeriesLabels } from '../../../src/observe/series.ts';
import { SeriesReader } from '../../../src/observe/series-reader.ts';
import { SeriesWriter } from '../../../src/observe/series-writer.ts';
import { connectionStates } from '../../../src/proxy/workers/connection-states.ts';
import { RouteSeriesTable } from '../../../src/proxy/record/route-series.ts';
import { parseFlags } from '../../../src/settings/parse.ts';
import type { ProxySettings } from '../../../src/settings/settings.ts';
import { eventually } from '../../support/eventually.ts';
import { prefixRoute, response } from '../../support/proxy.ts';
import { seriesWriter } from '../../support/series.ts';
import { Stage } from '../../support/stage.ts';

const COMMON = { controller_class: 'c', controller_namespace: 'n', controller_pod: 'p' };

let stage = new Stage();
afterEach(async () => {
  await stage.close();
  stage = new Stage();
});

/** The labels of the series that requests for these hosts make. */
async function labelsOf(hosts: readonly string[], changes: Partial<ProxySettings>): Promise<SeriesLabels[]> {
  const { port } = await stage.backend(() => response('hello'));
  const proxy = await stage.proxyTo([port], changes);
  for (const host of hosts) {
    const client = await stage.client(proxy.port);
    client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    await client.response();
    client.close();
  }
  return [...proxy.series.values()];
}

describe('--report-status-classes', () => {
  it.each([
    [false, ['200', '404']],
    [true, ['2xx', '4xx']],
  ])('%s', async (metricsStatusClasses, statuses) => {
    const labels = await labelsOf(['app.example', 'nobody.example'], { metricsStatusClasses });
    expect(labels.map(({ status }) => status)).toEqual(statuses);
  });
});

describe('--metrics-per-undefined-host', () => {
  it.each([
    [false, ['app.example', '_']],
    [true, ['app.example', 'nobody.example', 'other.example']],
  ])('%s', async (metricsPerUndefinedHost, hosts) => {
    const labels = await labelsOf(['APP.example:80', 'nobody.example', 'NOBODY.example:81', 'other.example'], {
      metricsPerUndefinedHost,
    });
    expect(labels.map(({ host }) => host)).toEqual(hosts);
  });

  it('a client cannot make any number of them', () => {
    const opened: string[] = [];
    const table = new RouteSeriesTable(seriesWriter(sharedCounters(), ({ labels }) => opened.push(labels?.host ?? 'closed')));
    for (let i = 0; i < 10_000; i++) table.series(table.ofHost(table.unrouted, `h${i}.example`), 'GET', 404, String);
    expect(opened).toHaveLength(513);
    // What is known stays known.
    expect(table.ofHost(table.unrouted, 'h0.example').labels.host).toBe('h0.example');
    expect(table.ofHost(table.unrouted, 'h9999.example').labels.host).toBe('');
  });

  it('those of a route end with it, and leave room for others', () => {
    const announced: (string | null)[] = [];
    const table = new RouteSeriesTable(seriesWriter(sharedCounters(), ({ labels }) => announced.push(labels?.host ?? null)));
    const route = table.open(prefixRoute('/', 'app'), '*.example');
    for (let i = 0; i < 512; i++) table.series(table.ofHost(route, `h${i}.example`), 'GET', 200, String);
    expect(table.ofHost(table.unrouted, 'late.example').labels.host).toBe('');
    table.close(route);
    table.sweep();
    expect(announced.filter((host) => host === null)).toHaveLength(512);
    expect(table.ofHost(table.unrouted, 'late.example').labels.host).toBe('late.example');
  });
});

describe('a canary', () => {
  it('has series of its own, which end with the route', () => {
    const announced: (SeriesLabels | null)[] = [];
    const table = new RouteSeriesTable(seriesWriter(sharedCounters(), ({ labels }) => announced.push(labels)));
    const route = table.open(prefixRoute('/', 'app'), 'app.example');
    table.series(route, 'GET', 200, String);
    table.series(table.ofCanary(route, 'default-next-80'), 'GET', 200, String);
    table.series(table.ofCanary(route, 'default-next-80'), 'GET', 200, String);
    expect(announced.map((labels) => labels?.canary)).toEqual(['', 'default-next-80']);
    expect(announced[1]).toMatchObject({ service: 'app', host: 'app.example' });
    table.close(route);
    table.sweep();
    expect(announced.slice(2)).toEqual([null, null]);
  });
});

describe('--time-buckets and its kin', () => {
  it('are the buckets that are served', () => {
    const { proxy } = parseFlags(['--time-buckets=0.1,1', '--length-buckets=5', '--size-buckets=1,2,3'], {});
    const layout = seriesLayout(proxy);
    const reader = new SeriesReader(COMMON, { layout, perHost: true });
    const counters = sharedCounters();
    reader.addWorker(1, counters);
    const writer = new SeriesWriter(counters, layout, (announcement) => reader.announce(1, announcement));
    const labels = { namespace: '', ingress: '', service: '', canary: '', host: '', path: '', method: '', status: '' };
    const [one, two] = [writer.open(labels), writer.open({ ...labels, path: '/two' })];
    for (const [index] of layout.histograms.entries()) writer.observe(two, index, 2);
    writer.count(one);
    const text = reader.text();
    const bounds = (name: string): string[] =>
      [...text.matchAll(new RegExp(`^nginx_ingress_controller_${name}_bucket\\{.*path="/two".*le="(.*)"\\} (.*)$`, 'gm'))].map(
        ([, bound, count]) => `${bound}:${count}`,
      );
    expect(bounds('request_duration_seconds')).toEqual(['0.1:0', '1:0', '+Inf:1']);
    expect(bounds('request_size')).toEqual(['5:1', '+Inf:1']);
    expect(bounds('bytes_sent')).toEqual(['1:0', '2:1', '3:1', '+Inf:1']);
    expect(text).toMatch(/^nginx_ingress_controller_requests\{.*path="".*\} 1$/m);
  });
});

describe('--exclude-socket-metrics', () => {
  it.each([[['bytes_sent', 'nginx_ingress_controller_requests', 'ingress_upstream_latency_seconds']], [[]]])(
    '%j',
    (excluded) => {
      const layout = seriesLayout(parseFlags([], {}).proxy);
      const text = new SeriesReader(COMMON, { layout, perHost: true, excluded }).text();
      for (const name of ['bytes_sent', 'requests', 'ingress_upstream_latency_seconds'])
        expect(text.includes(`# TYPE nginx_ingress_controller_${name} `), name).toBe(excluded.length === 0);
      expect(text).toContain('# TYPE nginx_ingress_controller_request_size ');
      // Not of requests, and never left out.
      expect(text).toContain('nginx_ingress_controller_nginx_process_requests_total');
    },
  );
});

describe('the states of connections', () => {
  it('are reading, writing and waiting', async () => {
    let answer: () => void = () => undefined;
    const backend = await stage.backend((_, socket) => {
      answer = () => void socket.write(response('hello'));
      return null;
    });
    const proxy = await stage.proxyTo([backend.port]);
    const states = (): number[] => Object.values(connectionStates(proxy.runtime.connections));
    const [reading, writing, waiting] = await Promise.all([1, 2, 3].map(() => stage.client(proxy.port)));
    reading!.send('GET / HTTP/1.1\r\nHo');
    writing!.send('GET / HTTP/1.1\r\nHost: app.example\r\n\r\n');
    await eventually(() => states().join() === '1,1,1' && backend.received[0]?.endsWith('\r\n\r\n') === true);
    answer();
    await writing!.response();
    await eventually(() => states().join() === '1,0,2');
    waiting!.close();
    reading!.close();
    await eventually(() => states().join() === '0,0,1');
    proxy.runtime.tick(0);
    expect([proxy.counters[READING], proxy.counters[WRITING], proxy.counters[WAITING]]).toEqual([0, 0, 1]);
  });
});
