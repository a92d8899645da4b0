/**
 * `load-balance: ewma`: of two endpoints chosen by chance, the one that answered faster lately (rootfs/etc/nginx/lua/balancer/ewma.lua;
 * Mitzenmacher, "The Power of Two Choices"). Each worker has its own memory of it.
 */
import type { Target } from '../group.ts';
import type { Pool } from '../pool.ts';

/** Milliseconds after which a time counts for 1/e. */
const DECAY = 10_000;

interface Score {
  /** Milliseconds. */
  average: number;
  touchedAt: number;
}

export class Ewma {
  #scores = new Map<Pool, Score>();
  readonly #now: () => number;

  /** `now`: milliseconds of a clock that only goes forward. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * The endpoints have changed. New ones begin with the average of the others, so that they are not stormed; while nothing is known of
   * any, neither is of them.
   */
  sync(targets: readonly Target[]): void {
    const kept = new Map<Pool, Score>();
    let sum = 0;
    for (const { pool } of targets) {
      const score = this.#scores.get(pool);
      if (score === undefined) continue;
      kept.set(pool, score);
      sum += score.average;
    }
    if (kept.size > 0) {
      const average = sum / kept.size;
      const touchedAt = this.#now();
      for (const { pool } of targets) if (!kept.has(pool)) kept.set(pool, { average, touchedAt });
    }
    this.#scores = kept;
  }

  /** The endpoint answered: connecting and the whole response took so many milliseconds. */
  observe(pool: Pool, milliseconds: number): void {
    const now = this.#now();
    const score = this.#scores.get(pool);
    // As if it had been idle for ever.
    if (score === undefined) return void this.#scores.set(pool, { average: milliseconds, touchedAt: now });
    const weight = decay(now - score.touchedAt);
    score.average = score.average * weight + milliseconds * (1 - weight);
    score.touchedAt = now;
  }

  /** What an endpoint's times come to now, in milliseconds. */
  score(pool: Pool): number {
    const score = this.#scores.get(pool);
    return score === undefined ? 0 : score.average * decay(this.#now() - score.touchedAt);
  }

  /** One of these; null when there is none. `random` as `Math.random`. */
  pick(targets: readonly Target[], random: () => number): Target | null {
    const { length } = targets;
    if (length < 2) return targets[0] ?? null;
    const first = Math.floor(random() * length);
    // Another one, each as likely.
    const second = (first + 1 + Math.floor(random() * (length - 1))) % length;
    const [one, other] = [targets[first]!, targets[second]!];
    return this.score(other.pool) < this.score(one.pool) ? other : one;
  }
}

function decay(elapsed: number): number {
  return Math.exp(-Math.max(0, elapsed) / DECAY);
}
