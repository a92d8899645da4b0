/** B4 in full: see rotation.test.ts. */
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { rotate } from './rotation.ts';

it('B4: 500 certificates replaced at once, twenty times, under handshakes: none fails, and memory stays', async () => {
  const { proxy, failures, stale, madeInApply, contexts } = await rotate(500, 20, 8);
  expect(failures).toEqual([]);
  expect(stale).toEqual([]);
  expect(madeInApply).toBe(0);
  await eventually(() => contexts() <= 501);
  expect(proxy.bugs).toEqual([]);
  await proxy.close();
});
