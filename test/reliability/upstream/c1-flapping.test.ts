/**
 * Endpoints come and go faster than connections do: a request must not go to an address that has left, and none may fail for
 * it. Source: reliability reference C1; the ordinary state of a cluster whose Pods crash in a loop.
 */
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../../support/stage.ts';
import { flapping } from './scenarios/flapping.ts';

const stage = new Stage();

afterEach(() => stage.close());

it('C1: an endpoint that flaps under load costs no request, and gets none after it left', async () => {
  const { answered, failures, strays, served } = await flapping(stage, { rounds: 10, connections: 8, answers: 40 });
  expect(failures).toEqual([]);
  expect(strays).toBe(0);
  expect(answered).toBeGreaterThan(1000);
  expect(served).toBeGreaterThan(50);
});
