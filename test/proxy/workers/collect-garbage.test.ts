/** Garbage is really collected: V8 has several ways to be asked that do nothing. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';

it('a worker that collects its garbage has less memory in use: of objects, and of buffers', async () => {
  const worker = new Worker(new URL('../../support/garbage-worker.ts', import.meta.url));
  const [{ before, after }] = (await once(worker, 'message')) as [{ before: number; after: number }];
  await worker.terminate();
  // The buffer alone is 16 MiB, the objects are some 5 more.
  expect(before - after).toBeGreaterThan(20 * 2 ** 20);
});
