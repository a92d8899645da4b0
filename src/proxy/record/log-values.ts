/** What the variables of log formats are worth for a request that is over. Those that annotations have too are `exchange/variables.ts`'s. */
import { timeIso, timeLocal } from '../../observe/access-line.ts';
import { traceparent } from '../../observe/tracing/trace-context.ts';
import { RequestChanges } from '../../policies/changes.ts';
import type { Route } from '../../model/table.ts';
import { CATCH_ALL_HOST } from '../../model/table.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { queryOf, variableOf, type VariableSource } from '../exchange/variables.ts';
import { forwardedInfo } from '../http1/forward-request.ts';
import { fieldOf } from '../http1/head/field-of.ts';
import { readPath } from '../routing/path.ts';
import type { FailedTry } from './tries.ts';

/** A request that is over. Times are seconds. */
export interface LoggedRequest {
  readonly exchange: Exchange;
  readonly settings: ProxySettings;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly requestTime: number;
  /** Of the last try; 0 when there was none. */
  readonly upstreamTime: number;
  readonly remoteAddress: string;
}

type LogValue = (logged: LoggedRequest) => string | null;

/** Variables that ingress-nginx's template sets: they are there, and may be empty. */
const SET = new Set(
  `is_args location_path ingress_name namespace proxy_alternative_upstream_name proxy_upstream_name service_name
  service_port`.split(/\s+/),
);

const NOWHERE: Route = {
  match: { exact: null, prefix: '/', slashRedirect: null },
  path: '',
  pathType: 'Prefix',
  target: { kind: 'answer', status: 404 },
  policies: {},
  ingress: null,
  service: null,
};

/** Where the value of a variable comes from; null: it has none now. */
export function logValue(name: string): LogValue {
  const own = OWN.get(name) ?? ofUpstream(name) ?? ofResponse(name);
  if (own !== undefined) return own;
  const emptyIsEmpty = SET.has(name);
  return (logged) => {
    const value = variableOf(name, sourceOf(logged));
    return value === '' && !emptyIsEmpty ? null : value;
  };
}

/** What `variableOf` looks at, of a request that had no policies, or no route. */
function sourceOf({ exchange, settings }: LoggedRequest): VariableSource {
  if (exchange.passage !== null) return exchange.passage;
  const { head, client } = exchange.downstream;
  return {
    owner: exchange,
    request: head,
    field: (name) => head.field(name),
    route: exchange.route?.model ?? NOWHERE,
    settings,
    serverName: exchange.route?.host ?? CATCH_ALL_HOST,
    requestId: exchange.requestId,
    upstream: new RequestChanges(),
    query: queryOf(head.target),
    answered: () => '',
    get path() {
      return readPath(head.rawPath)?.path ?? head.rawPath;
    },
    get client() {
      const { scheme, clientAddress: address, host } = forwardedInfo(head, client, settings);
      return { scheme, address, host };
    },
  };
}

const seconds = (value: number): string => value.toFixed(3);

const traceOf: (logged: LoggedRequest) => Exchange['passage'] = ({ exchange }) => exchange.passage;
const traceId: LogValue = (logged) => traceOf(logged)?.trace?.traceId ?? null;
const spanId: LogValue = (logged) => traceOf(logged)?.trace?.spanId ?? null;
const remoteAddress: LogValue = ({ remoteAddress: address }) => address;

const OWN: ReadonlyMap<string, LogValue> = new Map<string, LogValue>([
  ['remote_addr', remoteAddress],
  ['the_real_ip', remoteAddress],
  ['realip_remote_addr', ({ exchange }) => exchange.downstream.client.address],
  ['proxy_protocol_addr', ({ exchange, settings }) => (settings.useProxyProtocol ? exchange.downstream.client.address : null)],
  ['remote_user', ({ exchange }) => userOf(exchange.downstream.head.authorization) || null],
  ['time_local', ({ time }) => timeLocal(time)],
  ['time_iso8601', ({ time }) => timeIso(time)],
  ['msec', ({ time }) => seconds(time / 1000)],
  ['status', ({ exchange }) => String(exchange.status)],
  ['bytes_sent', ({ exchange }) => String(exchange.downstream.bytesSent())],
  ['body_bytes_sent', ({ exchange }) => String(exchange.downstream.bodyBytesSent())],
  ['request_length', ({ exchange }) => String(exchange.requestBytes)],
  ['request_time', ({ requestTime }) => seconds(requestTime)],
  // Not what a policy made of it.
  ['request_method', ({ exchange }) => exchange.downstream.head.method || null],
  ['request_completion', ({ exchange }) => (exchange.error === null ? 'OK' : '')],
  ['proxy_alternative_upstream_name', ({ exchange }) => exchange.alternativeName],
  ['proxy_host', ({ exchange }) => (exchange.attempts.tried === '' ? null : 'upstream_balancer')],
  ['proxy_port', ({ exchange }) => (exchange.attempts.tried === '' ? null : '80')],
  ['http2', ({ exchange }) => (exchange.downstream.http2 ? 'h2' : '')],
  ['pid', () => String(process.pid)],
  ['pipe', () => '.'],
  ['ssl_protocol', ({ exchange }) => exchange.downstream.client.tls?.getProtocol() ?? null],
  ['ssl_cipher', ({ exchange }) => exchange.downstream.client.tls?.getCipher()?.name ?? null],
  ['ssl_server_name', ({ exchange }) => exchange.downstream.client.tls?.servername || null],
  [
    'ssl_session_reused',
    ({ exchange: { downstream } }) =>
      downstream.client.tls === null ? null : downstream.client.tls.isSessionReused() ? 'r' : '.',
  ],
  ['opentelemetry_trace_id', traceId],
  ['otel_trace_id', traceId],
  ['opentelemetry_span_id', spanId],
  ['otel_span_id', spanId],
  [
    'opentelemetry_context_traceparent',
    (logged) => {
      const trace = traceOf(logged)?.trace ?? null;
      return trace === null ? null : traceparent(trace);
    },
  ],
]);

/** `$upstream_…`: of every try, separated as nginx does it (ngx_http_upstream.c, ngx_http_upstream_response_time_variable). */
function ofUpstream(name: string): LogValue | undefined {
  switch (name) {
    case 'upstream_addr':
      return ({ exchange }) => exchange.attempts.tried || null;
    case 'upstream_status':
      return listed(
        (one) => String(one.status),
        ({ exchange }) => (exchange.upstreamStatus === 0 ? '-' : String(exchange.upstreamStatus)),
      );
    case 'upstream_response_length':
    case 'upstream_bytes_received':
      return listed(
        () => '0',
        ({ exchange }) => String(exchange.responseBytes),
      );
    case 'upstream_response_time':
      return listed(
        (one) => seconds(one.responseTime),
        ({ upstreamTime }) => seconds(upstreamTime),
      );
    case 'upstream_connect_time':
      return listed(
        (one) => (one.connectTime === null ? '-' : seconds(one.connectTime)),
        ({ exchange: { attempts } }) =>
          attempts.connectedAt === 0 ? '-' : seconds((attempts.connectedAt - attempts.startedAt) / 1000),
      );
    case 'upstream_header_time':
      return listed(
        () => '-',
        ({ exchange }) =>
          exchange.headReceivedAt === 0 ? '-' : seconds((exchange.headReceivedAt - exchange.attempts.startedAt) / 1000),
      );
    default:
      return undefined;
  }
}

function listed(failed: (one: FailedTry) => string, last: (logged: LoggedRequest) => string): LogValue {
  return (logged) => {
    const { tried, failures, ended } = logged.exchange.attempts;
    if (tried === '') return null;
    const values = failures.map((one) => failed(one));
    if (!ended) values.push(last(logged));
    return values.join(', ');
  };
}

/** `$upstream_http_…`: fields of the backend's response; `$sent_http_…`: of ours. */
function ofResponse(name: string): LogValue | undefined {
  const parts = /^(sent|upstream)_http_(\w+)$/i.exec(name);
  if (parts === null) return undefined;
  const field = parts[2]!.toLowerCase().replaceAll('_', '-');
  if (parts[1]!.toLowerCase() === 'upstream') return ({ exchange }) => fieldIn(exchange.responseText, field);
  return ({ exchange }) => sentField(exchange, field);
}

function sentField({ passage, answer, responseText }: Exchange, field: string): string | null {
  const changed = passage === null ? null : fieldIn(`\r\n${passage.response.lines}\r\n`, field);
  if (changed !== null) return changed;
  if (answer !== null) {
    if (field === 'content-type') return answer.contentType;
    if (field === 'content-length') return String(answer.body.length);
    return fieldIn(`\r\n${answer.fields}\r\n`, field);
  }
  return passage?.response.removed.includes(field) === true ? null : fieldIn(responseText, field);
}

/** Of a head as text. */
function fieldIn(text: string, lowerName: string): string | null {
  return text === '' ? null : fieldOf(text, 0, lowerName) || null;
}

/** Who a request says it is from, by the scheme Basic: nginx's `$remote_user`, whether the password is right or not. */
export function userOf(authorization: string): string {
  const credentials = /^basic +([\w+/=-]+)$/i.exec(authorization)?.[1];
  if (credentials === undefined) return '';
  const text = Buffer.from(credentials, 'base64').toString('latin1');
  const colon = text.indexOf(':');
  return colon < 0 ? '' : text.slice(0, colon);
}
