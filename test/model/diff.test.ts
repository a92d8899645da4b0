import { describe, expect, it } from 'vitest';

import { applyPatch, diffTables, equalData, isEmptyPatch } from '../../src/model/diff.ts';
import type { Certificate, RoutingTable, UpstreamGroup, VirtualHost } from '../../src/model/table.ts';
import { certificateId, groupId } from '../../src/model/table.ts';
import { FALLBACK_CERTIFICATE } from '../support/cluster-view.ts';

const host = (name: string, path = '/'): VirtualHost => ({
  host: name,
  certificate: null,
  tls: null,
  routes: [
    {
      match: { exact: null, prefix: path, slashRedirect: null },
      path,
      pathType: 'Prefix',
      target: { kind: 'answer', status: 404 },
      policies: {},
      ingress: null,
      service: null,
    },
  ],
  passthrough: null,
});
const group = (service: string, ...addresses: string[]): UpstreamGroup => ({
  id: groupId('ns', service, '80'),
  namespace: 'ns',
  service,
  port: '80',
  protocol: null,
  endpoints: addresses.map((address) => ({ address, port: 80, dns: false })),
});
const certificate = (name: string, fingerprint: string): Certificate => ({
  ...FALLBACK_CERTIFICATE,
  id: certificateId('ns', name),
  fingerprint,
});

function table(hosts: VirtualHost[], groups: UpstreamGroup[] = [], certificates: Certificate[] = []): RoutingTable {
  return {
    hosts: new Map(hosts.map((item) => [item.host, item])),
    groups: new Map(groups.map((item) => [item.id, item])),
    certificates: new Map(certificates.map((item) => [item.id, item])),
    streams: new Map(),
    upstreamSecrets: new Map(),
    defaultCertificate: FALLBACK_CERTIFICATE,
  };
}

function small(): RoutingTable {
  return table([host('a')], [group('s', '10.0.0.1')], [certificate('c', '1')]);
}

describe('diffTables', () => {
  it('of nothing and a table resets and holds everything', () => {
    const after = table([host('a')], [group('s')], [certificate('c', '1')]);
    const patch = diffTables(null, after, 1);
    expect(patch).toMatchObject({ version: 1, reset: true, defaultCertificate: FALLBACK_CERTIFICATE });
    expect(isEmptyPatch(patch)).toBe(false);
    expect(applyPatch(null, patch)).toEqual(after);
    expect(applyPatch(table([host('old')]), patch)).toEqual(after);
  });

  it('of equal tables is empty, also when nothing is the same object', () => {
    expect(isEmptyPatch(diffTables(small(), small(), 2))).toBe(true);
  });

  it('holds exactly what changed, in each of the Maps', () => {
    const before = table(
      [host('same'), host('changed'), host('gone')],
      [group('same', '10.0.0.1'), group('changed', '10.0.0.1'), group('gone')],
      [certificate('same', '1'), certificate('changed', '1'), certificate('gone', '1')],
    );
    const after = table(
      [host('same'), host('changed', '/new'), host('added')],
      [group('same', '10.0.0.1'), group('changed', '10.0.0.1', '10.0.0.2'), group('added')],
      [certificate('same', '1'), certificate('changed', '2'), certificate('added', '1')],
    );
    const patch = diffTables(before, after, 7);
    expect(patch.hosts.map((item) => item.host)).toEqual(['changed', 'added']);
    expect(patch.removedHosts).toEqual(['gone']);
    expect(patch.groups.map((item) => item.service)).toEqual(['changed', 'added']);
    expect(patch.removedGroups).toEqual([groupId('ns', 'gone', '80')]);
    expect(patch.certificates.map((item) => item.fingerprint)).toEqual(['2', '1']);
    expect(patch.removedCertificates).toEqual([certificateId('ns', 'gone')]);
    expect(patch).toMatchObject({ version: 7, reset: false, defaultCertificate: null });
    expect(applyPatch(before, patch)).toEqual(after);
    expect(before.hosts.has('gone')).toBe(true);
  });

  it('notices another default certificate', () => {
    const before = table([]);
    const after = { ...before, defaultCertificate: certificate('d', '9') };
    const patch = diffTables(before, after, 2);
    expect(patch.defaultCertificate?.fingerprint).toBe('9');
    expect(applyPatch(before, patch).defaultCertificate.fingerprint).toBe('9');
  });
});

describe('applyPatch', () => {
  it('keeps the Maps that do not change', () => {
    const before = table([host('a')], [group('s')]);
    const after = applyPatch(before, { ...diffTables(before, before, 2), groups: [group('s', '10.0.0.1')] });
    expect(after.hosts).toBe(before.hosts);
    expect(after.groups.get(groupId('ns', 's', '80'))?.endpoints).toHaveLength(1);
    expect(before.groups.get(groupId('ns', 's', '80'))?.endpoints).toHaveLength(0);
  });

  it('throws for a change to a table that was never there', () => {
    expect(() => applyPatch(null, diffTables(table([]), table([host('a')]), 5))).toThrow('Patch 5');
  });
});

describe('equalData', () => {
  it.each([
    [{ a: [1, { b: null }] }, { a: [1, { b: null }] }, true],
    [{ a: 1, b: 2 }, { b: 2, a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, false],
    [{ a: undefined }, { b: undefined }, false],
    [[1, 2], [1], false],
    [[], {}, false],
    [{}, [], false],
    [null, {}, false],
    ['1', 1, false],
    [Number.NaN, Number.NaN, true],
  ])('of %j and %j is %s', (a, b, equal) => {
    expect(equalData(a, b)).toBe(equal);
  });
});
