import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONFIG_MAPS, configMap, TestApi } from '../../../support/embedded-api.ts';
import { stringAt } from '../../../../src/cluster/embedded/api/json.ts';
import type { JsonObject } from '../../../../src/cluster/embedded/api/json.ts';

let api: TestApi;
beforeEach(async () => {
  api = await TestApi.start({ bookmarkInterval: 20 });
});
afterEach(() => api.close());

type Event = { type: string; object: JsonObject };

const summary = (event: Event): string => `${event.type} ${stringAt(event.object, 'metadata', 'name') ?? ''}`;
const version = (object: JsonObject): string => stringAt(object, 'metadata', 'resourceVersion') ?? '';
const url = (query: string): string => `${CONFIG_MAPS}?watch=true&${query}`;

async function label(name: string, labels: Record<string, string | null>): Promise<void> {
  const answer = await api.call('PATCH', `${CONFIG_MAPS}/${name}`, {
    body: { metadata: { labels } },
    type: 'application/merge-patch+json',
  });
  expect(answer.status).toBe(200);
}

describe('a watch', () => {
  it('from a resourceVersion tells what changed after it, and what changes then', async () => {
    await api.create(CONFIG_MAPS, configMap('before'));
    const list = (await api.get(CONFIG_MAPS)).body;
    await api.create(CONFIG_MAPS, configMap('between'));
    const watch = await api.watch(url(`resourceVersion=${version(list)}`));
    await api.create(CONFIG_MAPS, configMap('after'));
    await label('after', { a: 'b' });
    await api.call('DELETE', `${CONFIG_MAPS}/before`);
    const events = [await watch.next(), await watch.next(), await watch.next(), await watch.next()];
    expect(events.map(summary)).toEqual(['ADDED between', 'ADDED after', 'MODIFIED after', 'DELETED before']);
    const versions = events.map((event) => Number(version(event.object)));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  it('without a resourceVersion begins with what is there', async () => {
    await api.create(CONFIG_MAPS, configMap('there'));
    const watch = await api.watch(url('fieldSelector=metadata.name%3Dthere'));
    expect(summary(await watch.next())).toBe('ADDED there');
  });

  it('of a namespace, or of all', async () => {
    const from = `resourceVersion=${api.server.storage.revision}`;
    const one = await api.watch(`/api/v1/namespaces/kube-system/configmaps?watch=true&${from}`);
    const all = await api.watch(`/api/v1/configmaps?watch=1&${from}`);
    await api.create(CONFIG_MAPS, configMap('here'));
    await api.create('/api/v1/namespaces/kube-system/configmaps', configMap('there'));
    expect(summary(await one.next())).toBe('ADDED there');
    expect([summary(await all.next()), summary(await all.next())]).toEqual(['ADDED here', 'ADDED there']);
  });

  it('with a selector sees objects come into it and leave it', async () => {
    await api.create(CONFIG_MAPS, configMap('moving'));
    const watch = await api.watch(url(`resourceVersion=${api.server.storage.revision}&labelSelector=in%3Dyes`));
    await label('moving', { in: 'yes' });
    await label('moving', { other: '1' });
    await label('moving', { in: 'no' });
    await label('moving', { other: '2' });
    await label('moving', { in: 'yes' });
    await api.call('DELETE', `${CONFIG_MAPS}/moving`);
    const events = [await watch.next(), await watch.next(), await watch.next(), await watch.next(), await watch.next()];
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'MODIFIED', 'DELETED', 'ADDED', 'DELETED']);
    // What left is told as it was, with the version of the change that took it out.
    expect(events[2]?.object).toMatchObject({ metadata: { labels: { in: 'yes', other: '1' } } });
    expect(Number(version(events[2]?.object ?? {}))).toBeGreaterThan(Number(version(events[1]?.object ?? {})));
  });

  it('ends after its timeout', async () => {
    const watch = await api.watch(url(`resourceVersion=${api.server.storage.revision}&timeoutSeconds=1`));
    expect(await watch.rest()).toEqual([]);
  });

  it('sends bookmarks only when they are wanted, with the version of what it has seen', async () => {
    const from = `resourceVersion=${api.server.storage.revision}`;
    const without = await api.watch(url(from));
    const watch = await api.watch(url(`${from}&allowWatchBookmarks=true`));
    await api.create('/api/v1/namespaces/default/secrets', { metadata: { name: 'elsewhere' } });
    const wanted = String(api.server.storage.revision);
    let bookmark = await watch.next();
    while (version(bookmark.object) !== wanted) bookmark = await watch.next();
    expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1' } });
    await api.create(CONFIG_MAPS, configMap('first'));
    expect(summary(await without.next())).toBe('ADDED first');
  });

  it('can stand for a list: initial events end with a bookmark', async () => {
    await api.create(CONFIG_MAPS, configMap('a'));
    await api.create(CONFIG_MAPS, configMap('b'));
    const query = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    const watch = await api.watch(url(query));
    expect([summary(await watch.next()), summary(await watch.next())]).toEqual(['ADDED a', 'ADDED b']);
    expect(await watch.next()).toMatchObject({
      type: 'BOOKMARK',
      object: {
        metadata: {
          annotations: { 'k8s.io/initial-events-end': 'true' },
          resourceVersion: String(api.server.storage.revision),
        },
      },
    });
    const refused = await api.get(url('sendInitialEvents=true'));
    expect(refused).toMatchObject({ status: 422, body: { reason: 'Invalid' } });
  });

  it('of a forgotten resourceVersion gets 410 as an event', async () => {
    const old = api.server.storage.revision;
    await api.create(CONFIG_MAPS, configMap('x'));
    api.server.storage.compact();
    const watch = await api.watch(url(`resourceVersion=${old}`));
    expect(watch.status).toBe(200);
    expect(await watch.rest()).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
  });

  it('tells of tables, whose columns come once', async () => {
    const watch = await api.watch(
      url(`resourceVersion=${api.server.storage.revision}`),
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    );
    await api.create(CONFIG_MAPS, configMap('a', { x: '1', y: '2' }));
    await api.create(CONFIG_MAPS, configMap('b'));
    expect(await watch.next()).toMatchObject({
      object: { columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }], rows: [{ cells: ['a', 2, '0s'] }] },
    });
    expect(await watch.next()).toMatchObject({ object: { columnDefinitions: null, rows: [{ cells: ['b', 0, '0s'] }] } });
  });

  it('is forgotten when its client goes', async () => {
    const watch = await api.watch(url(`resourceVersion=${api.server.storage.revision}`));
    expect(api.server.faults.watches()).toHaveLength(1);
    watch.close();
    await expect.poll(() => api.server.faults.watches()).toEqual([]);
  });
});
