/** The ConfigMaps of `add-headers`, `proxy-set-headers` and `custom-headers`: followed as they change. */
import { describe, expect, it } from 'vitest';
import { referencedObjects } from '../../src/controller/references.ts';
import type { ConfigMap, KubeObject } from '../../src/model/objects.ts';
import { DEFAULT_SETTINGS } from '../../src/settings/defaults.ts';
import { Translator } from '../../src/translate/incremental.ts';
import { translateTable } from '../../src/translate/translate.ts';
import { FALLBACK_CERTIFICATE, ObjectStore, TRANSLATE_DEFAULTS } from '../support/cluster-view.ts';
import { configMap, ingress, service } from '../support/ingress.ts';

const SETTINGS = {
  ...TRANSLATE_DEFAULTS,
  addHeaders: { namespace: 'default', name: 'added' },
  proxySetHeaders: { namespace: 'default', name: 'set' },
  globalAllowedResponseHeaders: ['X-Team'],
};
const NOW = Date.parse('2026-01-01T00:00:00Z');
const CLASS = { kind: 'IngressClass', metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } } as KubeObject;

function objects(): ObjectStore {
  return new ObjectStore([
    CLASS,
    ingress({ 'custom-headers': 'headers' }),
    ingress({}, { name: 'other', host: 'other.example' }),
    ...service('app', [1]),
    configMap('added', { 'X-Zone': 'a' }),
    configMap('set', { 'X-Set': '1' }),
    configMap('headers', { 'X-Team': 'blue' }),
  ]);
}

describe('ConfigMaps with headers', () => {
  it('a change of one is a change of the hosts it concerns, as if all were translated anew', () => {
    const store = objects();
    const translator = new Translator(SETTINGS, FALLBACK_CERTIFICATE);
    translator.load(store.view(), NOW);
    const change = (after: KubeObject): readonly string[] => {
      const before = store.put(after);
      const { delta } = translator.apply([{ kind: 'ConfigMap', before, after }], store.view(), NOW);
      const whole = translateTable(store.view(), SETTINGS, FALLBACK_CERTIFICATE, NOW);
      expect(translator.table.hosts).toEqual(whole.table.hosts);
      expect(translator.diagnostics()).toEqual(whole.diagnostics);
      return delta.hosts.map(({ host }) => host).toSorted();
    };
    expect(change(configMap('added', { 'X-Zone': 'b' }))).toEqual(['_', 'app.example', 'other.example']);
    expect(change(configMap('set', { 'X-Set': '$nosuch' }))).toEqual(['_', 'app.example', 'other.example']);
    expect(change(configMap('headers', { 'X-Team': 'red' }))).toEqual(['app.example']);
    expect(change(configMap('headers', { 'X-Other': 'red' }))).toEqual(['app.example']);
    expect(change(configMap('unknown', { 'X-Other': 'red' }))).toEqual([]);
    const app = translator.table.hosts.get('app.example')!.routes[0]!;
    expect(app.target).toEqual({ kind: 'answer', status: 503, denied: true });
  });

  it('they are fetched, those of settings and those of annotations', () => {
    const { configMaps } = referencedObjects(objects().view(), { ...DEFAULT_SETTINGS, translate: SETTINGS });
    expect(configMaps.map(({ name }) => name).toSorted()).toEqual(['added', 'headers', 'set']);
  });

  it('of any shape, harm nobody', () => {
    for (const data of [null, 7, 'text', ['a'], { a: 1 }, { __proto__: 'x' }, { 'X-A': 'x'.repeat(65_536) }]) {
      const store = objects();
      store.put({ ...configMap('added', {}), data } as unknown as ConfigMap);
      store.put({ ...configMap('headers', {}), data } as unknown as ConfigMap);
      const { table } = translateTable(store.view(), SETTINGS, FALLBACK_CERTIFICATE, NOW);
      expect(table.hosts.get('other.example')!.routes[0]!.target.kind).toBe('group');
    }
  });
});
