/**
 * Threat: with many Ingresses a change of one costs as much as all of them, or a storm of changes starves the data plane and
 * takes hosts away that nobody touched. Source: A13 and A14; ingress-nginx renders and reloads everything for each change.
 */
import { it } from 'vitest';
import { manyIngresses } from './many.ts';

it('A13+A14: one change is one host of many, and a storm of changes is gathered', { timeout: 60_000 }, async () => {
  await manyIngresses({ objects: 300, changes: 5, interval: 0, burst: 150 });
});
