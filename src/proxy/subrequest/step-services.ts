/** What the steps of policies use of their worker. */
import { AuthCache } from '../../policies/external-auth/auth-cache.ts';
import { Nonces } from '../../policies/access/nonces.ts';
import type { StepServices } from '../../policies/acting.ts';
import { PasswordChecker } from '../../policies/passwords/checker.ts';
import { OwnHashThread } from '../../policies/passwords/hash-thread.ts';
import type { ProxySettings } from '../../settings/settings.ts';
import type { Deadlines } from '../deadlines.ts';
import { Subrequests } from './sender.ts';
import type { PoolContext } from '../upstream/pool.ts';
import { isOutside, Resolver, systemLookup } from '../upstream/resolver.ts';
import type { RuntimeOptions } from '../workers/runtime-options.ts';

/** What they need of it. */
interface ServicesContext {
  readonly deadlines: Deadlines;
  readonly settings: () => ProxySettings;
  readonly clock: () => number;
  readonly options: RuntimeOptions;
}

export class WorkerServices implements StepServices {
  readonly subrequests: Subrequests;
  readonly passwords: PasswordChecker;
  readonly nonces = new Nonces();
  readonly authCache: AuthCache;

  constructor(pools: PoolContext, { deadlines, settings, clock, options }: ServicesContext) {
    const { onBug, lookup = systemLookup, reachable = isOutside } = options;
    this.subrequests = new Subrequests({
      pools,
      onBug,
      reachable,
      resolver: new Resolver(lookup, clock, reachable),
      deadlines,
      connectTimeout: () => settings().upstreamConnectTimeout,
      readTimeout: () => settings().upstreamReadTimeout,
    });
    this.passwords = new PasswordChecker(new OwnHashThread(), clock);
    this.authCache = new AuthCache(clock);
  }

  close(): void {
    this.subrequests.close();
    this.passwords.close();
  }
}
