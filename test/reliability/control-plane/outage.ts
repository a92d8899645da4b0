/** A1: the API server is away for a while, once or more often, under load; what the short test and the soak share. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Scene } from './scene.ts';

export interface Outage {
  readonly milliseconds: number;
  /** Comes back with another history: every version from before is too old. */
  readonly historyLost: boolean;
}

export async function outage(times: readonly Outage[]): Promise<void> {
  await Scene.with({}, async (scene) => {
    const { chain, cluster } = scene;
    await scene.change()();
    const { pid } = chain.sluice.process;
    for (const [index, { milliseconds, historyLost }] of times.entries()) {
      await cluster.goAway();
      const arrived = scene.change();
      await scene.connected(false);
      const until = performance.now() + milliseconds;
      do {
        await scene.answered();
        expect((await chain.ready()).status).toBe(200);
        expect(await scene.who(`http://change-${index}.test/`)).toBe('new');
        expect(await scene.who(`http://change-${index + 1}.test/`)).toBe('404');
        await sleep(Math.min(500, Math.max(0, until - performance.now())));
      } while (performance.now() < until);
      await cluster.comeBack({ historyLost });
      await arrived();
      await scene.connected(true);
    }
    expect(chain.sluice.process.pid).toBe(pid);
  });
}
