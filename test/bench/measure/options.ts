import type { ProcessGroup } from '../processes.ts';

/** How to measure. */
export interface MeasureOptions {
  readonly processes: ProcessGroup;
  readonly rounds: number;
  /** Rounds in which the proxies take part that only stand beside. */
  readonly besideRounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** Tells how far it is. */
  readonly say: (text: string) => void;
}
