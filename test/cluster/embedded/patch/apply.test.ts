import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/cluster/embedded/api/json.ts';
import { decodeFields, encodeFields } from '../../../../src/cluster/embedded/patch/field-set.ts';
import { CONFIG_MAPS, configMap, deployment, DEPLOYMENTS, TestApi } from '../../../support/embedded-api.ts';
import type { Answer } from '../../../support/embedded-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());

function apply(path: string, object: unknown, manager: string, query = ''): Promise<Answer> {
  return api.call('PATCH', `${path}?fieldManager=${manager}${query}`, { body: object, type: 'application/apply-patch+yaml' });
}

function managersOf(object: JsonObject): Record<string, unknown> {
  const entries = (object['metadata'] as { managedFields?: { manager: string; fieldsV1: unknown }[] }).managedFields ?? [];
  return Object.fromEntries(entries.map((entry) => [entry.manager, entry.fieldsV1]));
}

function withContainers(name: string, containers: unknown[]): JsonObject {
  const object = deployment(name);
  (object['spec'] as { template: { spec: { containers: unknown } } }).template.spec.containers = containers;
  return object;
}

describe('server-side apply', () => {
  it('creates, and remembers who owns what', async () => {
    const answer = await apply(`${CONFIG_MAPS}/one`, configMap('one', { a: '1' }, { team: 'x' }), 'alice');
    expect(answer.status).toBe(201);
    expect(managersOf(answer.body)).toEqual({
      alice: { 'f:metadata': { 'f:labels': { 'f:team': {} } }, 'f:data': { 'f:a': {} } },
    });
  });

  it('takes away what a manager applies no more, and leaves what others own', async () => {
    await apply(`${CONFIG_MAPS}/two`, configMap('two', { a: '1', shared: 's' }), 'alice');
    await apply(`${CONFIG_MAPS}/two`, configMap('two', { b: '2', shared: 's' }), 'bob');
    const answer = await apply(`${CONFIG_MAPS}/two`, configMap('two', { c: '3' }), 'alice');
    expect(answer.body['data']).toEqual({ b: '2', shared: 's', c: '3' });
    expect(managersOf(answer.body)['bob']).toEqual({ 'f:data': { 'f:b': {}, 'f:shared': {} } });
  });

  it('fills a map that the same manager applied empty', async () => {
    await apply(`${CONFIG_MAPS}/filled`, configMap('filled', {}, {}), 'alice');
    const answer = await apply(`${CONFIG_MAPS}/filled`, configMap('filled', { a: '1' }, { team: 'x' }), 'alice');
    expect(answer.body).toMatchObject({ data: { a: '1' }, metadata: { labels: { team: 'x' } } });
    const emptied = await apply(`${CONFIG_MAPS}/filled`, configMap('filled', {}, {}), 'alice');
    expect(emptied.body['data'] ?? {}).toEqual({});
  });

  it('refuses to change what others own, unless it is forced', async () => {
    await apply(`${CONFIG_MAPS}/three`, configMap('three', { a: '1', b: '1' }), 'alice');
    const refused = await apply(`${CONFIG_MAPS}/three`, configMap('three', { a: '2', b: '1' }), 'bob');
    expect(refused).toMatchObject({
      status: 409,
      body: {
        reason: 'Conflict',
        message: 'Apply failed with 1 conflict: conflict with "alice": .data.a',
        details: { causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "alice"', field: '.data.a' }] },
      },
    });
    const forced = await apply(`${CONFIG_MAPS}/three`, configMap('three', { a: '2', b: '1' }), 'bob', '&force=true');
    expect(forced.body['data']).toEqual({ a: '2', b: '1' });
    expect(managersOf(forced.body)).toEqual({
      alice: { 'f:data': { 'f:b': {} } },
      bob: { 'f:data': { 'f:a': {}, 'f:b': {} } },
    });
  });

  it('merges lists by their keys', async () => {
    await apply(
      `${DEPLOYMENTS}/four`,
      withContainers('four', [
        { name: 'web', image: 'web:1' },
        { name: 'side', image: 'side:1' },
      ]),
      'alice',
    );
    const label = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'four' } };
    const env = { ...label, spec: { template: { spec: { containers: [{ name: 'web', env: [{ name: 'A', value: '1' }] }] } } } };
    const added = await apply(`${DEPLOYMENTS}/four`, env, 'bob');
    expect(added.body).toMatchObject({
      spec: { template: { spec: { containers: [{ name: 'web', image: 'web:1', env: [{ name: 'A' }] }, { name: 'side' }] } } },
    });
    const dropped = await apply(`${DEPLOYMENTS}/four`, withContainers('four', [{ name: 'web', image: 'web:2' }]), 'alice');
    const { containers } = (dropped.body['spec'] as { template: { spec: { containers: { name: string }[] } } }).template.spec;
    expect(containers).toMatchObject([{ name: 'web', image: 'web:2', env: [{ name: 'A', value: '1' }] }]);
    const gone = await apply(`${DEPLOYMENTS}/four`, label, 'bob');
    expect(gone.body['spec']).toMatchObject({ template: { spec: { containers: [{ name: 'web', image: 'web:2' }] } } });
    expect(JSON.stringify(gone.body['spec'])).not.toContain('"env"');
  });

  it('does nothing the second time', async () => {
    const first = await apply(`${CONFIG_MAPS}/five`, configMap('five', { a: '1' }), 'alice');
    const second = await apply(`${CONFIG_MAPS}/five`, configMap('five', { a: '1' }), 'alice');
    expect(second.body).toEqual(first.body);
  });

  it('conflicts with plain updates, which own what they changed', async () => {
    await apply(`${DEPLOYMENTS}/six`, deployment('six', 2), 'alice');
    await api.call('PATCH', `${DEPLOYMENTS}/six/scale?fieldManager=scaler`, {
      body: { spec: { replicas: 5 } },
      type: 'application/merge-patch+json',
    });
    const refused = await apply(`${DEPLOYMENTS}/six`, deployment('six', 2), 'alice');
    expect(refused.body['message']).toBe(
      'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas',
    );
  });

  it.each<[string, unknown, string, number]>([
    ['no manager', configMap('x'), '', 422],
    ['another kind', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, 'alice', 400],
    ['managedFields', { ...configMap('x'), metadata: { name: 'x', managedFields: [] } }, 'alice', 400],
    ['another name', configMap('y'), 'alice', 400],
    ['broken YAML', 'a: [', 'alice', 400],
  ])('refuses %s', async (_name, body, manager, status) => {
    expect((await apply(`${CONFIG_MAPS}/x`, body, manager)).status).toBe(status);
  });
});

describe('sets of fields', () => {
  it('are the same after being written and read', () => {
    const fields = {
      'f:metadata': { 'f:finalizers': { 'v:"a/b"': {} }, 'f:labels': { '.': {}, 'f:x.y/z': {} } },
      'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
    };
    expect(encodeFields(decodeFields(fields))).toEqual(fields);
  });
});
