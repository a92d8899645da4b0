/** What is written down of every exchange: counters, durations, the access log. */
import { CATCH_ALL_HOST, type Route } from '../../model/table.ts';
import { accessLine, longAccessLine, NOTHING_KNOWN, streamLine, type StreamRecord } from '../../observe/access-line.ts';
import type { AccessLog } from '../../observe/access-log.ts';
import type { LogFiles } from '../../observe/log-files.ts';
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
} from '../../observe/series.ts';
import type { Series, SeriesWriter } from '../../observe/series-writer.ts';
import { DEFAULT_LOG_PARTS } from '../../settings/values/log-format.ts';
import { mapMatcher } from '../../settings/values/nginx-map.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import { ERRORS, type ProxyError } from '../errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { clientAddress } from '../http1/client-address.ts';
import { hostName } from '../routing/host.ts';
import {
  compileLogFormat,
  compileRefusedFormat,
  compileStreamFormat,
  readsResponse,
  type LogLine,
  type RefusedRequest,
} from './log-line.ts';
import { userOf } from './log-values.ts';
import { RouteSeriesTable, type RouteSeries } from './route-series.ts';

export class Recorder {
  readonly #writer: SeriesWriter;
  readonly #files: Pick<LogFiles, 'get' | 'keep'>;
  readonly #routes: RouteSeriesTable;
  /** Null: no access log. */
  #logged: ProxySettings | null = null;
  #log: AccessLog | null = null;
  /** Null: ingress-nginx's own format. */
  #line: LogLine | null = null;
  #refusedLine = refusedLine;
  #isSkipped: ((target: string) => boolean) | null = null;
  #logsDefaultBackend = false;
  #streamLog: AccessLog | null = null;
  #streamLine: (record: StreamRecord) => string = streamLine;
  #statusClasses = false;
  #undefinedHosts = false;
  /** The access log asks for fields of responses. */
  keepsResponses = false;

  constructor(writer: SeriesWriter, files: Pick<LogFiles, 'get' | 'keep'>) {
    this.#writer = writer;
    this.#files = files;
    this.#routes = new RouteSeriesTable(writer);
  }

  /** Which logs there are, where they go and in which format; what requests are counted by. */
  configure(settings: ProxySettings): void {
    const { accessLog, streamAccessLog, logFormat, streamLogFormat } = settings;
    const escape = settings.logEscapeNone ? 'none' : settings.logEscapeJson ? 'json' : 'default';
    const path = settings.httpAccessLogPath || settings.accessLogPath;
    const streamPath = settings.streamAccessLogPath || settings.accessLogPath;
    this.#logged = accessLog ? settings : null;
    this.#log = accessLog ? this.#files.get(path) : null;
    this.#streamLog = streamAccessLog ? this.#files.get(streamPath) : null;
    this.#files.keep([...(accessLog ? [path] : []), ...(streamAccessLog ? [streamPath] : [])]);
    // The own format's writer knows one escape.
    const parts = logFormat ?? (escape === 'default' ? null : DEFAULT_LOG_PARTS);
    this.#line = parts === null ? null : compileLogFormat(parts, escape);
    this.#refusedLine = parts === null ? refusedLine : compileRefusedFormat(parts, escape);
    this.#streamLine = streamLogFormat === null ? streamLine : compileStreamFormat(streamLogFormat, escape);
    this.keepsResponses = accessLog && readsResponse(logFormat);
    this.#isSkipped = mapMatcher(settings.skipAccessLogUrls);
    this.#logsDefaultBackend = settings.defaultBackendAccessLog;
    this.#statusClasses = settings.metricsStatusClasses;
    this.#undefinedHosts = settings.metricsPerUndefinedHost;
  }

  /** A route of `host` begins to be used. */
  open(route: Route, host: string): RouteSeries {
    return this.#routes.open(route, host);
  }

  /** A route is no longer used; if it was the last with its labels, its series end at `sweep`. */
  close(series: RouteSeries): void {
    this.#routes.close(series);
  }

  /** Ends the series of routes that are gone. Called after a whole patch, in which a route may go and come back. */
  sweep(): void {
    this.#routes.sweep();
  }

  record(exchange: Exchange): void {
    const writer = this.#writer;
    const { downstream, attempts } = exchange;
    const series = this.#series(this.#countedBy(exchange), downstream.head.method, exchange.status);
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
    if (this.#logged !== null && this.#wants(exchange)) this.#writeLog(exchange, this.#logged, requestTime, upstreamTime);
  }

  /** A request that was refused before its head was understood. */
  recordRefused(address: string, error: ProxyError): void {
    const series = this.#series(this.#routes.unrouted, '', error.status);
    this.#writer.count(series);
    this.#writer.add(REQUESTS, 1);
    this.#log?.add(this.#refusedLine({ remoteAddress: address, time: Date.now(), status: error.status }));
  }

  /** A TCP connection or UDP session that ended. `duration`: milliseconds. */
  recordStream(record: Omit<StreamRecord, 'time' | 'sessionTime'>, duration: number): void {
    this.#writer.add(STREAMS, 1);
    this.#writer.add(STREAM_BYTES_SENT, record.bytesSent);
    this.#writer.add(STREAM_BYTES_RECEIVED, record.bytesReceived);
    this.#streamLog?.add(this.#streamLine({ ...record, time: Date.now(), sessionTime: duration / 1000 }));
  }

  #countedBy({ route, alternativeName, downstream }: Exchange): RouteSeries {
    const series = route === null ? this.#routes.unrouted : route.series;
    if (alternativeName === '' && !this.#undefinedHosts) return series;
    if (alternativeName !== '') return this.#routes.ofCanary(series, alternativeName);
    const host = hostName(downstream.head.host).toLowerCase();
    return host === '' || host === series.labels.host ? series : this.#routes.ofHost(series, host);
  }

  /** Not what is for the default backend, unless it is wanted; not where an Ingress or the ConfigMap says so. */
  #wants({ route, error, downstream }: Exchange): boolean {
    if (this.#isSkipped !== null && this.#isSkipped(downstream.head.target)) return false;
    // Health checks are never logged (nginx.tmpl: `location {{ $all.HealthzURI }}`).
    if (route === null) return error === ERRORS.noRoute ? this.#logsDefaultBackend : error !== null;
    if (route.model.ingress === null && route.host === CATCH_ALL_HOST) return this.#logsDefaultBackend;
    return route.model.policies.accessLog === undefined;
  }

  #writeLog(exchange: Exchange, settings: ProxySettings, requestTime: number, upstreamTime: number): void {
    const { head, client, http2 } = exchange.downstream;
    const { attempts } = exchange;
    const remoteAddress = clientAddress(head, client, settings);
    const time = Date.now();
    if (this.#line !== null) {
      this.#log!.add(this.#line({ exchange, settings, time, requestTime, upstreamTime, remoteAddress }));
      return;
    }
    if (head.authorization !== '' || exchange.alternativeName !== '' || attempts.failures.length > 0)
      return this.#writeLongLine(exchange, remoteAddress, time, requestTime, upstreamTime);
    this.#log!.add(
      accessLine({
        remoteAddress,
        time,
        request: `${head.method} ${head.target} ${http2 ? 'HTTP/2.0' : `HTTP/1.${head.minor}`}`,
        status: exchange.status,
        bodyBytesSent: exchange.downstream.bodyBytesSent(),
        referer: head.referer,
        userAgent: head.userAgent,
        requestLength: exchange.requestBytes,
        requestTime,
        upstreamName: exchange.route === null ? '' : upstreamName(exchange.route.model),
        upstreamAddresses: attempts.tried,
        upstreamResponseLength: exchange.responseBytes,
        upstreamResponseTime: upstreamTime,
        upstreamStatus: exchange.upstreamStatus,
        requestId: exchange.requestId,
      }),
    );
  }

  #writeLongLine(exchange: Exchange, remoteAddress: string, time: number, requestTime: number, upstreamTime: number): void {
    const { attempts, downstream, route } = exchange;
    const { head, http2 } = downstream;
    this.#log!.add(
      longAccessLine({
        remoteAddress,
        remoteUser: userOf(head.authorization),
        time,
        request: `${head.method} ${head.target} ${http2 ? 'HTTP/2.0' : `HTTP/1.${head.minor}`}`,
        status: exchange.status,
        bodyBytesSent: downstream.bodyBytesSent(),
        referer: head.referer,
        userAgent: head.userAgent,
        requestLength: exchange.requestBytes,
        requestTime,
        upstreamName: route === null ? '' : upstreamName(route.model),
        alternativeName: exchange.alternativeName,
        upstreamAddresses: attempts.tried,
        upstreamResponseLength: exchange.responseBytes,
        upstreamResponseTime: upstreamTime,
        upstreamStatus: exchange.upstreamStatus,
        failures: attempts.failures,
        failed: attempts.ended,
        requestId: exchange.requestId,
      }),
    );
  }

  #series(route: RouteSeries, method: string, status: number): Series {
    const classes = this.#statusClasses;
    return this.#routes.series(route, method, classes ? Math.floor(status / 100) : status, classes ? classLabel : String);
  }
}

/** In ingress-nginx's own format. */
function refusedLine(refused: RefusedRequest): string {
  return accessLine({ ...NOTHING_KNOWN, ...refused });
}

/** `--report-status-classes`. */
function classLabel(hundreds: number): string {
  return `${hundreds}xx`;
}

/** nginx's `$proxy_upstream_name` in ingress-nginx. */
function upstreamName({ ingress, service }: Route): string {
  return ingress === null || service === null ? '' : `${ingress.namespace}-${service.name}-${service.port}`;
}
