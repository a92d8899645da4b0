/**
 * Threat: a controller that asks again at once whenever it is refused keeps an API server down that is in trouble; one that
 * lists everything again where it could resume does so too. Source: A8, A6; kubernetes-client/javascript #1933 (tens of watches
 * a second).
 */
import { describe, expect, it } from 'vitest';
import { startCluster } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { backend, ingress, secret } from '../../support/manifests.ts';
import { REFUSALS, refusals } from './requests.ts';
import { Scene } from './scene.ts';

describe.concurrent('the API server is not pestered', { timeout: 60_000 }, () => {
  it.each(REFUSALS)('A8: $name: no kind is asked for in a hot loop', async (how) => {
    await refusals(how, 1500);
  });

  it('A6: a watch that had nothing but bookmarks resumes from them after compaction, without a list', async () => {
    const cluster = await startCluster({ bookmarkInterval: 50 });
    await Scene.with({ cluster }, async (scene) => {
      const { faults, storage } = cluster;
      // Something else changes, so that the versions move on; of what is watched here, Ingresses and Services do not.
      for (let i = 0; i < 20; i++) scene.chain.apply(secret('other', { version: String(i) }));
      const moved = storage.revision;
      scene.asked.clear();
      const quiet = { resource: 'services' };
      const since = (): number => Number(faults.watches(quiet)[0]?.request.query.get('resourceVersion') ?? 0);
      const { load } = scene;
      let answered = 0;
      while (since() < moved) {
        // By now the watch has had a bookmark or will have had one the next time.
        if (load.answered > answered + 50) {
          answered = load.answered;
          faults.dropWatches('end', quiet);
        }
        await scene.answered(1);
      }
      storage.compact();
      scene.asked.clear();
      faults.dropWatches('end', quiet);
      await eventually(() => (scene.asked.get('watch services') ?? 0) > 0);
      scene.chain.apply(...backend('late'), ingress('late', 'late.test Prefix / late'));
      await scene.serves('http://late.test/', 'late');
      expect(scene.asked.get('list services')).toBeUndefined();
      expect(await scene.metric('sluice_watch_relists_total{kind="Service"}')).toBe(0);
    });
  });
});
