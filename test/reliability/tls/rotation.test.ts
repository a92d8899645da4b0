/**
 * B4: many certificates replaced at once, as when an issuer renews them or cert-manager is upgraded. A proxy that reloads drops
 * handshakes then; one that makes every TLS context at once stands still for as long (some 0.5 ms and 40 KB for each, nodejs/node
 * `SecureContext`), and one that keeps the old ones grows.
 */
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { TestProxy } from '../../support/proxy.ts';
import { rotate } from './rotation.ts';

let proxy: TestProxy | null = null;

afterEach(async () => {
  await proxy?.close();
});

it('B4: no handshake fails, each gets its certificate of before or after, and old contexts are gone', async () => {
  const HOSTS = 40;
  const result = await rotate(HOSTS, 3, 4);
  ({ proxy } = result);
  expect(result.failures).toEqual([]);
  expect(result.stale).toEqual([]);
  expect(result.handshakes).toBeGreaterThanOrEqual(3 * HOSTS);
  expect(result.madeInApply).toBe(0);
  // The default certificate's, and those of the hosts that were asked for since.
  await eventually(() => result.contexts() <= HOSTS + 1);
  await eventually(() => result.proxy.runtime.census().connections === 0);
  expect(result.proxy.bugs).toEqual([]);
});
