/** Hostile Ingresses through the whole proxy: the host of another is served as before. The long version is hostile.soak.ts. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostileObjects } from '../support/hostile.ts';
import { HostileTraffic } from '../support/hostile-traffic.ts';

let traffic: HostileTraffic;
beforeAll(async () => {
  traffic = await HostileTraffic.start();
});
afterAll(() => traffic.close());

it('the innocent host is served, and nothing is injected, whatever the Ingress of another says', async () => {
  await fc.assert(
    fc.asyncProperty(hostileObjects, async (hostile) => {
      expect(await traffic.judge(hostile)).toBeNull();
    }),
    { numRuns: 60 },
  );
});
