/** The long version of test/translate/hostile.test.ts and test/annotations/hostile.test.ts. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostileObjects, judgeHostile } from '../support/hostile.ts';
import { HostileTraffic } from '../support/hostile-traffic.ts';

describe('hostile Ingresses', () => {
  it('harm nobody in translation', () => {
    fc.assert(
      fc.property(hostileObjects, (hostile) => {
        expect(judgeHostile(hostile)).toBeNull();
      }),
      { numRuns: 100_000 },
    );
  });

  let traffic: HostileTraffic;
  beforeAll(async () => {
    traffic = await HostileTraffic.start();
  });
  afterAll(() => traffic.close());

  it('harm nobody in a running data plane', async () => {
    await fc.assert(
      fc.asyncProperty(hostileObjects, async (hostile) => {
        expect(await traffic.judge(hostile)).toBeNull();
      }),
      { numRuns: 5000 },
    );
  });
});
