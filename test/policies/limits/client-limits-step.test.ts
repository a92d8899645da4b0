import { describe, expect, it } from 'vitest';
import type { Passage } from '../../../src/policies/acting.ts';
import { countsAlone } from '../../../src/policies/limits/client-counts.ts';
import { clientLimitsStep } from '../../../src/policies/limits/client-limits-step.ts';
import type { ClientLimits } from '../../../src/model/policies.ts';
import { prefixRoute, proxySettings } from '../../support/proxy.ts';

/** The statuses that requests of one client get at these times; null: it goes on. */
function statuses(limits: Omit<ClientLimits, 'zone' | 'exempt'>, times: readonly number[]): readonly (number | null)[] {
  const step = clientLimitsStep(prefixRoute('/', 'app', { clientLimits: { zone: 'default/web', exempt: [], ...limits } }))!;
  const counts = countsAlone(65_536);
  const settings = proxySettings({ limitReqStatus: 429, limitConnStatus: 500 });
  return times.map((now) => {
    const passage = { counts, settings, now, client: { address: '192.0.2.1' }, onDone: () => undefined };
    const answer = step(passage as unknown as Passage);
    return typeof answer === 'symbol' ? -1 : (answer?.status ?? null);
  });
}

describe('the limits of clients', () => {
  it('a request that one of two limits refuses does not count for the other', () => {
    const limits = { perSecond: { limit: 1, burst: 1 }, perMinute: { limit: 600, burst: 0 } };
    expect(statuses(limits, [0, 0, 0, 100, 100])).toEqual([null, 429, 429, null, 429]);
  });

  it('a rate a minute is rounded down to thousandths a second, as by nginx', () => {
    // 16 thousandths a second: the next is let in after 62.5 seconds.
    expect(statuses({ perMinute: { limit: 1, burst: 0 } }, [0, 60_000, 62_400, 62_501])).toEqual([null, 429, 429, null]);
  });

  it('one that is refused for what is under way counts for the others', () => {
    expect(statuses({ perMinute: { limit: 1, burst: 2 }, connections: 1 }, [0, 0, 0, 0])).toEqual([null, 500, 500, 429]);
  });

  it('a route without limits has no step', () => {
    expect(clientLimitsStep(prefixRoute('/', 'app'))).toBeNull();
  });
});
