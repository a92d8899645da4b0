/** A1 as it is written: the API server is away for ten minutes. See `outage.test.ts`. */
import { it } from 'vitest';
import { outage } from './outage.ts';

it('A1: ten minutes without an API server', async () => {
  await outage([{ milliseconds: 600_000, historyLost: true }]);
});
