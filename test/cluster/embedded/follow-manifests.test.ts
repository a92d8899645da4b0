import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startEmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import type { EmbeddedCluster } from '../../../src/cluster/embedded/embedded.ts';
import { followManifests } from '../../../src/cluster/embedded/follow-manifests.ts';
import type { FollowReport } from '../../../src/cluster/embedded/follow-manifests.ts';
import type { ManifestWatch } from '../../../src/cluster/embedded/watch-manifests.ts';
import { eventually } from '../../support/eventually.ts';

let directory = '';
let cluster: EmbeddedCluster;
let following: ManifestWatch | undefined;
let reports: FollowReport[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'follow-'));
  cluster = await startEmbeddedCluster({ apiPort: 0 });
  reports = [];
});

afterEach(async () => {
  await following?.close();
  following = undefined;
  await cluster.close();
  await rm(directory, { recursive: true, force: true });
});

async function follow(...paths: readonly string[]): Promise<void> {
  following = followManifests(cluster, paths, (report) => reports.push(report));
  await following.ready;
}

/** As an editor saves: a new file in place of the old one. */
async function save(name: string, text: string): Promise<void> {
  await writeFile(join(directory, `.${name}.new`), text);
  await rename(join(directory, `.${name}.new`), join(directory, name));
}

function config(name: string, value: string, namespace = 'default'): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}, namespace: ${namespace}}\ndata: {value: "${value}"}\n`;
}

function values(): Record<string, unknown> {
  const configs = cluster.storage.resource('v1', 'configmaps').list('default');
  return Object.fromEntries(configs.map((object) => [object.metadata.name, (object['data'] as { value: string }).value]));
}

describe('following manifests', () => {
  it('applies what is there, then what changes, and deletes what is taken out', async () => {
    await save('a.yaml', `${config('one', '1')}---\n${config('two', '2')}`);
    await follow(directory);
    expect(values()).toEqual({ one: '1', two: '2' });
    await save('a.yaml', config('one', '1b'));
    await eventually(() => reports.length === 2);
    expect(values()).toEqual({ one: '1b' });
    await save('b.yaml', config('three', '3'));
    await eventually(() => reports.length === 3);
    expect(values()).toEqual({ one: '1b', three: '3' });
    await rm(join(directory, 'a.yaml'));
    await eventually(() => reports.length === 4);
    expect(values()).toEqual({ three: '3' });
  });

  it('does not touch what did not change', async () => {
    await save('a.yaml', `${config('one', '1')}---\n${config('two', '2')}`);
    await follow(join(directory, 'a.yaml'));
    cluster.storage.resource('v1', 'configmaps').update('default', 'one', (object) => {
      object['data'] = { value: 'by hand' };
    });
    await save('a.yaml', `${config('one', '1')}---\n${config('two', '2b')}`);
    await eventually(() => values()['two'] === '2b');
    expect(values()).toEqual({ one: 'by hand', two: '2b' });
    expect(reports[1]?.applied.map((object) => object.metadata.name)).toEqual(['two']);
  });

  it('reports a broken file and changes nothing of it, while others go on', async () => {
    await save('a.yaml', config('one', '1'));
    await save('b.yaml', config('two', '2'));
    await follow(directory);
    await save('a.yaml', `${config('one', 'broken')}---\nkind: [`);
    await eventually(() => reports.length === 2);
    expect(reports[1]?.manifestErrors[0]).toMatchObject({ file: join(directory, 'a.yaml'), document: 2, line: 6 });
    await save('b.yaml', config('two', '2b'));
    await eventually(() => values()['two'] === '2b');
    expect(values()).toEqual({ one: '1', two: '2b' });
    await save('a.yaml', config('one', '1b'));
    await eventually(() => values()['one'] === '1b');
    expect(reports.at(-1)?.manifestErrors).toEqual([]);
  });

  it('tries again what lacked something that comes later', async () => {
    await save('a.yaml', config('one', '1', 'shop'));
    await follow(directory);
    expect(reports[0]?.applyErrors).toMatchObject([{ kind: 'ConfigMap', namespace: 'shop', name: 'one' }]);
    await save('b.yaml', 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n');
    await eventually(() => cluster.storage.resource('v1', 'configmaps').get('shop', 'one'));
    expect(reports.at(-1)?.applyErrors).toEqual([]);
  });

  it('keeps the objects of a path that goes away, and finds it again when it comes back', async () => {
    await save('a.yaml', config('one', '1'));
    await follow(directory);
    await rename(directory, `${directory}-away`);
    await eventually(() => reports.at(-1)?.manifestErrors[0]?.message.includes('ENOENT'));
    expect(values()).toEqual({ one: '1' });
    await rename(`${directory}-away`, directory);
    await eventually(() => reports.at(-1)?.manifestErrors.length === 0);
    await save('a.yaml', config('one', '1b'));
    await eventually(() => values()['one'] === '1b');
    expect(values()).toEqual({ one: '1b' });
  });
});
