/** B8 in full: see slow-handshakes.test.ts. */
import { afterEach, expect, it } from 'vitest';
import { response } from '../../support/proxy.ts';
import { Stage } from '../../support/stage.ts';
import { slowHandshakes } from './slow-handshakes.ts';

const stage = new Stage();

afterEach(() => stage.close());

it('B8: a thousand clients that do not end their handshake are each closed at the deadline', async () => {
  const upstream = await stage.backend(() => response('x'));
  // The good client stays on one connection for all of the time.
  const proxy = await stage.proxyTo([upstream.port], { keepAliveRequests: 1_000_000 });
  const { closedAfter, statuses } = await slowHandshakes(proxy, 250);
  for (const [kind, times] of closedAfter) {
    expect([kind, times.length]).toEqual([kind, 250]);
    expect([kind, Math.min(...times) > 9_000, Math.max(...times) < 12_000]).toEqual([kind, true, true]);
  }
  expect([...statuses]).toEqual([200]);
});
