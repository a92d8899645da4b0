/** The main thread's side of the request counters: sums the workers' series, and keeps what dead workers had counted. */
import {
  ACCEPTED,
  ACTIVE,
  COUNTERS,
  EJECTIONS,
  HISTOGRAMS,
  LOG_DROPPED,
  REJECTED,
  REQUESTS,
  REQUESTS_METRIC,
  RETRIES_DENIED,
  SEGMENT_SLOTS,
  SLOT,
  type SeriesAnnouncement,
  type SeriesLabels,
} from './series.ts';

/** What every series is labelled with besides its own labels. */
export interface CommonLabels {
  readonly controller_class: string;
  readonly controller_namespace: string;
  readonly controller_pod: string;
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
  readonly #perHost: boolean;
  readonly #workers = new Map<number, WorkerSeries>();
  /** What workers that are gone had counted, by labels. */
  readonly #retired = new Map<string, Total>();
  readonly #retiredCounters = new Float64Array(COUNTERS);

  /** `perHost`: label series with the host (`--metrics-per-host`). */
  constructor(common: CommonLabels, perHost: boolean) {
    this.#common = common;
    this.#perHost = perHost;
  }

  /** `counters`: what the worker was given. */
  addWorker(id: number, counters: Float64Array): void {
    this.#workers.set(id, { counters, segments: [], labels: new Map() });
  }

  /** A worker announced what a slot means. */
  announce(id: number, { slot, labels, segment }: SeriesAnnouncement): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    if (segment !== null) worker.segments.push(segment);
    const before = worker.labels.get(slot);
    if (labels !== null) worker.labels.set(slot, labels);
    else if (before !== undefined) {
      worker.labels.delete(slot);
      this.#retired.delete(this.#key(before));
    }
  }

  /** A worker ended: its counts are kept, so that no counter goes back. */
  removeWorker(id: number): void {
    const worker = this.#workers.get(id);
    if (worker === undefined) return;
    this.#workers.delete(id);
    this.#sum(worker, this.#retired);
    for (let i = 0; i < COUNTERS; i++) if (i !== ACTIVE) this.#retiredCounters[i]! += worker.counters[i]!;
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
    for (const worker of this.#workers.values()) this.#sum(worker, totals);
    const series = [...totals.values()].map(({ labels, values }) => ({ text: this.#labelText(labels), values }));
    let out = `# HELP ${REQUESTS_METRIC.name} ${REQUESTS_METRIC.help}\n# TYPE ${REQUESTS_METRIC.name} counter\n`;
    for (const { text, values } of series) out += `${REQUESTS_METRIC.name}{${text}} ${values[0]}\n`;
    for (const { name, help, buckets, offset } of HISTOGRAMS) {
      out += `# HELP ${name} ${help}\n# TYPE ${name} histogram\n`;
      for (const { text, values } of series) {
        let count = 0;
        for (const [index, bound] of [...buckets, '+Inf'].entries()) {
          count += values[offset + index]!;
          out += `${name}_bucket{${text},le="${bound}"} ${count}\n`;
        }
        out += `${name}_sum{${text}} ${values[offset + buckets.length + 1]}\n${name}_count{${text}} ${count}\n`;
      }
    }
    return out + this.#processText();
  }

  #processText(): string {
    const labels = Object.entries(this.#common)
      .map(([name, value]) => `${name}="${escape(value)}"`)
      .join(',');
    const name = 'nginx_ingress_controller_nginx_process_';
    return (
      `# HELP ${name}connections current number of client connections\n# TYPE ${name}connections gauge\n` +
      `${name}connections{${labels},state="active"} ${this.workerCounter(ACTIVE)}\n` +
      `# HELP ${name}connections_total total number of connections\n# TYPE ${name}connections_total counter\n` +
      `${name}connections_total{${labels},state="accepted"} ${this.workerCounter(ACCEPTED)}\n` +
      `${name}connections_total{${labels},state="handled"} ${this.workerCounter(ACCEPTED) - this.workerCounter(REJECTED)}\n` +
      `# HELP ${name}requests_total total number of client requests\n# TYPE ${name}requests_total counter\n` +
      `${name}requests_total{${labels}} ${this.workerCounter(REQUESTS)}\n` +
      `# HELP sluice_access_log_dropped_total access log lines dropped because they were not read\n# TYPE sluice_access_log_dropped_total counter\n` +
      `sluice_access_log_dropped_total ${this.workerCounter(LOG_DROPPED)}\n` +
      `# HELP sluice_upstream_ejections_total times a worker left out an endpoint that failed repeatedly\n# TYPE sluice_upstream_ejections_total counter\n` +
      `sluice_upstream_ejections_total ${this.workerCounter(EJECTIONS)}\n` +
      `# HELP sluice_upstream_retries_denied_total requests not tried again because the retry budget was spent\n# TYPE sluice_upstream_retries_denied_total counter\n` +
      `sluice_upstream_retries_denied_total ${this.workerCounter(RETRIES_DENIED)}\n`
    );
  }

  #sum(worker: WorkerSeries, totals: Map<string, Total>): void {
    for (const [slot, labels] of worker.labels) {
      const start = (slot % SEGMENT_SLOTS) * SLOT;
      this.#add(totals, labels, worker.segments[Math.floor(slot / SEGMENT_SLOTS)]!.subarray(start, start + SLOT));
    }
  }

  #add(totals: Map<string, Total>, labels: SeriesLabels, values: Float64Array): void {
    const key = this.#key(labels);
    let total = totals.get(key);
    if (total === undefined) totals.set(key, (total = { labels, values: new Float64Array(SLOT) }));
    for (let i = 0; i < SLOT; i++) total.values[i]! += values[i]!;
  }

  #key({ namespace, ingress, service, host, path, method, status }: SeriesLabels): string {
    return JSON.stringify([namespace, ingress, service, this.#perHost ? host : '', path, method, status]);
  }

  #labelText(labels: SeriesLabels): string {
    const all: [string, string][] = [...Object.entries(this.#common), ['canary', '']];
    for (const [name, value] of Object.entries(labels) as [string, string][])
      if (name !== 'host' || this.#perHost) all.push([name, value]);
    return all.map(([name, value]) => `${name}="${escape(value)}"`).join(',');
  }
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
