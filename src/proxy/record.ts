/** What is written down of every exchange: counters, durations, the access log. */
import type { Route } from '../model/table.ts';
import { accessLine, NOTHING_KNOWN, streamLine, type StreamRecord } from '../observe/access-line.ts';
import type { AccessLog } from '../observe/access-log.ts';
import {
  BYTES_SENT,
  CONNECT_DURATION,
  HEADER_DURATION,
  REQUESTS,
  REQUEST_DURATION,
  REQUEST_SIZE,
  RESPONSE_DURATION,
  RESPONSE_SIZE,
  STREAM_BYTES_RECEIVED,
  STREAM_BYTES_SENT,
  STREAMS,
  type SeriesLabels,
} from '../observe/series.ts';
import type { Series, SeriesWriter } from '../observe/series-writer.ts';
import type { ProxySettings } from '../settings/settings.ts';
import type { ProxyError } from './errors.ts';
import type { Exchange } from './exchange/exchange.ts';
import { clientAddress } from './http1/client-address.ts';

/** Methods with a label of their own; a client can invent as many as it likes. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);

/** The labels that routes give their requests. */
type RouteLabels = Pick<SeriesLabels, 'namespace' | 'ingress' | 'service' | 'host' | 'path'>;

/** The series of one set of labels, by method and status. Shared by routes with equal labels, also across changes of the table. */
export interface RouteSeries {
  readonly key: string;
  readonly labels: RouteLabels;
  readonly series: Map<string, Map<number, Series>>;
  /** Routes that use it now. */
  users: number;
}

export class Recorder {
  readonly #writer: SeriesWriter;
  readonly #log: AccessLog;
  readonly #routes = new Map<string, RouteSeries>();
  /** Requests without a route. */
  readonly #unrouted = newRouteSeries({ namespace: '', ingress: '', service: '', host: '', path: '' });
  /** Null: no access log. */
  #logged: ProxySettings | null = null;
  #streamsLogged = false;

  constructor(writer: SeriesWriter, log: AccessLog) {
    this.#writer = writer;
    this.#log = log;
  }

  /** `accessLog` turns the access log on or off; who the client is depends on other settings. */
  configure(settings: ProxySettings): void {
    this.#logged = settings.accessLog ? settings : null;
    this.#streamsLogged = settings.streamAccessLog;
  }

  /** A route of `host` begins to be used. */
  open(route: Route, host: string): RouteSeries {
    const fresh = newRouteSeries({
      namespace: route.ingress?.namespace ?? '',
      ingress: route.ingress?.name ?? '',
      service: route.service?.name ?? '',
      host,
      path: route.path,
    });
    const known = this.#routes.get(fresh.key) ?? fresh;
    this.#routes.set(known.key, known);
    known.users++;
    return known;
  }

  /** A route is no longer used; if it was the last with its labels, its series end at `sweep`. */
  close(series: RouteSeries): void {
    series.users--;
  }

  /** Ends the series of routes that are gone. Called after a whole patch, in which a route may go and come back. */
  sweep(): void {
    for (const [key, route] of this.#routes) {
      if (route.users > 0) continue;
      for (const byStatus of route.series.values()) for (const one of byStatus.values()) this.#writer.close(one);
      this.#routes.delete(key);
    }
  }

  record(exchange: Exchange): void {
    const writer = this.#writer;
    const { route, downstream, attempts } = exchange;
    const series = this.#series(route?.series ?? this.#unrouted, downstream.head.method, exchange.status);
    writer.count(series);
    writer.add(REQUESTS, 1);
    const requestTime = (exchange.finishedAt - exchange.startedAt) / 1000;
    const bytesSent = downstream.bytesSent();
    writer.observe(series, REQUEST_DURATION, requestTime);
    writer.observe(series, REQUEST_SIZE, exchange.requestBytes);
    writer.observe(series, BYTES_SENT, bytesSent);
    let upstreamTime = 0;
    if (attempts.startedAt > 0) {
      upstreamTime = (exchange.finishedAt - attempts.startedAt) / 1000;
      writer.observe(series, RESPONSE_DURATION, upstreamTime);
      writer.observe(series, RESPONSE_SIZE, exchange.responseBytes);
      if (attempts.connectedAt > 0)
        writer.observe(series, CONNECT_DURATION, (attempts.connectedAt - attempts.startedAt) / 1000);
      if (exchange.headReceivedAt > 0)
        writer.observe(series, HEADER_DURATION, (exchange.headReceivedAt - attempts.startedAt) / 1000);
    }
    if (this.#logged !== null) this.#writeLog(exchange, this.#logged, requestTime, upstreamTime);
  }

  /** A request that was refused before its head was understood. */
  recordRefused(address: string, error: ProxyError): void {
    const series = this.#series(this.#unrouted, '', error.status);
    this.#writer.count(series);
    this.#writer.add(REQUESTS, 1);
    if (this.#logged === null) return;
    this.#log.add(accessLine({ ...NOTHING_KNOWN, remoteAddress: address, time: Date.now(), status: error.status }));
  }

  /** A TCP connection or UDP session that ended. `duration`: milliseconds. */
  recordStream(record: Omit<StreamRecord, 'time' | 'sessionTime'>, duration: number): void {
    this.#writer.add(STREAMS, 1);
    this.#writer.add(STREAM_BYTES_SENT, record.bytesSent);
    this.#writer.add(STREAM_BYTES_RECEIVED, record.bytesReceived);
    if (!this.#streamsLogged) return;
    this.#log.add(streamLine({ ...record, time: Date.now(), sessionTime: duration / 1000 }));
  }

  #writeLog(exchange: Exchange, settings: ProxySettings, requestTime: number, upstreamTime: number): void {
    const { head, client, http2 } = exchange.downstream;
    this.#log.add(
      accessLine({
        remoteAddress: clientAddress(head, client, settings),
        time: Date.now(),
        request: `${head.method} ${head.target} ${http2 ? 'HTTP/2.0' : `HTTP/1.${head.minor}`}`,
        status: exchange.status,
        bodyBytesSent: exchange.downstream.bodyBytesSent(),
        referer: head.referer,
        userAgent: head.userAgent,
        requestLength: exchange.requestBytes,
        requestTime,
        upstreamName: exchange.route === null ? '' : upstreamName(exchange.route.model),
        upstreamAddresses: exchange.attempts.tried,
        upstreamResponseLength: exchange.responseBytes,
        upstreamResponseTime: upstreamTime,
        upstreamStatus: exchange.upstreamStatus,
        requestId: exchange.requestId,
      }),
    );
  }

  #series(route: RouteSeries, method: string, status: number): Series {
    const label = METHODS.has(method) ? method : 'OTHER';
    let byStatus = route.series.get(label);
    if (byStatus === undefined) route.series.set(label, (byStatus = new Map<number, Series>()));
    let series = byStatus.get(status);
    if (series === undefined) {
      series = this.#writer.open({ ...route.labels, canary: '', method: label, status: String(status) });
      byStatus.set(status, series);
    }
    return series;
  }
}

function newRouteSeries(labels: RouteLabels): RouteSeries {
  return { key: JSON.stringify(Object.values(labels)), labels, series: new Map(), users: 0 };
}

/** nginx's `$proxy_upstream_name` in ingress-nginx. */
function upstreamName({ ingress, service }: Route): string {
  return ingress === null || service === null ? '' : `${ingress.namespace}-${service.name}-${service.port}`;
}
