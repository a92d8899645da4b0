/** A13 and A14 with their numbers: 10,000 Ingresses, a change a second for ten minutes, 5,000 at once. See `many.test.ts`. */
import { expect, it } from 'vitest';
import { manyIngresses } from './many.ts';

it('A13+A14: 10,000 Ingresses', async () => {
  const times = await manyIngresses({ objects: 10_000, changes: 600, interval: 1000, burst: 5000 });
  const [before, after] = times.memory.map((bytes) => bytes / 1024 / 1024) as [number, number];
  console.log(
    `a change takes effect in ${times.effectP99.toFixed(1)} ms (p99), costs the controller ${times.pass.toFixed(2)} ms; ` +
      `memory ${before.toFixed(0)} MiB, then ${after.toFixed(0)} MiB`,
  );
  expect(times.effectP99).toBeLessThan(1000);
  // What a pass takes is for the reader: it is the machine's business, too.
  expect(after).toBeLessThan(before * 1.1);
});
