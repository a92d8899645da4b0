/** What a proxy uses while something is done with it. */
import { coreBusySeconds, cpuSeconds } from '../cpu.ts';
import { PROXY_CORE, type Running } from '../processes.ts';

/** Seconds. */
export interface Usage {
  /** CPU the proxy used. */
  readonly cpuSeconds: number;
  /** CPU of its core that something else used meanwhile: another program, or the host of this machine. */
  readonly otherSeconds: number;
}

/** Does the work and gives its result together with what the proxy used. */
export async function withUsage<T extends object>({ pid }: Running, work: () => Promise<T>): Promise<T & Usage> {
  const [busyBefore, before] = [coreBusySeconds(PROXY_CORE), cpuSeconds(pid)];
  const result = await work();
  const used = cpuSeconds(pid) - before;
  return { ...result, cpuSeconds: used, otherSeconds: Math.max(0, coreBusySeconds(PROXY_CORE) - busyBefore - used) };
}
