/** D9 with the counts of slowhttptest: see `slowloris.test.ts`. */
import { afterEach, describe, expect, it } from 'vitest';
import { slowScene } from '../../support/slowloris.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

describe('D9: 1000 clients', () => {
  it.each(['silence', 'head', 'body', 'read'] as const)('slow in %s are cut, and everybody else is served', async (mode) => {
    const { answered, failures } = await slowScene(stage, mode, 1_000, 10_000);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(1_000);
  });
});
