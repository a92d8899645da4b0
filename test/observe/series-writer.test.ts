/** The worker's side of the counters: what a slot holds, and when it is used again. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  MAX_SERIES,
  OVERFLOW_LABELS,
  REQUEST_DURATION,
  REQUEST_SIZE,
  REQUESTS,
  ACTIVE,
  SEGMENT_SLOTS,
  sharedCounters,
  type SeriesAnnouncement,
  type SeriesLabels,
} from '../../src/observe/series.ts';
import type { SeriesWriter, Series } from '../../src/observe/series-writer.ts';
import { LAYOUT, seriesWriter } from '../support/series.ts';

let announced: SeriesAnnouncement[];
let counters: Float64Array;
let writer: SeriesWriter;

beforeEach(() => {
  announced = [];
  counters = sharedCounters();
  writer = seriesWriter(counters, (announcement) => announced.push(announcement));
});

function labels(path: string): SeriesLabels {
  return {
    namespace: 'default',
    ingress: 'web',
    service: 'app',
    canary: '',
    host: 'app.example',
    path,
    method: 'GET',
    status: '200',
  };
}

/** What the slot of a series holds. */
function values({ values: all, base }: Series): number[] {
  return [...all.subarray(base, base + LAYOUT.size)];
}

describe('the writer of series', () => {
  it('announces every series with its slot, and memory with the first slot in it', () => {
    const opened = Array.from({ length: SEGMENT_SLOTS + 1 }, (_, i) => writer.open(labels(`/${i}`)));
    expect(announced.map(({ slot }) => slot)).toEqual(opened.map((_, i) => i));
    expect(announced.map(({ labels: given }) => given?.path)).toEqual(opened.map((_, i) => `/${i}`));
    const segments = announced.filter(({ segment }) => segment !== null);
    expect(segments.map(({ slot }) => slot)).toEqual([0, SEGMENT_SLOTS]);
    expect(opened[0]!.values).toBe(segments[0]!.segment);
    expect(opened[SEGMENT_SLOTS]!.values).toBe(segments[1]!.segment);
  });

  it('counts in its own slot only', () => {
    const [one, two, three] = [writer.open(labels('/1')), writer.open(labels('/2')), writer.open(labels('/3'))];
    for (let i = 0; i < 3; i++) writer.count(two);
    for (const [index] of LAYOUT.histograms.entries()) writer.observe(two, index, 1e9);
    expect(values(two)[0]).toBe(3);
    for (const other of [one, three]) expect(values(other).every((value) => value === 0)).toBe(true);
  });

  it.each([
    [0, 0],
    [0.005, 0],
    [0.0051, 1],
    [0.01, 1],
    [10, 10],
    [10.1, 11],
  ])('puts %d s into bucket %i: a bound is in its own bucket (le)', (value, bucket) => {
    const series = writer.open(labels('/'));
    writer.observe(series, REQUEST_DURATION, value);
    const { offset, buckets } = LAYOUT.histograms[REQUEST_DURATION]!;
    const expected: number[] = Array.from({ length: buckets.length + 2 }, (_, i) => (i === bucket ? 1 : 0));
    expected[buckets.length + 1] = value;
    expect(values(series).slice(offset, offset + expected.length)).toEqual(expected);
    expect(values(series).reduce((sum, one) => sum + one)).toBe(1 + value);
  });

  it('adds up what a histogram saw', () => {
    const series = writer.open(labels('/'));
    for (const value of [5, 15, 1000]) writer.observe(series, REQUEST_SIZE, value);
    const { offset, buckets } = LAYOUT.histograms[REQUEST_SIZE]!;
    expect(values(series)[offset + buckets.length + 1]).toBe(1020);
  });

  it('uses the slot of a closed series again, from zero', () => {
    const [first, second] = [writer.open(labels('/1')), writer.open(labels('/2'))];
    writer.count(first);
    for (const [index] of LAYOUT.histograms.entries()) writer.observe(first, index, 5);
    writer.count(second);
    const counted = Float64Array.from(values(first));
    expect(counted[0]).toBe(1);
    writer.close(first);
    expect(announced.at(-1)).toEqual({ slot: 0, labels: null, segment: null, counted });
    const third = writer.open(labels('/3'));
    expect(announced.at(-1)).toEqual({ slot: 0, labels: labels('/3'), segment: null });
    expect(third).toMatchObject({ slot: first.slot, base: first.base });
    expect(values(third).every((value) => value === 0)).toBe(true);
    expect(values(second)[0]).toBe(1);
    // Only once.
    expect(writer.open(labels('/4')).slot).toBe(2);
  });

  it('does not grow however often series come and go', () => {
    for (let i = 0; i < 10 * SEGMENT_SLOTS; i++) writer.close(writer.open(labels(`/${i}`)));
    expect(new Set(announced.map(({ slot }) => slot))).toEqual(new Set([0]));
    expect(announced.filter(({ segment }) => segment !== null)).toHaveLength(1);
  });

  it('counts series beyond the bound in one of their own, which never closes, and takes freed slots again', () => {
    const opened = Array.from({ length: MAX_SERIES - 1 }, (_, i) => writer.open(labels(`/${i}`)));
    expect(announced.some(({ labels: given }) => given === OVERFLOW_LABELS)).toBe(false);
    const over = writer.open(labels('/over'));
    expect(announced.at(-1)).toMatchObject({ slot: MAX_SERIES - 1, labels: OVERFLOW_LABELS });
    const before = announced.length;
    expect(writer.open(labels('/more'))).toBe(over);
    writer.count(over);
    writer.close(over);
    expect(announced).toHaveLength(before);
    expect(values(over)[0]).toBe(1);
    writer.close(opened[7]!);
    expect(writer.open(labels('/again'))).toMatchObject({ slot: 7 });
    expect(writer.open(labels('/and again'))).toBe(over);
    expect(announced.filter(({ segment }) => segment !== null)).toHaveLength(MAX_SERIES / SEGMENT_SLOTS);
  });

  it('adds to counters of the worker, and sets gauges', () => {
    writer.add(REQUESTS, 2);
    writer.add(REQUESTS, 3);
    writer.set(ACTIVE, 7);
    writer.set(ACTIVE, 4);
    expect([counters[REQUESTS], counters[ACTIVE]]).toEqual([5, 4]);
  });
});
