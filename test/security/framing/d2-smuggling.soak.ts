/** D2, all of it: see d2-smuggling.test.ts. */
import { expect, it } from 'vitest';
import { smuggle } from './smuggling.ts';

it('D2: the backend never gets more requests than were sent, by any of the mutations', async () => {
  expect(await smuggle(1)).toBeGreaterThan(7000);
});
