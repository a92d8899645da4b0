/** Which endpoint one request goes to, and which next if that fails: never one that was tried. */
import type { Affinity, HashBy } from '../../../model/balancing.ts';
import { expand } from '../../../policies/variables/template.ts';
import type { CanaryRequest } from '../../../policies/balance/canary.ts';
import { readSessionCookie, setCookie } from '../../../policies/balance/session-cookie.ts';
import type { LiveGroup, Target } from '../group.ts';
import type { Pool } from '../pool.ts';

/** What balancing looks at in a request. */
export interface BalanceRequest extends CanaryRequest {
  /** The value of a variable of nginx. */
  readonly variable: (name: string) => string;
  /** The client speaks TLS with us. */
  readonly tls: boolean;
  /** The path of the route, if its Ingress asks for affinity; null: no cookie is sent for it. */
  readonly cookiePath: string | null;
}

/** The choice of endpoints for one request. */
export interface Choice {
  /** Whose endpoints they are. */
  readonly group: LiveGroup;
  /** The group is the canary of the one that was asked. */
  readonly isCanary: boolean;
  /** The value of Set-Cookie that goes with the endpoint that was picked last; empty: none. */
  readonly cookie: string;
  /** As `LiveGroup.pick`. */
  readonly pick: (tried: readonly Pool[]) => Target | null;
  /** An endpoint answered to the end: connecting and the response took so many milliseconds. */
  readonly observe: (pool: Pool, milliseconds: number) => void;
}

/** Endpoints take turns. */
export class InTurn implements Choice {
  readonly group: LiveGroup;
  readonly isCanary: boolean;
  readonly cookie: string = '';

  constructor(group: LiveGroup, isCanary: boolean) {
    this.group = group;
    this.isCanary = isCanary;
  }

  pick(tried: readonly Pool[]): Target | null {
    return this.group.pick(tried);
  }

  observe(_pool: Pool, _milliseconds: number): void {
    // Of no interest here.
  }
}

/** The endpoint that answered faster lately. */
export class Fastest extends InTurn {
  override pick(tried: readonly Pool[]): Target | null {
    const { group } = this;
    group.countRequest(tried);
    const { targets, health } = group;
    if (tried.length === 0 && health.ejected === 0) return group.ewma.pick(targets, group.random);
    const left = targets.filter(({ pool }) => !tried.includes(pool));
    const inUse = left.filter(({ health: { ejected } }) => !ejected);
    // One whose time is over shows that it is well, or does not; those that are out come last.
    const back = left.find((target) => target.health.ejected && health.usable(target.health));
    return back ?? group.ewma.pick(inUse.length > 0 ? inUse : left, group.random);
  }

  override observe(pool: Pool, milliseconds: number): void {
    this.group.ewma.observe(pool, milliseconds);
  }
}

/** The endpoint of a key. Where it does not do, who comes next on the ring: the same for all requests with the key. */
export class Hashed extends InTurn {
  readonly #key: string;

  constructor(group: LiveGroup, isCanary: boolean, { key }: HashBy, request: BalanceRequest) {
    super(group, isCanary);
    this.#key = expand(key, request);
  }

  override pick(tried: readonly Pool[]): Target | null {
    const { group } = this;
    group.countRequest(tried);
    const { ring } = group.index;
    if (tried.length === 0 && group.health.ejected === 0) return group.targets[ring.find(this.#key)] ?? null;
    return group.firstOf(ring.walk(this.#key), tried);
  }
}

/** One of the few endpoints of a key, by chance (rootfs/etc/nginx/lua/balancer/chashsubset.lua). */
export class HashedSubset extends InTurn {
  readonly #key: string;
  readonly #size: number;

  constructor(group: LiveGroup, isCanary: boolean, { key, subsetSize }: HashBy, request: BalanceRequest) {
    super(group, isCanary);
    this.#key = expand(key, request);
    this.#size = subsetSize ?? 1;
  }

  override pick(tried: readonly Pool[]): Target | null {
    this.group.countRequest(tried);
    return this.group.firstOf(this.#candidates(), tried);
  }

  /** The endpoints of the key's subset in an order of chance, then those of the subsets that follow. */
  *#candidates(): Generator<number> {
    const { index, targets, random } = this.group;
    // An annotation may ask for any number.
    const size = Math.min(this.#size, targets.length);
    for (const subset of index.subsets(size).walk(this.#key)) {
      const start = Math.floor(random() * size);
      // The last subset is filled up with the first endpoints.
      for (let i = 0; i < size; i++) yield (subset * size + ((start + i) % size)) % targets.length;
    }
  }
}

/** How often chance is asked for a key whose endpoint can be used, before the client gets none (sticky_balanced.lua asks 20 times). */
const KEY_TRIES = 50;

function number({ random }: LiveGroup): number {
  return Math.floor(random() * 1_000_000);
}

/** The endpoint that the client's cookie names (rootfs/etc/nginx/lua/balancer/sticky.lua). */
export class Sticky extends InTurn {
  override cookie = '';
  readonly #affinity: Affinity;
  readonly #request: BalanceRequest;
  /** The endpoint of the cookie; null: there is none. */
  readonly #pinned: Target | null;

  constructor(group: LiveGroup, isCanary: boolean, affinity: Affinity, request: BalanceRequest) {
    super(group, isCanary);
    this.#affinity = affinity;
    this.#request = request;
    const { key } = readSessionCookie(request.field('cookie'), affinity.cookie.name);
    this.#pinned = key === '' ? null : this.#targetOf(key);
  }

  override pick(tried: readonly Pool[]): Target | null {
    const { group } = this;
    const pinned = this.#pinned;
    if (pinned === null) return this.#pickNew(tried);
    const isTried = tried.includes(pinned.pool);
    if (!this.#affinity.cookie.changeOnFailure) {
      group.countRequest(tried);
      // Its session is nowhere else: ingress-nginx asks the same endpoint again and again.
      return isTried ? null : pinned;
    }
    if (isTried || (group.health.ejected > 0 && !group.health.usable(pinned.health))) return this.#pickNew(tried);
    group.countRequest(tried);
    return pinned;
  }

  #targetOf(key: string): Target | null {
    const { index, targets } = this.group;
    return this.#affinity.mode === 'persistent' ? index.pinned(key) : (targets[index.ring.find(key)] ?? null);
  }

  /** Another endpoint, and the cookie that leads back to it. */
  #pickNew(tried: readonly Pool[]): Target | null {
    this.cookie = '';
    const { group } = this;
    const { index } = group;
    const { cookiePath } = this.#request;
    if (cookiePath === null) return group.pick(tried);
    if (this.#affinity.mode === 'persistent') {
      const target = group.pick(tried);
      if (target !== null) this.#setCookie(cookiePath, index.keyOf(target));
      return target;
    }
    // In this mode a key is whatever hashes to the endpoint.
    const time = (group.wallClock() / 1000).toFixed(3);
    for (let i = 0; i < KEY_TRIES; i++) {
      const key = `${time}.${number(group)}.${number(group)}`;
      const target = group.targets[index.ring.find(key)];
      if (target === undefined || !group.takes(target, tried)) continue;
      group.countRequest(tried);
      this.#setCookie(cookiePath, key);
      return target;
    }
    return group.pick(tried);
  }

  #setCookie(path: string, key: string): void {
    const { tls } = this.#request;
    const { index, wallClock } = this.group;
    const userAgent = this.#request.field('user-agent');
    this.cookie = setCookie(this.#affinity.cookie, key, index.backendKey, {
      path,
      tls,
      userAgent,
      now: wallClock(),
    });
  }
}
