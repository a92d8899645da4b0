/** An upstream group at work: its endpoints' pools, and whose turn it is. */
import type { Endpoint, GroupId, UpstreamGroup } from '../../model/table.ts';
import { EndpointPool, type PoolContext } from './pool.ts';

/** One endpoint of a group. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly pool: EndpointPool;
}

/** The endpoints of one Service port, in turn. Replaced in place, so that routes keep their reference. */
export class LiveGroup {
  readonly id: GroupId;
  targets: readonly Target[] = [];
  #next: number;

  constructor(id: GroupId, random: () => number) {
    this.id = id;
    // Workers and replicas must not all begin with the same endpoint.
    this.#next = Math.floor(random() * 65_536);
  }

  /** The next endpoint that is not in `tried`; null when there is none. */
  pick(tried: readonly EndpointPool[]): Target | null {
    const { length } = this.targets;
    for (let i = 0; i < length; i++) {
      this.#next = (this.#next + 1) % length;
      const target = this.targets[this.#next]!;
      if (tried.length === 0 || !tried.includes(target.pool)) return target;
    }
    return null;
  }
}

/** All groups of a worker. Endpoints that several groups share have one pool. */
export class Groups {
  readonly #context: PoolContext;
  readonly #random: () => number;
  readonly #groups = new Map<GroupId, LiveGroup>();
  /** Address → port → pool. */
  readonly #pools = new Map<string, Map<number, EndpointPool>>();

  constructor(context: PoolContext, random: () => number = Math.random) {
    this.#context = context;
    this.#random = random;
  }

  /** The group with this id; one without endpoints if it is not known yet. */
  get(id: GroupId): LiveGroup {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new LiveGroup(id, this.#random);
      this.#groups.set(id, group);
    }
    return group;
  }

  /** Sets a group's endpoints. */
  set(model: UpstreamGroup): void {
    this.#swap(
      this.get(model.id),
      model.endpoints.map((endpoint) => ({ endpoint, pool: this.#pool(endpoint) })),
    );
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
