/** The main thread's side of the request counters: sums the workers' series, and keeps what dead workers had counted. */
import {
  ACCEPTED,
  ACTIVE,
  ADMISSION,
  COUNTERS,
  EJECTIONS,
  LOG_DROPPED,
  MAX_SERIES,
  OVERFLOW_LABELS,
  CONNECT_DURATION,
  PROXY_HEADERS_REFUSED,
  READING,
  REFUSED,
  REJECTED,
  REQUESTS,
  REQUESTS_METRIC,
  RETRIES_DENIED,
  SEGMENT_SLOTS,
  SPANS_LOST,
  STREAM_BYTES_RECEIVED,
  STREAM_BYTES_SENT,
  STREAMS,
  UDP_DROPPED,
  WAITING,
  WRITING,
  type SeriesAnnouncement,
  type SeriesLabels,
  type SeriesLayout,
} from './series.ts';

/** What every series is labelled with besides its own labels. */
export interface CommonLabels {
  readonly controller_class: string;
  readonly controller_namespace: string;
  readonly controller_pod: string;
}

/** Counters of a worker that end with it. */
const GAUGES: ReadonlySet<number> = new Set([ACTIVE, READING, WRITING, WAITING, ADMISSION]);

interface ReaderOptions {
  /** The writers'. */
  readonly layout: SeriesLayout;
  /** Label series with the host (`--metrics-per-host`). */
  readonly perHost: boolean;
  /** Metrics of requests that are left out (`--exclude-socket-metrics`), with or without their prefix. */
  readonly excluded?: readonly string[];
  /** Series of dead workers that are kept. */
  readonly maxRetired?: number;
}

interface WorkerSeries {
  readonly counters: Float64Array;
  readonly segments: Float64Array[];
  readonly labels: Map<number, SeriesLabels>;
}

interface Total {
  readonly labels: SeriesLabels;
  readonly values: Float64Array;
}

export class SeriesReader {
  readonly #common: CommonLabels;
  readonly #layout: SeriesLayout;
  readonly #perHost: boolean;
  /** Without the prefix. */
  readonly #excluded: ReadonlySet<string>;
  readonly #maxRetired: number;
  readonly #workers = new Map<number, WorkerSeries>();
  /** By labels, what is counted no more where it was: by workers that are gone, and in series of theirs that others still have. */
  readonly #retired = new Map<string, Total>();
  /** How many series of living workers have these labels. */
  readonly #users = new Map<string, number>();
  /** Client connections that were open on workers when they died. */
  #lostConnections = 0;
  readonly #retiredCounters = new Float64Array(COUNTERS);

  constructor(common: CommonLabels, { layout, perHost, excluded = [], maxRetired = MAX_SERIES }: ReaderOptions) {
    this.#layout = layout;
    this.#maxRetired = maxRetired;
    this.#common = common;
    this.#perHost = perHost;
    this.#excluded = new Set(excluded.map((name) => name.replace(/^nginx_ingress_controller_/, '')));
  }

  /** `counters`: what the worker was given. */
  addWorker(id: number, counters: Float64Array): void {
    this.#workers.set(id, { counters, segments: [], labels: new Map() });
  }

  /** A worker announced what a slot means. */
  announce(id: number, { slot, labels, segment, counted }: SeriesAnnouncement): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    if (segment !== null) worker.segments.push(segment);
    if (labels !== null) {
      worker.labels.set(slot, labels);
      const key = this.#key(labels);
      this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
      return;
    }
    const before = worker.labels.get(slot);
    if (before === undefined) return;
    worker.labels.delete(slot);
    // While another worker, or without the label of the host another host, counts on with these labels, no count may go back.
    if (this.#leave(this.#key(before)) === 0) this.#retired.delete(this.#key(before));
    else if (counted !== undefined) this.#retire(before, counted);
  }

  /** A worker ended: its counts are kept, so that no counter goes back. Its connections are lost with it. */
  removeWorker(id: number): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    this.#workers.delete(id);
    this.#each(worker, (labels, values) => {
      this.#leave(this.#key(labels));
      this.#retire(labels, values);
    });
    this.#lostConnections += worker.counters[ACTIVE]!;
    for (let i = 0; i < COUNTERS; i++) if (!GAUGES.has(i)) this.#retiredCounters[i]! += worker.counters[i]!;
  }

  /** A counter of all workers, from `series.ts`. */
  workerCounter(counter: number): number {
    let sum = this.#retiredCounters[counter]!;
    for (const { counters } of this.#workers.values()) sum += counters[counter]!;
    return sum;
  }

  /** A counter of one worker; undefined when it is gone. */
  counterOf(id: number, counter: number): number | undefined {
    return this.#workers.get(id)?.counters[counter];
  }

  /** All series in Prometheus's text format. */
  text(): string {
    const totals = new Map<string, Total>();
    for (const { labels, values } of this.#retired.values()) this.#add(totals, labels, values);
    for (const worker of this.#workers.values()) this.#each(worker, (labels, values) => this.#add(totals, labels, values));
    const series = [...totals.values()].map(({ labels, values }) => ({ labels: this.#labelText(labels), values }));
    let out = '';
    if (this.#includes(REQUESTS_METRIC.name)) {
      out += `# HELP ${REQUESTS_METRIC.name} ${REQUESTS_METRIC.help}\n# TYPE ${REQUESTS_METRIC.name} counter\n`;
      for (const { labels, values } of series) out += `${REQUESTS_METRIC.name}{${labels}} ${values[0]}\n`;
    }
    for (const { name, help, buckets, offset } of this.#layout.histograms) {
      if (!this.#includes(name)) continue;
      out += `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
      for (const { labels, values } of series) {
        let count = 0;
        for (const [index, bound] of [...buckets, '+Inf'].entries()) {
          count += values[offset + index]!;
          out += `${name}_bucket{${labels},le="${bound}"} ${count}\n`;
        }
        out += `${name}_sum{${labels}} ${values[offset + buckets.length + 1]}\n${name}_count{${labels}} ${count}\n`;
      }
    }
    return out + this.#latencyText(totals) + this.#processText() + this.#streamText();
  }

  #includes(name: string): boolean {
    return !this.#excluded.has(name.slice('nginx_ingress_controller_'.length));
  }

  /** What older dashboards show, and ingress-nginx had until v1.12: the time to connect, by Service (socket.go, `upstreamLatency`). */
  #latencyText(totals: ReadonlyMap<string, Total>): string {
    const name = 'nginx_ingress_controller_ingress_upstream_latency_seconds';
    if (!this.#includes(name)) return '';
    const { buckets, offset } = this.#layout.histograms[CONNECT_DURATION]!;
    const sums = new Map<string, [sum: number, count: number]>();
    for (const { labels, values } of totals.values()) {
      const { namespace, ingress, service, canary } = labels;
      const key = text({ ...this.#common, namespace, ingress, service, canary });
      const entry = sums.get(key) ?? [0, 0];
      entry[0] += values[offset + buckets.length + 1]!;
      for (let i = 0; i <= buckets.length; i++) entry[1] += values[offset + i]!;
      sums.set(key, entry);
    }
    let out = `# HELP ${name} Upstream service latency per Ingress\n# TYPE ${name} summary\n`;
    for (const [key, [sum, count]] of sums) out += `${name}_sum{${key}} ${sum}\n${name}_count{${key}} ${count}\n`;
    return out;
  }

  #processText(): string {
    const labels = text({ ...this.#common });
    const name = 'nginx_ingress_controller_nginx_process_';
    return (
      `# HELP ${name}connections current number of client connections\n# TYPE ${name}connections gauge\n` +
      `${name}connections{${labels},state="active"} ${this.workerCounter(ACTIVE)}\n` +
      `${name}connections{${labels},state="reading"} ${this.workerCounter(READING)}\n` +
      `${name}connections{${labels},state="waiting"} ${this.workerCounter(WAITING)}\n` +
      `${name}connections{${labels},state="writing"} ${this.workerCounter(WRITING)}\n` +
      `# HELP ${name}connections_total total number of connections\n# TYPE ${name}connections_total counter\n` +
      `${name}connections_total{${labels},state="accepted"} ${this.workerCounter(ACCEPTED)}\n` +
      `${name}connections_total{${labels},state="handled"} ${this.workerCounter(ACCEPTED) - this.workerCounter(REJECTED)}\n` +
      `# HELP ${name}requests_total total number of client requests\n# TYPE ${name}requests_total counter\n` +
      `${name}requests_total{${labels}} ${this.workerCounter(REQUESTS)}\n` +
      `# HELP sluice_access_log_dropped_total access log lines dropped because they were not read\n# TYPE sluice_access_log_dropped_total counter\n` +
      `sluice_access_log_dropped_total ${this.workerCounter(LOG_DROPPED)}\n` +
      `# HELP sluice_spans_lost_total spans that the collector of traces did not take\n# TYPE sluice_spans_lost_total counter\n` +
      `sluice_spans_lost_total ${this.workerCounter(SPANS_LOST)}\n` +
      `# HELP sluice_upstream_ejections_total times a worker left out an endpoint that failed repeatedly\n# TYPE sluice_upstream_ejections_total counter\n` +
      `sluice_upstream_ejections_total ${this.workerCounter(EJECTIONS)}\n` +
      `# HELP sluice_upstream_retries_denied_total requests not tried again because the retry budget was spent\n# TYPE sluice_upstream_retries_denied_total counter\n` +
      `sluice_upstream_retries_denied_total ${this.workerCounter(RETRIES_DENIED)}\n` +
      `# HELP sluice_overload_refused_total requests refused with 503 for an overload\n# TYPE sluice_overload_refused_total counter\n` +
      `sluice_overload_refused_total ${this.workerCounter(REFUSED)}\n` +
      `# HELP sluice_connections_lost_total client connections that were open on a worker when it died\n# TYPE sluice_connections_lost_total counter\n` +
      `sluice_connections_lost_total ${this.#lostConnections}\n`
    );
  }

  /** TCP and UDP services, TLS passthrough and PROXY protocol. */
  #streamText(): string {
    const counter = (name: string, help: string, value: number): string =>
      `# HELP ${name} ${help}\n# TYPE ${name} counter\n${name} ${value}\n`;
    return (
      counter(
        'sluice_streams_total',
        'TCP connections and UDP sessions passed through that ended',
        this.workerCounter(STREAMS),
      ) +
      counter('sluice_stream_sent_bytes_total', 'bytes sent to their clients', this.workerCounter(STREAM_BYTES_SENT)) +
      counter('sluice_stream_received_bytes_total', 'bytes their clients sent', this.workerCounter(STREAM_BYTES_RECEIVED)) +
      counter(
        'sluice_udp_dropped_total',
        'datagrams dropped for a limit or for want of an endpoint',
        this.workerCounter(UDP_DROPPED),
      ) +
      counter(
        'sluice_proxy_protocol_refused_total',
        'connections closed because their PROXY header was missing, wrong or late',
        this.workerCounter(PROXY_HEADERS_REFUSED),
      )
    );
  }

  #each(worker: WorkerSeries, use: (labels: SeriesLabels, values: Float64Array) => void): void {
    for (const [slot, labels] of worker.labels) {
      const start = (slot % SEGMENT_SLOTS) * this.#layout.size;
      use(labels, worker.segments[Math.floor(slot / SEGMENT_SLOTS)]!.subarray(start, start + this.#layout.size));
    }
  }

  /** A series with these labels is counted no more; returns how many are left. */
  #leave(key: string): number {
    const left = (this.#users.get(key) ?? 1) - 1;
    if (left === 0) this.#users.delete(key);
    else this.#users.set(key, left);
    return left;
  }

  /** Nobody closes what only dead workers had, so it is bounded. */
  #retire(labels: SeriesLabels, values: Float64Array): void {
    const full = this.#retired.size >= this.#maxRetired && !this.#retired.has(this.#key(labels));
    this.#add(this.#retired, full ? OVERFLOW_LABELS : labels, values);
  }

  #add(totals: Map<string, Total>, labels: SeriesLabels, values: Float64Array): void {
    const key = this.#key(labels);
    let total = totals.get(key);
    if (total === undefined) totals.set(key, (total = { labels, values: new Float64Array(this.#layout.size) }));
    for (let i = 0; i < this.#layout.size; i++) total.values[i]! += values[i]!;
  }

  #key({ namespace, ingress, service, canary, host, path, method, status }: SeriesLabels): string {
    return JSON.stringify([namespace, ingress, service, canary, this.#perHost ? host : '', path, method, status]);
  }

  #labelText({ canary, namespace, ingress, service, host, ...rest }: SeriesLabels): string {
    return text({ ...this.#common, canary, namespace, ingress, service, ...(this.#perHost ? { host } : {}), ...rest });
  }
}

/** Labels as they stand between braces. */
function text(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escape(value)}"`)
    .join(',');
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
