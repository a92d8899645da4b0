/** The entry of the thread that checks passwords against hashes that are slow by design, one after the other. */
import { parentPort } from 'node:worker_threads';
import type { HashJob, HashResult } from './hash-thread.ts';
import { matches } from './hashes.ts';

const port = parentPort;
if (port === null) throw new Error('thread.ts runs in a worker thread');

port.on('message', ({ id, password, hash }: HashJob) => {
  let right = false;
  try {
    right = matches(Buffer.from(password), hash);
  } catch {
    // What cannot be checked is not right.
  }
  const result: HashResult = { id, right };
  port.postMessage(result);
});
