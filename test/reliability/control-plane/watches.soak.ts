/**
 * Threat: a firewall forgets the connection of a watch, nothing ends it, and the controller waits for events for ever.
 * Source: A4; kubernetes-client/javascript #596. With a clock of its own: `test/cluster/watch/reflector.test.ts`.
 */
import { expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { Scene } from './scene.ts';

/** Bookmarks come once a minute; a watch without one for a minute and a half is given up. */
const NOTICED_MS = 120_000;

it('A4: watches that fall silent without an end are noticed, and what came meanwhile arrives', async () => {
  await Scene.with({}, async (scene) => {
    await scene.change()();
    expect(scene.cluster.faults.dropWatches('silence')).toBeGreaterThan(0);
    const number = 1;
    scene.change();
    expect(await scene.who(`http://change-${number}.test/`)).toBe('404');
    await eventually(async () => (await scene.who(`http://change-${number}.test/`)) === 'new', NOTICED_MS);
    expect(await scene.metric('sluice_watch_stalls_total{kind="Ingress"}')).toBe(1);
    await scene.connected(true);
  });
});
