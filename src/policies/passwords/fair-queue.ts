/** A queue in which nobody waits for one who asks too often: groups take turns, and within a group its members do. */

/** Bounds: what is beyond is not taken. */
export interface QueueLimits {
  readonly total: number;
  readonly perGroup: number;
  readonly perMember: number;
}

/** Members in the order of their turns. */
type Group<T> = Map<string, T[]>;

export class FairQueue<T> {
  readonly #limits: QueueLimits;
  readonly #groups = new Map<string, { readonly members: Group<T>; size: number }>();
  #size = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** False when there is no room. */
  push(group: string, member: string, item: T): boolean {
    const { total, perGroup, perMember } = this.#limits;
    const entry = this.#groups.get(group) ?? { members: new Map<string, T[]>(), size: 0 };
    const items = entry.members.get(member) ?? [];
    if (this.#size >= total || entry.size >= perGroup || items.length >= perMember) return false;
    items.push(item);
    entry.members.set(member, items);
    entry.size++;
    this.#groups.set(group, entry);
    this.#size++;
    return true;
  }

  /** The next one; undefined: there is none. */
  shift(): T | undefined {
    for (const [group, entry] of this.#groups) {
      for (const [member, items] of entry.members) {
        const item = items.shift()!;
        // To the end of the line.
        this.#groups.delete(group);
        entry.members.delete(member);
        this.#size--;
        entry.size--;
        if (items.length > 0) entry.members.set(member, items);
        if (entry.size > 0) this.#groups.set(group, entry);
        return item;
      }
    }
    return undefined;
  }
}
