/**
 * What clients have asked for lately and what they ask for now, counted by all workers together in memory that they share. A table of
 * sets: a client's place is one of the ways of the set that a keyed hash gives it. While a set is looked at it is locked, for some
 * hundred nanoseconds; nothing is awaited meanwhile, and nothing allocated.
 *
 * The memory is bounded: where a set is full, the client goes that is the furthest from its limit, and of several the one that was
 * not seen the longest. So whoever is at his limit is not forgotten for the sake of others that come once, however many they are:
 * nginx forgets the oldest. Requests under way are never forgotten; with a set full of them one more is refused.
 */
import { randomBytes } from 'node:crypto';
import { KeyedHash, type HashKey } from './keyed-hash.ts';

/** What workers share; structured-cloneable. */
export interface CountsMemory {
  readonly buffer: SharedArrayBuffer;
  readonly key: HashKey;
}

/** Of one worker: how many requests under way it has in each place, so that they can be given back when it dies. */
export type HeldCounts = Int32Array<SharedArrayBuffer>;

/** How many requests are let through: nginx's `rate` and `burst` of limit_req, in thousandths of requests. */
export interface RequestRate {
  /** Thousandths a second. */
  readonly rate: number;
  /** Thousandths beyond it. */
  readonly burst: number;
}

const WAYS = 8;
/** What one place takes: the hash, and four numbers. */
const PLACE_SIZE = 8 + 4 * 8;
const SET_SIZE = 4 + WAYS * PLACE_SIZE;
/** Numbers of one place: requests, in thousandths where a rate drains them; when that was; at most; a second. */
const VALUE = 0;
const TIME = 1;
const MOST = 2;
const RATE = 3;
const NUMBERS = 4;
/** No request under way has a rate. */
const NO_RATE = 0;

/** A lock that nobody gives back in so many milliseconds is that of a thread that has ended. */
const LOCK_LOST = 20;
const SPINS = 200;

function setsIn(bytes: number): number {
  return Math.max(1, Math.floor(bytes / SET_SIZE));
}

/** Memory for counts, of so many bytes. What is not used of it takes nothing. */
export function countsMemory(bytes: number): CountsMemory {
  const random = randomBytes(8);
  return {
    // The locks first, padded to what a double wants.
    buffer: new SharedArrayBuffer(2 * 8 + setsIn(bytes) * SET_SIZE),
    key: { low: random.readInt32LE(0), high: random.readInt32LE(4) },
  };
}

/** Room for what one worker holds. */
export function heldCounts({ buffer }: CountsMemory): HeldCounts {
  return new Int32Array(new SharedArrayBuffer(setsIn(buffer.byteLength - 16) * WAYS * 4));
}

export class ClientCounts {
  readonly #key: HashKey;
  readonly #sets: number;
  readonly #locks: Int32Array<SharedArrayBuffer>;
  /** Of each place its hash, `low` and `high`; both 0: it is free. */
  readonly #hashes: Int32Array<SharedArrayBuffer>;
  readonly #numbers: Float64Array<SharedArrayBuffer>;
  readonly #held: HeldCounts;
  readonly #hash = new KeyedHash();
  /** Milliseconds between the clock of this thread and one that all threads have. */
  readonly #offset: number;
  /** Differs from those of other threads, and from that of the time before. */
  #ticket: number;

  /** `worker`: a number that no other worker has at the time. `clock`: the thread's, in milliseconds. */
  constructor(memory: CountsMemory, held: HeldCounts, worker: number, clock: () => number = () => performance.now()) {
    const { buffer, key } = memory;
    this.#key = key;
    this.#sets = setsIn(buffer.byteLength - 16);
    const places = this.#sets * WAYS;
    const locksEnd = Math.ceil(this.#sets / 2) * 8;
    this.#locks = new Int32Array(buffer, 0, this.#sets);
    this.#numbers = new Float64Array(buffer, locksEnd, places * NUMBERS);
    this.#hashes = new Int32Array(buffer, locksEnd + places * NUMBERS * 8, places * 2);
    this.#held = held;
    const [seconds, nanoseconds] = process.hrtime();
    this.#offset = seconds * 1000 + nanoseconds / 1e6 - clock();
    this.#ticket = (worker + 1) << 20;
  }

  /** How many clients there is room for. */
  get places(): number {
    return this.#sets * WAYS;
  }

  /** A key for what is counted under a name. */
  zone(name: string): HashKey {
    const { low, high } = this.#hash.hash(this.#key, name);
    return { low, high };
  }

  /**
   * Counts a request of a client: the leaky bucket of ngx_http_limit_req_lookup. False: it is one too many, and is not counted.
   * `now`: milliseconds of the thread's clock.
   */
  request(zone: HashKey, client: string, { rate, burst }: RequestRate, now: number): boolean {
    const { low, high } = this.#hash.hash(zone, client);
    const time = Math.floor(now + this.#offset);
    const set = this.#setOf(high);
    const ticket = this.#lock(set);
    const place = this.#find(set, low, high);
    const numbers = this.#numbers;
    let admitted = true;
    if (place < 0) {
      const free = this.#vacate(set, time);
      // All are requests under way; they are not for ever.
      if (free < 0) admitted = false;
      else this.#settle(free, low, high, 0, time, burst, rate);
    } else {
      const at = place * NUMBERS;
      const passed = Math.max(0, time - numbers[at + TIME]!);
      const excess = Math.max(0, numbers[at + VALUE]! - (rate * passed) / 1000 + 1000);
      numbers[at + MOST] = burst;
      numbers[at + RATE] = rate;
      if (excess > burst) admitted = false;
      else {
        numbers[at + VALUE] = excess;
        if (passed > 0) numbers[at + TIME] = time;
      }
    }
    this.#unlock(set, ticket);
    return admitted;
  }

  /** Takes back a request that was counted and is refused for something else. */
  unrequest(zone: HashKey, client: string): void {
    const { low, high } = this.#hash.hash(zone, client);
    const set = this.#setOf(high);
    const ticket = this.#lock(set);
    const place = this.#find(set, low, high);
    if (place >= 0) this.#numbers[place * NUMBERS + VALUE] = Math.max(0, this.#numbers[place * NUMBERS + VALUE]! - 1000);
    this.#unlock(set, ticket);
  }

  /** A request of a client begins. Returns what to `leave` with when it ends; -1: it is one too many. */
  enter(zone: HashKey, client: string, most: number, now: number): number {
    const { low, high } = this.#hash.hash(zone, client);
    const time = Math.floor(now + this.#offset);
    const set = this.#setOf(high);
    const ticket = this.#lock(set);
    let place = this.#find(set, low, high);
    if (place < 0) {
      place = this.#vacate(set, time);
      if (place >= 0) this.#settle(place, low, high, 0, time, most, NO_RATE);
    } else if (this.#numbers[place * NUMBERS + VALUE]! >= most) place = -1;
    if (place >= 0) {
      this.#held[place]!++;
      this.#numbers[place * NUMBERS + VALUE]!++;
    }
    this.#unlock(set, ticket);
    return place;
  }

  /** A request that `enter` let in has ended. Called once for each. */
  leave(place: number): void {
    this.#giveBack(this.#held, place, 1);
  }

  /** Gives back what a worker held that is no more. */
  giveBack(held: HeldCounts): void {
    for (let place = 0; place < held.length; place++) {
      const count = held[place]!;
      if (count > 0) this.#giveBack(held, place, count);
    }
  }

  /** How many requests are under way, and how many places are taken. Looks at everything: for tests and for people. */
  census(): { readonly underWay: number; readonly taken: number } {
    let underWay = 0;
    let taken = 0;
    for (let place = 0; place < this.places; place++) {
      if (this.#hashes[2 * place] === 0 && this.#hashes[2 * place + 1] === 0) continue;
      taken++;
      if (this.#numbers[place * NUMBERS + RATE] === NO_RATE) underWay += this.#numbers[place * NUMBERS + VALUE]!;
    }
    return { underWay, taken };
  }

  #giveBack(held: HeldCounts, place: number, count: number): void {
    const set = Math.floor(place / WAYS);
    const ticket = this.#lock(set);
    const at = place * NUMBERS + VALUE;
    held[place]! -= count;
    const left = this.#numbers[at]! - count;
    this.#numbers[at] = left;
    if (left <= 0) this.#hashes[2 * place] = this.#hashes[2 * place + 1] = 0;
    this.#unlock(set, ticket);
  }

  /** Which set: by bits that are spread evenly, whatever the number of sets is. */
  #setOf(high: number): number {
    return Math.floor(((high >>> 0) / 2 ** 32) * this.#sets);
  }

  #find(set: number, low: number, high: number): number {
    const hashes = this.#hashes;
    for (let place = set * WAYS, end = place + WAYS; place < end; place++) {
      if (hashes[2 * place] === low && hashes[2 * place + 1] === high) return place;
    }
    return -1;
  }

  /** A place of the set for another client; -1: all are taken by requests under way. */
  #vacate(set: number, time: number): number {
    const hashes = this.#hashes;
    const numbers = this.#numbers;
    let best = -1;
    let bestFullness = Infinity;
    let bestTime = Infinity;
    for (let place = set * WAYS, end = place + WAYS; place < end; place++) {
      if (hashes[2 * place] === 0 && hashes[2 * place + 1] === 0) return place;
      const at = place * NUMBERS;
      const rate = numbers[at + RATE]!;
      if (rate === NO_RATE) continue;
      const last = numbers[at + TIME]!;
      const left = numbers[at + VALUE]! - (rate * Math.max(0, time - last)) / 1000;
      const fullness = left <= 0 ? 0 : left / numbers[at + MOST]!;
      if (fullness > bestFullness || (fullness === bestFullness && last >= bestTime)) continue;
      best = place;
      bestFullness = fullness;
      bestTime = last;
    }
    return best;
  }

  #settle(place: number, low: number, high: number, value: number, time: number, most: number, rate: number): void {
    const at = place * NUMBERS;
    this.#numbers[at + VALUE] = value;
    this.#numbers[at + TIME] = time;
    this.#numbers[at + MOST] = most;
    this.#numbers[at + RATE] = rate;
    this.#hashes[2 * place] = low;
    this.#hashes[2 * place + 1] = high;
  }

  #lock(set: number): number {
    const ticket = (this.#ticket = (this.#ticket & ~0xfffff) | ((this.#ticket + 1) & 0xfffff));
    if (Atomics.compareExchange(this.#locks, set, 0, ticket) !== 0) this.#waitFor(set, ticket);
    return ticket;
  }

  /** Who has the lock goes on at once, unless the system gave its CPU to somebody else, or the thread was ended just there. */
  #waitFor(set: number, ticket: number): void {
    let seen = 0;
    let since = 0;
    for (let spins = 0; ; spins++) {
      const owner = Atomics.compareExchange(this.#locks, set, 0, ticket);
      if (owner === 0) return;
      if (spins < SPINS) continue;
      if (owner !== seen) {
        seen = owner;
        since = performance.now();
      } else if (performance.now() - since > LOCK_LOST && Atomics.compareExchange(this.#locks, set, owner, ticket) === owner)
        return;
      Atomics.wait(this.#locks, set, owner, 1);
    }
  }

  /** Not if it was thought lost, and is another's by now. */
  #unlock(set: number, ticket: number): void {
    Atomics.compareExchange(this.#locks, set, ticket, 0);
  }
}

/** Counts that no other worker shares, of so many bytes. */
export function countsAlone(bytes: number): ClientCounts {
  const memory = countsMemory(bytes);
  return new ClientCounts(memory, heldCounts(memory), 0);
}
