/** The worker's side of the request counters. */
import { HEADER, HISTOGRAMS, MAX_SERIES, OVERFLOW_LABELS, SLOT, type HistogramLayout, type SeriesLabels } from './series.ts';

/** One series to write to. */
export interface Series {
  readonly slot: number;
}

export class SeriesWriter {
  readonly #memory: SharedArrayBuffer;
  readonly #values: Float64Array;
  readonly #announce: (slot: number, labels: SeriesLabels | null) => void;
  readonly #free: number[] = [];
  #next = 0;
  #overflow: Series | null = null;

  /** `announce` tells the reader what a slot means; null: it is free again. */
  constructor(memory: SharedArrayBuffer, announce: (slot: number, labels: SeriesLabels | null) => void) {
    this.#memory = memory;
    // Tracks the length of the growing buffer.
    this.#values = new Float64Array(memory);
    this.#announce = announce;
  }

  /** A new series, or the common one when there are too many. */
  open(labels: SeriesLabels): Series {
    const slot = this.#free.pop() ?? this.#grow();
    if (slot === null) {
      if (this.#overflow === null) {
        this.#memory.grow(this.#memory.maxByteLength);
        this.#overflow = this.#claim(MAX_SERIES - 1, OVERFLOW_LABELS);
      }
      return this.#overflow;
    }
    return this.#claim(slot, labels);
  }

  /** The labels will not be counted again (the route is gone). */
  close(series: Series): void {
    if (series === this.#overflow) return;
    this.#announce(series.slot, null);
    const start = HEADER + series.slot * SLOT;
    this.#values.fill(0, start, start + SLOT);
    this.#free.push(series.slot);
  }

  count(series: Series): void {
    this.#values[HEADER + series.slot * SLOT]! += 1;
  }

  /** Adds a value to a histogram (its number in `HISTOGRAMS`). */
  observe(series: Series, histogram: number, value: number): void {
    const { buckets, offset } = HISTOGRAMS[histogram] as HistogramLayout;
    const base = HEADER + series.slot * SLOT + offset;
    let bucket = 0;
    while (bucket < buckets.length && value > buckets[bucket]!) bucket++;
    this.#values[base + bucket]! += 1;
    this.#values[base + buckets.length + 1]! += value;
  }

  /** Adds to a counter of the whole worker. */
  add(counter: number, amount: number): void {
    this.#values[counter]! += amount;
  }

  /** Sets a gauge of the whole worker. */
  set(counter: number, value: number): void {
    this.#values[counter] = value;
  }

  #claim(slot: number, labels: SeriesLabels): Series {
    this.#announce(slot, labels);
    return { slot };
  }

  /** The last slot is kept for the overflow. */
  #grow(): number | null {
    if (this.#next >= MAX_SERIES - 1) return null;
    const slot = this.#next++;
    const needed = (HEADER + (slot + 1) * SLOT) * 8;
    if (this.#memory.byteLength < needed) this.#memory.grow(Math.min(needed * 2, this.#memory.maxByteLength));
    return slot;
  }
}
