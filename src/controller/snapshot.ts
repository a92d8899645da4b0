/** What `/configuration` shows: the routing table, the diagnostics and the workers, as JSON. Private keys never. */
import { X509Certificate } from 'node:crypto';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { Certificate, RoutingTable, UpstreamSecret } from '../model/table.ts';
import type { WorkerState } from '../proxy/data-plane.ts';
import type { Settings } from '../settings/settings.ts';

/** What the controller knows of itself at one moment. */
export interface ControllerState {
  /** Null before the first pass. */
  readonly table: RoutingTable | null;
  /** Of the last published patch; 0 before the first. */
  readonly version: number;
  /** When that was, in milliseconds since the epoch; null before the first. */
  readonly publishedAt: number | null;
  /** The last pass ended without throwing. */
  readonly healthy: boolean;
  readonly diagnostics: readonly Diagnostic[];
  /** The settings in force: flags and ConfigMap. */
  readonly settings: Settings;
}

/** The part of a certificate anyone may see. Named member by member, so that nothing added later slips out. */
interface CertificateSnapshot {
  readonly id: string;
  readonly names: readonly string[];
  readonly notBefore: string;
  readonly notAfter: string;
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  /** SHA-256 of the leaf, as browsers show it. */
  readonly fingerprint256: string;
}

/** The dump of a state. A Map becomes an array sorted by key, so that two dumps can be compared. */
export function snapshot(state: ControllerState, workers: readonly WorkerState[], connected: boolean): object {
  const { table } = state;
  return {
    version: state.version,
    publishedAt: state.publishedAt === null ? null : new Date(state.publishedAt).toISOString(),
    lastPassSucceeded: state.healthy,
    apiServerConnected: connected,
    workers,
    diagnostics: state.diagnostics,
    hosts: table === null ? [] : sorted(table.hosts),
    groups: table === null ? [] : sorted(table.groups),
    streams: table === null ? [] : sorted(table.streams),
    certificates: table === null ? [] : sorted(table.certificates).map(certificateSnapshot),
    upstreamSecrets: table === null ? [] : sorted(table.upstreamSecrets).map(secretSnapshot),
    defaultCertificate: table === null ? null : certificateSnapshot(table.defaultCertificate),
    settings: state.settings,
  };
}

function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

const described = new WeakMap<Certificate, CertificateSnapshot>();

/** Reads the leaf once per certificate object. */
function certificateSnapshot(certificate: Certificate): CertificateSnapshot {
  const known = described.get(certificate);
  if (known !== undefined) return known;
  const leaf = new X509Certificate(certificate.chain);
  const fresh: CertificateSnapshot = {
    id: certificate.id,
    names: certificate.names,
    notBefore: isoTime(certificate.notBefore),
    notAfter: isoTime(certificate.notAfter),
    subject: leaf.subject ?? '',
    issuer: leaf.issuer ?? '',
    serialNumber: leaf.serialNumber,
    fingerprint256: leaf.fingerprint256,
  };
  described.set(certificate, fresh);
  return fresh;
}

/** What anyone may see of a Secret for backends. */
function secretSnapshot({ id, ca, chain }: UpstreamSecret): object {
  const read = (text: string | null): object | null => {
    if (text === null) return null;
    const { subject, issuer, fingerprint256 } = new X509Certificate(text);
    return { subject: subject ?? '', issuer: issuer ?? '', fingerprint256 };
  };
  return { id, ca: read(ca), certificate: read(chain) };
}

/** Certificates may be dated beyond what a Date can hold. */
function isoTime(milliseconds: number): string {
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : String(milliseconds);
}
