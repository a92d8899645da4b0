/** Waiting for a condition, where nothing announces it. */
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `probe` until it neither throws nor answers undefined or false, and answers what it answered. After `timeoutMs` (20 s,
 * which only a broken condition takes) it throws what the probe threw last.
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<Exclude<Awaited<T>, undefined | false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let failure: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value as Exclude<Awaited<T>, undefined | false>;
      failure = new Error(`the condition did not come true: ${probe.toString()}`);
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw failure;
    await sleep(2);
  }
}
