/**
 * Passive health: an endpoint that fails again and again is left out for a while ("ejected"), longer each time, and comes back
 * through one request that shows whether it is well (docs/decisions/passive-health.md). Counted by each worker for itself.
 */

/** The settings of it. */
export interface HealthLimits {
  /** Failures in a row after which an endpoint is left out. 0: never. */
  readonly upstreamEjectFailures: number;
  /** Milliseconds it is left out the first time. */
  readonly upstreamEjectTime: number;
  /** How much of a group may be left out; at least one endpoint may, and never more than half of them. */
  readonly upstreamEjectPercent: number;
}

/** What health needs of its worker. */
export interface HealthContext {
  /** Milliseconds, monotonic. Cheap to read; may be a little behind. */
  readonly deadlines: { readonly now: number };
  readonly healthLimits: () => HealthLimits;
  /** An endpoint was left out. */
  readonly onEjected: () => void;
}

/** An endpoint is left out for at most so many times `upstreamEjectTime` (Envoy's 300 s to 30 s). */
const MAX_GROWTH = 10;

/** How one endpoint of a group has done lately. */
export class EndpointHealth {
  /** Failures since the last success. */
  failures = 0;
  ejected = false;
  /** The time of an ejection is over, and a request is on its way to show whether the endpoint is well. */
  probing = false;
  /** When the next such request may go. */
  until = 0;
  /** It has failed as often as it may, and not succeeded since. */
  failing = false;
  /** Ejections that are not forgotten yet. */
  ejections = 0;
  /** When the last ejection ended. */
  returnedAt = 0;
  /** Null once the endpoint has left the group: what becomes of its last exchanges changes nothing. */
  group: GroupHealth | null;

  constructor(group: GroupHealth) {
    this.group = group;
  }

  /** Connecting failed, the response did not come or was none, or its status says that the server failed. */
  failed(): void {
    this.group?.failed(this);
  }

  /** The head of a good response came. */
  answering(): void {
    if (this.probing) this.group?.readmit(this);
  }

  /** A good response is complete. Cheaper to call only when there are `failures`. */
  succeeded(): void {
    this.failures = 0;
    if (this.failing) this.group?.recovered(this);
  }
}

/** A status that says the server failed. 501 and 505 are about the request: every endpoint would answer so. */
export function isFailure(status: number): boolean {
  return status >= 500 && status !== 501 && status !== 505;
}

/** The health of all endpoints of a group: never more than half of them are left out, and none when all fail alike. */
export class GroupHealth {
  /** Endpoints left out now. While it is 0, nobody need ask. */
  ejected = 0;
  readonly #context: HealthContext;
  #members: readonly EndpointHealth[] = [];
  #failing = 0;

  constructor(context: HealthContext) {
    this.#context = context;
  }

  /** The endpoints have changed. Those that stay keep their health. */
  set(members: readonly EndpointHealth[]): void {
    const staying = new Set(members);
    for (const member of this.#members) if (!staying.has(member)) member.group = null;
    this.#members = members;
    this.#failing = members.filter(({ failing }) => failing).length;
    const out = members.filter(({ ejected }) => ejected).sort((a, b) => a.until - b.until);
    this.ejected = out.length;
    for (const member of out) if (this.ejected > this.#mostEjected()) this.readmit(member);
    this.#liftIfAllFail();
  }

  /** Whether a request may go there. If the time of an ejection is over, the one that asks is the one that shows. */
  usable(member: EndpointHealth): boolean {
    if (!member.ejected) return true;
    const { upstreamEjectFailures, upstreamEjectTime } = this.#context.healthLimits();
    if (upstreamEjectFailures === 0) {
      this.#lift();
      return true;
    }
    const { now } = this.#context.deadlines;
    if (now < member.until) return false;
    member.probing = true;
    member.until = now + duration(member, upstreamEjectTime);
    return true;
  }

  /** See `EndpointHealth.failed`. */
  failed(member: EndpointHealth): void {
    const { upstreamEjectFailures: most } = this.#context.healthLimits();
    if (most === 0) return;
    if (++member.failures < most && !member.probing) return;
    if (!member.failing) this.#failing++;
    member.failing = true;
    this.#liftIfAllFail();
    if (this.#failing === this.#members.length) return;
    if (member.ejected ? member.probing : this.ejected < this.#mostEjected()) this.#eject(member);
  }

  /** See `EndpointHealth.succeeded`. */
  recovered(member: EndpointHealth): void {
    member.failing = false;
    this.#failing--;
  }

  /** It is used again like all others. Its failures count on until it succeeds. */
  readmit(member: EndpointHealth): void {
    if (!member.ejected) return;
    member.ejected = member.probing = false;
    member.returnedAt = this.#context.deadlines.now;
    this.ejected--;
  }

  #eject(member: EndpointHealth): void {
    const { now } = this.#context.deadlines;
    const { upstreamEjectTime } = this.#context.healthLimits();
    if (!member.ejected) {
      // For each such time that it was in use, one ejection is forgotten.
      const forgotten = Math.floor((now - member.returnedAt) / upstreamEjectTime);
      member.ejections = Math.max(0, member.ejections - forgotten);
      member.ejected = true;
      this.ejected++;
    }
    member.ejections++;
    member.probing = false;
    member.until = now + duration(member, upstreamEjectTime);
    this.#context.onEjected();
  }

  /** What all endpoints suffer from is not theirs (a database, a limit of ours): fewer endpoints would only be more load each. */
  #liftIfAllFail(): void {
    if (this.#failing === this.#members.length) this.#lift();
  }

  #lift(): void {
    if (this.ejected === 0) return;
    for (const member of this.#members) this.readmit(member);
  }

  #mostEjected(): number {
    const { length } = this.#members;
    if (length < 2) return 0;
    return Math.max(1, Math.floor((length * this.#context.healthLimits().upstreamEjectPercent) / 100));
  }
}

function duration({ ejections }: EndpointHealth, time: number): number {
  return time * Math.min(ejections, MAX_GROWTH);
}
