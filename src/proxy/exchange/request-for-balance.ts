/** A request as balancing sees it. */
import type { BalanceRequest } from '../upstream/balance/choices.ts';
import type { AttemptsOwner } from './attempts.ts';
import type { Passage } from './passage.ts';
import { cookieOf } from './variables.ts';

export class RequestForBalance implements BalanceRequest {
  readonly #owner: AttemptsOwner;
  #variables: Pick<Passage, 'variable'> | null = null;

  constructor(owner: AttemptsOwner) {
    this.#owner = owner;
  }

  get tls(): boolean {
    return this.#owner.downstream.client.scheme === 'https';
  }

  get cookiePath(): string | null {
    const { model } = this.#owner.route!;
    return model.policies.sessionCookie === true ? model.path : null;
  }

  field(lowerName: string): string {
    const { passage, downstream } = this.#owner;
    return passage === null ? downstream.head.field(lowerName) : passage.field(lowerName);
  }

  cookie(name: string): string {
    return cookieOf(this.field('cookie'), name);
  }

  variable(name: string): string {
    this.#variables ??= this.#owner.variables();
    return this.#variables.variable(name);
  }
}
