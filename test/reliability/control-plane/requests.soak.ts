/** A8 for a minute each. See `requests.test.ts`. */
import { describe, it } from 'vitest';
import { REFUSALS, refusals } from './requests.ts';

describe('A8: for a minute', () => {
  it.each(REFUSALS)('A8: $name: no kind is asked for in a hot loop', async (how) => {
    await refusals(how, 60_000);
  });
});
