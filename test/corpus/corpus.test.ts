/** Ingresses as they occur with public charts: all are translated, and the result does not depend on the order in which they come. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/model/objects.ts';
import { ANNOTATIONS } from '../../src/policies/annotations.ts';
import { CertificateMemo } from '../../src/translate/certificate.ts';
import { Translator } from '../../src/translate/incremental.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';
import { CORPUS_FILES, corpusIngresses, namedBy } from '../support/corpus.ts';
import { comparable } from '../support/table-text.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const PREFIX = `${TRANSLATE_DEFAULTS.annotationsPrefix}/`;
const ingresses = corpusIngresses();
// Of each kind and name one; a corpus is no cluster, and Ingresses of one age make order matter most.
const objects: readonly KubeObject[] = [...namedBy(ingresses), ...ingresses];
const memo = new CertificateMemo();

function translate(list: readonly KubeObject[]): object {
  const { table, diagnostics } = translateTable(
    new ObjectStore(list).view(),
    TRANSLATE_DEFAULTS,
    FALLBACK_CERTIFICATE,
    NOW,
    memo,
  );
  return comparable(table, diagnostics);
}

const shuffled = fc.shuffledSubarray([...objects.keys()], { minLength: objects.length });

describe('the corpus', () => {
  it('is large, and names each Ingress once', () => {
    expect(ingresses.length).toBeGreaterThanOrEqual(200);
    expect(new Set(ingresses.map(({ metadata: { namespace, name } }) => `${namespace}/${name}`)).size).toBe(ingresses.length);
  });

  it('uses every annotation', () => {
    const used = new Set(ingresses.flatMap(({ metadata }) => Object.keys(metadata.annotations ?? {})));
    const missing = [...ANNOTATIONS.keys()].filter((name) => !used.has(`${PREFIX}${name}`));
    expect(missing).toEqual([]);
  });

  it.each(CORPUS_FILES)('is translated, every Ingress with a host or a default backend of its own: %s', (file) => {
    const some = corpusIngresses([file]);
    const view = new ObjectStore([...namedBy(some), ...some]).view();
    const { table, diagnostics } = translateTable(view, TRANSLATE_DEFAULTS, FALLBACK_CERTIFICATE, NOW, memo);
    for (const { metadata, spec } of some) {
      const canary = metadata.annotations?.[`${PREFIX}canary`] === 'true';
      for (const { host = '_' } of spec?.rules ?? []) {
        if (!canary) expect(table.hosts.has(host), `${metadata.name}: ${host}`).toBe(true);
      }
    }
    // What the workers get.
    structuredClone(table.hosts);
    for (const { message, served, field } of diagnostics) {
      expect(Math.max(message.length, served.length, field.length)).toBeLessThan(1100);
      // oxlint-disable-next-line no-control-regex
      expect(`${message}${served}${field}`).not.toMatch(/[\u0000-\u001f]/u);
    }
  });

  it('gives the same table and the same diagnostics in any order', () => {
    const expected = translate(objects);
    fc.assert(
      fc.property(shuffled, (order) => {
        expect(translate(order.flatMap((index) => objects[index] ?? []))).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  it('gives the same table when its Ingresses come and go one by one', () => {
    const expected = translate(objects);
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 60 }), (order, size) => {
        const store = new ObjectStore();
        const translator = new Translator(TRANSLATE_DEFAULTS, FALLBACK_CERTIFICATE, memo);
        translator.load(store.view(), NOW);
        for (let at = 0; at < order.length; at += size) {
          const some = order.slice(at, at + size).flatMap((index) => objects[index] ?? []);
          // Every other batch is taken away once and comes back.
          for (const round of at % (2 * size) === 0 ? ['put'] : ['put', 'remove', 'put']) {
            const changes = some.map((object) => {
              const before = round === 'put' ? store.put(object) : store.remove(object);
              return { kind: object.kind ?? '', before, after: round === 'put' ? object : undefined };
            });
            translator.apply(changes, store.view(), NOW);
          }
        }
        expect(comparable(translator.table, translator.diagnostics())).toEqual(expected);
      }),
      { numRuns: 5 },
    );
  });
});
