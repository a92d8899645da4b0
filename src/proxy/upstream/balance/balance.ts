/** What is special about how a group's requests are spread: which canary takes them, and how an endpoint is chosen. */
import type { Balancing } from '../../../model/balancing.ts';
import { canaryTest, type CanaryTest } from '../../../policies/balance/canary.ts';
import { readSessionCookie } from '../../../policies/balance/session-cookie.ts';
import type { LiveGroup } from '../group.ts';
import { Fastest, Hashed, HashedSubset, InTurn, Sticky, type BalanceRequest, type Choice } from './choices.ts';

type Spread = Pick<Balancing, 'affinity' | 'hashBy' | 'algorithm'>;

export class Balance {
  readonly #model: Balancing;
  /** The canary; null: there is none. */
  readonly alternative: LiveGroup | null;
  /** Whether a request goes to this group, where it is the canary of another; null: it takes none. */
  readonly #takes: CanaryTest | null;

  constructor(model: Balancing, alternative: LiveGroup | null) {
    this.#model = model;
    this.alternative = alternative;
    this.#takes = model.canary === undefined ? null : canaryTest(model.canary);
  }

  /**
   * A request begins. `own`: the group that is asked, or the one that stands in for it while it has no endpoint; that is treated alike
   * (ingress-nginx makes it of a copy, controller.go, "custom-default-backend").
   */
  begin(own: LiveGroup, request: BalanceRequest): Choice {
    const { alternative } = this;
    if (alternative === null || own.targets.length === 0 || !this.#goesTo(alternative, own, request))
      return choose(own, false, this.#model, request);
    const spread = alternative.balance?.spread ?? {};
    if (this.#model.alternative?.sticky !== true) return choose(alternative, true, spread, request);
    // The canary's affinity is that of the group, whatever its own would be.
    const { affinity: _own, ...rest } = spread;
    const { affinity } = this.#model;
    return choose(alternative, true, affinity === undefined ? rest : { ...rest, affinity }, request);
  }

  get spread(): Spread {
    return this.#model;
  }

  /** rootfs/etc/nginx/lua/balancer.lua, `route_to_alternative_balancer`. */
  #goesTo(alternative: LiveGroup, own: LiveGroup, request: BalanceRequest): boolean {
    const { affinity } = this.#model;
    const came = affinity === undefined ? '' : readSessionCookie(request.field('cookie'), affinity.cookie.name).backend;
    // A client stays with what served it first.
    if (came !== '' && came === own.index.backendKey) return false;
    if (alternative.targets.length === 0) return false;
    const theirs = this.#model.alternative?.sticky === true ? came : ownAffinity(alternative, request);
    if (theirs !== '' && theirs === alternative.index.backendKey) return true;
    const { balance } = alternative;
    return balance !== null && balance.#takes !== null && balance.#takes(request, alternative.random);
  }
}

/** What a cookie of the canary's own affinity says. It has one only where it is no canary as well. */
function ownAffinity({ balance }: LiveGroup, request: BalanceRequest): string {
  const affinity = balance?.spread.affinity;
  return affinity === undefined ? '' : readSessionCookie(request.field('cookie'), affinity.cookie.name).backend;
}

/** Affinity beats hashing beats the algorithm (balancer.lua, `get_implementation`). */
function choose(group: LiveGroup, isCanary: boolean, spread: Spread, request: BalanceRequest): Choice {
  const { affinity, hashBy, algorithm } = spread;
  if (affinity !== undefined) return new Sticky(group, isCanary, affinity, request);
  if (hashBy !== undefined) return new (hashBy.subsetSize === null ? Hashed : HashedSubset)(group, isCanary, hashBy, request);
  return new (algorithm === 'ewma' ? Fastest : InTurn)(group, isCanary);
}
