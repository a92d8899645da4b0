/** The real worker, and a message that makes its event loop hang. */
import { parentPort } from 'node:worker_threads';
import '../../src/proxy/workers/worker.ts';

parentPort?.on('message', (message) => {
  // oxlint-disable-next-line no-empty -- that is the point
  if (message === 'hang') for (;;) {}
});
