/** The nonces of digest authentication: signed, so that any worker knows its own, and each use of one counts once within a worker. */
import { createHmac, randomBytes } from 'node:crypto';
import { same } from '../passwords/hashes.ts';

/** nginx-http-auth-digest's `auth_digest_timeout`: so long a nonce can be used, in milliseconds. */
const LIFETIME = 60_000;
/** Uses of one nonce; with more it is stale. */
const MAX_USES = 1024;
/** Nonces whose uses are remembered. Only users make them: each was used with a right password. */
const REMEMBERED = 4096;

const FORM = /^([0-9a-f]{12})([0-9a-f]{16})([0-9a-f]{32})$/;

/** `stale`: too old, or not one of ours; `replayed`: this use was seen before. */
export type NonceState = 'fresh' | 'stale' | 'replayed';

/** Of one worker. */
export class Nonces {
  /** Uses by nonce, the oldest first. */
  readonly #used = new Map<string, Set<number>>();

  /** A new one. `now`: milliseconds since the epoch. */
  make(key: Buffer, now: number): string {
    const body = now.toString(16).padStart(12, '0') + randomBytes(8).toString('hex');
    return body + signature(key, body);
  }

  /** Uses a nonce for the `count`th time. */
  use(key: Buffer, nonce: string, count: number, now: number): NonceState {
    const parts = FORM.exec(nonce);
    if (parts === null) return 'stale';
    const [, time, , signed] = parts;
    if (!same(Buffer.from(signature(key, nonce.slice(0, 28))), Buffer.from(signed!))) return 'stale';
    const age = now - Number.parseInt(time!, 16);
    // The clocks of replicas differ a little.
    if (age > LIFETIME || age < -LIFETIME) return 'stale';
    let uses = this.#used.get(nonce);
    if (uses === undefined) {
      if (this.#used.size >= REMEMBERED) for (const oldest of this.#used.keys()) if (this.#used.delete(oldest)) break;
      this.#used.set(nonce, (uses = new Set()));
    }
    if (uses.has(count)) return 'replayed';
    if (uses.size >= MAX_USES) return 'stale';
    uses.add(count);
    return 'fresh';
  }
}

function signature(key: Buffer, body: string): string {
  return createHmac('sha256', key).update(body).digest('hex').slice(0, 32);
}
