/** One line of the access log, in ingress-nginx's default format (`upstreaminfo`). */

/** What a line is made of. Missing values are empty strings and become "-". Times are seconds. */
export interface AccessRecord {
  readonly remoteAddress: string;
  /** By the scheme Basic, whether the password was right or not. */
  readonly remoteUser: string;
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
  /** The same of the canary that had the request; empty: none had. */
  readonly alternativeName: string;
  /** The endpoints tried, in order. */
  readonly upstreamAddresses: string;
  readonly upstreamResponseLength: number;
  readonly upstreamResponseTime: number;
  readonly upstreamStatus: number;
  /** Tries before it that came to nothing; seconds. */
  readonly failures: readonly { readonly status: number; readonly responseTime: number }[];
  /** The last of them was the last try of all. */
  readonly failed: boolean;
  readonly requestId: string;
}

/** A record of which nothing is known but what is said about it. */
export const NOTHING_KNOWN: Omit<AccessRecord, 'remoteAddress' | 'time' | 'status'> = {
  remoteUser: '',
  request: '',
  bodyBytesSent: 0,
  referer: '',
  userAgent: '',
  requestLength: 0,
  requestTime: 0,
  upstreamName: '',
  alternativeName: '',
  upstreamAddresses: '',
  upstreamResponseLength: 0,
  upstreamResponseTime: 0,
  upstreamStatus: 0,
  failures: [],
  failed: false,
  requestId: '',
};

export function accessLine(record: AccessRecord): string {
  return (
    `${record.remoteAddress} - ${quote(record.remoteUser)} [${timeLocal(record.time)}] "${quote(record.request)}" ${record.status} ${record.bodyBytesSent} ` +
    `"${quote(record.referer)}" "${quote(record.userAgent)}" ${record.requestLength} ${record.requestTime.toFixed(3)} ` +
    `[${record.upstreamName}] [${record.alternativeName}] ${upstreamPart(record)} ${quote(record.requestId)}`
  );
}

/** Addresses, lengths, times and statuses; each a list where there was more than one try. */
function upstreamPart(record: AccessRecord): string {
  const { upstreamAddresses: addresses, failures, failed } = record;
  if (addresses === '') return '- - - -';
  const status = record.upstreamStatus === 0 ? '-' : String(record.upstreamStatus);
  if (failures.length === 0)
    return `${addresses} ${record.upstreamResponseLength} ${record.upstreamResponseTime.toFixed(3)} ${status}`;
  const lengths = failures.map(() => '0');
  const times = failures.map(({ responseTime }) => responseTime.toFixed(3));
  const statuses = failures.map((one) => String(one.status));
  if (!failed) {
    lengths.push(String(record.upstreamResponseLength));
    times.push(record.upstreamResponseTime.toFixed(3));
    statuses.push(status);
  }
  return `${addresses} ${lengths.join(', ')} ${times.join(', ')} ${statuses.join(', ')}`;
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
  return text === '' ? '-' : escapeDefault(text);
}

/** nginx's escape: quotes, backslashes, controls and non-ASCII as \xHH. Keeps one request on one line. */
export function escapeDefault(text: string): string {
  // Hardly ever is there anything to escape, and a test is cheaper than a search by classes of Unicode.
  if (!/[^ !#-[\]-~]/.test(text)) return text;
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
