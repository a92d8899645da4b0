/**
 * Where the counters of requests live: memory shared by one worker (who writes) and the main thread (who reads). Each series
 * (one combination of labels) has a slot of `SLOT` doubles. No message and no lock per request.
 */

/** The labels of a request, in ingress-nginx's names. */
export interface SeriesLabels {
  readonly namespace: string;
  readonly ingress: string;
  readonly service: string;
  /** The Service of the canary that had the request, as `$proxy_alternative_upstream_name`; empty: none had. */
  readonly canary: string;
  readonly host: string;
  readonly path: string;
  readonly method: string;
  readonly status: string;
}

/** The upper bounds of histograms, rising: `--time-buckets`, seconds; `--length-buckets` and `--size-buckets`, bytes. */
export interface SeriesBuckets {
  readonly timeBuckets: readonly number[];
  readonly lengthBuckets: readonly number[];
  readonly sizeBuckets: readonly number[];
}

/** A histogram of a slot. `offset`: of its first bucket; then the bucket +Inf, then the sum. */
export interface HistogramLayout {
  readonly name: string;
  readonly help: string;
  readonly buckets: readonly number[];
  readonly offset: number;
}

const PREFIX = 'nginx_ingress_controller_';

/** Where in a slot what is. Whoever writes and whoever reads must go by the same one. */
export interface SeriesLayout {
  /** The histograms of every series, in slot order. */
  readonly histograms: readonly HistogramLayout[];
  /** Doubles of a slot. */
  readonly size: number;
}

/** The layout for these buckets, under ingress-nginx's names (internal/ingress/metric/collectors/socket.go). */
export function seriesLayout({ timeBuckets, lengthBuckets, sizeBuckets }: SeriesBuckets): SeriesLayout {
  const all: readonly (readonly [string, string, readonly number[]])[] = [
    ['request_duration_seconds', 'The request processing time in seconds', timeBuckets],
    ['connect_duration_seconds', 'The time spent on establishing a connection with the upstream server', timeBuckets],
    ['header_duration_seconds', 'The time spent on receiving first header from the upstream server', timeBuckets],
    ['response_duration_seconds', 'The time spent on receiving the response from the upstream server', timeBuckets],
    ['request_size', 'The request length (including request line, header, and request body)', lengthBuckets],
    ['response_size', 'The response length (including request line, header, and request body)', lengthBuckets],
    ['bytes_sent', 'DEPRECATED The number of bytes sent to a client', sizeBuckets],
  ];
  let offset = 1;
  const histograms = all.map(([name, help, buckets]) => {
    const histogram = { name: PREFIX + name, help, buckets, offset };
    offset += buckets.length + 2;
    return histogram;
  });
  return { histograms, size: offset };
}

export const REQUEST_DURATION = 0;
export const CONNECT_DURATION = 1;
export const HEADER_DURATION = 2;
export const RESPONSE_DURATION = 3;
export const REQUEST_SIZE = 4;
export const RESPONSE_SIZE = 5;
export const BYTES_SENT = 6;

/** The counter of requests, first in a slot. */
export const REQUESTS_METRIC = { name: `${PREFIX}requests`, help: 'The total number of client requests' };

/** Counters of the whole worker. */
export const COUNTERS = 24;
/** Connections accepted, and closed at once for the limit; open now; requests. */
export const ACCEPTED = 0;
export const REJECTED = 1;
export const ACTIVE = 2;
export const REQUESTS = 3;
/** Counts up while the worker's event loop turns. */
export const HEARTBEAT = 4;
/** Access log lines dropped because nobody read them. */
export const LOG_DROPPED = 5;
/** Times an endpoint was left out because it failed again and again. */
export const EJECTIONS = 6;
/** Requests that were not sent again because too many of their group were. */
export const RETRIES_DENIED = 7;
/** What the worker grants (`proxy/workers/overload.ts`), and requests it refused for an overload. */
export const ADMISSION = 8;
export const REFUSED = 9;
/** Connections whose request head is being read, that are being answered, and that wait for a request. */
export const READING = 10;
export const WRITING = 11;
export const WAITING = 12;
/** Spans that the collector did not take. */
export const SPANS_LOST = 13;
/** TCP connections and UDP sessions of services and TLS passthrough that ended, and the bytes to and from their clients. */
export const STREAMS = 16;
export const STREAM_BYTES_SENT = 17;
export const STREAM_BYTES_RECEIVED = 18;
/** Datagrams dropped. */
export const UDP_DROPPED = 19;
/** Connections closed for their PROXY header. */
export const PROXY_HEADERS_REFUSED = 20;

/** Slots of one piece of memory; more are added as series come. */
export const SEGMENT_SLOTS = 128;
/** Series a worker can hold; requests beyond are counted in one series of their own, so memory is bounded. */
export const MAX_SERIES = 16_384;
/** The labels of that series. */
export const OVERFLOW_LABELS: SeriesLabels = {
  namespace: '',
  ingress: '',
  service: '',
  canary: '',
  host: '',
  path: '',
  method: 'overflow',
  status: '',
};

/** Memory for the counters of one worker. Not a growable buffer for all: V8 is slow to read its length. */
export function sharedCounters(): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(COUNTERS * 8));
}

/**
 * What a worker announces: a slot got a meaning (labels), or lost it (null), with what was counted in it until then. A new
 * segment comes with its first slot.
 */
export interface SeriesAnnouncement {
  readonly slot: number;
  readonly labels: SeriesLabels | null;
  readonly segment: Float64Array<SharedArrayBuffer> | null;
  readonly counted?: Float64Array;
}
