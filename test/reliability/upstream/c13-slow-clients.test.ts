/**
 * Clients that do not read a response without an end: what is collected for each of them, times many, is the memory of the
 * proxy. Source: slow-read attacks (slowhttptest), RFC 9112 §9.5; reliability reference C13.
 */
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../../support/stage.ts';
import { slowClients } from './scenarios/slow-clients.ts';

const stage = new Stage();

afterEach(() => stage.close());

it('C13: clients that do not read cost a bounded amount each, and are cut off when they have waited too long', async () => {
  const { bounded, left, served } = await slowClients(stage, 20);
  expect([bounded, left, served]).toEqual([true, 0, true]);
});
