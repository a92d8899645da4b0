/** The worker's side of the request counters. */
import {
  MAX_SERIES,
  OVERFLOW_LABELS,
  SEGMENT_SLOTS,
  type HistogramLayout,
  type SeriesAnnouncement,
  type SeriesLabels,
  type SeriesLayout,
} from './series.ts';

/** One series to write to. */
export interface Series {
  readonly slot: number;
  /** The memory of its segment, and where in it the slot begins. */
  readonly values: Float64Array;
  readonly base: number;
}

export class SeriesWriter {
  readonly #counters: Float64Array;
  readonly #histograms: readonly HistogramLayout[];
  /** Doubles of a slot. */
  readonly #size: number;
  readonly #announce: (announcement: SeriesAnnouncement) => void;
  readonly #segments: Float64Array<SharedArrayBuffer>[] = [];
  readonly #free: number[] = [];
  #next = 0;
  #overflow: Series | null = null;

  /** `counters`: from `sharedCounters`. `layout`: the reader's. `announce` tells the reader what a slot means. */
  constructor(counters: Float64Array, layout: SeriesLayout, announce: (announcement: SeriesAnnouncement) => void) {
    this.#counters = counters;
    this.#histograms = layout.histograms;
    this.#size = layout.size;
    this.#announce = announce;
  }

  /** A new series, or the common one when there are too many. */
  open(labels: SeriesLabels): Series {
    const reused = this.#free.pop();
    if (reused !== undefined) return this.#claim(reused, labels, null);
    if (this.#next < MAX_SERIES - 1) return this.#grow(labels);
    this.#overflow ??= this.#grow(OVERFLOW_LABELS);
    return this.#overflow;
  }

  /** The labels will not be counted again (the route is gone). */
  close(series: Series): void {
    if (series === this.#overflow) return;
    const counted = series.values.slice(series.base, series.base + this.#size);
    this.#announce({ slot: series.slot, labels: null, segment: null, counted });
    series.values.fill(0, series.base, series.base + this.#size);
    this.#free.push(series.slot);
  }

  count(series: Series): void {
    series.values[series.base]! += 1;
  }

  /** Adds a value to a histogram (its number in the layout). */
  observe(series: Series, histogram: number, value: number): void {
    const { buckets, offset } = this.#histograms[histogram] as HistogramLayout;
    const base = series.base + offset;
    let bucket = 0;
    while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
    series.values[base + bucket]! += 1;
    series.values[base + buckets.length + 1]! += value;
  }

  /** Adds to a counter of the whole worker. */
  add(counter: number, amount: number): void {
    this.#counters[counter]! += amount;
  }

  /** Sets a gauge of the whole worker. */
  set(counter: number, value: number): void {
    this.#counters[counter] = value;
  }

  #grow(labels: SeriesLabels): Series {
    const slot = this.#next++;
    if (slot < this.#segments.length * SEGMENT_SLOTS) return this.#claim(slot, labels, null);
    const segment = new Float64Array(new SharedArrayBuffer(SEGMENT_SLOTS * this.#size * 8));
    this.#segments.push(segment);
    return this.#claim(slot, labels, segment);
  }

  #claim(slot: number, labels: SeriesLabels, segment: Float64Array<SharedArrayBuffer> | null): Series {
    this.#announce({ slot, labels, segment });
    return { slot, values: this.#segments[Math.floor(slot / SEGMENT_SLOTS)]!, base: (slot % SEGMENT_SLOTS) * this.#size };
  }
}
