/**
 * The keys of TLS session tickets. The main thread makes them, all workers share them, and they never leave the process: a
 * ticket that one worker gave is good for all. Why tickets and not a session cache: docs/decisions/tls-session-resumption.md.
 */
import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

/** What `tls.Server.setTicketKeys` takes: the name, the HMAC key and the AES key of tickets, 16 bytes each. */
const SIZE = 48;

/** Keys are replaced after so many milliseconds, or after `ssl-session-timeout` where that is longer. */
const LIFETIME = 3_600_000;

/** New random keys. A KeyObject, so that no print, log or dump can show them. Cloneable to a worker thread. */
export function makeTicketKeys(): KeyObject {
  return createSecretKey(randomBytes(SIZE));
}

/** The keys of now. Who keeps a replaced one can open nothing that was made after it. */
export class TicketKeys {
  current: KeyObject = makeTicketKeys();
  #madeAt: number;

  /** `now`: milliseconds of a monotonic clock. */
  constructor(now: number) {
    this.#madeAt = now;
  }

  /** Replaces the keys when they are old enough, and says whether it did. `sessionTimeout`: milliseconds. */
  renew(now: number, sessionTimeout: number): boolean {
    if (now - this.#madeAt < Math.max(LIFETIME, sessionTimeout)) return false;
    this.current = makeTicketKeys();
    this.#madeAt = now;
    return true;
  }
}
