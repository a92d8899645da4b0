/**
 * Threat: a list that takes long, and whose later pages the API server refuses with 410, is taken for a short one, and what was
 * on the pages that never came is forgotten. Source: A7; kubernetes/kubernetes#82297 (continue tokens that expire).
 */
import { it } from 'vitest';
import { slowLists } from './lists.ts';

it('A7: while slow pages come, and expire, everything is served on', { timeout: 60_000 }, async () => {
  await slowLists({ objects: 1100, pageDelay: 50 });
});
