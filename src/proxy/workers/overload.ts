/**
 * When there is more to do than can be done: first no connection is kept alive, then new requests are refused, so that what
 * was begun can end. The steps and the thresholds of memory are those of Envoy's overload manager. What is measured is handed
 * in; the decisions are made here.
 */
import type { OverloadThresholds } from '../../settings/settings.ts';

/** What a worker grants: everything; requests, but each on its last response; nothing. */
export const OPEN = 0;
export const CLOSING = 1;
export const REFUSING = 2;

/** One of `OPEN`, `CLOSING` and `REFUSING`; the greater the less is granted. */
export type AdmissionLevel = typeof OPEN | typeof CLOSING | typeof REFUSING;

/** How often memory and delay are measured, in milliseconds. */
export const SAMPLE_INTERVAL = 250;
/** Idle connections are closed within this time of an overload, one after the other: their clients will come again. */
export const IDLE_SPREAD = 5_000;

/** How a measure becomes a level. */
interface Steadiness {
  /** So many measurements in a row must agree before the level changes. */
  readonly samples: number;
  /** The level falls when the measure is below this part of the threshold. */
  readonly release: number;
}

/** Memory counts at once: one measurement too late, and the kernel ends the process. */
export const MEMORY_STEADINESS: Steadiness = { samples: 1, release: 0.97 };
/** A single delay is a garbage collection or a large table; delays in a row are load. */
export const DELAY_STEADINESS: Steadiness = { samples: 4, release: 0.8 };

/** The level that one measure asks for. */
export class LevelOf {
  level: AdmissionLevel = OPEN;
  readonly #steadiness: Steadiness;
  readonly #recent: number[] = [];

  constructor(steadiness: Steadiness) {
    this.#steadiness = steadiness;
  }

  /** Takes a measurement; returns the level from now on. Without thresholds it is `OPEN`. */
  sample(value: number, thresholds: OverloadThresholds | null): AdmissionLevel {
    const { samples, release } = this.#steadiness;
    this.#recent.push(value);
    if (this.#recent.length > samples) this.#recent.shift();
    if (thresholds === null) this.level = OPEN;
    else if (this.#recent.length === samples) {
      const risen = levelAt(Math.min(...this.#recent), thresholds);
      const fallen = levelAt(Math.max(...this.#recent) / release, thresholds);
      if (risen > this.level) this.level = risen;
      else if (fallen < this.level) this.level = fallen;
    }
    return this.level;
  }
}

/** What a worker grants, of all its reasons the strictest. `level` is all that a request reads. */
export class Admission {
  level: AdmissionLevel = OPEN;
  readonly #delay = new LevelOf(DELAY_STEADINESS);
  #draining = false;
  #memory: AdmissionLevel = OPEN;
  readonly #onRefused: () => void;

  /** `onRefused` is called for every request that was refused. */
  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  /** The worker is on its way out: from now on no connection is kept alive. */
  drain(): void {
    this.#draining = true;
    this.#decide();
  }

  /** What the memory of the process asks for. */
  memory(level: AdmissionLevel): void {
    this.#memory = level;
    this.#decide();
  }

  /** The event loop was `delay` milliseconds late. Returns what delays ask for. */
  delay(delay: number, thresholds: OverloadThresholds | null): AdmissionLevel {
    const level = this.#delay.sample(delay, thresholds);
    this.#decide();
    return level;
  }

  /** A request was refused. */
  refused(): void {
    this.#onRefused();
  }

  #decide(): void {
    this.level = Math.max(this.#memory, this.#delay.level, this.#draining ? CLOSING : OPEN) as AdmissionLevel;
  }
}

function levelAt(value: number, { closing, refusing }: OverloadThresholds): AdmissionLevel {
  if (value >= refusing) return REFUSING;
  return value >= closing ? CLOSING : OPEN;
}
