/**
 * Threat: every change of the cluster costs somebody a request, a connection or a certificate, as a reload does.
 * Source: C1 and A13; ingress-nginx, whose reloads end WebSockets and reset what waits to be accepted.
 */
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Churn } from './churn.ts';

/** Rounds of changes, 50 in a second: about five seconds. The soak takes a minute. */
const ROUNDS = 250;

it('churn: no request fails and no WebSocket drops while endpoints, routes and certificates change', async () => {
  const churn = await Churn.start();
  churn.change('default');
  await eventually(() => churn.done.changes >= ROUNDS && churn.done.restarts >= 2, 25_000).catch(async (error: unknown) => {
    await churn.close();
    throw error;
  });
  const { answered, failures, messages, goneAway, certificates } = await churn.close();
  expect(failures.slice(0, 20)).toEqual([]);
  const kinds = ['get', 'no-sni', 'post', 'rolling', 'rolling-post', 'routes', 'tls'];
  expect(Object.keys(answered).sort()).toEqual(kinds);
  expect(Math.min(...Object.values(answered))).toBeGreaterThan(20);
  expect(messages).toBeGreaterThan(200);
  // All of it happened: backends went away under WebSockets, and other certificates were served.
  expect(goneAway).toBeGreaterThan(0);
  expect(certificates.length).toBeGreaterThan(6);
  expect(churn.chain.sluice.log().filter(({ level }) => level === 'error')).toEqual([]);
});
