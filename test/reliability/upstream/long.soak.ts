/** The scenarios of this folder with their full counts. */
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../../support/stage.ts';
import { flapping } from './scenarios/flapping.ts';
import { race } from './scenarios/race.ts';
import { slowClients } from './scenarios/slow-clients.ts';
import { tunnel } from './scenarios/websocket.ts';

const stage = new Stage();

afterEach(() => stage.close());

it('C1: an endpoint flaps 300 times', async () => {
  const { failures, strays, served } = await flapping(stage, { rounds: 300, connections: 32, answers: 200 });
  expect([failures, strays]).toEqual([[], 0]);
  expect(served).toBeGreaterThan(5000);
});

it('C6: 10,000 requests race with the close of their connection', async () => {
  const { failedGets, wrongPosts, twice, raced } = await race(stage, 10_000);
  expect([failedGets, wrongPosts, twice]).toEqual([[], [], []]);
  expect(raced).toBeGreaterThan(2500);
});

it('C13: 500 clients do not read', async () => {
  const { bounded, left, served } = await slowClients(stage, 500);
  expect([bounded, left, served]).toEqual([true, 0, true]);
});

it('C17: 100 MB each way through one upgraded connection', async () => {
  const { up, down } = await tunnel(stage, 100_000_000);
  expect([up[1], down[1]]).toEqual([up[0], down[0]]);
});
