/** Hostile Ingresses beside an innocent one: see test/support/hostile.ts. */
import fc from 'fast-check';
import { hostileObjects, judgeHostile, type HostileObjects } from '../../support/hostile.ts';
import type { Random } from '../random.ts';

/** Objects of an enemy as JSON, in which what JSON has no word for is null. */
export function hostileText(random: Random): string {
  const [objects] = fc.sample(hostileObjects, { seed: random.below(0x7fffffff), numRuns: 1 });
  return JSON.stringify(objects);
}

/** What is wrong with how they are translated; null: nothing. */
export function judgeHostileText(text: string): string | null {
  return judgeHostile(JSON.parse(text) as HostileObjects);
}
