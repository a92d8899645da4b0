/** An upstream group at work: its endpoints' pools, and whose turn it is. */
import type { Endpoint, GroupId, UpstreamGroup } from '../../model/table.ts';
import { EndpointHealth, GroupHealth, type HealthContext } from './health.ts';
import { EndpointPool, type PoolContext } from './pool.ts';
import { RetryBudget, type RetryBudgetContext } from './retry-budget.ts';

/** What groups need of their worker. */
export type GroupContext = PoolContext & HealthContext & RetryBudgetContext;

/** One endpoint of a group. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly pool: EndpointPool;
  readonly health: EndpointHealth;
}

/** The endpoints of one Service port, in turn. Replaced in place, so that routes keep their reference. */
export class LiveGroup {
  readonly id: GroupId;
  targets: readonly Target[] = [];
  readonly health: GroupHealth;
  readonly retryBudget: RetryBudget;
  #next: number;

  constructor(id: GroupId, context: GroupContext, random: () => number) {
    this.id = id;
    this.health = new GroupHealth(context);
    this.retryBudget = new RetryBudget(context);
    // Workers and replicas must not all begin with the same endpoint.
    this.#next = Math.floor(random() * 65_536);
  }

  /** The next endpoint that is not in `tried`; null when there is none. Empty `tried`: a new request begins. */
  pick(tried: readonly EndpointPool[]): Target | null {
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

  /** As `pick`, past endpoints that are left out: they come last, for a request that nobody else took. */
  #pickUsable(tried: readonly EndpointPool[]): Target | null {
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

/** All groups of a worker. Endpoints that several groups share have one pool. */
export class Groups {
  readonly #context: GroupContext;
  readonly #random: () => number;
  readonly #groups = new Map<GroupId, LiveGroup>();
  /** Address → port → pool. */
  readonly #pools = new Map<string, Map<number, EndpointPool>>();

  constructor(context: GroupContext, random: () => number = Math.random) {
    this.#context = context;
    this.#random = random;
  }

  /** The group with this id; one without endpoints if it is not known yet. */
  get(id: GroupId): LiveGroup {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new LiveGroup(id, this.#context, this.#random);
      this.#groups.set(id, group);
    }
    return group;
  }

  /** Sets a group's endpoints. */
  set(model: UpstreamGroup): void {
    const group = this.get(model.id);
    const known = new Map(group.targets.map(({ pool, health }) => [pool, health]));
    const targets = model.endpoints.map((endpoint) => {
      const pool = this.#pool(endpoint);
      return { endpoint, pool, health: known.get(pool) ?? new EndpointHealth(group.health) };
    });
    this.#swap(group, targets);
  }

  delete(id: GroupId): void {
    const group = this.#groups.get(id);
    if (group === undefined) return;
    this.#swap(group, []);
    this.#groups.delete(id);
  }

  ids(): Iterable<GroupId> {
    return this.#groups.keys();
  }

  /** Open connections, busy and idle. */
  openConnections(): number {
    let open = 0;
    for (const ports of this.#pools.values()) for (const pool of ports.values()) open += pool.size;
    return open;
  }

  /** New users are counted before old ones are let go, so that a pool that stays keeps its connections. */
  #swap(group: LiveGroup, targets: readonly Target[]): void {
    const before = group.targets;
    for (const { pool } of targets) pool.users++;
    group.targets = targets;
    group.health.set(targets.map(({ health }) => health));
    for (const { pool } of before) {
      if (--pool.users > 0) continue;
      pool.retire();
      this.#pools.get(pool.address)?.delete(pool.port);
      if (this.#pools.get(pool.address)?.size === 0) this.#pools.delete(pool.address);
    }
  }

  #pool(endpoint: Endpoint): EndpointPool {
    let ports = this.#pools.get(endpoint.address);
    if (ports === undefined) this.#pools.set(endpoint.address, (ports = new Map<number, EndpointPool>()));
    let pool = ports.get(endpoint.port);
    if (pool === undefined) ports.set(endpoint.port, (pool = new EndpointPool(endpoint.address, endpoint.port, this.#context)));
    return pool;
  }
}
