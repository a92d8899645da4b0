import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WatchedKind } from '../../src/cluster/cluster.ts';
import { RESOURCES } from '../../src/cluster/resources.ts';
import { sameMeaning, trim } from '../../src/cluster/trim.ts';

const KINDS = Object.keys(RESOURCES) as WatchedKind[];
const FIELDS = (
  'metadata spec status name namespace labels annotations rules http paths backend service port tls hosts ports ' +
  'endpoints addresses conditions data loadBalancer ingress __proto__'
).split(' ');

/** Objects that look like ours, with anything where something is expected. */
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 6 },
    fc.constantFrom<unknown>(null, true, 0, -1.5, '', 'text', 'default'),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...FIELDS), tie('tree'), { maxKeys: 8 }),
  ),
}));

describe('trim', () => {
  it('never throws, gives frozen plain data, and has nothing to say about what it has given', () => {
    const metadata = fc.dictionary(fc.constantFrom(...FIELDS), tree, { maxKeys: 8 });
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), metadata, tree, (kind, meta, rest) => {
        const { object } = trim(kind, { ...(rest as object | null), metadata: { ...meta, name: 'x' } });
        const again = trim(kind, JSON.parse(JSON.stringify(object)));
        expect(again).toEqual({ object, problems: [] });
        expect(Object.isFrozen(object) && Object.isFrozen(object?.metadata)).toBe(true);
        expect(sameMeaning(object ?? {}, again.object ?? {})).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('gives nothing for anything without a name, and does not throw', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), tree, (kind, anything) => {
        expect(trim(kind, { metadata: { labels: anything }, spec: anything }).object).toBeUndefined();
        expect(() => trim(kind, anything)).not.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  it('keeps nothing we do not read', () => {
    const { object } = trim('Secret', {
      metadata: {
        name: 's',
        managedFields: [{}],
        ownerReferences: [{}],
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', kept: 'yes' },
      },
      type: 'kubernetes.io/tls',
      immutable: true,
      data: { 'tls.crt': 'eA==' },
    });
    expect(object).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', annotations: { kept: 'yes' } },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': 'eA==' },
    });
  });
});

describe('sameMeaning', () => {
  it.each([
    [{ metadata: { name: 'a', resourceVersion: '1', generation: 1 } }, { metadata: { name: 'a', resourceVersion: '2' } }, true],
    [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }, false],
    [{ data: { resourceVersion: '1' } }, { data: { resourceVersion: '2' } }, false],
    [{ metadata: { labels: { generation: '1' } } }, { metadata: { labels: { generation: '2' } } }, false],
    [{ spec: { a: [1, 2] } }, { spec: { a: [1, 2, 3] } }, false],
    [{ spec: { a: [1, 2] } }, { spec: { a: { 0: 1, 1: 2 } } }, false],
    [{ spec: { a: undefined } }, { spec: {} }, false],
    [{ spec: {} }, { status: {} }, false],
    [{ spec: 1, status: 1 }, { spec: 1, status: 2 }, false],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(sameMeaning(a, b)).toBe(expected);
  });

  it('can ignore the status', () => {
    expect(sameMeaning({ spec: 1, status: 1 }, { spec: 1, status: 2 }, ['status'])).toBe(true);
    expect(sameMeaning({ spec: 1, status: 1 }, { spec: 1 }, ['status'])).toBe(true);
    expect(sameMeaning({ spec: { status: 1 } }, { spec: { status: 2 } }, ['status'])).toBe(false);
  });
});
