/** The difference of two routing tables, and its application. Objects that are the same object are never looked into. */
import { KeyObject } from 'node:crypto';
import type { Certificate, RoutingTable, Stream, TablePatch, UpstreamGroup, UpstreamSecret, VirtualHost } from './table.ts';

/** Whether two values of plain data (no cycles, no class but arrays and KeyObjects) are equal. */
export function equalData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => equalData(item, b[index]));
  }
  if (Array.isArray(b)) return false;
  // It has no members to compare.
  if (a instanceof KeyObject || b instanceof KeyObject) return a instanceof KeyObject && b instanceof KeyObject && a.equals(b);
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equalData(Reflect.get(a, key), Reflect.get(b, key)))
  );
}

/** Whether two virtual hosts serve the same. */
export function sameHost(a: VirtualHost, b: VirtualHost): boolean {
  return equalData(a, b);
}

/** Whether two upstream groups are the same. */
export function sameGroup(a: UpstreamGroup, b: UpstreamGroup): boolean {
  return equalData(a, b);
}

/** Whether two streams are the same. */
export function sameStream(a: Stream, b: Stream): boolean {
  return equalData(a, b);
}

/** Whether two certificates are the same: chain and key, by fingerprint, under the same id. */
export function sameCertificate(a: Certificate, b: Certificate): boolean {
  return a === b || (a.fingerprint === b.fingerprint && a.id === b.id);
}

/** Whether two Secrets for backends are the same, by fingerprint, under the same id. */
export function sameUpstreamSecret(a: UpstreamSecret, b: UpstreamSecret): boolean {
  return a === b || (a.fingerprint === b.fingerprint && a.id === b.id);
}

function changed<K, V>(
  before: ReadonlyMap<K, V> | undefined,
  after: ReadonlyMap<K, V>,
  same: (a: V, b: V) => boolean,
): [V[], K[]] {
  if (before === after) return [[], []];
  const put: V[] = [];
  for (const [key, value] of after) {
    const old = before?.get(key);
    if (old === undefined || (old !== value && !same(old, value))) put.push(value);
  }
  const removed: K[] = [];
  for (const key of before?.keys() ?? []) if (!after.has(key)) removed.push(key);
  return [put, removed];
}

/** The patch that makes `after` of `before`; with `before` null, the first patch, which resets. */
export function diffTables(before: RoutingTable | null, after: RoutingTable, version: number): TablePatch {
  const [hosts, removedHosts] = changed(before?.hosts, after.hosts, sameHost);
  const [groups, removedGroups] = changed(before?.groups, after.groups, sameGroup);
  const [certificates, removedCertificates] = changed(before?.certificates, after.certificates, sameCertificate);
  const [streams, removedStreams] = changed(before?.streams, after.streams, sameStream);
  const [upstreamSecrets, removedUpstreamSecrets] = changed(before?.upstreamSecrets, after.upstreamSecrets, sameUpstreamSecret);
  const keepDefault = before !== null && sameCertificate(before.defaultCertificate, after.defaultCertificate);
  return {
    version,
    reset: before === null,
    hosts,
    removedHosts,
    groups,
    removedGroups,
    certificates,
    removedCertificates,
    streams,
    removedStreams,
    upstreamSecrets,
    removedUpstreamSecrets,
    defaultCertificate: keepDefault ? null : after.defaultCertificate,
  };
}

/** Whether applying the patch changes nothing. */
export function isEmptyPatch(patch: Omit<TablePatch, 'version'>): boolean {
  return (
    !patch.reset &&
    patch.hosts.length === 0 &&
    patch.removedHosts.length === 0 &&
    patch.groups.length === 0 &&
    patch.removedGroups.length === 0 &&
    patch.certificates.length === 0 &&
    patch.removedCertificates.length === 0 &&
    patch.streams.length === 0 &&
    patch.removedStreams.length === 0 &&
    patch.upstreamSecrets.length === 0 &&
    patch.removedUpstreamSecrets.length === 0 &&
    patch.defaultCertificate === null
  );
}

function patched<K, V>(
  map: ReadonlyMap<K, V> | undefined,
  put: readonly V[],
  removed: readonly K[],
  keyOf: (value: V) => K,
): ReadonlyMap<K, V> {
  if (map !== undefined && put.length === 0 && removed.length === 0) return map;
  const copy = new Map(map);
  for (const key of removed) copy.delete(key);
  for (const value of put) copy.set(keyOf(value), value);
  return copy;
}

/** The table after the patch; `table` stays as it is. Throws when a patch that does not reset has no table to apply to. */
export function applyPatch(table: RoutingTable | null, patch: TablePatch): RoutingTable {
  const base = patch.reset ? null : table;
  const defaultCertificate = patch.defaultCertificate ?? base?.defaultCertificate;
  if (defaultCertificate === undefined) throw new Error(`Patch ${patch.version} does not reset and there is no table yet`);
  return {
    hosts: patched(base?.hosts, patch.hosts, patch.removedHosts, (host) => host.host),
    groups: patched(base?.groups, patch.groups, patch.removedGroups, (group) => group.id),
    certificates: patched(base?.certificates, patch.certificates, patch.removedCertificates, (one) => one.id),
    streams: patched(base?.streams, patch.streams, patch.removedStreams, (stream) => stream.id),
    upstreamSecrets: patched(base?.upstreamSecrets, patch.upstreamSecrets, patch.removedUpstreamSecrets, (one) => one.id),
    defaultCertificate,
  };
}
