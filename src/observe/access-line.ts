/** One line of the access log, in ingress-nginx's default format (`upstreaminfo`). */

/** What a line is made of. Missing values are empty strings and become "-". Times are seconds. */
export interface AccessRecord {
  readonly remoteAddress: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The request line. */
  readonly request: string;
  readonly status: number;
  readonly bodyBytesSent: number;
  readonly referer: string;
  readonly userAgent: string;
  readonly requestLength: number;
  readonly requestTime: number;
  /** `namespace-service-port` */
  readonly upstreamName: string;
  /** The endpoints tried, in order. */
  readonly upstreamAddresses: string;
  readonly upstreamResponseLength: number;
  readonly upstreamResponseTime: number;
  readonly upstreamStatus: number;
  readonly requestId: string;
}

/** What few lines have besides: a line of them is made by code of its own, so that the others cost what they did. */
export interface LongAccessRecord extends AccessRecord {
  /** By the scheme Basic, whether the password was right or not. */
  readonly remoteUser: string;
  /** `upstreamName` of the canary that had the request; empty: none had. */
  readonly alternativeName: string;
  /** Tries that came to nothing; seconds. */
  readonly failures: readonly { readonly status: number; readonly responseTime: number }[];
  /** The last of them was the last try of all. */
  readonly failed: boolean;
}

/** A record of which nothing is known but what is said about it. */
export const NOTHING_KNOWN: Omit<AccessRecord, 'remoteAddress' | 'time' | 'status'> = {
  request: '',
  bodyBytesSent: 0,
  referer: '',
  userAgent: '',
  requestLength: 0,
  requestTime: 0,
  upstreamName: '',
  upstreamAddresses: '',
  upstreamResponseLength: 0,
  upstreamResponseTime: 0,
  upstreamStatus: 0,
  requestId: '',
};

export function accessLine(record: AccessRecord): string {
  const upstream = record.upstreamAddresses !== '';
  return (
    `${record.remoteAddress} - - [${timeLocal(record.time)}] "${quote(record.request)}" ${record.status} ${record.bodyBytesSent} ` +
    `"${quote(record.referer)}" "${quote(record.userAgent)}" ${record.requestLength} ${record.requestTime.toFixed(3)} ` +
    `[${record.upstreamName}] [] ${upstream ? record.upstreamAddresses : '-'} ` +
    `${upstream ? record.upstreamResponseLength : '-'} ${upstream ? record.upstreamResponseTime.toFixed(3) : '-'} ` +
    `${record.upstreamStatus === 0 ? '-' : record.upstreamStatus} ${quote(record.requestId)}`
  );
}

/** The same with a user, a canary, or tries that failed: then lengths, times and statuses are lists. */
export function longAccessLine(record: LongAccessRecord): string {
  const { failures, failed } = record;
  const tried = record.upstreamAddresses !== '';
  const lengths = failures.map(() => '0');
  const times = failures.map(({ responseTime }) => responseTime.toFixed(3));
  const statuses = failures.map(({ status }) => String(status));
  if (!failed) {
    lengths.push(tried ? String(record.upstreamResponseLength) : '-');
    times.push(tried ? record.upstreamResponseTime.toFixed(3) : '-');
    statuses.push(record.upstreamStatus === 0 ? '-' : String(record.upstreamStatus));
  }
  return (
    `${record.remoteAddress} - ${quote(record.remoteUser)} [${timeLocal(record.time)}] "${quote(record.request)}" ${record.status} ${record.bodyBytesSent} ` +
    `"${quote(record.referer)}" "${quote(record.userAgent)}" ${record.requestLength} ${record.requestTime.toFixed(3)} ` +
    `[${record.upstreamName}] [${record.alternativeName}] ${tried ? record.upstreamAddresses : '-'} ` +
    `${lengths.join(', ')} ${times.join(', ')} ${statuses.join(', ')} ${quote(record.requestId)}`
  );
}

/** What a line about a TCP connection or UDP session is made of. */
export interface StreamRecord {
  readonly remoteAddress: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly protocol: 'TCP' | 'UDP';
  readonly status: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Seconds. */
  readonly sessionTime: number;
}

/** ingress-nginx's default `log-format-stream`. */
export function streamLine(record: StreamRecord): string {
  const { remoteAddress, time, protocol, status, bytesSent, bytesReceived, sessionTime } = record;
  return `[${remoteAddress}] [${timeLocal(time)}] ${protocol} ${status} ${bytesSent} ${bytesReceived} ${sessionTime.toFixed(3)}`;
}

/** A value as nginx writes it, nothing as "-". */
function quote(text: string): string {
  if (text === '') return '-';
  // Hardly ever is there anything to escape, and a test is cheaper than a search by classes of Unicode.
  return /[^ !#-[\]-~]/.test(text) ? escapeDefault(text) : text;
}

/** nginx's escape: quotes, backslashes, controls and non-ASCII as \xHH. Keeps one request on one line. */
export function escapeDefault(text: string): string {
  return text.replace(/["\\\p{Cc}\u0080-\uffff]/gu, hexadecimal);
}

const JSON_SHORT: ReadonlyMap<string, string> = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\b', '\\b'],
  ['\f', '\\f'],
]);

/** nginx's `escape=json`: what may not stand in a string of JSON (RFC 8259 §7); other bytes as they are (ngx_escape_json). */
export function escapeJson(text: string): string {
  if (!/[^ !#-[\]-~]/.test(text)) return text;
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /["\\\u0000-\u001f]/g,
    (char) => JSON_SHORT.get(char) ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
}

/** nginx's `escape=none`; but a line stays one: `$uri` is decoded, and could hold the end of it. */
export function escapeNone(text: string): string {
  return text.replace(/[\r\n\0]/g, hexadecimal);
}

function hexadecimal(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let second = -1;
let text = '';

/** `22/Nov/2026:21:04:05 +0000`, in UTC, made once a second. */
export function timeLocal(time: number): string {
  const now = Math.floor(time / 1000);
  if (now !== second) {
    second = now;
    const [date, clock] = new Date(now * 1000).toISOString().split('T') as [string, string];
    const [year, month, day] = date.split('-') as [string, string, string];
    text = `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock.slice(0, 8)} +0000`;
  }
  return text;
}

/** `2026-11-22T21:04:05+00:00`, in UTC: nginx's `$time_iso8601`. */
export function timeIso(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}+00:00`;
}
