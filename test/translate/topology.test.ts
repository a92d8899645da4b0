/** `--enable-topology-aware-routing`: endpoints of our own zone, for Services that ask for it. */
import { describe, expect, it } from 'vitest';
import type { EndpointSlice, Service, SliceEndpoint } from '../../src/model/objects.ts';
import type { TranslateSettings } from '../../src/settings/translate-settings.ts';
import { ingress, service, translated } from '../support/ingress.ts';

const ZONE: Partial<TranslateSettings> = { topologyAwareRouting: true, zone: 'a' };
const AUTO = { annotations: { 'service.kubernetes.io/topology-mode': 'Auto' } };

function endpoint(address: string, zones: readonly string[] | null, ready = true): SliceEndpoint {
  const hints = zones === null ? {} : { hints: { forZones: zones.map((name) => ({ name })) } };
  return { addresses: [address], conditions: { ready }, ...hints };
}

/** The addresses that are used of slices with these endpoints. */
function used(slices: readonly (readonly SliceEndpoint[])[], asks: object = AUTO, settings = ZONE): string[] {
  const [plain] = service('app', []) as [Service];
  const { annotations, ...spec } = asks as { annotations?: Record<string, string> };
  const asking = {
    ...plain,
    metadata: { ...plain.metadata, ...(annotations !== undefined && { annotations }) },
    spec: { ...plain.spec!, ...spec },
  };
  const objects = slices.map((endpoints, index): EndpointSlice => ({
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: `app-${index}`, labels: { 'kubernetes.io/service-name': 'app' } },
    ports: [{ port: 80 }],
    endpoints,
  }));
  const { patch } = translated([asking, ...objects, ingress({})], settings);
  return patch.groups[0]!.endpoints.map(({ address }) => address);
}

const BOTH = [endpoint('10.0.0.1', ['a']), endpoint('10.0.0.2', ['b']), endpoint('10.0.0.3', ['b', 'a'])];

describe('endpoints of our own zone', () => {
  it.each<[string, object, string[]]>([
    ['the annotation topology-mode: Auto', AUTO, ['10.0.0.1', '10.0.0.3']],
    ['trafficDistribution: PreferClose', { trafficDistribution: 'PreferClose' }, ['10.0.0.1', '10.0.0.3']],
    ['trafficDistribution: PreferSameZone', { trafficDistribution: 'PreferSameZone' }, ['10.0.0.1', '10.0.0.3']],
    ['nothing', {}, ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
    [
      'topology-mode: Disabled',
      { annotations: { 'service.kubernetes.io/topology-mode': 'Disabled' } },
      ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
    ],
    ['trafficDistribution: something else', { trafficDistribution: 'PreferSameNode' }, ['10.0.0.1', '10.0.0.2', '10.0.0.3']],
  ])('are used for a Service with %s', (_, asks, addresses) => {
    expect(used([BOTH], asks)).toEqual(addresses);
  });

  it('are not looked for without the flag, or without a zone', () => {
    expect(used([BOTH], AUTO, { ...ZONE, topologyAwareRouting: false })).toHaveLength(3);
    expect(used([BOTH], AUTO, { ...ZONE, zone: '' })).toHaveLength(3);
  });

  it('are not looked for in a slice where not all have hints', () => {
    expect(used([[...BOTH, endpoint('10.0.0.4', null)]])).toHaveLength(4);
    expect(used([[...BOTH, endpoint('10.0.0.4', [])]])).toHaveLength(4);
    expect(used([BOTH, [endpoint('10.0.0.4', null)]])).toEqual(['10.0.0.1', '10.0.0.3', '10.0.0.4']);
  });

  it('must be ready; without one those of other zones are used', () => {
    expect(used([[endpoint('10.0.0.1', ['a'], false), endpoint('10.0.0.2', ['b'])]])).toEqual(['10.0.0.2']);
    expect(used([[endpoint('10.0.0.2', ['b'])]])).toEqual(['10.0.0.2']);
    expect(used([[endpoint('10.0.0.2', ['b'], false)]])).toEqual([]);
  });

  it('are found whatever the hints are', () => {
    const broken = [{ forZones: 'a' }, { forZones: [null] }, { forZones: [{ name: 1 }] }, 'a', null];
    for (const hints of broken) {
      const odd = { addresses: ['10.0.0.9'], hints } as unknown as SliceEndpoint;
      expect(used([[odd]])).toEqual(['10.0.0.9']);
    }
  });
});
