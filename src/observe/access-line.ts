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

/** nginx's escape: quotes, backslashes, controls and non-ASCII as \xHH; nothing as "-". Keeps one request on one line. */
function quote(text: string): string {
  if (text === '') return '-';
  // Hardly ever is there anything to escape, and a test is cheaper than a search by classes of Unicode.
  if (!/[^ !#-[\]-~]/.test(text)) return text;
  return text.replace(
    /["\\\p{Cc}\u0080-\uffff]/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
let second = -1;
let text = '';

/** `22/Nov/2026:21:04:05 +0000`, in UTC, made once a second. */
function timeLocal(time: number): string {
  const now = Math.floor(time / 1000);
  if (now !== second) {
    second = now;
    const [date, clock] = new Date(now * 1000).toISOString().split('T') as [string, string];
    const [year, month, day] = date.split('-') as [string, string, string];
    text = `${day}/${MONTHS[Number(month) - 1]}/${year}:${clock.slice(0, 8)} +0000`;
  }
  return text;
}
