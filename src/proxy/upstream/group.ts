/** An upstream group at work: its endpoints' pools, and whose turn it is. */
import type { Balancing } from '../../model/balancing.ts';
import type { CertificateId, Endpoint, GroupId, UpstreamGroup, UpstreamSecret } from '../../model/table.ts';
import { Balance } from './balance/balance.ts';
import { EndpointIndex } from './balance/endpoint-index.ts';
import { Ewma } from './balance/ewma.ts';
import { EndpointHealth, GroupHealth, type HealthContext } from './health.ts';
import { SessionPool } from './h2/pool.ts';
import { EndpointPool, labelOf, type Pool, type PoolContext } from './pool.ts';
import { RetryBudget, type RetryBudgetContext } from './retry-budget.ts';
import { ANY, transportOf, wishKey, type Transport, type TransportWish } from './transport.ts';

/** What groups need of their worker. */
export type GroupContext = PoolContext & HealthContext & RetryBudgetContext;

/** One endpoint of a group. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly pool: Pool;
  readonly health: EndpointHealth;
}

/** Where chance and time come from. */
export interface Chance {
  /** As `Math.random`. */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
}

/** The endpoints of one Service port, spoken to in one way. Replaced in place, so that routes keep their reference. */
export class LiveGroup {
  readonly id: GroupId;
  readonly wish: TransportWish;
  /** Routes that use it. */
  users = 0;
  targets: readonly Target[] = [];
  readonly health: GroupHealth;
  readonly retryBudget: RetryBudget;
  /** `namespace-service-port`, as ingress-nginx names upstreams; empty while the group is not known. */
  name = '';
  /** Null: endpoints take turns, by `pick`. */
  balance: Balance | null = null;
  /** As `Math.random`. */
  readonly random: () => number;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  #index: EndpointIndex | null = null;
  #ewma: Ewma | null = null;
  readonly #context: GroupContext;
  #next: number;

  constructor(id: GroupId, wish: TransportWish, context: GroupContext, { random, wallClock }: Chance) {
    this.id = id;
    this.wish = wish;
    this.#context = context;
    this.random = random;
    this.wallClock = wallClock;
    this.health = new GroupHealth(context);
    this.retryBudget = new RetryBudget(context);
    // Workers and replicas must not all begin with the same endpoint.
    this.#next = Math.floor(random() * 65_536);
  }

  /** The next endpoint that is not in `tried`; null when there is none. Empty `tried`: a new request begins. */
  pick(tried: readonly Pool[]): Target | null {
    if (tried.length === 0) this.retryBudget.count();
    if (this.health.ejected > 0) return this.#pickUsable(tried);
    const { length } = this.targets;
    for (let i = 0; i < length; i++) {
      this.#next = (this.#next + 1) % length;
      const target = this.targets[this.#next]!;
      if (tried.length === 0 || !tried.includes(target.pool)) return target;
    }
    return null;
  }

  get index(): EndpointIndex {
    return (this.#index ??= new EndpointIndex(this.name, this.targets));
  }

  get ewma(): Ewma {
    return (this.#ewma ??= new Ewma(() => this.#context.deadlines.now));
  }

  /** What `index` and `ewma` say of the endpoints is to be found out anew. */
  endpointsChanged(): void {
    this.#index = null;
    this.#ewma?.sync(this.targets);
  }

  /** A request counts once, however often it is tried: `tried` is empty the first time. */
  countRequest(tried: readonly Pool[]): void {
    if (tried.length === 0) this.retryBudget.count();
  }

  /** A request may go there: it did not yet, and the endpoint is not left out. */
  takes(target: Target, tried: readonly Pool[]): boolean {
    return !tried.includes(target.pool) && (this.health.ejected === 0 || this.health.usable(target.health));
  }

  /** The first of these indices whose endpoint `takes`; else the first that was not tried, for a request that nobody else took. */
  firstOf(candidates: Iterable<number>, tried: readonly Pool[]): Target | null {
    let last: Target | null = null;
    for (const index of candidates) {
      const target = this.targets[index]!;
      if (this.takes(target, tried)) return target;
      if (!tried.includes(target.pool)) last ??= target;
    }
    return last;
  }

  /** As `pick`, past endpoints that are left out: they come last, for a request that nobody else took. */
  #pickUsable(tried: readonly Pool[]): Target | null {
    const { length } = this.targets;
    const start = this.#next;
    let last: Target | null = null;
    for (let i = 1; i <= length; i++) {
      const at = (start + i) % length;
      const target = this.targets[at]!;
      if (tried.includes(target.pool)) continue;
      if (this.health.usable(target.health)) {
        this.#next = at;
        return target;
      }
      last ??= target;
    }
    return last;
  }
}

/** All groups of a worker. Endpoints that several groups share, and speak to in the same way, have one pool. */
export class Groups {
  readonly #context: GroupContext;
  readonly #chance: Chance;
  readonly #models = new Map<GroupId, UpstreamGroup>();
  /** By the key of the wish. */
  readonly #groups = new Map<GroupId, Map<string, LiveGroup>>();
  readonly #secrets = new Map<CertificateId, UpstreamSecret>();
  /** By address and port, then the key of the transport. */
  readonly #pools = new Map<string, Map<string, Pool>>();

  constructor(context: GroupContext, random: () => number = Math.random, wallClock: () => number = Date.now) {
    this.#context = context;
    this.#chance = { random, wallClock };
  }

  /** The group with this id, spoken to in this way; one without endpoints if it is not known yet. */
  get(id: GroupId, wish: TransportWish = ANY): LiveGroup {
    let ways = this.#groups.get(id);
    if (ways === undefined) this.#groups.set(id, (ways = new Map()));
    const key = wishKey(wish);
    let group = ways.get(key);
    if (group === undefined) {
      ways.set(key, (group = new LiveGroup(id, wish, this.#context, this.#chance)));
      const model = this.#models.get(id);
      if (model !== undefined) this.#fill(group, model);
    }
    return group;
  }

  /** Sets a group's endpoints. */
  set(model: UpstreamGroup): void {
    this.#models.set(model.id, model);
    const ways = this.#groups.get(model.id);
    if (ways === undefined) this.get(model.id);
    else for (const group of ways.values()) this.#fill(group, model);
  }

  delete(id: GroupId): void {
    this.#models.delete(id);
    for (const group of this.#groups.get(id)?.values() ?? []) {
      this.#swap(group, []);
      this.#rebalance(group, undefined);
    }
    this.#groups.delete(id);
  }

  /** Sets what TLS to backends takes from a Secret: from now on there are new connections. Those in use finish what they do. */
  setSecret(secret: UpstreamSecret): void {
    this.#secrets.set(secret.id, secret);
    this.#refill(secret.id);
  }

  deleteSecret(id: CertificateId): void {
    this.#secrets.delete(id);
    this.#refill(id);
  }

  secretIds(): Iterable<CertificateId> {
    return this.#secrets.keys();
  }

  ids(): Iterable<GroupId> {
    return this.#groups.keys();
  }

  /** Lets go of the ways to speak to a group that no route asks for any more. Exchanges that began on one finish on it. */
  sweep(): void {
    let swept = 0;
    for (const [id, ways] of this.#groups) {
      for (const [key, group] of ways) {
        if (key === '' || group.users > 0) continue;
        ways.delete(key);
        for (const { pool } of group.targets) this.#leave(pool);
        this.#rebalance(group, undefined);
        swept++;
      }
      if (ways.size === 0) this.#groups.delete(id);
    }
    // A canary may have had no other user than the group that goes.
    if (swept > 0) this.sweep();
  }

  /** Open connections, busy and idle. */
  openConnections(): number {
    let open = 0;
    for (const ways of this.#pools.values()) for (const pool of ways.values()) open += pool.size;
    return open;
  }

  #refill(id: CertificateId): void {
    for (const [groupId, ways] of this.#groups) {
      const model = this.#models.get(groupId);
      if (model === undefined) continue;
      for (const group of ways.values()) if (group.wish.tls?.secret === id) this.#fill(group, model);
    }
  }

  #fill(group: LiveGroup, model: UpstreamGroup): void {
    const transport = transportOf(group.wish, model.protocol, (id) => this.#secrets.get(id));
    const known = new Map(group.targets.map(({ pool, health }) => [pool, health]));
    const targets = model.endpoints.map((endpoint) => {
      const pool = this.#pool(endpoint, transport);
      return { endpoint, pool, health: known.get(pool) ?? new EndpointHealth(group.health) };
    });
    group.name = `${model.namespace}-${model.service}-${model.port}`;
    this.#swap(group, targets);
    this.#rebalance(group, model.balancing);
  }

  /** What the group was balanced by, it is no longer. A canary is spoken to as the group is. */
  #rebalance(group: LiveGroup, balancing: Balancing | undefined): void {
    const before = group.balance?.alternative ?? null;
    const { alternative } = balancing ?? {};
    const canary = alternative === undefined ? null : this.get(alternative.group, group.wish);
    if (canary !== null) canary.users++;
    if (before !== null) before.users--;
    group.balance = balancing === undefined ? null : new Balance(balancing, canary);
  }

  /** New users are counted before old ones are let go, so that a pool that stays keeps its connections. */
  #swap(group: LiveGroup, targets: readonly Target[]): void {
    const before = group.targets;
    for (const { pool } of targets) pool.users++;
    group.targets = targets;
    group.endpointsChanged();
    group.health.set(targets.map(({ health }) => health));
    for (const { pool } of before) this.#leave(pool);
  }

  #leave(pool: Pool): void {
    if (--pool.users > 0) return;
    pool.retire();
    const ways = this.#pools.get(pool.label);
    ways?.delete(pool.transport.key);
    if (ways?.size === 0) this.#pools.delete(pool.label);
  }

  #pool({ address, port }: Endpoint, transport: Transport): Pool {
    const label = labelOf(address, port);
    let ways = this.#pools.get(label);
    if (ways === undefined) this.#pools.set(label, (ways = new Map()));
    let pool = ways.get(transport.key);
    if (pool === undefined) {
      pool = new (transport.http2 ? SessionPool : EndpointPool)(address, port, transport, this.#context);
      ways.set(transport.key, pool);
    }
    return pool;
  }
}
