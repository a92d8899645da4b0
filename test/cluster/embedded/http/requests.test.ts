import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CONFIG_MAPS,
  configMap,
  deployment,
  DEPLOYMENTS,
  ingress,
  INGRESSES,
  namesOf,
  TestApi,
} from '../../../support/embedded-api.ts';
import type { Answer } from '../../../support/embedded-api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.close());

function refusal(answer: Answer): { code: number; reason: unknown; message: unknown } {
  expect(answer.body).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: answer.status });
  return { code: answer.status, reason: answer.body['reason'], message: answer.body['message'] };
}

describe('refusals', () => {
  const valid = JSON.stringify(configMap('refused'));
  const cases: [string, string, string, { body?: unknown; type?: string; accept?: string }, number, RegExp][] = [
    ['an object that is not there', 'GET', `${CONFIG_MAPS}/none`, {}, 404, /^configmaps "none" not found$/],
    [
      'a resource that is not there',
      'GET',
      '/api/v1/namespaces/default/wishes',
      {},
      404,
      /could not find the requested resource/,
    ],
    ['a group that is not there', 'GET', '/apis/nothing.io/v1/wishes', {}, 404, /could not find/],
    [
      'a namespace that is not there',
      'POST',
      '/api/v1/namespaces/none/configmaps',
      { body: valid },
      404,
      /^namespaces "none" not found$/,
    ],
    ['POST on an object', 'POST', `${CONFIG_MAPS}/x`, { body: valid }, 405, /does not allow this method/],
    ['PUT on a list', 'PUT', CONFIG_MAPS, { body: valid }, 405, /does not allow/],
    ['creation outside of a namespace', 'POST', '/api/v1/configmaps', { body: valid }, 405, /does not allow/],
    ['a method HTTP does not know', 'PROPFIND', CONFIG_MAPS, {}, 405, /does not allow/],
    ['a subresource that is not there', 'GET', `${CONFIG_MAPS}/x/status`, {}, 404, /could not find/],
    ['broken JSON', 'POST', CONFIG_MAPS, { body: '{"kind":' }, 400, /unrecognized/],
    ['broken YAML', 'POST', CONFIG_MAPS, { body: 'a: [', type: 'application/yaml' }, 400, /yaml/],
    ['a body that is a list', 'POST', CONFIG_MAPS, { body: '[1]' }, 400, /not an object/],
    [
      'another kind',
      'POST',
      CONFIG_MAPS,
      { body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } } },
      400,
      /Secret/,
    ],
    [
      'another version',
      'POST',
      CONFIG_MAPS,
      { body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: {} } },
      400,
      /API version in the data \(v2\)/,
    ],
    ['a media type nobody knows', 'POST', CONFIG_MAPS, { body: valid, type: 'text/plain' }, 415, /application\/json/],
    ['an answer nobody can give', 'GET', CONFIG_MAPS, { accept: 'application/xml' }, 406, /application\/json/],
    ['a body without end', 'POST', CONFIG_MAPS, { body: 'x'.repeat(4 * 1024 * 1024) }, 413, /too large/],
    ['no name', 'POST', CONFIG_MAPS, { body: { kind: 'ConfigMap' } }, 422, /name or generateName is required/],
    [
      'a namespace of its own',
      'POST',
      CONFIG_MAPS,
      { body: { metadata: { name: 'x', namespace: 'kube-system' } } },
      400,
      /does not match the namespace/,
    ],
    [
      'a resourceVersion on creation',
      'POST',
      CONFIG_MAPS,
      { body: { metadata: { name: 'x', resourceVersion: '1' } } },
      500,
      /should not be set/,
    ],
    ['dryRun of another kind', 'POST', `${CONFIG_MAPS}?dryRun=Some`, { body: valid }, 422, /dryRun/],
    ['a label selector that cannot be read', 'GET', `${CONFIG_MAPS}?labelSelector=a%20b`, {}, 400, /unable to parse/],
    [
      'a field that cannot be selected by',
      'GET',
      `${CONFIG_MAPS}?fieldSelector=data.x%3D1`,
      {},
      400,
      /field label not supported: data.x/,
    ],
    ['a continue token of another server', 'GET', `${CONFIG_MAPS}?continue=abc`, {}, 400, /continue key is not valid/],
    [
      'a resourceVersion of the future',
      'GET',
      `${CONFIG_MAPS}?resourceVersion=99999999`,
      {},
      504,
      /Too large resource version/,
    ],
    ['a resourceVersion that is no number', 'GET', `${CONFIG_MAPS}?resourceVersion=abc`, {}, 400, /invalid syntax/],
    ['a namespace that cannot go', 'DELETE', '/api/v1/namespaces/default', {}, 403, /may not be deleted/],
    ['a target that is no path', 'GET', '//', {}, 400, /not a path/],
    ['a patch of an unknown kind', 'PATCH', '/api/v1/namespaces/default', { body: '{}' }, 415, /strategic-merge-patch/],
  ];
  it.each(cases)('of %s', async (_name, method, path, options, code, message) => {
    const answer = await api.call(method, path, options);
    expect(refusal(answer)).toMatchObject({ code, message: expect.stringMatching(message) as string });
  });

  it('of PUT to what is not there, and of PUT under another name', async () => {
    await api.create(CONFIG_MAPS, configMap('named'));
    expect((await api.call('PUT', `${CONFIG_MAPS}/none`, { body: configMap('none') })).status).toBe(404);
    expect((await api.call('PUT', `${CONFIG_MAPS}/named`, { body: configMap('other') })).status).toBe(400);
  });
});

describe('objects', () => {
  it('are created from JSON and from YAML', async () => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: from-yaml\ndata:\n  a: "1"\n';
    const created = await api.call('POST', CONFIG_MAPS, { body: yaml, type: 'application/yaml' });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({ metadata: { name: 'from-yaml', namespace: 'default' }, data: { a: '1' } });
  });

  it('are answered as YAML when that is asked for', async () => {
    await api.create(CONFIG_MAPS, configMap('as-yaml', { a: '1' }));
    const answer = await api.call('GET', `${CONFIG_MAPS}/as-yaml`, { accept: 'application/yaml' });
    expect(answer.headers.get('content-type')).toBe('application/yaml');
    expect(answer.body['text']).toContain('\ndata:\n  a: "1"\n');
  });

  it('are not stored by a dry run', async () => {
    const answer = await api.call('POST', `${CONFIG_MAPS}?dryRun=All`, { body: configMap('dry') });
    expect(answer).toMatchObject({ status: 201, body: { metadata: { name: 'dry' } } });
    expect((await api.get(`${CONFIG_MAPS}/dry`)).status).toBe(404);
  });

  it('are replaced only at the version the client saw', async () => {
    const first = await api.create(CONFIG_MAPS, configMap('contested'));
    const second = await api.call('PUT', `${CONFIG_MAPS}/contested`, { body: { ...first, data: { a: '1' } } });
    expect(second.status).toBe(200);
    const third = await api.call('PUT', `${CONFIG_MAPS}/contested`, { body: { ...first, data: { a: '2' } } });
    expect(refusal(third)).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: expect.stringContaining('the object has been modified') as string,
    });
  });

  it('are deleted only when the preconditions hold', async () => {
    await api.create(CONFIG_MAPS, configMap('guarded'));
    const body = { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'another' } };
    expect((await api.call('DELETE', `${CONFIG_MAPS}/guarded`, { body })).status).toBe(409);
    const gone = await api.call('DELETE', `${CONFIG_MAPS}/guarded`);
    expect(gone).toMatchObject({
      status: 200,
      body: { kind: 'Status', status: 'Success', details: { name: 'guarded', kind: 'configmaps' } },
    });
  });

  it('are deleted as a collection by a selector', async () => {
    await api.create(CONFIG_MAPS, configMap('bulk-1', {}, { bulk: 'yes' }));
    await api.create(CONFIG_MAPS, configMap('bulk-2', {}, { bulk: 'yes' }));
    await api.create(CONFIG_MAPS, configMap('bulk-3', {}, { bulk: 'no' }));
    const answer = await api.call('DELETE', `${CONFIG_MAPS}?labelSelector=bulk%3Dyes`);
    expect(namesOf(answer.body)).toEqual(['bulk-1', 'bulk-2']);
    expect(namesOf((await api.get(`${CONFIG_MAPS}?labelSelector=bulk`)).body)).toEqual(['bulk-3']);
  });
});

describe('the types of fields', () => {
  it('are checked, in the words of the decoder', async () => {
    const body = ingress('typed');
    const text = JSON.stringify(body).replace('"number":80', '"number":"80"');
    const answer = await api.call('POST', INGRESSES, { body: text });
    expect(refusal(answer)).toMatchObject({
      code: 400,
      message:
        'Ingress in version "v1" cannot be handled as a Ingress: json: cannot unmarshal string into Go struct field ServiceBackendPort.spec.rules.http.paths.backend.service.port.number of type int32',
    });
  });

  it.each([
    ['a number for a string', { data: { a: 1 } }, /unmarshal number into Go struct field ConfigMap.data of type string/],
    ['a string for a boolean', { immutable: 'yes' }, /ConfigMap.immutable of type bool/],
    ['base64 that is none', { binaryData: { a: '%%%' } }, /illegal base64 data at input byte 0/],
    [
      'a list for a map',
      { metadata: { name: 'x', labels: ['a'] } },
      /unmarshal array into Go struct field ObjectMeta.metadata.labels/,
    ],
    ['text for a time', { metadata: { name: 'x', deletionTimestamp: 'soon' } }, /parsing time "soon"/],
  ])('refuse %s', async (_name, fields, message) => {
    const answer = await api.call('POST', CONFIG_MAPS, { body: { ...configMap('typed'), ...fields } });
    expect(refusal(answer)).toMatchObject({ code: 400, message: expect.stringMatching(message) as string });
  });

  it('may be unknown: refused, warned of or ignored, as the client says', async () => {
    const body = { metadata: { name: 'unknown' }, spek: 1, spec: { rules: [{ host: 'a.example.com', hots: 'b' }] } };
    const strict = await api.call('POST', `${INGRESSES}?fieldValidation=Strict`, { body });
    expect(refusal(strict)).toMatchObject({
      code: 400,
      message: expect.stringContaining(
        'strict decoding error: unknown field "spek", unknown field "spec.rules[0].hots"',
      ) as string,
    });
    const warned = await api.call('POST', `${INGRESSES}?dryRun=All`, { body });
    expect(warned.status).toBe(201);
    expect(warned.headers.get('warning')).toBe(
      '299 - "unknown field \\"spek\\"", 299 - "unknown field \\"spec.rules[0].hots\\""',
    );
    expect(warned.body).not.toHaveProperty('spek');
    const ignored = await api.call('POST', `${INGRESSES}?dryRun=All&fieldValidation=Ignore`, { body });
    expect(ignored.headers.get('warning')).toBeNull();
  });
});

describe('subresources', () => {
  it('status is written apart from the spec', async () => {
    const created = await api.create(INGRESSES, ingress('status'));
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
    const answer = await api.call('PUT', `${INGRESSES}/status/status`, { body: { ...created, spec: { rules: [] }, status } });
    expect(answer).toMatchObject({ status: 200, body: { status, spec: created['spec'], metadata: { generation: 1 } } });
    const unchanged = await api.call('PUT', `${INGRESSES}/status`, { body: { ...answer.body, status: {} } });
    expect(unchanged.body['status']).toEqual(status);
    const refused = await api.call('PATCH', `${INGRESSES}/status/status`, {
      body: { status: { loadBalancer: { ingress: [{ ip: 'no' }] } } },
      type: 'application/merge-patch+json',
    });
    expect(refused.status).toBe(422);
  });

  it('scale reads and writes the replicas', async () => {
    await api.create(DEPLOYMENTS, deployment('scaled', 2));
    const scale = await api.get(`${DEPLOYMENTS}/scaled/scale`);
    expect(scale.body).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { selector: 'app=scaled' },
    });
    const patched = await api.call('PATCH', `${DEPLOYMENTS}/scaled/scale`, {
      body: { spec: { replicas: 5 } },
      type: 'application/merge-patch+json',
    });
    expect(patched.body).toMatchObject({ spec: { replicas: 5 } });
    expect((await api.get(`${DEPLOYMENTS}/scaled`)).body).toMatchObject({ spec: { replicas: 5 }, metadata: { generation: 2 } });
    const negative = await api.call('PATCH', `${DEPLOYMENTS}/scaled/scale`, {
      body: { spec: { replicas: -1 } },
      type: 'application/merge-patch+json',
    });
    expect(negative.status).toBe(422);
  });
});

describe('names that JavaScript has a meaning for', () => {
  it('are only names', async () => {
    const data = JSON.parse('{"__proto__":"1","constructor":"2"}') as Record<string, string>;
    const secret = { metadata: { name: 'odd' }, stringData: data };
    const created = await api.call('POST', '/api/v1/namespaces/default/secrets', { body: secret });
    expect(Object.entries(created.body['data'] as object)).toEqual([
      ['__proto__', 'MQ=='],
      ['constructor', 'Mg=='],
    ]);
    await api.create(CONFIG_MAPS, configMap('__proto__'.replaceAll('_', 'x'), data));
    const patch = '{"data":{"__proto__":"3"}}';
    const patched = await api.call('PATCH', `${CONFIG_MAPS}/xxprotoxx`, { body: patch, type: 'application/merge-patch+json' });
    expect(JSON.stringify(patched.body['data'])).toBe('{"__proto__":"3","constructor":"2"}');
    expect((await api.get('/api/v1/namespaces/default/__proto__')).status).toBe(404);
    expect((await api.get('/apis/constructor/v1/toString')).status).toBe(404);
  });
});

describe('discovery', () => {
  it('lists groups, versions and resources, in both forms', async () => {
    const groups = (await api.get('/apis')).body['groups'] as { name: string }[];
    expect(groups.map((group) => group.name)).toEqual(expect.arrayContaining(['apps', 'networking.k8s.io', 'metallb.io']));
    const resources = (await api.get('/apis/apps/v1')).body['resources'] as { name: string }[];
    expect(resources.map((resource) => resource.name)).toEqual(
      expect.arrayContaining(['deployments', 'deployments/status', 'deployments/scale']),
    );
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const aggregated = await api.call('GET', '/apis', { accept });
    expect(aggregated.headers.get('content-type')).toContain('as=APIGroupDiscoveryList');
    expect(aggregated.body['items']).toHaveLength(groups.length);
  });

  it('describes the merging of lists in OpenAPI', async () => {
    const index = (await api.get('/openapi/v3')).body['paths'] as Record<string, { serverRelativeURL: string }>;
    const document = await api.get(index['apis/apps/v1']?.serverRelativeURL ?? '');
    expect(document.body).toMatchObject({
      components: {
        schemas: {
          V1PodSpec: {
            properties: { containers: { 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-patch-strategy': 'merge' } },
          },
        },
      },
    });
  });

  it('adds what a definition declares, and takes it away with it', async () => {
    const group = 'toys.example.com';
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `balls.${group}` },
      spec: {
        group,
        scope: 'Cluster',
        names: { kind: 'Ball', plural: 'balls' },
        versions: ['v1', 'v1beta1'].map((name) => ({
          name,
          served: true,
          storage: name === 'v1',
          schema: { openAPIV3Schema: { type: 'object' } },
        })),
      },
    };
    await api.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
    await api.create(`/apis/${group}/v1beta1/balls`, {
      apiVersion: `${group}/v1beta1`,
      kind: 'Ball',
      metadata: { name: 'red' },
      spec: { any: [1] },
    });
    const other = await api.get(`/apis/${group}/v1/balls/red`);
    expect(other.body).toMatchObject({ apiVersion: `${group}/v1`, spec: { any: [1] }, metadata: { generation: 1 } });
    expect((await api.get(`/apis/${group}`)).body).toMatchObject({ preferredVersion: { version: 'v1' } });
    await api.call('DELETE', `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/balls.${group}`);
    expect((await api.get(`/apis/${group}/v1/balls`)).status).toBe(404);
    expect(api.server.storage.collection(`balls.${group}`).list()).toEqual([]);
  });
});

describe('tables', () => {
  it('have the columns of the kind', async () => {
    await api.create(INGRESSES, ingress('tabled', 'table.example.com'));
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    const { body } = await api.call('GET', `${INGRESSES}?fieldSelector=metadata.name%3Dtabled`, { accept });
    const columns = body['columnDefinitions'] as { name: string }[];
    expect(columns.map((column) => column.name)).toEqual(['Name', 'Class', 'Hosts', 'Address', 'Ports', 'Age']);
    const [row] = body['rows'] as { cells: unknown[]; object: unknown }[];
    expect(row?.cells.slice(0, 5)).toEqual(['tabled', '<none>', 'table.example.com', '', '80']);
    expect(row?.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'tabled' } });
  });
});
