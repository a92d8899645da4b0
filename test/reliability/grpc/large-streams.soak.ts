/** gRPC streams of 1 GiB both ways at constant memory; client, proxy and server are in this one process. */
import { afterEach, expect, it } from 'vitest';
import { Stage } from '../../support/stage.ts';
import { growth } from './large-streams.ts';

const stage = new Stage();

afterEach(() => stage.close());

it('C16: 1 GiB both ways in one call', async () => {
  const { back, grown } = await growth(stage, 1_073_741_824);
  expect(back).toBe(1_073_741_824);
  expect(grown).toBeLessThan(134_217_728);
});
