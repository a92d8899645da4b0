/**
 * Resolves the names of ExternalName Services: asynchronously, with an answer remembered for a second, and the last good
 * answer used while the name server is down. Loopback addresses are refused: a tenant's Service must not reach the admin port.
 */
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

interface Entry {
  addresses: readonly string[];
  askedAt: number;
  /** The name server has not answered yet. */
  asking: boolean;
  next: number;
  waiting: ((address: string | null) => void)[];
}

export class Resolver {
  readonly #lookup: Lookup;
  readonly #clock: () => number;
  readonly #entries = new Map<string, Entry>();

  constructor(lookup: Lookup, clock: () => number) {
    this.#lookup = lookup;
    this.#clock = clock;
  }

  /** Calls back with an address, in turn; null when there is none. At once when one is known. */
  resolve(name: string, done: (address: string | null) => void): void {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      if (this.#entries.size >= MAX_NAMES) for (const oldest of this.#entries.keys()) if (this.#entries.delete(oldest)) break;
      entry = { addresses: [], askedAt: -Infinity, asking: false, next: 0, waiting: [] };
      this.#entries.set(name, entry);
    }
    const stale = this.#clock() - entry.askedAt > FRESH;
    if (entry.addresses.length > 0) {
      const address = next(entry);
      if (stale && !entry.asking) this.#ask(name, entry);
      return done(address);
    }
    if (entry.waiting.length >= MAX_WAITING) return done(null);
    entry.waiting.push(done);
    if (entry.asking) return;
    if (stale) this.#ask(name, entry);
    else this.#deliver(entry);
  }

  #ask(name: string, entry: Entry): void {
    entry.askedAt = this.#clock();
    entry.asking = true;
    this.#lookup(name, (error, addresses) => {
      entry.asking = false;
      const usable = addresses.filter((address) => !isLoopback(address)).slice(0, MAX_ADDRESSES);
      // A failing name server does not take an endpoint away; an answer without usable addresses does.
      if (error === null) entry.addresses = usable;
      this.#deliver(entry);
    });
  }

  #deliver(entry: Entry): void {
    const waiting = entry.waiting;
    entry.waiting = [];
    for (const done of waiting) done(entry.addresses.length === 0 ? null : next(entry));
  }
}

function next(entry: Entry): string {
  entry.next = (entry.next + 1) % entry.addresses.length;
  return entry.addresses[entry.next]!;
}
