/**
 * Threat: a field that is optional is not there, or is null, and the controller crashes over one object, for everybody.
 * Source: R16: Traefik #13481 (nil port of an EndpointSlice), Envoy CVE-2026-47220 and CVE-2026-26330.
 */
import { describe, expect, it } from 'vitest';
import { Chain, storeUnchecked } from '../../support/chain.ts';
import { eventually } from '../../support/eventually.ts';
import { backend, ingress } from '../../support/manifests.ts';
import { objectsOf, placesIn, translateBeside, valueAt, victimsPart, withValue, type Json } from './tenant.ts';

const TENANT = objectsOf('tenant');
const BASELINE = victimsPart(translateBeside([]));

/** Every object with every field once away and once null; a list or an object also empty. */
const VARIANTS = TENANT.flatMap((object, index) =>
  placesIn(object).flatMap((path) => {
    const value = valueAt(object, path);
    const empty = Array.isArray(value) ? [[]] : typeof value === 'object' ? [{}] : [];
    return [undefined, null, ...empty].map((instead) => ({
      name: `${String(object['kind'])} without ${path.join('.')} (${JSON.stringify(instead) ?? 'absent'})`,
      index,
      path,
      changed: withValue(object, path, instead),
    }));
  }),
).filter(({ path }) => !['kind', 'apiVersion'].includes(String(path[0])));

describe('R16: optional fields', () => {
  it('R16: translation never throws, and the other tenant has what it had', () => {
    expect(VARIANTS.length).toBeGreaterThan(150);
    for (const { name, index, changed } of VARIANTS) {
      const objects = TENANT.map((object, at) => (at === index ? changed : object));
      expect([name, victimsPart(translateBeside(objects))]).toEqual([name, BASELINE]);
    }
  });

  it('R16: all of them in one cluster, and every other host is served', async () => {
    const chain = await (await Chain.start()).listening();
    try {
      chain.apply(...backend('web'));
      for (const [number, { changed, path }] of VARIANTS.entries()) {
        const metadata = changed['metadata'] as Json | null | undefined;
        // What has no name cannot be stored.
        if (path[0] === 'metadata' && (path.length === 1 || path[1] === 'name' || path[1] === 'resourceVersion')) continue;
        storeUnchecked(chain.cluster, {
          ...changed,
          metadata: { ...metadata, namespace: 'default', name: `variant-${number}` },
        });
      }
      chain.apply(ingress('late', 'late.test Prefix / web'));
      await eventually(async () => (await chain.get('http://late.test/')).echo?.pod === 'web');
      expect((await chain.ready()).status).toBe(200);
      expect(chain.sluice.log().filter(({ message }) => /bug|worker|pass of/u.test(String(message)))).toEqual([]);
    } finally {
      await chain.close();
    }
  });
});
