/** The real worker, and messages that break it. */
import { parentPort } from 'node:worker_threads';
import '../../src/proxy/workers/worker.ts';

/** What a worker can be told to die of. */
export type Fault = 'hang' | 'throw' | 'reject' | 'exhaust';

const FAULTS: Readonly<Record<Fault, () => void>> = {
  // oxlint-disable-next-line no-empty -- that is the point
  hang: () => {
    for (;;);
  },
  throw: () => {
    throw new Error('a bug');
  },
  reject: () => void Promise.reject(new Error('a bug in a promise')),
  // As a leak grows: a little in every turn of the event loop.
  exhaust: () => {
    const kept: unknown[] = [];
    setInterval(() => {
      for (let i = 0; i < 20_000; i++) kept.push({ values: Array.from({ length: 20 }, () => i) });
    }, 1);
  },
};

parentPort?.on('message', (message) => {
  if (typeof message === 'string') FAULTS[message as Fault]();
});
