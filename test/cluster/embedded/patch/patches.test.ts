import { describe, expect, it } from 'vitest';
import { applyJsonPatch } from '../../../../src/cluster/embedded/patch/json-patch.ts';
import { applyMergePatch } from '../../../../src/cluster/embedded/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../../../../src/cluster/embedded/patch/strategic-merge-patch.ts';
import { StatusError } from '../../../../src/cluster/embedded/api/status-error.ts';

type Json = Record<string, unknown>;

describe('JSON patch', () => {
  // From RFC 6902, appendix A.
  it.each<[string, unknown, unknown[], unknown]>([
    ['adds a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
    ['adds an element', { foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
    ['appends', { foo: ['bar'] }, [{ op: 'add', path: '/foo/-', value: ['a'] }], { foo: ['bar', ['a']] }],
    ['removes a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    ['removes an element', { foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
    ['replaces', { baz: 'qux' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo' }],
    [
      'moves an element',
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    ['copies', { a: { b: 1 } }, [{ op: 'copy', from: '/a', path: '/c' }], { a: { b: 1 }, c: { b: 1 } }],
    [
      'reads escapes',
      { 'a/b': 1, 'm~n': 2 },
      [
        { op: 'replace', path: '/a~1b', value: 3 },
        { op: 'remove', path: '/m~0n' },
      ],
      { 'a/b': 3 },
    ],
    [
      'keeps a member called __proto__ to itself',
      {},
      [{ op: 'add', path: '/__proto__', value: { x: 1 } }],
      JSON.parse('{"__proto__":{"x":1}}'),
    ],
  ])('%s', (_name, document, patch, result) => {
    expect(JSON.stringify(applyJsonPatch(document, patch))).toBe(JSON.stringify(result));
  });

  it.each<[string, unknown, number]>([
    ['a test that fails', [{ op: 'test', path: '/a', value: 2 }], 422],
    ['a path that is not there', [{ op: 'replace', path: '/x/y', value: 2 }], 422],
    ['an index out of bounds', [{ op: 'add', path: '/list/5', value: 2 }], 422],
    ['an unknown operation', [{ op: 'twist', path: '/a' }], 400],
    ['no list', { op: 'add' }, 400],
  ])('refuses %s, and leaves the document alone', (_name, patch, code) => {
    const document = { a: 1, list: [1] };
    let thrown: unknown;
    try {
      applyJsonPatch(document, patch);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(StatusError);
    expect(thrown).toMatchObject({ code });
    expect(document).toEqual({ a: 1, list: [1] });
  });
});

describe('merge patch', () => {
  // From RFC 7396, appendix A.
  it.each<[unknown, unknown, unknown]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (document, patch, result) => {
    expect(applyMergePatch(document, patch)).toEqual(result);
  });
});

describe('strategic merge patch', () => {
  const podSpec = (object: Json): Json => ({ spec: { template: { spec: object } } });

  it.each<[string, string, Json, Json, Json]>([
    [
      'merges containers by name',
      'V1Deployment',
      podSpec({ containers: [{ name: 'a', image: '1', command: ['x'] }, { name: 'b' }] }),
      podSpec({ containers: [{ name: 'a', image: '2' }] }),
      podSpec({ containers: [{ name: 'a', image: '2', command: ['x'] }, { name: 'b' }] }),
    ],
    [
      "adds what is new before what the patch does not name, as kubectl's documentation shows",
      'V1Deployment',
      podSpec({ containers: [{ name: 'a' }] }),
      podSpec({ containers: [{ name: 'b', image: '1' }] }),
      podSpec({ containers: [{ name: 'b', image: '1' }, { name: 'a' }] }),
    ],
    [
      'puts what is new where the patch has it',
      'V1Deployment',
      podSpec({ containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }),
      podSpec({
        containers: [
          { name: 'c', image: '1' },
          { name: 'a', image: '1' },
        ],
      }),
      podSpec({ containers: [{ name: 'b' }, { name: 'c', image: '1' }, { name: 'a', image: '1' }] }),
    ],
    [
      'deletes an element by its key',
      'V1Deployment',
      podSpec({ containers: [{ name: 'a' }, { name: 'b' }] }),
      podSpec({ containers: [{ name: 'a', $patch: 'delete' }] }),
      podSpec({ containers: [{ name: 'b' }] }),
    ],
    [
      'replaces a list when told to',
      'V1Deployment',
      podSpec({ containers: [{ name: 'a' }, { name: 'b' }] }),
      podSpec({ containers: [{ $patch: 'replace' }, { name: 'c' }] }),
      podSpec({ containers: [{ name: 'c' }] }),
    ],
    [
      'replaces a map when told to',
      'V1Deployment',
      { spec: { selector: { matchLabels: { a: '1' } } } },
      { spec: { selector: { $patch: 'replace', matchLabels: { b: '2' } } } },
      { spec: { selector: { matchLabels: { b: '2' } } } },
    ],
    [
      'orders elements',
      'V1Deployment',
      podSpec({ containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }),
      podSpec({
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
        containers: [{ name: 'c', image: '1' }],
      }),
      podSpec({ containers: [{ name: 'b' }, { name: 'c', image: '1' }, { name: 'a' }] }),
    ],
    [
      'keeps only the keys that are to be retained',
      'V1Deployment',
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      { spec: { strategy: { type: 'Recreate' } } },
    ],
    [
      'deletes from a list of plain values, and merges such a list',
      'V1ConfigMap',
      { metadata: { finalizers: ['a', 'b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['b', 'c'] } },
      { metadata: { finalizers: ['b', 'c'] } },
    ],
    [
      'merges the ports of a Service by number',
      'V1Service',
      {
        spec: {
          ports: [
            { port: 80, name: 'http' },
            { port: 443, name: 'https' },
          ],
        },
      },
      { spec: { ports: [{ port: 80, targetPort: 8080 }] } },
      {
        spec: {
          ports: [
            { port: 80, name: 'http', targetPort: 8080 },
            { port: 443, name: 'https' },
          ],
        },
      },
    ],
    [
      'replaces the rules of an Ingress, which have no key',
      'V1Ingress',
      { spec: { rules: [{ host: 'a' }, { host: 'b' }] } },
      { spec: { rules: [{ host: 'c' }] } },
      { spec: { rules: [{ host: 'c' }] } },
    ],
    ['deletes with null', 'V1ConfigMap', { data: { a: '1', b: '2' } }, { data: { a: null } }, { data: { b: '2' } }],
  ])('%s', (_name, type, object, patch, result) => {
    expect(applyStrategicMergePatch(object, patch, type)).toEqual(result);
  });

  it('refuses an element without its key, and directives it does not know', () => {
    expect(() => applyStrategicMergePatch({}, podSpec({ containers: [{ image: '1' }] }), 'V1Deployment')).toThrow(
      'merge key: name',
    );
    expect(() => applyStrategicMergePatch({}, { spec: { $patch: 'shred' } }, 'V1Deployment')).toThrow('Unknown patch type');
  });
});
