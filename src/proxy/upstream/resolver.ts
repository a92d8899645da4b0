/**
 * Resolves the names of ExternalName Services: asynchronously, with an answer remembered for a second, and the last good
 * answer used while the name server is down. Loopback addresses are refused: a tenant's Service must not reach the admin port.
 */
import { lookup } from 'node:dns';
import { isLoopback } from '../../model/loopback.ts';

/** How long an answer is used before the name is asked for again, in milliseconds. */
const FRESH = 1000;
/** Addresses of one name that are used. */
const MAX_ADDRESSES = 64;
/** Requests that wait for the first answer for a name; more fail at once. */
const MAX_WAITING = 1024;
/** Names that are remembered. */
const MAX_NAMES = 1024;

/** Looks a name up; all addresses, or an error. */
export type Lookup = (name: string, done: (error: Error | null, addresses: readonly string[]) => void) => void;

/** The system's. */
export const systemLookup: Lookup = (name, done) => {
  lookup(name, { all: true }, (error, addresses) => done(error, error === null ? addresses.map(({ address }) => address) : []));
};

/** Not of the loopback. */
export function isOutside(address: string): boolean {
  return !isLoopback(address);
}

interface Waiter {
  readonly done: (address: string | null) => void;
  readonly timer: NodeJS.Timeout;
}

interface Entry {
  addresses: readonly string[];
  askedAt: number;
  /** The name server has not answered yet. */
  asking: boolean;
  next: number;
  readonly waiting: Set<Waiter>;
}

export class Resolver {
  readonly #lookup: Lookup;
  readonly #clock: () => number;
  readonly #accepts: (address: string) => boolean;
  readonly #entries = new Map<string, Entry>();

  /** `accepts`: which addresses are used. */
  constructor(lookup: Lookup, clock: () => number, accepts: (address: string) => boolean = isOutside) {
    this.#lookup = lookup;
    this.#clock = clock;
    this.#accepts = accepts;
  }

  /**
   * Calls back with an address, in turn; null when there is none, or when none came within `timeout` milliseconds. At once when
   * one is known. A look-up cannot be stopped, and may take far longer; it keeps nothing of those who no longer wait.
   */
  resolve(name: string, timeout: number, done: (address: string | null) => void): void {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_NAMES) for (const oldest of this.#entries.keys()) if (this.#entries.delete(oldest)) break;
      entry = { addresses: [], asking: false, askedAt: -Infinity, next: 0, waiting: new Set() };
      this.#entries.set(name, entry);
    }
    if (!entry.asking && this.#clock() - entry.askedAt > FRESH) this.#ask(name, entry);
    if (entry.addresses.length > 0 || !entry.asking) return done(next(entry));
    const { waiting } = entry;
    if (waiting.size >= MAX_WAITING) return done(null);
    const timer = setTimeout(() => {
      waiting.delete(waiter);
      done(null);
    }, timeout);
    const waiter: Waiter = { done, timer };
    waiting.add(waiter);
  }

  #ask(name: string, entry: Entry): void {
    entry.asking = true;
    entry.askedAt = this.#clock();
    this.#lookup(name, (error, addresses) => {
      entry.asking = false;
      const usable = addresses.filter(this.#accepts).slice(0, MAX_ADDRESSES);
      // A failing name server does not take an endpoint away; an answer without usable addresses does.
      if (error === null) entry.addresses = usable;
      const waiting = [...entry.waiting];
      entry.waiting.clear();
      for (const { done, timer } of waiting) {
        clearTimeout(timer);
        done(next(entry));
      }
    });
  }
}

function next(entry: Entry): string | null {
  const { length } = entry.addresses;
  if (length === 0) return null;
  entry.next = (entry.next + 1) % length;
  return entry.addresses[entry.next]!;
}
