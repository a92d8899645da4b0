/** What is written down of a request, as the worker writes it. */
import { expect, it } from 'vitest';
import type { AccessLog } from '../../../src/observe/access-log.ts';
import { sharedCounters } from '../../../src/observe/series.ts';
import type { Downstream } from '../../../src/proxy/exchange/downstream.ts';
import { ERRORS } from '../../../src/proxy/errors.ts';
import type { Exchange } from '../../../src/proxy/exchange/exchange.ts';
import { RequestHead } from '../../../src/proxy/http1/head/request-head.ts';
import { Recorder } from '../../../src/proxy/record/recorder.ts';
import { prefixRoute, proxySettings } from '../../support/proxy.ts';
import { seriesWriter } from '../../support/series.ts';

/** The line of a request that was answered without an upstream. */
function lineOf(routed: boolean): string {
  const lines: string[] = [];
  const log = { add: (line: string) => lines.push(line) } as unknown as AccessLog;
  const recorder = new Recorder(seriesWriter(sharedCounters()), { get: () => log, keep: () => undefined });
  recorder.configure(proxySettings({ accessLog: true, defaultBackendAccessLog: true }));
  const model = prefixRoute('/', 'app');
  const downstream = {
    head: new RequestHead(),
    client: { scheme: 'http', address: '::1' },
    bytesSent: () => 0,
    bodyBytesSent: () => 0,
  };
  recorder.record({
    downstream: downstream as unknown as Downstream,
    route: routed ? { model, series: recorder.open(model, 'app.example') } : null,
    attempts: { tried: '', startedAt: 0, connectedAt: 0, failures: [], ended: false },
    alternativeName: '',
    error: routed ? null : ERRORS.noRoute,
    status: 404,
    startedAt: 0,
    finishedAt: 0,
    requestBytes: 0,
    responseBytes: 0,
    upstreamStatus: 0,
    requestId: '',
  } as unknown as Exchange);
  return lines[0] ?? '';
}

it('names the upstream of a route, and none where there is no route', () => {
  expect(lineOf(true)).toContain(' [default-app-80] [] ');
  expect(lineOf(false)).toContain(' [] [] ');
});
