/** When a worker keeps no connection alive, and when it refuses requests: decided from what is handed in. */
import { describe, expect, it } from 'vitest';
import {
  Admission,
  CLOSING,
  DELAY_STEADINESS,
  LevelOf,
  MEMORY_STEADINESS,
  OPEN,
  REFUSING,
} from '../../../src/proxy/workers/overload.ts';

const MEMORY = { closing: 0.92, refusing: 0.95 };
const DELAY = { closing: 500, refusing: 1000 };

function levels(of: LevelOf, thresholds: typeof MEMORY | null, ...values: number[]): number[] {
  return values.map((value) => of.sample(value, thresholds));
}

describe('the level for memory', () => {
  it('rises with the first measurement at a threshold', () => {
    const of = new LevelOf(MEMORY_STEADINESS);
    expect(levels(of, MEMORY, 0, 0.919, 0.92, 0.949, 0.95, 1.2)).toEqual([OPEN, OPEN, CLOSING, CLOSING, REFUSING, REFUSING]);
    expect(levels(new LevelOf(MEMORY_STEADINESS), MEMORY, 0.95)).toEqual([REFUSING]);
  });

  it('falls only clearly below the threshold, so that it does not flutter', () => {
    const of = new LevelOf(MEMORY_STEADINESS);
    expect(levels(of, MEMORY, 0.96, 0.94, 0.93, 0.921, 0.91, 0.9, 0.893, 0.89)).toEqual([
      REFUSING,
      REFUSING,
      REFUSING,
      CLOSING,
      CLOSING,
      CLOSING,
      CLOSING,
      OPEN,
    ]);
    expect(levels(of, MEMORY, 0.96, 0.5)).toEqual([REFUSING, OPEN]);
  });
});

describe('the level for delays', () => {
  it('needs four late turns in a row: one long turn is no overload', () => {
    const of = new LevelOf(DELAY_STEADINESS);
    expect(levels(of, DELAY, 5000, 0, 5000, 5000, 5000)).toEqual([OPEN, OPEN, OPEN, OPEN, OPEN]);
    // The least of the four counts.
    expect(levels(of, DELAY, 600, 1000, 1000, 1000, 1000)).toEqual([CLOSING, CLOSING, CLOSING, CLOSING, REFUSING]);
  });

  it('falls after four turns that are clearly better', () => {
    const of = new LevelOf(DELAY_STEADINESS);
    levels(of, DELAY, 2000, 2000, 2000, 2000);
    expect(levels(of, DELAY, 900, 900, 900, 900)).toEqual([REFUSING, REFUSING, REFUSING, REFUSING]);
    expect(levels(of, DELAY, 700, 700, 700, 700)).toEqual([REFUSING, REFUSING, REFUSING, CLOSING]);
    expect(levels(of, DELAY, 0, 0, 700, 0, 0, 0, 0)).toEqual([...Array<number>(6).fill(CLOSING), OPEN]);
  });

  it('is open without thresholds, also when they are taken away', () => {
    const of = new LevelOf(DELAY_STEADINESS);
    levels(of, DELAY, 2000, 2000, 2000, 2000);
    expect(levels(of, null, 2000)).toEqual([OPEN]);
  });
});

describe('what a worker grants', () => {
  it('is the least that any reason leaves', () => {
    const admission = new Admission(() => undefined);
    const late = (delay: number): void => {
      for (let i = 0; i < 4; i++) admission.delay(delay, DELAY);
    };
    expect(admission.level).toBe(OPEN);
    admission.memory(CLOSING);
    expect(admission.level).toBe(CLOSING);
    late(1000);
    expect(admission.level).toBe(REFUSING);
    late(0);
    expect(admission.level).toBe(CLOSING);
    admission.memory(REFUSING);
    expect(admission.level).toBe(REFUSING);
    admission.drain();
    admission.memory(OPEN);
    // A worker on its way out serves, but keeps no connection.
    expect(admission.level).toBe(CLOSING);
  });
});
