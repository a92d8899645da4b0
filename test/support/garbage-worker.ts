/** A worker that makes garbage, collects it, and says how many bytes were in use before and after. */
import { parentPort } from 'node:worker_threads';
import { collectGarbage } from '../../src/proxy/workers/collect-garbage.ts';

function bytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let kept: unknown[] = [Array.from({ length: 200_000 }, (_, i) => ({ i })), Buffer.alloc(16 * 2 ** 20, 1)];
const before = bytes();
kept = [];
collectGarbage();
parentPort?.postMessage({ before, after: bytes(), kept: kept.length });
