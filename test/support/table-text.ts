/** A translation as plain sorted data, for golden files and for comparing two of them. Private keys never. */
import type { Diagnostic } from '../../src/model/diagnostic.ts';
import { compareText } from '../../src/model/report.ts';
import type { Certificate, HostTls, RoutingTable, UpstreamSecret } from '../../src/model/table.ts';

function sortedValues<K extends string, V>(map: ReadonlyMap<K, V>): V[] {
  return [...map].sort(([a], [b]) => compareText(a, b)).map(([, value]) => value);
}

function certificateText({ id, names, notBefore, notAfter }: Certificate): object {
  return { id, names, notBefore: new Date(notBefore).toISOString(), notAfter: new Date(notAfter).toISOString() };
}

function secretText({ id, ca, key }: UpstreamSecret): object {
  return { id, ca: ca !== null, certificate: key !== null };
}

/** Authorities by their number: the tests make them anew each time. */
function hostTlsText({ clientAuth, ...tls }: HostTls): object {
  if (clientAuth === null) return tls;
  const { id: _id, ca, crl, ...auth } = clientAuth;
  const count = (text: string | null): number => text?.split('-----BEGIN').length ?? 1;
  return { ...tls, clientAuth: { ...auth, authorities: count(ca) - 1, revocationLists: count(crl) - 1 } };
}

/** Everything of the table; certificates by id, names and validity. */
export function tableData(table: RoutingTable): object {
  return {
    // Most hosts have nothing of their own there.
    hosts: sortedValues(table.hosts).map(({ tls, ...host }) => (tls === null ? host : { ...host, tls: hostTlsText(tls) })),
    groups: sortedValues(table.groups),
    ...(table.streams.size > 0 ? { streams: sortedValues(table.streams) } : {}),
    certificates: sortedValues(table.certificates).map(certificateText),
    ...(table.upstreamSecrets.size > 0 && { upstreamSecrets: sortedValues(table.upstreamSecrets).map(secretText) }),
    defaultCertificate: table.defaultCertificate.id,
  };
}

/** As `tableData`, with the fingerprints, so that two tables are equal only if they serve the same. */
export function comparable(table: RoutingTable, diagnostics: readonly Diagnostic[]): object {
  return {
    ...tableData(table),
    upstreamFingerprints: sortedValues(table.upstreamSecrets).map(({ fingerprint }) => fingerprint),
    clientAuths: sortedValues(table.hosts).map(({ tls }) => tls?.clientAuth?.id),
    fingerprints: sortedValues(table.certificates).map(({ fingerprint }) => fingerprint),
    defaultFingerprint: table.defaultCertificate.fingerprint,
    diagnostics,
  };
}
