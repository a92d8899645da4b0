/**
 * Threat: many clients that are slow on purpose occupy what others need. Source: D9, R55; slowhttptest.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { slowScene } from '../../support/slowloris.ts';
import { Stage } from '../../support/stage.ts';

const stage = new Stage();

afterEach(() => stage.close());

describe('D9: 60 clients', () => {
  it.each(['silence', 'head', 'body', 'read'] as const)('slow in %s are cut, and everybody else is served', async (mode) => {
    const { answered, failures } = await slowScene(stage, mode, 60, 400);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);
  });
});
