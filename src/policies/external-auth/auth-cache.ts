/**
 * What an authentication service said, remembered by one worker: nginx's `proxy_cache` for the location of `auth-url`. What is kept are
 * decisions; keys are hashed, for they hold credentials.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { CacheRule } from '../../model/policies.ts';

/** What of an answer is used. */
export interface AuthDecision {
  readonly status: number;
  /** The values of `auth-response-headers`, in their order; empty: the service sent none. */
  readonly fields: readonly string[];
  /** WWW-Authenticate, by line. */
  readonly challenges: readonly string[];
  /** Set-Cookie, by line. */
  readonly cookies: readonly string[];
}

/** Reads the values of a field, by its name in lower case. */
export type FieldReader = (lowerName: string) => readonly string[];

/** Bounds of a worker's memory. */
const MAX_ENTRIES = 16_384;
const MAX_CHARACTERS = 8_388_608;
/** Of an entry, beside its values. */
const OVERHEAD = 256;

interface Entry {
  readonly decision: AuthDecision;
  readonly until: number;
  readonly size: number;
}

export class AuthCache {
  readonly #clock: () => number;
  readonly #secret = randomBytes(32);
  readonly #entries = new Map<string, Entry>();
  #characters = 0;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The key of these parts: others never have the same, also where their texts put together are equal. */
  keyOf(parts: readonly string[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64');
  }

  get(key: string): AuthDecision | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.until > this.#clock()) return entry.decision;
    this.#delete(key, entry);
    return null;
  }

  /** `time`: milliseconds. */
  put(key: string, decision: AuthDecision, time: number): void {
    const old = this.#entries.get(key);
    if (old !== undefined) this.#delete(key, old);
    const texts = [...decision.fields, ...decision.challenges];
    const size = OVERHEAD + texts.reduce((sum, text) => sum + text.length, 0);
    this.#entries.set(key, { decision, until: this.#clock() + time, size });
    this.#characters += size;
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= MAX_ENTRIES && this.#characters <= MAX_CHARACTERS) break;
      this.#delete(oldest, entry);
    }
  }

  #delete(key: string, { size }: Entry): void {
    this.#entries.delete(key);
    this.#characters -= size;
  }
}

/**
 * How long an answer is remembered, in milliseconds; 0: not at all. What it says of itself goes before the rules, and what sets cookies
 * or differs by request never is (ngx_http_upstream_process_headers).
 */
export function cacheTime(status: number, field: FieldReader, rules: readonly CacheRule[], now: number): number {
  if (field('set-cookie').length > 0 || field('vary').some((names) => !/^(?:\s*accept-encoding\s*,?)*$/i.test(names))) return 0;
  const own = ownTime(field, now);
  if (own !== null) return Math.max(own, 0);
  return rules.find(({ statuses }) => statuses === null || statuses.includes(status))?.time ?? 0;
}

/** X-Accel-Expires, then Cache-Control, then Expires. */
function ownTime(field: FieldReader, now: number): number | null {
  const accel = field('x-accel-expires')[0];
  if (accel !== undefined) {
    const seconds = /^@?\d+$/.test(accel) ? Number(accel.replace('@', '')) : 0;
    return accel.startsWith('@') ? seconds * 1000 - now : seconds * 1000;
  }
  const control = field('cache-control').join(',').toLowerCase();
  if (/(?:^|[\s,])(?:no-cache|no-store|private)(?:$|[\s,=])/.test(control)) return 0;
  const age = /(?:^|[\s,])s-maxage=(\d+)/.exec(control)?.[1] ?? /(?:^|[\s,])max-age=(\d+)/.exec(control)?.[1];
  if (age !== undefined) return Number(age) * 1000;
  const expires = field('expires')[0];
  if (expires === undefined) return null;
  const time = Date.parse(expires);
  return Number.isNaN(time) ? 0 : time - now;
}
