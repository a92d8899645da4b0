/** The main thread's side of the counters: sums over workers, dead ones included, in Prometheus's text format. */
import { describe, expect, it } from 'vitest';
import {
  ACCEPTED,
  ACTIVE,
  EJECTIONS,
  HEARTBEAT,
  LOG_DROPPED,
  REFUSED,
  REJECTED,
  REQUEST_DURATION,
  REQUEST_SIZE,
  REQUESTS,
  RETRIES_DENIED,
  SEGMENT_SLOTS,
  sharedCounters,
  type SeriesLabels,
} from '../../src/observe/series.ts';
import type { SeriesReader } from '../../src/observe/series-reader.ts';
import type { SeriesWriter } from '../../src/observe/series-writer.ts';
import { LAYOUT, seriesReader, seriesWriter } from '../support/series.ts';

const COMMON = { controller_class: 'k8s.io/ingress-nginx', controller_namespace: 'ingress', controller_pod: 'pod-1' };
const PREFIX = 'nginx_ingress_controller_';

function labels(changes: Partial<SeriesLabels> = {}): SeriesLabels {
  return {
    namespace: 'default',
    ingress: 'web',
    service: 'app',
    canary: '',
    host: 'app.example',
    path: '/',
    method: 'GET',
    status: '200',
    ...changes,
  };
}

function addWorker(reader: SeriesReader, id: number): SeriesWriter {
  const counters = sharedCounters();
  reader.addWorker(id, counters);
  return seriesWriter(counters, (announcement) => reader.announce(id, announcement));
}

/** The values of a metric: the series' labels that differ (path and status) → value. */
function requests(reader: SeriesReader): Record<string, number> {
  const lines = reader.text().matchAll(/^nginx_ingress_controller_requests\{.*path="(.*?)".*status="(.*?)"\} (\S+)$/gm);
  return Object.fromEntries([...lines].map(([, path, status, value]) => [`${path} ${status}`, Number(value)]));
}

function lines(reader: SeriesReader, name: string): string[] {
  return reader
    .text()
    .split('\n')
    .filter((line) => line.startsWith(`${PREFIX}${name}`));
}

describe('the text of the series', () => {
  it('has the names and labels of ingress-nginx', () => {
    const reader = seriesReader(COMMON, true);
    const writer = addWorker(reader, 1);
    writer.count(writer.open(labels()));
    expect(lines(reader, 'requests{')).toEqual([
      `${PREFIX}requests{controller_class="k8s.io/ingress-nginx",controller_namespace="ingress",controller_pod="pod-1",canary="",namespace="default",ingress="web",service="app",host="app.example",path="/",method="GET",status="200"} 1`,
    ]);
  });

  it('has cumulative buckets that end with all, a sum and a count', () => {
    const reader = seriesReader(COMMON, true);
    const writer = addWorker(reader, 1);
    const series = writer.open(labels());
    for (const value of [5, 10, 11, 35, 1e6]) writer.observe(series, REQUEST_SIZE, value);
    const buckets = lines(reader, 'request_size_bucket').map((line) => /le="(.*?)"\} (\d+)$/.exec(line)!.slice(1));
    expect(buckets).toEqual([
      ['10', '2'],
      ['20', '3'],
      ['30', '3'],
      ['40', '4'],
      ['50', '4'],
      ['60', '4'],
      ['70', '4'],
      ['80', '4'],
      ['90', '4'],
      ['100', '4'],
      ['+Inf', '5'],
    ]);
    expect(lines(reader, 'request_size_sum')[0]).toMatch(/\} 1000061$/);
    expect(lines(reader, 'request_size_count')[0]).toMatch(/\} 5$/);
  });

  it('is one block for each metric: help, type, then its series', () => {
    const reader = seriesReader(COMMON, true);
    const writer = addWorker(reader, 1);
    for (const path of ['/a', '/b']) writer.count(writer.open(labels({ path })));
    const text = reader.text();
    expect(text.endsWith('\n')).toBe(true);
    const seen = new Set<string>();
    let current = '';
    let type = '';
    for (const line of text.trimEnd().split('\n')) {
      const [, comment, name, rest] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
      if (comment === 'HELP') {
        expect(seen.has(name!)).toBe(false);
        seen.add((current = name!));
      } else if (comment === 'TYPE') {
        expect(name).toBe(current);
        type = rest!;
      } else {
        const suffix = type === 'summary' ? '(_sum|_count)' : type === 'histogram' ? '(_bucket|_sum|_count)' : '';
        expect(line).toMatch(new RegExp(`^${current}${suffix}(\\{.*\\})? \\d+(\\.\\d+)?$`));
      }
    }
    for (const { name } of LAYOUT.histograms) expect(seen).toContain(name);
  });

  it('escapes what labels hold', () => {
    const reader = seriesReader({ ...COMMON, controller_pod: 'p"od' }, true);
    const writer = addWorker(reader, 1);
    writer.count(writer.open(labels({ path: '/a"b\\c\nd\\n"' })));
    expect(lines(reader, 'requests{')).toHaveLength(1);
    expect(lines(reader, 'requests{')[0]).toContain(String.raw`path="/a\"b\\c\nd\\n\"",method`);
    expect(lines(reader, 'requests{')[0]).toContain(String.raw`controller_pod="p\"od",`);
    expect(lines(reader, 'nginx_process_requests_total')[0]).toContain(String.raw`controller_pod="p\"od"`);
  });

  it('has no host without metrics-per-host: series of several hosts are one', () => {
    const reader = seriesReader(COMMON, false);
    const writer = addWorker(reader, 1);
    for (const host of ['a.example', 'b.example']) writer.count(writer.open(labels({ host })));
    expect(lines(reader, 'requests{')).toHaveLength(1);
    expect(lines(reader, 'requests{')[0]).toMatch(/\} 2$/);
    expect(reader.text()).not.toMatch(/[{,]host=/);
  });
});

describe('the reader', () => {
  it('sums workers, whatever slots they use, over every segment', () => {
    const reader = seriesReader(COMMON, true);
    const [one, two] = [addWorker(reader, 1), addWorker(reader, 2)];
    for (let i = 0; i < SEGMENT_SLOTS; i++) two.open(labels({ path: `/other${i}` }));
    const [a, b] = [one.open(labels()), two.open(labels())];
    one.count(a);
    two.count(b);
    two.count(b);
    one.observe(a, REQUEST_DURATION, 0.25);
    two.observe(b, REQUEST_DURATION, 0.5);
    expect(requests(reader)['/ 200']).toBe(3);
    const sums = lines(reader, 'request_duration_seconds_sum').filter((line) => line.includes('path="/"'));
    expect(sums).toEqual([expect.stringMatching(/\} 0\.75$/)]);
  });

  it('keeps what a dead worker had counted, and adds what its replacement counts', () => {
    const reader = seriesReader(COMMON, true);
    const [one, two] = [addWorker(reader, 1), addWorker(reader, 2)];
    const a = one.open(labels());
    one.count(a);
    one.count(a);
    one.observe(a, REQUEST_SIZE, 15);
    one.count(one.open(labels({ status: '404' })));
    two.count(two.open(labels()));
    const before = reader.text();
    reader.removeWorker(1);
    expect(reader.text()).toBe(before);
    const again = addWorker(reader, 3);
    const b = again.open(labels());
    again.count(b);
    again.observe(b, REQUEST_SIZE, 15);
    expect(requests(reader)).toEqual({ '/ 200': 4, '/ 404': 1 });
    reader.removeWorker(3);
    reader.removeWorker(2);
    expect(requests(reader)).toEqual({ '/ 200': 4, '/ 404': 1 });
    expect(lines(reader, 'request_size_count').find((line) => line.includes('status="200"'))).toMatch(/\} 2$/);
  });

  it('ends a series that its worker closes, with what dead workers had counted in it', () => {
    const reader = seriesReader(COMMON, true);
    const [dead, alive] = [addWorker(reader, 1), addWorker(reader, 2)];
    dead.count(dead.open(labels()));
    dead.count(dead.open(labels({ path: '/stays' })));
    reader.removeWorker(1);
    const series = alive.open(labels());
    alive.count(series);
    expect(requests(reader)).toEqual({ '/ 200': 2, '/stays 200': 1 });
    alive.close(series);
    expect(requests(reader)).toEqual({ '/stays 200': 1 });
    // The slot has another meaning now.
    alive.count(alive.open(labels({ path: '/new' })));
    expect(requests(reader)).toEqual({ '/stays 200': 1, '/new 200': 1 });
  });

  it('takes no count back when one worker closes what another still counts', () => {
    const reader = seriesReader(COMMON, true);
    const [dead, one, two] = [addWorker(reader, 1), addWorker(reader, 2), addWorker(reader, 3)];
    const [a, b, c] = [dead.open(labels()), one.open(labels()), two.open(labels())];
    dead.count(a);
    one.count(b);
    two.count(c);
    reader.removeWorker(1);
    one.close(b);
    expect(requests(reader)).toEqual({ '/ 200': 3 });
    // The last one: nobody has the route any more.
    two.close(c);
    expect(requests(reader)).toEqual({});
  });

  it('takes no count back when the route of one of several hosts goes, without the label of the host', () => {
    const reader = seriesReader(COMMON, false);
    const writer = addWorker(reader, 1);
    const [a, b] = [writer.open(labels({ host: 'a.example' })), writer.open(labels({ host: 'b.example' }))];
    for (const series of [a, b]) writer.count(series);
    writer.close(a);
    expect(requests(reader)).toEqual({ '/ 200': 2 });
    writer.close(b);
    expect(requests(reader)).toEqual({});
  });

  it('keeps a bounded number of the series of dead workers, and the counts of the others in one', () => {
    const reader = seriesReader(COMMON, true, 3);
    for (let worker = 0; worker < 4; worker++) {
      const writer = addWorker(reader, worker);
      for (const path of ['/always', `/${worker}`]) writer.count(writer.open(labels({ path })));
      reader.removeWorker(worker);
    }
    expect(requests(reader)).toEqual({ '/always 200': 4, '/0 200': 1, '/1 200': 1, ' ': 2 });
  });

  it('takes no announcement of a worker that is gone', () => {
    const reader = seriesReader(COMMON, true);
    const writer = addWorker(reader, 1);
    reader.removeWorker(1);
    writer.count(writer.open(labels()));
    expect(requests(reader)).toEqual({});
  });

  it('keeps the counters of dead workers, but not their open connections', () => {
    const reader = seriesReader(COMMON, true);
    const [one, two] = [addWorker(reader, 1), addWorker(reader, 2)];
    for (const [writer, factor] of [
      [one, 1],
      [two, 10],
    ] as const) {
      writer.add(ACCEPTED, 7 * factor);
      writer.add(REJECTED, 2 * factor);
      writer.add(REQUESTS, 5 * factor);
      writer.add(LOG_DROPPED, 3 * factor);
      writer.add(EJECTIONS, 6 * factor);
      writer.add(RETRIES_DENIED, 8 * factor);
      writer.set(ACTIVE, 4 * factor);
      writer.add(REFUSED, factor);
    }
    reader.removeWorker(1);
    const process = `${PREFIX}nginx_process_`;
    const common = 'controller_class="k8s.io/ingress-nginx",controller_namespace="ingress",controller_pod="pod-1"';
    const text = reader.text().split('\n');
    for (const line of [
      `${process}connections{${common},state="active"} 40`,
      `${process}connections_total{${common},state="accepted"} 77`,
      `${process}connections_total{${common},state="handled"} 55`,
      `${process}requests_total{${common}} 55`,
      'sluice_access_log_dropped_total 33',
      'sluice_upstream_ejections_total 66',
      'sluice_upstream_retries_denied_total 88',
      'sluice_overload_refused_total 11',
      'sluice_connections_lost_total 4',
    ])
      expect(text).toContain(line);
  });

  it('knows the counters of one worker, while it lives', () => {
    const reader = seriesReader(COMMON, true);
    const writer = addWorker(reader, 1);
    writer.add(HEARTBEAT, 3);
    expect([reader.counterOf(1, HEARTBEAT), reader.counterOf(2, HEARTBEAT)]).toEqual([3, undefined]);
    reader.removeWorker(1);
    expect(reader.counterOf(1, HEARTBEAT)).toBeUndefined();
    // Removed twice, counted once.
    reader.removeWorker(1);
    expect(reader.workerCounter(HEARTBEAT)).toBe(3);
  });
});
