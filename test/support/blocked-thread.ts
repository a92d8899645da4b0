/** For `--import`: worker threads block in a system call that never returns, a second after they began to serve. */
import { readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const pipe = process.env['BLOCK_ON'];
if (!isMainThread && pipe !== undefined) setTimeout(() => readFileSync(pipe), 1000);
