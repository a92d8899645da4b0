/** Lines of access logs in a format of the user's: its parts become functions once, when the format changes. */
import { escapeDefault, escapeJson, escapeNone, timeIso, timeLocal } from '../../observe/access-line.ts';
import type { StreamRecord } from '../../observe/access-line.ts';
import { bytesOf } from '../../policies/changes.ts';
import type { LogEscape, LogPart } from '../../settings/values/log-format.ts';
import { hostname } from 'node:os';
import { logValue, type LoggedRequest } from './log-values.ts';

/** How a value is written; null: there is none. */
const ESCAPES: Readonly<Record<LogEscape, (value: string | null) => string>> = {
  default: (value) => (value === null ? '-' : escapeDefault(value)),
  json: (value) => (value === null ? '' : escapeJson(value)),
  none: (value) => (value === null ? '' : escapeNone(value)),
};

/** A request whose head was refused. `time`: milliseconds since the epoch. */
export interface RefusedRequest {
  readonly remoteAddress: string;
  readonly status: number;
  readonly time: number;
}

/** Writes a line of one request. */
export type LogLine = (logged: LoggedRequest) => string;

/** Compiles a format for requests. */
export function compileLogFormat(parts: readonly LogPart[], escape: LogEscape): LogLine {
  return compiled(parts, escape, logValue);
}

/** Compiles a format for TCP connections and UDP sessions. */
export function compileStreamFormat(parts: readonly LogPart[], escape: LogEscape): (record: StreamRecord) => string {
  return compiled(parts, escape, streamValue);
}

/** Compiles a format for requests that were refused before their head was understood: hardly anything is known of them. */
export function compileRefusedFormat(parts: readonly LogPart[], escape: LogEscape): (refused: RefusedRequest) => string {
  return compiled(parts, escape, refusedValue);
}

/** The format asks for fields of the response: they must be kept. */
export function readsResponse(parts: readonly LogPart[] | null): boolean {
  return (parts ?? []).some((part) => typeof part !== 'string' && /^(?:sent|upstream)_http_/i.test(part.variable));
}

function compiled<T>(
  parts: readonly LogPart[],
  escape: LogEscape,
  valueOf: (name: string) => (subject: T) => string | null,
): (subject: T) => string {
  const written = ESCAPES[escape];
  const steps = parts.map((part) => (typeof part === 'string' ? bytesOf(part) : valueOf(part.variable)));
  return (subject) => {
    let line = '';
    for (const step of steps) line += typeof step === 'string' ? step : written(step(subject));
    return line;
  };
}

const HOSTNAME = hostname();

/** What a variable is worth for whatever is logged of a client; null: it has no such variable. */
function commonValue(name: string): ((subject: RefusedRequest) => string) | null {
  switch (name) {
    case 'remote_addr':
      return ({ remoteAddress }) => remoteAddress;
    case 'status':
      return ({ status }) => String(status);
    case 'time_local':
      return ({ time }) => timeLocal(time);
    case 'time_iso8601':
      return ({ time }) => timeIso(time);
    case 'msec':
      return ({ time }) => (time / 1000).toFixed(3);
    case 'hostname':
      return () => HOSTNAME;
    case 'pid':
      return () => String(process.pid);
    default:
      return null;
  }
}

/** What a variable is worth for a request whose head was refused. */
function refusedValue(name: string): (refused: RefusedRequest) => string | null {
  switch (name) {
    case 'the_real_ip':
      return ({ remoteAddress }) => remoteAddress;
    // Numbers, where a format in JSON has no quotes.
    case 'bytes_sent':
    case 'body_bytes_sent':
    case 'request_length':
      return () => '0';
    case 'request_time':
      return () => '0.000';
    default:
      return commonValue(name) ?? (() => null);
  }
}

/** What a variable is worth for a connection or session. */
function streamValue(name: string): (record: StreamRecord) => string | null {
  switch (name) {
    case 'proxy_protocol_addr':
      return ({ remoteAddress }) => remoteAddress;
    case 'protocol':
      return ({ protocol }) => protocol;
    case 'bytes_sent':
      return ({ bytesSent }) => String(bytesSent);
    case 'bytes_received':
      return ({ bytesReceived }) => String(bytesReceived);
    case 'session_time':
      return ({ sessionTime }) => sessionTime.toFixed(3);
    default:
      return commonValue(name) ?? (() => null);
  }
}
